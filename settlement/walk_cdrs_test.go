package settlement

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// A verdict on a claim belongs to the edition of the engine that gave it: a row
// of another edition is not wrong for it. Amounts and status must agree always.
func TestVerdictOfAnotherEngine(t *testing.T) {
	const other = "0"
	for _, c := range []struct {
		name, engine  string
		status        pricing.Status
		stored, fresh tariff.Claim
		want          string
	}{
		{"the same", tariff.EngineVersion, pricing.Priced, tariff.ClaimAgrees, tariff.ClaimAgrees, ""},
		{"another verdict", tariff.EngineVersion, pricing.Priced, tariff.ClaimAgrees, tariff.ClaimDiffers, "the claim is stored as agrees"},
		{"another verdict by another engine", other, pricing.Priced, tariff.ClaimAgrees, tariff.ClaimDiffers, ""},
		{"another status by another engine", other, pricing.Credited, tariff.ClaimAgrees, tariff.ClaimAgrees, "is stored as credit"},
	} {
		report := &Report{}
		w := &walker{report: report, partition: ingest.Partition{Topic: ingest.TopicCDRs}}
		fresh := pricing.Row{Outcome: pricing.Outcome{Status: pricing.Priced, Claim: c.fresh}}
		stored := StoredResult{Row: pricing.Row{Outcome: pricing.Outcome{EngineVersion: c.engine, Status: c.status, Claim: c.stored}}}
		w.outcome(&ingest.Record{}, &fresh, &stored)
		var got []string
		for _, d := range report.Disagreements {
			got = append(got, d.What)
		}
		if text := strings.Join(got, "; "); (text == "") != (c.want == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}

// An earlier edition left the amount after tax unknown where the CDR states it. Such
// a row is not wrong; one of this edition is.
func TestStatedTaxOfAnotherEngine(t *testing.T) {
	number := ocpi.MustNumber
	for engine, wrong := range map[string]bool{"2": false, tariff.EngineVersion: true} {
		report := &Report{}
		w := &walker{report: report, partition: ingest.Partition{Topic: ingest.TopicCDRs}}
		fresh := pricing.Row{Outcome: pricing.Outcome{Status: pricing.Priced, TaxesStated: true,
			Computed: tariff.Money{Excl: number("5"), Incl: number("6")}, Taxes: []tariff.Tax{{Name: "VAT", Amount: number("1")}}}}
		stored := StoredResult{Row: pricing.Row{Outcome: pricing.Outcome{EngineVersion: engine, Status: pricing.Priced, Computed: tariff.Money{Excl: number("5")}}}}
		w.outcome(&ingest.Record{}, &fresh, &stored)
		if got := len(report.Disagreements) > 0; got != wrong {
			t.Errorf("edition %s: %+v", engine, report.Disagreements)
		}
	}
}

// A reject must follow from the part of the log it was computed from: whom the
// CDR names was not registered there, its tariff not known. Where that part was
// not kept, its cause may have gone away since.
func TestARejectMustFollowFromItsInputs(t *testing.T) {
	kept := pricing.AsOf{Reference: 3, Control: 2}
	for _, c := range []struct {
		reason string
		at     pricing.AsOf
		wrong  bool
	}{
		{pricing.ReasonDebtorUnknown, kept, true},
		{pricing.ReasonUnknownTariff, kept, true},
		{pricing.ReasonNoTimeZone, kept, true},
		{pricing.ReasonEndFirst, kept, true},
		{pricing.ReasonPanic, kept, false},
		{pricing.ReasonUnstorable, kept, false},
		{pricing.ReasonDebtorUnknown, pricing.AsOfUnkept, false},
		{pricing.ReasonUnknownTariff, pricing.AsOfUnkept, false},
		{pricing.ReasonEndFirst, pricing.AsOfUnkept, true},
	} {
		report := &Report{}
		w := &walker{report: report, partition: ingest.Partition{Topic: ingest.TopicCDRs}}
		stored := pricing.Outcome{Status: pricing.Rejected, Reason: c.reason, AsOf: c.at}
		for status, wrong := range map[pricing.Status]bool{pricing.Priced: c.wrong, pricing.Rejected: false} {
			report.Disagreements = nil
			w.rejected(&ingest.Record{}, &pricing.Outcome{Status: status}, &stored)
			if got := len(report.Disagreements) > 0; got != wrong {
				t.Errorf("%s as of %v, priced again %s: disagrees %t, want %t", c.reason, c.at, status, got, wrong)
			}
		}
	}
}

// Every part of a price, and the version of the tariff it was computed by, must
// be what the raw body gives.
func TestEveryPartOfAPriceIsProved(t *testing.T) {
	one := tariff.Money{Excl: ocpi.MustNumber("1"), Incl: ocpi.MustNumber("1.2")}
	for name, change := range map[string]func(*pricing.Outcome){
		"computed":    func(o *pricing.Outcome) { o.Computed = one },
		"fixed":       func(o *pricing.Outcome) { o.Fixed = one },
		"energy":      func(o *pricing.Outcome) { o.Energy = one },
		"time":        func(o *pricing.Outcome) { o.Time = one },
		"parking":     func(o *pricing.Outcome) { o.Parking = one },
		"reservation": func(o *pricing.Outcome) { o.Reservation = one },
		"taxes":       func(o *pricing.Outcome) { o.Taxes = []tariff.Tax{{Name: "VAT", Amount: one.Excl}} },
		"tariff":      func(o *pricing.Outcome) { o.TariffHash = "ab" },
	} {
		report := &Report{}
		w := &walker{report: report, partition: ingest.Partition{Topic: ingest.TopicCDRs}}
		fresh := pricing.Row{Outcome: pricing.Outcome{Status: pricing.Priced, EngineVersion: tariff.EngineVersion}}
		stored := StoredResult{Row: fresh}
		w.outcome(&ingest.Record{}, &fresh, &stored)
		if len(report.Disagreements) != 0 {
			t.Fatalf("the same disagrees: %v", report.Disagreements)
		}
		change(&stored.Outcome)
		w.outcome(&ingest.Record{}, &fresh, &stored)
		if len(report.Disagreements) == 0 || !strings.Contains(report.Disagreements[0].What, name) {
			t.Errorf("%s: %v, want it named", name, report.Disagreements)
		}
	}
}

// The report's tax must be the tax of its CDRs, rate by rate.
func TestTaxesOfTheReportAreProved(t *testing.T) {
	twenty := decimal.NewFromInt(20)
	row := func(taxes ...TaxSum) []SettlementRow {
		return []SettlementRow{{Currency: "GBP", CDRCount: 2, Tax: taxes}}
	}
	for _, c := range []struct {
		name string
		rows []SettlementRow
		want string
	}{
		{"the same", row(TaxSum{"VAT", &twenty, decimal.NewFromInt(2)}, TaxSum{"Levy", nil, decimal.NewFromInt(1)}), ""},
		{"another amount", row(TaxSum{"VAT", &twenty, decimal.NewFromInt(3)}, TaxSum{"Levy", nil, decimal.NewFromInt(1)}), "tax VAT 20% is 3, CDRs give 2"},
		{"a rate left out", row(TaxSum{"VAT", &twenty, decimal.NewFromInt(2)}), "tax Levy unknown% is missing"},
		{"one that no CDR has", row(TaxSum{"VAT", &twenty, decimal.NewFromInt(2)}, TaxSum{"Levy", nil, decimal.NewFromInt(1)}, TaxSum{"VAT", nil, decimal.Zero}), "tax VAT unknown% is 0"},
	} {
		report := &Report{}
		b := newBooks(func(ocpi.Key) bool { return false })
		for _, taxes := range [][]tariff.Tax{
			{{Name: "VAT", Percentage: ocpi.MustNumber("20.0"), Amount: ocpi.MustNumber("1.50")}},
			{{Name: "VAT", Percentage: ocpi.MustNumber("20"), Amount: ocpi.MustNumber("0.5")}, {Name: "Levy", Amount: ocpi.MustNumber("1")}},
		} {
			fresh := pricing.Row{Currency: "GBP", Outcome: pricing.Outcome{Status: pricing.Priced, Taxes: taxes}}
			b.add(&fresh, &StoredResult{Row: fresh})
		}
		for i := range c.rows { // what is not about taxes agrees
			own := *b.accounts[account{currency: "GBP"}]
			own.Tax = c.rows[i].Tax
			c.rows[i] = own
		}
		b.compare(report, c.rows)
		var got []string
		for _, d := range report.Disagreements {
			got = append(got, d.What)
		}
		if text := strings.Join(got, "; "); (text == "") != (c.want == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}
