package settlement

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
			if err := p.compare(t.Context()); err != nil {
				t.Fatal(err)
			}
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

// january says by which control record January 2019 was closed for GB*DUN and NL*EXW.
type january int64

func (j january) ClosedBelow(_ context.Context, cpo, emsp ocpi.Party, booked ocpi.Time, below int64) (bool, error) {
	return cpo == ocpi.NewParty("GB", "DUN") && emsp == ocpi.NewParty("NL", "EXW") && booked.Month() == ocpi.MonthOf(2019, time.January) && int64(j) < below, nil
}

// Whether a credit came after the close follows from what stands with it.
func TestACreditAfterTheCloseIsProved(t *testing.T) {
	partition, end := ingest.Partition{Topic: ingest.TopicCDRs}, ocpi.TimeOf(time.Date(2019, 1, 5, 0, 0, 0, 0, time.UTC))
	c1, k1 := ocpi.NewKey("GB", "DUN", "c1"), ocpi.NewKey("GB", "DUN", "k1")
	for _, c := range []struct {
		control int64
		held    []Relation
		wrong   bool
	}{
		{5, nil, false},
		{5, []Relation{{Kind: Credited, Key: c1, Other: k1}}, true},
		{4, []Relation{{Kind: Credited, Key: c1, Other: k1}}, false},
		{4, nil, true},
	} {
		p := &relationProof{
			report: &Report{}, closings: january(4), progress: Ends{partition: 2}, held: map[ocpi.Key][]Relation{}, named: map[ocpi.Key]bool{c1: true},
			claims: map[ocpi.Key]*walkedClaim{}, credits: map[ocpi.Key][]walkedCredit{},
		}
		for _, r := range c.held {
			p.add(r)
		}
		for i, key := range []ocpi.Key{c1, k1} {
			rec := &ingest.Record{Position: partition.At(int64(i)), Envelope: ingest.Envelope{Key: key}}
			row := pricing.Row{Record: *rec, Debtor: ocpi.NewParty("NL", "EXW"), Currency: "GBP", End: end, Start: end}
			row.Outcome.Claimed.Excl = ocpi.MustNumber([]string{"5.00", "-5.00"}[i])
			if key == k1 {
				row.Credit, row.CreditReferenceID, row.Outcome.AsOf.Control = true, c1.ID, c.control
			}
			p.visit(partition, rec, &row)
		}
		if err := p.compare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if wrong := len(p.report.Disagreements) > 0; wrong != c.wrong || p.report.Related != 1 {
			t.Errorf("booked as of %d, held %v: %v, want wrong %t", c.control, c.held, p.report.Disagreements, c.wrong)
		}
	}
}
