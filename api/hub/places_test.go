package hub

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/apitest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// network serves on a real connection.
func network(t *testing.T, b *backend, readTimeout time.Duration, change func(*Deps)) (*apitest.Server, *Server) {
	t.Helper()
	h, s := serveWith(t, b, change)
	return apitest.Serve(t, h, readTimeout), s
}

// ask sends a whole request and returns its answer.
func ask(t *testing.T, address, method, path, token, body string) *http.Response {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+token)
	if err := r.Write(c); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatalf("%s %s: %v after %d bytes", method, path, err, b.Len())
	}
	return resp
}

// until waits for what another goroutine does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for !done() {
		if t.Context().Err() != nil {
			t.Fatal(what)
		}
		runtime.Gosched()
	}
}

// fullPages are pages of bodies as large as one may be.
type fullPages struct{ Lists }

func (fullPages) Await(context.Context, ingest.Object, bool) error { return nil }

func (fullPages) OCPICDRs(context.Context, settlement.OCPIQuery) (settlement.OCPIPage, error) {
	p := settlement.OCPIPage{Total: 16}
	for range p.Total {
		p.Bodies, p.Versions = append(p.Bodies, append(append([]byte{'"'}, bytes.Repeat([]byte{'x'}, 64<<10-2)...), '"')), append(p.Versions, ocpi.V221)
	}
	p.Owners = make([]ocpi.Party, p.Total)
	return p, nil
}

const listPath = "/ocpi/2.2.1/sender/cdrs"

func listRequest(token string) string {
	return "GET " + listPath + " HTTP/1.1\r\nAuthorization: Token " + token + "\r\n"
}

// Who does not read takes a quarter of the lists at most, and none from others;
// a place is held until its answer is written.
func TestReadersThatDoNotRead(t *testing.T) {
	srv, s := network(t, &backend{}, 0, func(d *Deps) {
		d.Lists, d.Pace = fullPages{}, api.Pace{Time: time.Hour}
	})
	for range listPages / 4 {
		srv.Stall(t, listRequest(exwToken), "")
	}
	until(t, "the readers hold their places", func() bool { return s.places.lists.Used() == listPages/4 })
	if resp := ask(t, srv.Address, "GET", listPath, exwToken, ""); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the same partner once more: HTTP %d", resp.StatusCode)
	}
	if resp := ask(t, srv.Address, "GET", "/ocpi/versions", exwToken, ""); resp.StatusCode != 200 {
		t.Errorf("the same partner, what is no list: HTTP %d", resp.StatusCode)
	}
	if resp := ask(t, srv.Address, "GET", listPath, dundeeToken, ""); resp.StatusCode != 200 {
		t.Errorf("another partner: HTTP %d", resp.StatusCode)
	}
}

// waitingPages says whether it is a CPO that asks, and answers when it is let.
type waitingPages struct {
	fullPages
	asked  chan bool
	answer chan struct{}
}

func (w waitingPages) OCPICDRs(ctx context.Context, q settlement.OCPIQuery) (settlement.OCPIPage, error) {
	w.asked <- len(q.Creditors) > 0
	select {
	case <-w.answer:
		return settlement.OCPIPage{}, nil
	case <-ctx.Done():
		return settlement.OCPIPage{}, ctx.Err()
	}
}

// The store is asked for a few pages at once, for each partner in its turn,
// however many one of them asks for.
func TestPagesAreReadInTurn(t *testing.T) {
	pages := waitingPages{asked: make(chan bool, 2*listPages), answer: make(chan struct{})}
	srv, s := network(t, &backend{}, 0, func(d *Deps) { d.Lists = pages })
	for range listPages / 4 {
		srv.Stall(t, listRequest(exwToken), "")
	}
	until(t, "all places are taken", func() bool { return s.places.lists.Used() == listPages/4 })
	for range readTurns() {
		<-pages.asked
	}
	other := make(chan int)
	go func() { other <- ask(t, srv.Address, "GET", listPath, dundeeToken, "").StatusCode }()
	until(t, "the other waits", func() bool { return s.places.lists.Used() == listPages/4+1 })
	if n := len(pages.asked); n != 0 {
		t.Errorf("the store was asked for %d pages more at once", n)
	}
	for status := 0; status == 0; {
		select {
		case pages.answer <- struct{}{}: // whose page that is, is left to chance
		case status = <-other:
			if status != 200 {
				t.Errorf("the other partner: HTTP %d", status)
			}
		}
	}
	// As they came, it would have been the last: all those of the one were there before.
	for n := readTurns() + 1; !<-pages.asked; n++ {
		if n == listPages/4 {
			t.Fatal("all pages of the same partner were read before the other's")
		}
	}
}

// A piece that is not read in its time breaks the connection and frees the place.
func TestReadersMustKeepThePace(t *testing.T) {
	srv, s := network(t, &backend{}, 0, func(d *Deps) { d.Lists, d.Pace = fullPages{}, api.Pace{Time: 20 * time.Millisecond} })
	for range listPages / 4 {
		srv.Stall(t, listRequest(exwToken), "")
	}
	srv.Wait()
	if n := s.places.lists.Used() + s.places.requests.Used() + s.places.all.InFlight(); n != 0 {
		t.Errorf("%d places are still held", n)
	}
}

// Stalled uploads of one partner get it 503, and nobody else.
func TestWritersThatDoNotWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		inFlight, body, stalled int
	}{
		"requests": {8, 60_000, 2},
		"bytes":    {4096, 1 << 20, (bodyBytes / 4) / (1 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			srv, s := network(t, &backend{}, 0, func(d *Deps) { d.InFlight, d.Limits.CDR, d.Hold = tt.inFlight, tt.body, time.Microsecond })
			for range tt.stalled { // all of it but its last byte
				srv.Stall(t, upload(dundeeToken, tt.body), "{"+strings.Repeat(" ", tt.body-2))
			}
			until(t, "the uploads hold their places", func() bool { return s.places.bodies.Used() == int64(tt.stalled*tt.body) })
			// Refused ones, which stall too, are answered without their body and
			// hold nothing: more of them than there are places.
			for range 2 * tt.stalled * 4 {
				c := srv.Stall(t, upload(dundeeToken, tt.body), "{")
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				if resp.Body.Close(); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
					t.Fatalf("the same partner once more: HTTP %d", resp.StatusCode)
				}
			}
			if resp := ask(t, srv.Address, "PUT", "/ocpi/2.2.1/receiver/tokens/NL/EXW/1", exwToken, "{}"); resp.StatusCode == 503 {
				t.Errorf("another partner: HTTP %d", resp.StatusCode)
			}
		})
	}
}

func upload(token string, length int) string {
	return fmt.Sprintf("POST /ocpi/2.2.1/receiver/cdrs HTTP/1.1\r\nAuthorization: Token %s\r\nContent-Length: %d\r\n", token, length)
}

// A body that does not come in time frees its place.
func TestBodiesMustCome(t *testing.T) {
	srv, s := network(t, &backend{}, 50*time.Millisecond, func(d *Deps) { d.InFlight = 8 })
	for range 2 {
		srv.Stall(t, upload(dundeeToken, 900), "{")
	}
	srv.Wait()
	if n := s.places.bodies.Used() + s.places.requests.Used() + s.places.all.InFlight(); n != 0 {
		t.Errorf("%d places are still held", n)
	}
}

// A large Session that nobody reads is held as long as a page of a list, and
// there are only so many; small ones, and what is in memory anyway, go on.
func TestLargeObjectsTakePlacesOfLists(t *testing.T) {
	large := `{"x":"` + strings.Repeat("x", maxKept) + `"}`
	session := func(id string) ingest.Target {
		return ingest.Target{Object: ingest.ObjectSession, Key: ocpi.NewKey("GB", "DUN", id)}
	}
	location := ingest.Target{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "L1")}
	h, s := serveWith(t, &backend{objects: map[ingest.Target]string{session("S1"): large, session("S2"): "{}", location: large}}, nil)
	for _, full := range []bool{false, true} {
		if full && !s.places.lists.Take("gb-dun-cpo", listPages/4) {
			t.Fatal("the places were not given back")
		}
		for path, busy := range map[string]bool{"sessions/GB/DUN/S1": full, "sessions/GB/DUN/S2": false, "locations/GB/DUN/L1": false} {
			resp, _ := request(t, h, http.MethodGet, "/ocpi/2.2.1/receiver/"+path, dundeeToken, "")
			if want := map[bool]int{false: http.StatusOK, true: http.StatusServiceUnavailable}[busy]; resp.StatusCode != want {
				t.Errorf("places full %t, %s: HTTP %d, want %d", full, path, resp.StatusCode, want)
			}
		}
	}
}
