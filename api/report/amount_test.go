package report

import (
	"slices"
	"testing"

	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// A partner must not be able to put a formula into finance's spreadsheet.
func TestCSVGuardsFormulas(t *testing.T) {
	for _, id := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"} {
		cdrs := []settlement.CDRSummary{{ID: id, ClaimedExcl: new(decimal.Decimal)}}
		if got := slices.Collect(CDRsCSV(cdrs).Rows)[0][2]; got != "'"+id {
			t.Errorf("id %q becomes %q", id, got)
		}
	}
	minus := decimal.RequireFromString("-3.10")
	row := slices.Collect(CDRsCSV([]settlement.CDRSummary{{ID: "plain", ClaimedExcl: &minus}}).Rows)[0]
	if row[2] != "plain" || row[11] != "-3.10" {
		t.Errorf("plain id becomes %q, negative amount %q", row[2], row[11])
	}
}

func TestCompactTaxes(t *testing.T) {
	rate := decimal.RequireFromString("20.0")
	got := compactTaxes([]settlement.TaxSum{
		{Name: "VAT", Percentage: &rate, Amount: decimal.RequireFromString("1.2")},
		{Name: "City tax", Amount: decimal.RequireFromString("0.1")},
	})
	if want := "VAT 20%: 1.20; City tax: 0.10"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
