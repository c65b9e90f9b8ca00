package hub

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// secretMember is what things say in a member of their own, taken out of what is sent.
var secretMember = regexp.MustCompile(`"secret":"[^"]*",`)

// FuzzRequests sends one whole request of some caller to a hub that several partners
// use. It never breaks; its answer is OCPI's, small, and shows nothing that the caller
// may not see; it changes nothing of others; and what it leaves behind can be listed
// by everybody, in every version.
func FuzzRequests(f *testing.F) {
	w := newWhole(f, nil)
	for _, r := range routesOf(w.engine) {
		if r.slash == "" && r.method != http.MethodHead {
			r.seed(f)
		}
	}
	f.Add(byte(2), "GET", "//ocpi/2.2.1/sender/cdrs/?offset=1&limit=1&date_from=2019-01-01T00:00:00%2B01:00", "OCPI-to-party-id: EXW\r\nOCPI-from-country-code: nl", "")
	f.Add(byte(0), "POST", "/ocpi/2.3.0/receiver/cdrs", "Transfer-Encoding: chunked\r\nContent-Encoding: identity", "2\r\n{}\r\n0\r\n\r\n")
	f.Add(byte(8), "OPTIONS", "/ocpi/2.2.1/credentials", "X-Request-ID: \xff", "")
	var home *household
	f.Cleanup(func() { home.close() })
	f.Fuzz(func(t *testing.T, who byte, method, target, headers, body string) {
		c := callers[int(who)%len(callers)]
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(c.raw(method, target, headers, body))))
		if err != nil || len(target)+len(headers) > 32<<10 {
			return // net/http lets nobody see it
		}
		home = home.clean(t)
		w := home.whole
		a := httptest.NewRecorder()
		w.engine.ServeHTTP(a, r)
		c.mayBeTold(t, r, a)
		if log := w.logged.String(); strings.Contains(log, "panic") || strings.Contains(log, "request failed") {
			t.Errorf("it breaks: %.2000s", log)
		}
		if c.leaves(t, w, home.before) {
			w.listed(t)
		}
	})
}

// household is a hub that requests come to one after the other, for as long as none of
// them leaves anything behind.
type household struct {
	testing.TB // of the request under way
	*whole
	ctx    context.Context
	ends   []func()
	before [5]int64
}

// clean returns the household, or a new one where something was left behind.
func (h *household) clean(t *testing.T) *household {
	if h != nil && h.extent(t) == h.before {
		h.TB = t
		return h
	}
	h.close()
	next := &household{TB: t}
	ctx, cancel := context.WithCancel(context.Background())
	next.ctx, next.ends = ctx, []func(){cancel}
	next.whole = newWhole(next, nil)
	next.furnish(next, things...)
	next.before = next.extent(t)
	return next
}

func (h *household) close() {
	for h != nil && len(h.ends) > 0 {
		last := h.ends[len(h.ends)-1]
		h.ends = h.ends[:len(h.ends)-1]
		last()
	}
}

// Context and Cleanup implement testing.TB beyond one request.
func (h *household) Context() context.Context { return h.ctx }
func (h *household) Cleanup(end func())       { h.ends = append(h.ends, end) }

// extent returns how many records there are of each topic.
func (w *whole) extent(t *testing.T) (n [5]int64) {
	t.Helper()
	for i, topic := range append([]ingest.Topic{ingest.TopicControl, ingest.TopicRefused}, pushedTopics...) {
		var err error
		if _, n[i], err = w.log.Bounds(t.Context(), w.log.Partitions(topic)[0]); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// seed adds a request by this way, of the first caller that finds it.
func (r way) seed(f *testing.F) {
	for who, c := range callers {
		if !c.finds(f, r) {
			continue
		}
		kind, body := r.kindOf(), ""
		switch {
		case kind != "":
			body = secretMember.ReplaceAllString(r.push(thing{kind, c.parties[0], "NL/EXW", "X1"}), "")
		case r.is("/credentials") && (r.method == http.MethodPost || r.method == http.MethodPut):
			body = credentialsOf(versionOf(r.path))
		}
		f.Add(byte(who), r.method, r.at(c.parties[0], "X1"), "", body)
		return
	}
}

// raw is a request as it comes over the wire.
func (c caller) raw(method, target, headers, body string) string {
	if headers != "" {
		headers += "\r\n"
	}
	if !strings.Contains(headers, "Transfer-Encoding") {
		headers += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return method + " " + target + " HTTP/1.1\r\nHost: roam.example\r\nAuthorization: Token " + c.token + "\r\n" + headers + "\r\n" + body
}

// mayBeTold checks an answer.
func (c caller) mayBeTold(t *testing.T, r *http.Request, a *httptest.ResponseRecorder) {
	t.Helper()
	body := a.Body.String()
	if !slices.Contains([]int{200, 201, 400, 401, 404, 405, 413, 415, 503}, a.Code) || len(body) > 64<<10 {
		t.Errorf("HTTP %d with %d bytes: %.500s", a.Code, len(body), body)
	}
	for _, g := range things {
		own := slices.Contains(c.parties, g.owner)
		if strings.Contains(body, g.secret()) && !own && !c.reads(ocpi.V230, g) {
			t.Errorf("%q is told %s", c.token, g.secret())
		}
	}
	if !strings.HasPrefix(path.Clean(r.URL.Path)+"/", Prefix+"/") {
		return
	}
	var e envelope
	if err := json.Unmarshal(a.Body.Bytes(), &e); err != nil || a.Header().Get("Content-Type") != "application/json" {
		t.Errorf("no envelope: %.500s", body)
	}
	known := []int{1000, 2000, 2001, 2003, 3001, 3002, 3003, 4001, 4003}
	if a.Code == http.StatusServiceUnavailable {
		known = []int{3000}
	}
	if !slices.Contains(known, e.StatusCode) || e.Timestamp != instant || e.StatusMessage == "" || len(e.StatusMessage) > maxMessage+len("…") {
		t.Errorf("HTTP %d with %d %q at %q", a.Code, e.StatusCode, e.StatusMessage, e.Timestamp)
	}
}

// pushedTopics are those of what partners own.
var pushedTopics = []ingest.Topic{ingest.TopicCDRs, ingest.TopicSessions, ingest.TopicReference}

// leaves checks that what has come is the caller's, and reports whether anything has.
func (c caller) leaves(t *testing.T, w *whole, before [5]int64) (some bool) {
	t.Helper()
	for i, topic := range pushedTopics {
		records, err := w.log.Read(t.Context(), w.log.Partitions(topic)[0], before[i+2], 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			some = true
			if !slices.Contains(c.parties, r.Key.Party.Country+"/"+r.Key.Party.ID) {
				t.Errorf("%q pushed %s", c.token, r.Identity())
			}
		}
	}
	for _, other := range callers[:8] {
		if _, ok := w.partners.Authenticate("Token " + other.token); !ok && other.token != c.token {
			t.Errorf("%q ended the token of %q", c.token, other.token)
		}
	}
	return some
}

// listed reads every list there is, for who may have most on it.
func (w *whole) listed(t *testing.T) {
	t.Helper()
	for _, r := range routesOf(w.engine) {
		if r.method != http.MethodGet || r.slash != "" || strings.Contains(r.path, ":") || r.kindOf() == "" {
			continue
		}
		for _, c := range callers[:5] {
			if !c.finds(t, r) {
				continue
			}
			a := c.asks(w, r.method, r.at("", "")+"?date_from=2018-01-01T00:00:00Z", "")
			var e envelope
			if err := json.Unmarshal([]byte(a.Body), &e); err != nil || e.StatusCode != 1000 {
				t.Errorf("then %s by %q: HTTP %d %v %.1000s", r.path, c.token, a.Status, err, a.Body)
			}
		}
	}
}
