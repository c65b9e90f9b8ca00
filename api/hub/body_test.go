package hub

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
)

// Each kind of object has a limit of its own; what is beyond is told by its name,
// and its beginning is kept.
func TestBodiesHaveTheLimitOfTheirKind(t *testing.T) {
	limits := ingest.Limits{CDR: 10_000, Session: 20_000, Location: 100_000, Other: 5_000}
	for _, tt := range []struct {
		method, path, token string
		object              ingest.Object
		limit               int
		setting             string
	}{
		{"POST", "/cdrs", dundeeToken, ingest.ObjectCDR, 10_000, "limits.cdr_bytes"},
		{"PUT", "/sessions/GB/DUN/S1", dundeeToken, ingest.ObjectSession, 20_000, "limits.session_bytes"},
		{"PATCH", "/sessions/GB/DUN/S1", dundeeToken, ingest.ObjectSession, 20_000, "limits.session_bytes"},
		{"PUT", "/locations/GB/DUN/L1", dundeeToken, ingest.ObjectLocation, 100_000, "limits.location_bytes"},
		{"PUT", "/locations/GB/DUN/L1/E1", dundeeToken, ingest.ObjectLocation, 100_000, "limits.location_bytes"},
		{"PATCH", "/locations/GB/DUN/L1/E1/1", dundeeToken, ingest.ObjectLocation, 100_000, "limits.location_bytes"},
		{"PUT", "/tariffs/GB/DUN/T1", dundeeToken, ingest.ObjectTariff, 5_000, "limits.body_bytes"},
		{"PUT", "/tokens/NL/EXW/K1", exwToken, ingest.ObjectToken, 5_000, "limits.body_bytes"},
	} {
		for _, size := range []int{tt.limit, tt.limit + 1} {
			t.Run(fmt.Sprintf("%s %s %d", tt.method, tt.path, size), func(t *testing.T) {
				b := &backend{}
				body := strings.Repeat("b", size)
				resp, e := request(t, serve(t, b, func(d *Deps) { d.Limits = limits }), tt.method, "/ocpi/2.2.1/receiver"+tt.path, tt.token, body)
				if size == tt.limit {
					if resp.StatusCode/100 != 2 || e.StatusCode != 1000 || len(b.pushes) != 1 || b.pushes[0].Body != body || len(b.kept) > 0 {
						t.Errorf("HTTP %d with %d %q, %d pushes", resp.StatusCode, e.StatusCode, e.StatusMessage, len(b.pushes))
					}
					return
				}
				want := fmt.Sprintf("body too large: %d bytes, at most %d are accepted (%s); its first %d bytes are kept", size, tt.limit, tt.setting, min(size, ingest.KeptOfLarge))
				if resp.StatusCode != 413 || e.StatusCode != 2001 || e.StatusMessage != want || len(b.pushes) > 0 {
					t.Errorf("HTTP %d with %d %q, want %q; %d pushes", resp.StatusCode, e.StatusCode, e.StatusMessage, want, len(b.pushes))
				}
				if len(b.kept) != 1 || b.kept[0].Body != body[:min(size, ingest.KeptOfLarge)] || b.kept[0].Reason != want || b.kept[0].Target.Object != tt.object || b.kept[0].Method != tt.method {
					t.Errorf("kept %d: %.200v", len(b.kept), b.kept)
				}
			})
		}
	}
}

// What a partner may not write for is not kept either, however large it is.
func TestALargeBodyOfAnothersObject(t *testing.T) {
	b := &backend{}
	resp, _ := request(t, serve(t, b, nil), "PUT", "/ocpi/2.2.1/receiver/sessions/US/BOU/S1", dundeeToken, strings.Repeat("b", 2000))
	if resp.StatusCode != 404 || len(b.kept) > 0 {
		t.Errorf("HTTP %d, kept %d", resp.StatusCode, len(b.kept))
	}
}

// Who writes to the end before it reads hears the answer, with and without a
// length, and goes on with the connection.
func TestLargeBodiesAreToldToWhoWritesFirst(t *testing.T) {
	const size = 6 << 20
	b := &backend{}
	srv, s := network(t, b, 0, func(d *Deps) { d.Limits = ingest.Limits{CDR: 1 << 20} })
	for _, chunked := range []bool{false, true} {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		answers := bufio.NewReader(c)
		for range 2 {
			if _, err := c.Write(wholeRequest(size, chunked)); err != nil {
				t.Fatalf("chunked %v: write: %v", chunked, err)
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatalf("chunked %v: read: %v", chunked, err)
			}
			var body bytes.Buffer
			if _, err := body.ReadFrom(resp.Body); err != nil {
				t.Fatal(err)
			}
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			if resp.StatusCode != 413 || !strings.Contains(body.String(), "at most 1048576 ") || resp.Close {
				t.Errorf("chunked %v: HTTP %d %s, the connection ends: %v", chunked, resp.StatusCode, &body, resp.Close)
			}
		}
	}
	if n := s.places.bodies.Used() + s.places.requests.Used(); n != 0 {
		t.Errorf("%d are still held", n)
	}
	for _, k := range b.kept {
		if len(k.Body) != ingest.KeptOfLarge {
			t.Errorf("%d bytes are kept", len(k.Body))
		}
	}
}

func wholeRequest(size int, chunked bool) []byte {
	head := "POST /ocpi/2.2.1/receiver/cdrs HTTP/1.1\r\nHost: x\r\nAuthorization: Token " + dundeeToken + "\r\n"
	body := strings.Repeat("b", size)
	if chunked {
		return []byte(head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", size, body))
	}
	return []byte(head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, body))
}
