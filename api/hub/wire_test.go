package hub

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/apitest"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ocpi"
)

// Who waits with its body until it is wanted hears that it is, or why not, before it
// has sent any of it.
func TestBodiesThatAreAnnounced(t *testing.T) {
	body := thing{"cdrs", "GB/DUN", "NL/EXW", "C1"}.in(ocpi.V221)
	for _, tt := range []struct {
		name, path, token, header string
		want                      int
	}{
		{"wanted", "/cdrs", dundeeToken, "", http.StatusContinue},
		{"of nobody", "/cdrs", "nobody's", "", http.StatusUnauthorized},
		{"at no path", "/nowhere", dundeeToken, "", http.StatusNotFound},
		{"by a method there is none of", "/cdrs/GB/DUN/X1/more", dundeeToken, "", http.StatusNotFound},
		{"compressed in a way that is not known", "/cdrs", dundeeToken, "Content-Encoding: br\r\n", http.StatusUnsupportedMediaType},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := new(net.Dialer).DialContext(t.Context(), "tcp", apitest.Serve(t, newWhole(t, nil).engine, 0).Address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			answers := bufio.NewReader(c)
			if _, err := fmt.Fprintf(c, "POST /ocpi/2.2.1/receiver%s HTTP/1.1\r\nHost: x\r\nAuthorization: Token %s\r\nExpect: 100-continue\r\n%sContent-Length: %d\r\n\r\n", tt.path, tt.token, tt.header, len(body)); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil || resp.StatusCode != tt.want {
				t.Fatalf("HTTP %v, %v, want %d", resp, err, tt.want)
			}
			if tt.want != http.StatusContinue {
				return
			}
			if _, err := io.WriteString(c, body); err != nil {
				t.Fatal(err)
			}
			if resp, err = http.ReadResponse(answers, nil); err != nil || resp.StatusCode != http.StatusCreated {
				t.Errorf("then HTTP %v, %v", resp, err)
			}
		})
	}
}

// An id may hold any printable character, escaped in a URL or not where it need not
// be: what is pushed under it is read back under it, by its owner and by the Location
// that a CDR is given, in every version.
func TestIDsInURLs(t *testing.T) {
	for _, id := range []string{"A+B", "A B", "A/B", "A%2FB", "A?B=C&D", "A#B", "A;B,C", "A:B@C", "*'()~!$", "%", "A..B", ".", "..", "|{}^`[]", `A"\B`} {
		for _, v := range versions {
			t.Run(id+" in "+v.String(), func(t *testing.T) {
				w := newWhole(t, nil)
				bel := callers[1] // the only party of its connection: 2.1.1 names no owner of a CDR
				quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(id)
				for _, kind := range []string{"sessions", "locations", "tariffs"} {
					at, body := place(v, "cpo:/"+kind+"/FR/BEL/")+partner.Segment(id), thing{kind, "FR/BEL", "NL/EXW", quoted}.in(v)
					if a := bel.asks(w, http.MethodPut, at, body); a.Status != http.StatusCreated {
						t.Fatalf("PUT %s: HTTP %d %s", at, a.Status, a.Body)
					}
					if a := bel.asks(w, http.MethodGet, at, ""); !strings.Contains(a.Body, body) {
						t.Errorf("GET %s: HTTP %d %s", at, a.Status, a.Body)
					}
				}
				body := thing{"cdrs", "FR/BEL", "NL/EXW", quoted}.in(v)
				a := bel.asks(w, http.MethodPost, place(v, "cpo:/cdrs"), body)
				if a.Status != http.StatusCreated {
					t.Fatalf("POST: HTTP %d %s", a.Status, a.Body)
				}
				if got := bel.asks(w, http.MethodGet, a.Header.Get("Location"), ""); !strings.Contains(got.Body, body) {
					t.Errorf("GET %s: HTTP %d %s", a.Header.Get("Location"), got.Status, got.Body)
				}
			})
		}
	}
}
