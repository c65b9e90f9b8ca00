package clickhouse

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// CDRs are found by how their ids begin, by Session and by the receipt of any copy, and
// only where a party has part in them.
func TestFind(t *testing.T) {
	s := newStore(t)
	batch := batchOf(t, 0, 0, january)
	for i := range batch.Rows {
		batch.Rows[i].SessionID = ocpi.Fold(batch.Rows[i].SessionID)
	}
	write(t, s, batch)
	tnm := ocpi.NewParty("DE", "TNM")
	for _, tc := range []struct {
		party  ocpi.Party
		prefix string
		limit  int
		want   string
	}{
		{prefix: "C", limit: 20, want: "c1 c2 c3 c4"}, {prefix: "C", limit: 2, want: "c1 c2"}, {prefix: "C3", limit: 20, want: "c3"},
		{prefix: "X", limit: 20}, {party: tnm, prefix: "D", limit: 20, want: "d1 d2 d3"}, {party: tnm, prefix: "C", limit: 20},
		{party: ocpi.NewParty("GB", "DUN"), prefix: "E", limit: 20, want: "e1"}, {prefix: "\xff", limit: 20},
	} {
		found, err := s.FindCDRs(t.Context(), tc.party, tc.prefix, tc.limit)
		if got := ids(settlement.CDRPage{CDRs: found}); err != nil || got != tc.want {
			t.Errorf("%s %q: %q, %v; want %q", tc.party, tc.prefix, got, err, tc.want)
		}
	}
	for _, tc := range []struct {
		party         ocpi.Party
		session, want string
	}{{session: "S-C2", want: "c2"}, {session: "S-C9"}, {party: tnm, session: "S-D1", want: "d1"}, {party: tnm, session: "S-C2"}} {
		found, err := s.FindSessionCDRs(t.Context(), tc.party, tc.session, 20)
		if got := ids(settlement.CDRPage{CDRs: found}); err != nil || got != tc.want {
			t.Errorf("%s %s: %q, %v; want %q", tc.party, tc.session, got, err, tc.want)
		}
	}
	for offset, want := range map[int64]string{0: "C1", 5: "C1", 6: "C2", 99: ""} {
		key, ok, err := s.FindAt(t.Context(), ingest.Position{Epoch: 1, Offset: offset})
		if err != nil || ok != (want != "") || key.ID != want {
			t.Errorf("record %d is of %s, %t, %v; want %q", offset, key, ok, err, want)
		}
	}
	for place, want := range map[string]settlement.CDRQuery{"LOC1": {Location: "LOC1"}, "": {EVSE: "NONE"}} {
		page, err := s.CDRs(t.Context(), want)
		if err != nil || (len(page.CDRs) > 0) != (place != "") || strings.Contains(ids(page), " c9") {
			t.Errorf("at %q: %q, %v", place, ids(page), err)
		}
	}
}
