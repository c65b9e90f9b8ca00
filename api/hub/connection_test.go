package hub

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A client whose body was refused unread goes on with its next request: what
// was left of the body must not be taken for part of it.
func TestTheNextRequestAfterARefusedBody(t *testing.T) {
	h := serve(t, &backend{}, nil)
	server := httptest.NewServer(h)
	defer server.Close()
	push := func(path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Token "+dundeeToken)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	const path = "/ocpi/2.2.1/receiver/sessions/GB/DUN/S1"
	for range 50 {
		if status, text := push(path, strings.Repeat(" ", 70_000)); status != http.StatusRequestEntityTooLarge {
			t.Fatalf("too large: HTTP %d %s", status, text)
		}
		if status, text := push(path, "{}"); status != http.StatusOK || !strings.Contains(text, `"status_code":1000`) {
			t.Fatalf("the next: HTTP %d %s", status, text)
		}
	}
}
