package hub

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
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

// trickling is a body during which something happens.
type trickling struct {
	io.Reader
	during func()
}

func (b *trickling) Read(p []byte) (int, error) {
	b.during()
	return b.Reader.Read(p)
}

// Who knows a token that has leaked may hold requests open: they end with it.
func TestATokenThatEndsWhileABodyComes(t *testing.T) {
	start, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		t.Fatal(err)
	}
	for _, ends := range []bool{false, true} {
		b, p, taken := &backend{}, partners(t), time.Duration(0)
		h := serve(t, b, func(d *Deps) { d.Partners, d.Now = p, func() time.Time { return start.Add(taken) } })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ocpi/2.2.1/receiver/cdrs", &trickling{strings.NewReader("{}"), func() {
			if taken = time.Second; ends {
				if _, _, err := p.Rotate(t.Context(), "", "gb-dun-cpo", 0, control.Rotation{Now: true}); err != nil {
					t.Error(err)
				}
			}
		}})
		r.ContentLength = 2
		r.Header.Set("Authorization", "Token "+dundeeToken)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if ends != (w.Code == http.StatusUnauthorized) || ends != (len(b.pushes) == 0) {
			t.Errorf("token ends %t: HTTP %d, %d pushes", ends, w.Code, len(b.pushes))
		}
	}
}
