package clickhouse

import (
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// What is known of CDRs beside what drafts read is found by their keys, and their bodies by
// their records, as they were written; those that there are not are left out.
func TestLookups(t *testing.T) {
	s := newStore(t)
	b := realisticBatch(t, 0, 50)
	write(t, s, b)
	keys, wanted := []ocpi.Key{ocpi.NewKey("GB", "DUN", "none")}, map[ocpi.Key]*pricing.Row{}
	for i := 10; i < 20; i++ {
		r := &b.Rows[i]
		keys, wanted[r.Record.Key] = append(keys, r.Record.Key), r
	}
	var positions []ingest.Position
	err := s.LookupsOf(t.Context(), keys, func(l *settlement.Lookup) error {
		r := wanted[l.Key]
		if r == nil || l.Position != r.Record.Position || l.LocationID != r.LocationID || l.TariffIDs != r.Outcome.TariffIDs || l.SessionID != r.SessionID ||
			l.Computed.Excl.Cmp(r.Outcome.Computed.Excl) != 0 || l.Energy.Incl.Cmp(r.Outcome.Energy.Incl) != 0 || l.TimeZone != r.Outcome.TimeZone {
			t.Errorf("found %+v", l)
		}
		positions = append(positions, l.Position)
		return nil
	})
	if err != nil || len(positions) != 10 {
		t.Fatalf("%d of 10 are found: %v", len(positions), err)
	}
	bodies := 0
	err = s.BodiesAt(t.Context(), append(positions, ingest.Position{Offset: 1 << 40}), func(p ingest.Position, _ ocpi.Version, body []byte) error {
		if r := &b.Rows[p.Offset-b.Rows[0].Record.Offset]; r.Record.Position != p || string(body) != string(r.Record.Body) {
			t.Errorf("the body at %s is %.60s", p, body)
		}
		bodies++
		return nil
	})
	if err != nil || bodies != 10 {
		t.Errorf("%d of 10 bodies: %v", bodies, err)
	}
	copies, err := s.CopiesOf(t.Context(), keys)
	if err != nil || len(copies) > 0 {
		t.Errorf("copies of what came once: %v, %v", copies, err)
	}
	for _, none := range []error{s.LookupsOf(t.Context(), nil, nil), s.BodiesAt(t.Context(), nil, nil)} {
		if none != nil {
			t.Error(none)
		}
	}
}

// BenchmarkLookups measures what stands beside lines of a statement, scattered among 100,000
// CDRs: by how many are looked up at once.
func BenchmarkLookups(b *testing.B) {
	s := newStore(b)
	var all []ocpi.Key
	for i := range int64(20) {
		batch := realisticBatch(b, i*5000, 5000)
		write(b, s, batch)
		for n := range 500 {
			all = append(all, batch.Rows[n*10].Record.Key)
		}
	}
	for _, n := range []int{500, 2000, 10_000} {
		keys := make([]ocpi.Key, n)
		for i := range keys {
			keys[i] = all[i*len(all)/n]
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				var positions []ingest.Position
				err := s.LookupsOf(b.Context(), keys, func(l *settlement.Lookup) error {
					positions = append(positions, l.Position)
					return nil
				})
				if err != nil || len(positions) != len(keys) {
					b.Fatal(len(positions), err)
				}
				err = s.BodiesAt(b.Context(), positions, func(ingest.Position, ocpi.Version, []byte) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/CDR")
		})
	}
}
