package rest_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// traced is a CDR of 7 EUR that was issued, credited by 2 and billed again, in one pair; it
// was another eMSP's before.
type traced struct{ shelf }

func (traced) Draw(_ context.Context, q statement.Query, fn func(*statement.Draft) error) error {
	if q.Key.ID == "X" {
		return settlement.ErrNotFound
	}
	c1 := charge("C1", "DE*EMP", "EUR", 201906, "7", "6", waits("difference", "1", "0.5"))
	c1.Issued = &clearing.Issued{Period: 201906, Amount: *c1.Claimed}
	k1 := charge("K1", "DE*EMP", "EUR", 201907, "-2", "")
	k1.Credit, k1.CreditOf, k1.Booked.Credit = true, c1.Key, true
	c2 := charge("C2", "DE*EMP", "EUR", 201907, "5", "5", waits("age", "100", "90"))
	c2.Booked.SessionID = c1.Booked.SessionID
	was := charge("C1", "AT*OLD", "EUR", 201906, "7", "6")
	was.Elsewhere, was.Issued = true, &clearing.Issued{Period: 201905, Amount: clearing.Amount{Net: decimal.NewFromInt(3)}}
	for _, d := range []struct {
		emsp    string
		charges []*statement.Charge
	}{{"AT*OLD", []*statement.Charge{was}}, {"DE*EMP", []*statement.Charge{c1, k1, c2}}} {
		emsp, _ := ocpi.ParseParty(d.emsp)
		draft := &statement.Draft{Statement: statement.Statement{CPO: c1.Key.Party, EMSP: emsp, Period: 201908, Currency: "EUR"}, Settled: statement.Settle(d.charges, 201908)}
		if err := fn(draft); err != nil {
			return err
		}
	}
	return nil
}

func (traced) LinesOf(_ context.Context, key ocpi.Key) ([]rest.TracedLine, int, error) {
	line := func(period ocpi.Month, emsp, number, net string) rest.TracedLine {
		party, _ := ocpi.ParseParty(emsp)
		return rest.TracedLine{Number: number, IssuedCDR: statement.IssuedCDR{Period: period, Key: key, EMSP: party, Currency: "EUR", Net: decimal.RequireFromString(net)}}
	}
	return []rest.TracedLine{line(201905, "AT*OLD", "A-1", "3"), line(201906, "DE*EMP", "D-1", "6"), line(201907, "DE*EMP", "D-9", "1")}, 0, nil
}

func (traced) DecisionsOf(_ context.Context, key ocpi.Key) ([]statement.Decided, error) {
	return []statement.Decided{
		{Key: key, Decision: &clearing.Decision{Act: clearing.Accept, At: clearing.OwedClaimed, Covers: []string{"difference"}}, Offset: 8, By: "k1", Reason: "they are right"},
		{Key: key, Offset: 9, By: "k2", Reason: "they are not"},
		{Key: key, Offset: 12, By: "k2", Reason: "they sent it again", Adopted: &ingest.Position{Epoch: 1, Offset: 2}},
		{Key: key, Offset: 13, By: "k1", Reason: "as agreed", Adopted: &ingest.Position{Epoch: 1, Offset: 4}},
		{Key: key, Decision: &clearing.Decision{Act: clearing.HoldIt}, Offset: 14, By: "k2", Reason: "until they answer"},
	}, nil
}

func (traced) CopiesOf(context.Context, ocpi.Key) (*settlement.Copies, error) { return nil, nil }

// What becomes of a CDR is told to each key as far as it may see it, in the shape that is
// documented.
func TestCleared(t *testing.T) {
	doc := loadContract(t)
	var got strings.Builder
	emp, old := ocpi.NewParty("DE", "EMP"), ocpi.NewParty("AT", "OLD")
	for _, k := range []rest.Key{{}, {ID: "k1", Party: emp}, {ID: "k3", Party: old}} {
		for _, id := range []string{"C1", "K1", "C2", "X"} {
			c, err := rest.ReadCleared(t.Context(), traced{}, traced{}, k, ocpi.NewKey("NL", "TNM", id))
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.MarshalIndent(c, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(id + " to " + k.Party.String() + "\n" + string(b) + "\n")
			var value any
			if err := json.Unmarshal(b, &value); err != nil {
				t.Fatal(err)
			}
			if value == nil {
				continue
			}
			if m := doc.mismatch(t, doc.at(t, doc.root, "components", "schemas", "Cleared"), value, id); m != "" {
				t.Error(m)
			}
		}
	}
	golden(t, "testdata/cleared.txt", got.String())
}
