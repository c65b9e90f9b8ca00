package settlement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

func TestBilledTwice(t *testing.T) {
	for name, tc := range map[string]struct{ cdrs, want string }{
		"one CDR":                      {"a", ""},
		"two":                          {"b a", "a-b b-a"},
		"three":                        {"c a b", "a-b b-a c-a"},
		"one of two is credited":       {"a b!", ""},
		"one of three is credited":     {"a! b c", "b-c c-b"},
		"as many as are looked at":     {strings.Repeat("x ", MaxTwins), "many"},
		"more: the id is of no charge": {strings.Repeat("x ", MaxTwins+1), ""},
	} {
		var cdrs []SessionCDR
		for i, id := range strings.Fields(tc.cdrs) {
			id, cancelled := strings.CutSuffix(id, "!")
			if id == "x" {
				id = fmt.Sprintf("x%03d", i)
			}
			cdrs = append(cdrs, SessionCDR{Key: ocpi.NewKey("GB", "DUN", id), Session: "S", Cancelled: cancelled})
		}
		var got []string
		for _, r := range BilledTwice(cdrs) {
			if !r.Active || r.Kind != SessionBilledTwice {
				t.Errorf("%s: %+v", name, r)
			}
			got = append(got, strings.ToLower(r.Key.ID+"-"+r.Other.ID))
		}
		if tc.want == "many" && len(got) == MaxTwins {
			continue
		}
		if text := strings.Join(got, " "); text != tc.want {
			t.Errorf("%s: got %s, want %s", name, text, tc.want)
		}
	}
}

// The store's relations of Sessions are proved from the bodies, as far as the
// pass has come.
func TestTwinsAreProved(t *testing.T) {
	key := func(id string) ocpi.Key { return ocpi.NewKey("GB", "DUN", id) }
	partition := ingest.Partition{Topic: ingest.TopicCDRs}
	for name, tc := range map[string]struct {
		held     string
		progress int64
		want     []string
	}{
		"as it is":              {"a-b b-a", 9, nil},
		"one is missing":        {"a-b", 9, []string{"lacks \"session_billed_twice GB*DUN*B of GB*DUN*A"}},
		"one is too many":       {"a-b b-a c-a", 9, []string{"holds \"session_billed_twice GB*DUN*C"}},
		"the pass has not come": {"", 1, nil},
	} {
		p := &relationProof{report: &Report{}, progress: Ends{partition: tc.progress}, held: map[ocpi.Key][]Relation{}}
		for pair := range strings.FieldsSeq(tc.held) {
			a, b, _ := strings.Cut(pair, "-")
			p.add(Relation{Kind: SessionBilledTwice, Key: key(a), Other: key(b)})
		}
		cpo := ocpi.NewParty("GB", "DUN")
		p.twins.shared = map[uint64]bool{SessionHash(cpo, "S1"): true}
		for i, line := range []string{"a S1", "b S1", "c S2"} {
			id, session, _ := strings.Cut(line, " ")
			rec := &ingest.Record{Position: partition.At(int64(i)), Envelope: ingest.Envelope{Key: key(id)}}
			p.twins.visit(partition, rec, &pricing.Row{SessionID: session})
		}
		p.compareTwins()
		var got []string
		for _, d := range p.report.Disagreements {
			got = append(got, d.What)
		}
		slices.Sort(got)
		if len(got) != len(tc.want) || len(got) > 0 && !strings.Contains(got[0], tc.want[0]) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
