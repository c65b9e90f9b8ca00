package control

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// crowd is a machine that has folded n partners, each with the token
// "partner-token-<i>".
func crowd(b *testing.B, n int) house {
	h := open(b, ingesttest.NewLog(1), Options{Now: func() ocpi.Time { return 1 }})
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for i := range n {
		country := "A" + string(digits[i/(36*36*36)%26])
		party := string([]byte{digits[i%36], digits[i/36%36], digits[i/(36*36)%36]})
		add := PartnerAdded{
			ID: fmt.Sprint("partner-", i), Name: "n", Roles: []Role{NewRole(RoleCPO, country, party)},
			TokenHash: HashToken(fmt.Sprint("partner-token-", i)), Encoding: EncodingAuto,
		}
		h.foldOne(b, add)
	}
	return h
}

// foldOne folds a command as Run does, one record a batch.
func (h house) foldOne(b *testing.B, c Change) {
	next := h.Next()
	body, err := Encode(Event{Command: fmt.Sprint("command-", next), At: 1}, c)
	if err != nil {
		b.Fatal(err)
	}
	r := ingest.Record{Position: ingest.Position{Offset: next}, Body: body}
	if err := h.foldBatch([]ingest.Record{r}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCommand is what a command costs after its append, and fails when it
// costs more among many partners than among few.
func BenchmarkCommand(b *testing.B) {
	bytes := map[int]uint64{} // of a command, by how many partners there are
	for _, n := range []int{10, 100_000} {
		h := crowd(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			round := 0
			for b.Loop() {
				round++
				h.foldOne(b, TokenRotated{ID: fmt.Sprint("partner-", round%n), TokenHash: HashToken(fmt.Sprint("new-", h.Next())), Until: 1 << 62})
			}
			runtime.ReadMemStats(&after)
			bytes[n] = (after.TotalAlloc - before.TotalAlloc) / uint64(round)
			b.ReportMetric(float64(bytes[n]), "B/command")
		})
	}
	// A path in the maps is a few levels longer and its nodes are full.
	if few, many := bytes[10], bytes[100_000]; many > 4*few {
		b.Errorf("a command takes %d bytes among 100,000 partners, %d among 10", many, few)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		h := crowd(b, n)
		token := fmt.Sprint("partner-token-", n/2)
		for _, as := range []struct{ name, header string }{{"raw", "Token " + token}, {"base64", "Token " + b64(token)}} {
			b.Run(fmt.Sprint(n, "/", as.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, ok := h.partners.Authenticate(as.header); !ok {
						b.Fatal("not found")
					}
				}
			})
		}
		header := "Token " + token
		b.Run(fmt.Sprint(n, "/parallel"), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, ok := h.partners.Authenticate(header); !ok || h.partners.Ready() != nil {
						b.Error("not found")
					}
				}
			})
		})
	}
}
