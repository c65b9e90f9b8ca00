package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// Causes counts what settles: priced CDRs that no credit cancels, by cause, with
// the readings of those that have several, whatever their order and however often.
func TestCauses(t *testing.T) {
	s := newStore(t)
	batch := batchOf(t, 0, 0, january)
	why := map[string][2]string{
		"C3": {"vat_forgotten", `{"verdict":"found","readings":[{"code":"vat_forgotten","detail":"d"}],"dimensions":[]}`},
		"C4": {"several", `{"verdict":"several","readings":[{"code":"zone_utc","detail":"x"},{"code":"STEP_NONE","detail":"y"},{"code":"zone_utc","detail":"z"}],"dimensions":[]}`},
		"D3": {"", ""},
	}
	for i := range batch.Rows {
		o := &batch.Rows[i].Outcome
		w, differs := why[batch.Rows[i].Record.Key.ID]
		if o.Claim = tariff.ClaimAgrees; differs {
			o.Claim, o.Cause, o.Reconciliation = tariff.ClaimDiffers, w[0], []byte(w[1])
		}
	}
	write(t, s, batch)
	jan := month(2019, time.January)
	check := func(q settlement.SettlementQuery, want string) {
		t.Helper()
		counts, err := s.Causes(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, c := range counts {
			claimed, computed := c.Claimed, c.Computed
			fmt.Fprintf(&b, "%s %s %s %s %q %v %d: %s, %s\n", c.Month, c.CPO, c.EMSP, c.Currency, c.Cause, c.Readings, c.Count, claimed.Excl, computed.Excl)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	exw := ocpi.NewParty("NL", "EXW")
	check(settlement.SettlementQuery{From: jan, To: jan}, `2019-01 GB*DUN DE*TNM GBP "" [] 2: 7, 7
2019-01 GB*DUN DE*TNM GBP "unknown" [] 1: 0.01, 0
2019-01 GB*DUN NL*EXW GBP "" [] 1: 10, 10
2019-01 GB*DUN NL*EXW GBP "several" [STEP_NONE zone_utc] 1: 7, 7
2019-01 GB*DUN NL*EXW GBP "vat_forgotten" [] 1: 7.5, 7
`)
	relate(t, relater(s)) // k1 cancels c3
	check(settlement.SettlementQuery{From: jan, To: jan, EMSP: exw, Currency: "GBP"}, `2019-01 GB*DUN NL*EXW GBP "" [] 1: 10, 10
2019-01 GB*DUN NL*EXW GBP "several" [STEP_NONE zone_utc] 1: 7, 7
`)
}
