package partner

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// Whatever a partner answers, a page of objects is JSON values that stood in it, and
// the next page is on the endpoint's own origin.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"1"},null],"status_code":1000}`), `<https://a.example/b?offset=1>; rel="next"`)
	f.Add([]byte(`{"data":{"id":"1"},"status_code":"1000","status_message":5}`), `</c>; rel=prev, <//b.example/%2F?x>; rel="first next"`)
	f.Add([]byte("\ufeff{\"status_code\":2001}"), `<>`)
	endpoint, err := url.Parse("https://cpo.example:8443/ocpi/cdrs?tenant=1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		if e, status, ok := readEnvelope(body); ok {
			if status < 1000 || status > 9999 {
				t.Errorf("status %d", status)
			}
			_ = e.message()
			items, err := objects(e.Data)
			for _, i := range items {
				if err == nil && !json.Valid(i) {
					t.Errorf("%q is no JSON", i)
				}
			}
		}
		link, ok := nextLink(http.Header{"Link": {header}})
		if next, follows := follow(endpoint, endpoint, link); ok && follows && (next.Scheme != endpoint.Scheme || next.Host != endpoint.Host || next.User != nil) {
			t.Errorf("%q leads to %s", header, next)
		}
	})
}
