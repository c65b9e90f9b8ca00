package partner

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// A page of objects holds what a decoder of JSON finds in it, where it is JSON, and
// the next page is on the endpoint's own origin, whatever a partner answers.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"1"},null],"status_code":1000}`), `<https://a.example/b?offset=1>; rel="next"`)
	f.Add([]byte(`{"data":{"id":"1"},"status_code":"1000","status_message":5}`), `</c>; rel=prev, <//b.example/%2F?x>; rel="first next"`)
	f.Add([]byte("\ufeff{\"status_code\":2001}"), `<>`)
	endpoint, err := url.Parse("https://cpo.example:8443/ocpi/cdrs?tenant=1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		e, status, ok := readEnvelope(body)
		if ok && (status < 1000 || status > 9999) {
			t.Errorf("status %d", status)
		}
		_ = e.message()
		items, err := objects(e.Data)
		var want struct {
			Data []json.RawMessage `json:"data"`
		}
		if ok && err == nil && !bytes.ContainsRune(body, '\\') && json.Unmarshal(body, &want) == nil && e.Data != nil && e.Data[0] == '[' {
			if len(items) != len(want.Data) {
				t.Fatalf("%q holds %q", body, items)
			}
			for i := range items {
				if !bytes.Equal(items[i], want.Data[i]) {
					t.Errorf("%q holds %q, want %q", body, items[i], want.Data[i])
				}
			}
		}
		link, ok := nextLink(http.Header{"Link": {header}})
		if next, follows := follow(endpoint, endpoint, link); ok && follows && (next.Scheme != endpoint.Scheme || next.Host != endpoint.Host || next.User != nil) {
			t.Errorf("%q leads to %s", header, next)
		}
	})
}
