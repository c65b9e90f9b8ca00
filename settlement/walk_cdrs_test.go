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
