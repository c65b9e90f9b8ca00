package settlement

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
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
