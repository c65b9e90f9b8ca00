package load

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

func TestRun(t *testing.T) {
	bodies, err := Bodies(nil, 1, 50)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	ids, sessions := map[string]int{}, map[string]int{}
	refused := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var d ocpi.Decoder
		c, err := d.CDR(ocpi.V221, body)
		if err != nil {
			t.Error(err)
			return
		}
		if want := "Token " + c.PartyID; r.Header.Get("Authorization") != want || r.URL.Path != "/cdrs" {
			t.Errorf("%s %s as %q, want %q", r.Method, r.URL.Path, r.Header.Get("Authorization"), want)
		}
		mu.Lock()
		defer mu.Unlock()
		ids[c.ID]++
		sessions[c.SessionID]++
		if len(ids)%10 == 0 {
			refused++
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, `{"status_code": 3000}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"status_code":1000,"timestamp":"2026-01-01T00:00:00Z"}`)
	}))
	defer server.Close()
	tokens := map[ocpi.Party]string{}
	for _, b := range bodies {
		tokens[b.Sender] = b.Sender.ID
	}
	result, err := Run(t.Context(), Options{
		Addr: strings.TrimPrefix(server.URL, "http://"), Path: "/cdrs", Tokens: tokens,
		Bodies: bodies, Run: "T1", Connections: 8, Count: 500,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != 500 || len(sessions) != 500 {
		t.Errorf("%d distinct ids and %d Sessions, want 500", len(ids), len(sessions))
	}
	if result.Acknowledged != 500-refused {
		t.Errorf("%d acknowledged, want %d", result.Acknowledged, 500-refused)
	}
	if diff := cmp.Diff(map[string]int{"HTTP 503, OCPI 3000": refused}, result.Status); diff != "" {
		t.Errorf("other answers (-want +got):\n%s", diff)
	}
	if ids[ID("T1", 499)] != 1 {
		t.Errorf("no CDR %s", ID("T1", 499))
	}
}

func TestRunNobodyThere(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	if _, err := Run(t.Context(), Options{Addr: strings.TrimPrefix(server.URL, "http://"), Connections: 1, Count: 1}); err == nil {
		t.Error("no error from a server that is not there")
	}
}

func TestRenderKeepsTheRest(t *testing.T) {
	bodies, err := Bodies(nil, 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	a, b := bodies[0].Render("A", 1), bodies[0].Render("B", 22)
	if len(a) != len(b) {
		t.Errorf("sizes %d and %d", len(a), len(b))
	}
	if !bytes.Equal(bytes.Replace(a, []byte(ID("A", 1)), []byte(ID("B", 22)), 2), b) {
		t.Error("two renderings differ in more than the ids")
	}
}

func TestHistogram(t *testing.T) {
	var a, b Histogram
	for i := range 1000 {
		a.Add(time.Duration(i+1) * time.Microsecond)
		b.Add(time.Duration(i+1001) * time.Microsecond)
	}
	a.Merge(&b)
	for _, q := range []struct {
		perMille int
		want     time.Duration
	}{{0, time.Microsecond}, {500, time.Millisecond}, {990, 1980 * time.Microsecond}, {1000, 2 * time.Millisecond}} {
		got := a.PerMille(q.perMille)
		if got > q.want || got < q.want-q.want/30 {
			t.Errorf("%d per mille: %s, want about %s", q.perMille, got, q.want)
		}
	}
	if got := new(Histogram).PerMille(500); got != 0 {
		t.Errorf("median of nothing: %s", got)
	}
}
