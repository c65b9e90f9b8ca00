package hub

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/apitest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// rule is a row of the matrix of HTTP and OCPI: what is sent, and how it is answered.
type rule struct {
	name     string
	in       []ocpi.Version // nil = all
	token    string         // "" = none is sent
	call     string         // method and path, see place
	body     string         // "sessions S1" = a clean one of this id; else what is sent
	change   []string       // of the body: what by what
	headers  string         // more lines, each with its end
	fails    error          // of the log
	callback error          // of the client that is called back
	http     int
	code     ocpi.Status
	says     string // is in the message
	kept     bool   // the body is kept, as one that was refused
}

var (
	later  = []ocpi.Version{ocpi.V221, ocpi.V230}
	oldest = []ocpi.Version{ocpi.V211}
	newest = []ocpi.Version{ocpi.V230}
)

const gone = "[the rest]" // of a body, cut off

// place puts the place of a version into a path: of what CPOs push ("cpo:"), of what
// eMSPs push ("emsp:"), of lists to either ("to-cpo:", "to-emsp:"), of the rest ("at:").
func place(v ocpi.Version, path string) string {
	word, rest, ok := strings.Cut(path, ":")
	sides := map[string][2]string{"cpo": {"emsp", "/receiver"}, "emsp": {"cpo", "/receiver"}, "to-cpo": {"emsp", "/sender"}, "to-emsp": {"cpo", "/sender"}, "at": {"emsp", ""}}
	side, known := sides[word]
	switch {
	case !ok || !known:
		return path
	case v == ocpi.V211:
		return Prefix + "/" + side[0] + "/2.1.1" + rest
	}
	return Prefix + "/" + v.String() + side[1] + rest
}

// Every row in every version, on a hub as it is served, also with a slash more and with
// HEAD for GET.
func TestTheMatrixOfHTTPAndOCPI(t *testing.T) {
	for i := range matrix {
		for _, v := range versions {
			if r := &matrix[i]; r.in == nil || slices.Contains(r.in, v) {
				t.Run(r.name+" in "+v.String(), func(t *testing.T) { r.holds(t, v) })
			}
		}
	}
}

func (r *rule) holds(t *testing.T, v ocpi.Version) {
	w := newWhole(t, func(d *Deps) { d.Callback = &client{err: r.callback} })
	w.furnish(t, things...)
	at := apitest.Serve(t, w.engine, 0).Address
	method, path, _ := strings.Cut(r.call, " ")
	path = place(v, path)
	for n, form := range []string{path, slashed(path), "/" + strings.Replace(path, "/ocpi/", "/ocpi//", 1)} {
		refused := w.refused(t)
		w.fail(r.fails)
		resp, e := r.send(t, at, v, method, form)
		r.check(t, v, form, n, resp, e)
		if kept := w.refused(t) > refused; kept != r.kept {
			t.Errorf("%s: the body is kept: %t, want %t", form, kept, r.kept)
		}
		if method == http.MethodGet {
			head, _ := r.send(t, at, v, http.MethodHead, form)
			if head.StatusCode != resp.StatusCode || head.Header.Get("X-Total-Count") != resp.Header.Get("X-Total-Count") {
				t.Errorf("HEAD %s: HTTP %d, GET has %d", form, head.StatusCode, resp.StatusCode)
			}
		}
	}
	if strings.Contains(w.logged.String(), "request failed") && r.code != ocpi.StatusServerError {
		t.Error(w.logged)
	}
}

// fail has the next record not be appended.
func (w *whole) fail(err error) {
	if err != nil {
		w.log.FailNext(err)
	}
}

// slashed is a path with a slash more at its end.
func slashed(path string) string {
	bare, query, ok := strings.Cut(path, "?")
	if ok {
		query = "?" + query
	}
	return bare + "/" + query
}

// refused counts the bodies that are kept as refused.
func (w *whole) refused(t *testing.T) int64 {
	t.Helper()
	_, end, err := w.log.Bounds(t.Context(), w.log.Partitions(ingest.TopicRefused)[0])
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// party is whose token it is.
func party(token string) string {
	for _, c := range callers {
		if c.token == token && len(c.parties) > 0 {
			return c.parties[0]
		}
	}
	return "GB/DUN"
}

// text is the body that is sent.
func (r *rule) text(v ocpi.Version) string {
	body := r.body
	if kind, id, ok := strings.Cut(body, " "); ok && bodies[v][kind] != "" {
		body = thing{kind, party(r.token), "NL/EXW", id}.in(v)
	}
	if body == "credentials" {
		body = strings.ReplaceAll(credentialsOf(v), "TNM", "NEW")
	}
	for i := 0; i+1 < len(r.change); i += 2 {
		body = strings.Replace(body, r.change[i], r.change[i+1], 1)
	}
	body, _, _ = strings.Cut(body, gone)
	return body
}

// send sends the row over the wire and reads the answer.
func (r *rule) send(t *testing.T, address string, v ocpi.Version, method, path string) (*http.Response, envelope) {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head := method + " " + path + " HTTP/1.1\r\nHost: roam.example\r\nX-Request-ID: r-1\r\nX-Correlation-ID: c-1\r\nConnection: close\r\n" + r.headers
	if r.token != "" {
		head += "Authorization: Token " + r.token + "\r\n"
	}
	if country, id, _ := strings.Cut(party(r.token), "/"); v != ocpi.V211 {
		head += "OCPI-from-country-code: " + country + "\r\nOCPI-from-party-id: " + id + "\r\n"
	}
	body := r.text(v)
	if _, err := io.WriteString(c, head+fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))+body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var e envelope
	if method != http.MethodHead && json.Unmarshal(text, &e) != nil {
		t.Fatalf("%s %s: HTTP %d without an envelope: %.300q", method, path, resp.StatusCode, text)
	}
	return resp, e
}

// functional reports whether the row is about a module whose messages are routed.
func (r *rule) functional(v ocpi.Version) bool {
	_, path, _ := strings.Cut(r.call, " ")
	path, _, _ = strings.Cut(place(v, path), "?")
	path = strings.Trim(strings.TrimPrefix(strings.TrimPrefix(path, Prefix), "/"+v.String()), "/")
	for _, side := range []string{"receiver/", "sender/"} {
		path = strings.TrimPrefix(path, side)
	}
	_, isVersion := ocpi.ParseVersion(path)
	return path != "" && path != "2.2" && !isVersion && path != "versions" && path != "credentials" && path != "hubclientinfo"
}

// check holds an answer against the row. What was made by the nth request before is
// there by then.
func (r *rule) check(t *testing.T, v ocpi.Version, path string, n int, resp *http.Response, e envelope) {
	t.Helper()
	want := r.http
	if n > 0 && want == http.StatusCreated && !strings.Contains(path, "/cdrs") {
		want = http.StatusOK
	}
	if strings.HasPrefix(r.call, "DELETE") && n > 0 && want == http.StatusOK {
		return // it is gone
	}
	if resp.StatusCode != want || e.StatusCode != int(r.code) || !strings.Contains(e.StatusMessage, r.says) {
		t.Errorf("%s: HTTP %d with %d %q, want HTTP %d with %d %q", path, resp.StatusCode, e.StatusCode, e.StatusMessage, want, r.code, r.says)
	}
	if strings.Contains(e.StatusMessage, "secret") {
		t.Errorf("%s: the text of an error of ours went out: %q", path, e.StatusMessage)
	}
	functional := v != ocpi.V211 && r.functional(v)
	country, id, _ := strings.Cut(party(r.token), "/")
	for name, has := range map[string]string{
		"Content-Type": "application/json", "X-Request-Id": "r-1", "X-Correlation-Id": "c-1",
		"Retry-After": map[int]string{503: "1"}[want], "Www-Authenticate": map[int]string{401: "Token"}[want],
		"Ocpi-To-Country-Code": map[bool]string{true: country}[functional], "Ocpi-To-Party-Id": map[bool]string{true: id}[functional],
	} {
		if got := resp.Header.Get(name); got != has {
			t.Errorf("%s: %s %q, want %q", path, name, got, has)
		}
	}
	if allow := resp.Header.Get("Allow"); (allow != "") != (want == http.StatusMethodNotAllowed) && want != http.StatusUnauthorized || strings.Contains(allow, "TRACE") {
		t.Errorf("%s: HTTP %d allows %q", path, resp.StatusCode, allow)
	}
}
