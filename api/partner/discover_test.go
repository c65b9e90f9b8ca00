package partner

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// pages serves fixed answers by path; HOST in them is where the server is.
func pages(bodies map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `{"status_code":2000}`
		}
		_, _ = w.Write([]byte(strings.ReplaceAll(body, "HOST", "http://"+r.Host)))
	}
}

func TestDiscover(t *testing.T) {
	const (
		all     = `{"status_code":1000,"data":[{"version":"2.0","url":"HOST/0"},{"version":"2.1.1","url":"HOST/1"},{"version":"2.2.1","url":"HOST/2"},{"version":"2.3.0","url":"HOST/3"},{"version":"3.0","url":"HOST/9"}]}`
		details = `{"status_code":1000,"data":{"version":"2.2.1","endpoints":[{"identifier":"credentials","role":"SENDER","url":"HOST/2/credentials"},{"identifier":"cdrs","role":"SENDER","url":"HOST/2/cdrs"}]}}`
	)
	endpoints := []ocpi.Endpoint{{Identifier: "credentials", Role: "SENDER", URL: "HOST/2/credentials"}, {Identifier: "cdrs", Role: "SENDER", URL: "HOST/2/cdrs"}}
	for _, c := range []struct {
		name      string
		pages     map[string]string
		want      ocpi.Version
		version   ocpi.Version
		endpoints []ocpi.Endpoint
		err       error
	}{
		{"the best", map[string]string{"/v": all, "/3": details}, 0, ocpi.V230, endpoints, nil},
		{"the wanted", map[string]string{"/v": all, "/2": details}, ocpi.V221, ocpi.V221, endpoints, nil},
		{"of one version", map[string]string{"/v": `{"status_code":1000,"data":{"version":"2.2.1","url":"/2"}}`, "/2": details}, 0, ocpi.V221, endpoints, nil},
		{"without roles, in capitals, not absolute, with what cannot be called", map[string]string{
			"/v": `{"status_code":1000,"data":[{"version":"2.1.1","url":"1/"}]}`,
			"/1/": `{"status_code":1000,"data":[{"version":"2.1.1","endpoints":[{"identifier":"CDRs","url":"cdrs"},{"identifier":"","url":"x"},{"identifier":"tokens","url":""},
				{"identifier":"credentials","role":"sender","url":"/1/credentials"}]}]}`,
		}, 0, ocpi.V211, []ocpi.Endpoint{{Identifier: "cdrs", URL: "HOST/1/cdrs"}, {Identifier: "credentials", Role: "SENDER", URL: "HOST/1/credentials"}}, nil},
		{"what OCPI has not, odd roles, and what is there twice", map[string]string{
			"/v": `{"status_code":1000,"data":[{"version":"2.2.1","url":"2"}]}`,
			"/2": `{"status_code":1000,"data":{"endpoints":[{"identifier":"nuvve-` + strings.Repeat("x", 300) + `","role":"SENDER","url":"x"},{"identifier":"commands","role":"RECEIVER","url":"x"},
				{"identifier":"credentials","role":"` + strings.Repeat("x", 300) + `","url":"/c"},{"identifier":"cdrs","role":"SENDER","url":"/cdrs"},{"identifier":"cdrs","role":"SENDER","url":"/other"},
				{"identifier":"cdrs","role":"RECEIVER","url":"/r"}]}}`,
		}, 0, ocpi.V221, []ocpi.Endpoint{{Identifier: "commands", Role: "RECEIVER", URL: "HOST/x"}, {Identifier: "credentials", URL: "HOST/c"}, {Identifier: "cdrs", Role: "SENDER", URL: "HOST/cdrs"}, {Identifier: "cdrs", Role: "RECEIVER", URL: "HOST/r"}}, nil},
		{"none that OCPI has", map[string]string{
			"/v": `{"status_code":1000,"data":[{"version":"2.2.1","url":"2"}]}`,
			"/2": `{"status_code":1000,"data":{"endpoints":[{"identifier":"own","role":"RECEIVER","url":"x"}]}}`,
		}, 0, ocpi.V221, nil, nil},
		{"none of ours", map[string]string{"/v": `{"status_code":1000,"data":[{"version":"2.2","url":"HOST/2"}]}`}, 0, 0, nil, ErrNoVersion},
		{"none at all", map[string]string{"/v": `{"status_code":1000}`}, 0, 0, nil, ErrNoVersion},
		{"not the wanted", map[string]string{"/v": `{"status_code":1000,"data":[{"version":"2.1.1","url":"HOST/1"}]}`}, ocpi.V230, 0, nil, ErrNoVersion},
		{"no modules", map[string]string{"/v": all, "/3": `{"status_code":1000,"data":{"version":"2.3.0","endpoints":[]}}`}, 0, 0, nil, ErrNoEndpoint},
		{"no versions", map[string]string{}, 0, 0, nil, ErrUnreachable},
		{"no details", map[string]string{"/v": all}, 0, 0, nil, ErrUnreachable},
		{"versions that are none", map[string]string{"/v": `{"status_code":1000,"data":"2.2.1"}`}, 0, 0, nil, ErrUnreachable},
		{"no URL of the details", map[string]string{"/v": `{"status_code":1000,"data":[{"version":"2.2.1","url":"http://%zz"}]}`}, 0, 0, nil, ErrUnreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newDesk(t, pages(c.pages))
			f, err := testDialer(t).Discover(t.Context(), s.URL+"/v", secretToken, "", c.want)
			if !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			for i := range f.Endpoints {
				f.Endpoints[i].URL = strings.Replace(f.Endpoints[i].URL, s.URL, "HOST", 1)
			}
			if diff := cmp.Diff(c.endpoints, f.Endpoints); diff != "" || f.Version != c.version || f.Encoding == "" {
				t.Errorf("found %+v: %s", f, diff)
			}
		})
	}
}

// What the partner took the token as for its versions is what comes first for all
// that follows, whatever OCPI has for the version.
func TestAnEncodingIsRemembered(t *testing.T) {
	answers := pages(map[string]string{
		"/v": `{"status_code":1000,"data":[{"version":"2.1.1","url":"HOST/1"}]}`, "/c": `{"status_code":1000,"data":{"token":"C"}}`,
		"/1": `{"status_code":1000,"data":{"version":"2.1.1","endpoints":[{"identifier":"credentials","url":"HOST/c"}]}}`,
	})
	s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
		if howSent(r) != "raw" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answers(w, r)
	})
	d := testDialer(t)
	f, err := d.Discover(t.Context(), s.URL+"/v", secretToken, "", 0)
	if err != nil || f.Encoding != control.EncodingRaw {
		t.Fatalf("%+v, %v", f, err)
	}
	at, err := f.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := d.PostCredentials(t.Context(), Knock{URL: at, Version: f.Version, Token: secretToken, Encoding: f.Encoding}, []byte(`{}`))
	if err != nil || string(theirs) != `{"token":"C"}` {
		t.Errorf("credentials: %s, %v", theirs, err)
	}
	want := []string{"GET /v base64", "GET /v raw", "GET /1 raw", "POST /c raw"}
	if diff := cmp.Diff(want, s.were()); diff != "" {
		t.Error(diff)
	}
}

func TestCredentialsWithoutAnAnswer(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/c": `{"status_code":1000}`}))
	k := Knock{URL: s.URL + "/c", Version: ocpi.V221, Token: secretToken}
	d := testDialer(t)
	if _, err := d.PutCredentials(t.Context(), k, []byte(`{}`)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("PUT: %v", err)
	}
	if _, err := d.GetCredentials(t.Context(), k); !errors.Is(err, ErrUnreachable) {
		t.Errorf("GET: %v", err)
	}
	if err := d.DeleteCredentials(t.Context(), k); err != nil {
		t.Errorf("DELETE, which has no data: %v", err)
	}
}
