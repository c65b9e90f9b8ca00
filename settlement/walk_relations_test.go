package settlement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// What the store holds is proved against the bodies as far as the pass has
// come, whatever the order of the walk.
func TestRelationsAreProved(t *testing.T) {
	gone := func(held []Relation, kind RelationKind) []Relation {
		return slices.DeleteFunc(slices.Clone(held), func(r Relation) bool { return r.Kind == kind })
	}
	key := func(id string) ocpi.Key { return ocpi.NewKey("GB", "DUN", id) }
	right := []Relation{
		{Kind: Credited, Key: key("c1"), Other: key("k1")},
		{Kind: Credited, Key: key("c1"), Other: key("k2")},
		{Kind: CreditExcess, Key: key("k1"), Other: key("c1")},
		{Kind: CreditExcess, Key: key("k2"), Other: key("c1")},
		{Kind: CreditOrphan, Key: key("k3"), Other: key("gone")},
		{Kind: CreditOrphan, Key: key("k4"), Other: key("")},
	}
	for name, tc := range map[string]struct {
		held     []Relation
		progress int64
		listed   string
		want     []string
	}{
		"as it is":                 {right, 5, "c1 gone -", nil},
		"the pass has not come":    {nil, 0, "c1 gone -", nil},
		"one of a set is ahead":    {nil, 1, "c1 gone -", nil},
		"a mark is missing":        {gone(right, CreditExcess), 5, "c1 gone -", []string{"lacks \"credit_excess GB*DUN*K1", "lacks \"credit_excess GB*DUN*K2"}},
		"not marked as credited":   {gone(right, Credited), 5, "c1 gone -", []string{"lacks \"credited GB*DUN*C1 of GB*DUN*K1", "lacks \"credited GB*DUN*C1 of GB*DUN*K2"}},
		"one names no CDR":         {gone(right, CreditOrphan), 5, "c1 gone -", []string{"lacks \"credit_orphan GB*DUN*K3", "lacks \"credit_orphan GB*DUN*K4"}},
		"one mark too many":        {append(slices.Clone(right), Relation{Kind: CreditMismatch, Key: key("k1"), Other: key("c1")}), 5, "c1 gone -", []string{"holds \"credit_mismatch GB*DUN*K1"}},
		"of a CDR without credits": {append(slices.Clone(right), Relation{Kind: Credited, Key: key("c9"), Other: key("k1")}), 5, "c1 gone -", []string{"holds \"credited GB*DUN*C9"}},
		"a credit is not listed":   {gone(right, CreditOrphan), 5, "c1", []string{"does not list credit GB*DUN*K3", "does not list credit GB*DUN*K4"}},
	} {
		t.Run(name, func(t *testing.T) {
			partition := ingest.Partition{Topic: ingest.TopicCDRs}
			p := &relationProof{
				report: &Report{}, progress: Ends{partition: tc.progress}, held: map[ocpi.Key][]Relation{}, named: map[ocpi.Key]bool{},
				claims: map[ocpi.Key]*walkedClaim{}, credits: map[ocpi.Key][]walkedCredit{},
			}
			for _, r := range tc.held {
				p.add(r)
			}
			for id := range strings.FieldsSeq(tc.listed) {
				p.named[key(strings.TrimPrefix(id, "-"))] = true
			}
			for i, line := range []string{"c1 5.00", "k1 -5.00 c1", "k2 -5.00 c1", "k3 -1.00 gone", "k4 -1.00 -"} {
				f := strings.Fields(line)
				rec := &ingest.Record{Position: partition.At(int64(i)), Envelope: ingest.Envelope{Key: key(f[0])}}
				row := pricing.Row{Record: *rec, Debtor: ocpi.NewParty("NL", "EXW"), Currency: "GBP",
					Outcome: pricing.Outcome{Claimed: tariff.Money{Excl: ocpi.MustNumber(f[1])}}}
				if len(f) == 3 {
					row.Credit, row.CreditReferenceID = true, ocpi.Fold(strings.TrimPrefix(f[2], "-"))
				}
				p.visit(partition, rec, &row)
			}
			p.compare()
			var got []string
			for _, d := range p.report.Disagreements {
				got = append(got, d.What)
			}
			slices.Sort(got)
			if len(got) != len(tc.want) {
				t.Fatalf("%d disagreements, want %d:\n%s", len(got), len(tc.want), strings.Join(got, "\n"))
			}
			for i := range got {
				if !strings.Contains(got[i], tc.want[i]) {
					t.Errorf("%s\nwant it to say %s", got[i], tc.want[i])
				}
			}
			proved := fmt.Sprintf("%d proved, %d ahead", p.report.Related, p.report.RelationsAhead)
			if want := map[int64]string{0: "0 proved, 4 ahead", 1: "0 proved, 4 ahead", 5: "4 proved, 0 ahead"}[tc.progress]; tc.listed != "c1" {
				if diff := cmp.Diff(want, proved); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}
