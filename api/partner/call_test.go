package partner

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

const secretToken = "a-token-nobody-may-see"

// desk is a partner's server that notes what it is asked.
type desk struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // method, path and query, and how the token came
}

func newDesk(t *testing.T, answer http.HandlerFunc) *desk {
	t.Helper()
	d := &desk{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.asked = append(d.asked, r.Method+" "+r.URL.RequestURI()+" "+howSent(r))
		d.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

func howSent(r *http.Request) string {
	switch r.Header.Get("Authorization") {
	case "Token " + secretToken:
		return "raw"
	case "Token " + base64.StdEncoding.EncodeToString([]byte(secretToken)):
		return "base64"
	case "":
		return "none"
	}
	return "other"
}

func (d *desk) were() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

func testDialer(t *testing.T) *Dialer {
	d := NewDialer(Policy{AllowPrivate: true})
	t.Cleanup(d.Close)
	return d
}

func TestAnswersAreReadAsTheyCome(t *testing.T) {
	for _, c := range []struct {
		name   string
		http   int
		body   string
		data   string // of a good answer
		status ocpi.Status
		says   string // part of the error
	}{
		{"as OCPI has it", 200, `{"data":{"a":1},"status_code":1000,"status_message":"Success","timestamp":"2026-01-01T00:00:00Z"}`, `{"a":1}`, 1000, ""},
		{"no message, no timestamp, unknown members", 200, `{"status_code":1000,"x":{"y":[]},"data":[1, 2]}`, `[1, 2]`, 1000, ""},
		{"created", 201, `{"status_code":1000}`, "", 1000, ""},
		{"data null, message null", 200, `{"data":null,"status_code":1000,"status_message":null}`, "", 1000, ""},
		{"the code in quotes, a number for a message", 200, `{"data":[],"status_code":"1000","status_message":5}`, `[]`, 1000, ""},
		{"behind a byte order mark", 200, "\ufeff" + `{"data":[],"status_code":1000}`, `[]`, 1000, ""},
		{"a code of its own", 200, `{"data":[],"status_code":1901}`, `[]`, 1901, ""},
		{"with what is no JSON in its data", 200, `{"data":[{"kwh":NaN}, {"id":"1"},],"status_code":1000}`, `[{"kwh":NaN}, {"id":"1"},]`, 1000, ""},
		{"half of it", 200, `{"status_code":1000,"data":[{"id":"1"}`, "", 0, "not OCPI's"},
		{"two of it", 200, `{"status_code":1000}{"status_code":1000}`, "", 0, "not OCPI's"},
		{"no by the code", 200, `{"status_code":2001,"status_message":"no such party"}`, "", 2001, `HTTP 200, OCPI 2001 "no such party"`},
		{"no by HTTP and the code", 404, `{"status_code":2003,"status_message":"which\n location?"}`, "", 2003, `HTTP 404, OCPI 2003 "which location?"`},
		{"no by HTTP and success by the code", 403, `{"status_code":1000}`, "", 1000, "HTTP 403"},
		{"no by HTTP alone", 503, `<html>`, "", 0, "HTTP 503"},
		{"HTML", 200, `<!doctype html><html>`, "", 0, "not OCPI's"},
		{"no code", 200, `{"data":[]}`, "", 0, "not OCPI's"},
		{"a code that is none", 200, `{"data":[],"status_code":"ok"}`, "", 0, "not OCPI's"},
		{"nothing", 200, ``, "", 0, "not OCPI's"},
		{"too large", 200, `{"data":"` + strings.Repeat("a", maxAnswer) + `","status_code":1000}`, "", 0, "too large"},
		{"our token said back", 200, `{"status_code":2000,"status_message":"unknown token ` + secretToken + ` or ` + base64.StdEncoding.EncodeToString([]byte(secretToken)) + `"}`, "", 2000, "unknown token … or …"},
		{"our token said back across where an answer is cut", 200, strings.Repeat("a", 50) + secretToken, "", 0, "not OCPI's"},
		{"our token said back without OCPI", 200, secretToken, "", 0, "not OCPI's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newDesk(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.http)
				_, _ = w.Write([]byte(c.body))
			})
			a, _, err := testDialer(t).do(t.Context(), login{token: secretToken, version: ocpi.V221},
				call{partner: "nl-tnm-cpo", method: http.MethodGet, url: s.URL + "/ocpi/cdrs?secret=1"})
			if c.says == "" {
				if err != nil || string(a.Data) != c.data || a.Status != c.status {
					t.Errorf("got %+v, %v", a, err)
				}
				return
			}
			failed, ok := errors.AsType[*Error](err)
			if !ok || failed.Status != c.status || !errors.Is(err, ErrUnreachable) {
				t.Fatalf("got %+v, %v", a, err)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "nl-tnm-cpo: GET /ocpi/cdrs: ") || !strings.Contains(text, c.says) {
				t.Errorf("the error is %q, want partner, path and %q", text, c.says)
			}
			if strings.Contains(text, secretToken[:8]) || strings.Contains(text, "secret=1") {
				t.Errorf("the error tells a secret: %q", text)
			}
		})
	}
}

func TestTheTokensEncoding(t *testing.T) {
	takes := func(how ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for _, h := range how {
				if howSent(r) == h {
					_, _ = w.Write([]byte(`{"data":[],"status_code":1000}`))
					return
				}
			}
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"status_code":2000}`))
		}
	}
	for _, c := range []struct {
		name     string
		server   http.HandlerFunc
		version  ocpi.Version
		known    control.TokenEncoding
		asked    []string
		encoding control.TokenEncoding
	}{
		{"2.2.1 in Base64", takes("base64"), ocpi.V221, "", []string{"base64"}, control.EncodingBase64},
		{"2.3.0 as it is", takes("raw"), ocpi.V230, "", []string{"base64", "raw"}, control.EncodingRaw},
		{"2.1.1 as it is", takes("raw"), ocpi.V211, control.EncodingAuto, []string{"raw"}, control.EncodingRaw},
		{"2.1.1 in Base64", takes("base64"), ocpi.V211, "", []string{"raw", "base64"}, control.EncodingBase64},
		{"no version yet", takes("raw", "base64"), 0, "", []string{"base64"}, control.EncodingBase64},
		{"known", takes("raw"), ocpi.V221, control.EncodingRaw, []string{"raw"}, control.EncodingRaw},
		{"changed since", takes("base64"), ocpi.V221, control.EncodingRaw, []string{"raw", "base64"}, control.EncodingBase64},
		{"an unknown token", takes(), ocpi.V221, "", []string{"base64", "raw"}, ""},
	} {
		s := newDesk(t, c.server)
		_, e, err := testDialer(t).do(t.Context(), login{secretToken, c.known, c.version}, call{method: http.MethodGet, url: s.URL})
		var how []string
		for _, line := range s.were() {
			how = append(how, line[strings.LastIndex(line, " ")+1:])
		}
		if diff := cmp.Diff(c.asked, how); diff != "" || e != c.encoding || (err == nil) != (c.encoding != "") {
			t.Errorf("%s: %s, %q, %v", c.name, diff, e, err)
		}
	}
}

// A redirect would take our token where the partner's server says, or worse.
func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere := newDesk(t, func(http.ResponseWriter, *http.Request) {})
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newDesk(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		_, _, err := testDialer(t).do(t.Context(), login{token: secretToken}, call{method: http.MethodPost, url: s.URL + "/credentials", body: []byte("{}")})
		if !errors.Is(err, ErrRedirect) {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
	if asked := elsewhere.were(); len(asked) > 0 {
		t.Errorf("it was followed: %q", asked)
	}
}

func TestHeadersOfAMessage(t *testing.T) {
	var got http.Header
	s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		_, _ = w.Write([]byte(`{"status_code":1000}`))
	})
	c := call{method: http.MethodPut, url: s.URL, body: []byte("{}"), from: ocpi.NewParty("ZZ", "RCH"), to: ocpi.NewParty("NL", "TNM"), correlation: "c-1"}
	if _, _, err := testDialer(t).do(t.Context(), login{token: secretToken}, c); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"OCPI-from-country-code": "ZZ", "OCPI-from-party-id": "RCH", "OCPI-to-country-code": "NL", "OCPI-to-party-id": "TNM",
		"X-Correlation-ID": "c-1", "Content-Type": "application/json",
	}
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Get(name), value)
		}
	}
	if len(got.Get("X-Request-ID")) != 36 {
		t.Errorf("X-Request-ID is %q", got.Get("X-Request-ID"))
	}
}

// A partner that does not answer holds its own requests, and nobody else's.
func TestADeadPartnerHoldsUpNobodyElse(t *testing.T) {
	let := make(chan struct{})
	dead := newDesk(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-let:
		case <-r.Context().Done():
		}
	})
	defer close(let)
	alive := newDesk(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status_code":1000}`)) })
	d := testDialer(t)
	get := func(partner, url string) error {
		_, _, err := d.do(t.Context(), login{token: secretToken}, call{partner: partner, method: http.MethodGet, url: url})
		return err
	}
	for i := range 3 * atOnce {
		go func() { _ = get("dead", fmt.Sprintf("%s/%d", dead.URL, i)) }()
	}
	for len(dead.were()) < atOnce { // all that are let at it are there
		if err := get("alive", alive.URL); err != nil {
			t.Fatal(err)
		}
	}
	if err := get("alive", alive.URL); err != nil {
		t.Error(err)
	}
	if n := len(dead.were()); n > atOnce {
		t.Errorf("%d requests to one partner are under way", n)
	}
}
