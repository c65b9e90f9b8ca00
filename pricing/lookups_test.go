package pricing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
)

// counting counts the look-ups of one CDR.
type counting struct {
	billed
	asked *int
}

func (c counting) Tariff(ocpi.Key, ocpi.Time, ocpi.Time) *reference.TariffVersion {
	*c.asked++
	return nil
}

func (c counting) TariffsBefore(ocpi.Key, ocpi.Time, int) []*reference.TariffVersion {
	*c.asked++
	return nil
}

// A CDR may name ten thousand tariffs, or carry a thousand: it is rejected before
// they are looked for.
func TestLookUpsAreBounded(t *testing.T) {
	var periods, tariffs []string
	for i := range 5000 {
		periods = append(periods, fmt.Sprintf(`{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}],"tariff_id":"N%d"}`, i))
	}
	for i := range 200 {
		tariffs = append(tariffs, strings.Replace(tariff, `"T1"`, fmt.Sprintf(`"T%d"`, i), 1))
	}
	whole := cdr("a", "EXW", "", `{"excl_vat":9}`)
	i, j := strings.Index(whole, `"charging_periods":[`), strings.Index(whole, `"total_cost"`)
	for _, c := range []struct{ name, body, reason string }{
		{"many names", whole[:i] + `"charging_periods":[` + strings.Join(periods, ",") + `],` + whole[j:], "too_many_tariffs"},
		{"many tariffs", cdr("a", "EXW", strings.Join(tariffs, ","), `{"excl_vat":9}`), "too_many_tariffs"},
		{"as many as may be", cdr("a", "EXW", strings.Join(tariffs[:100], ","), `{"excl_vat":9}`), ""},
	} {
		asked := 0
		var row pricing.Row
		rec := records(c.body)[0]
		pricing.NewPricer(counting{asked: &asked}, policies{}).Price(&rec, &row)
		if row.Outcome.Reason != c.reason || asked > 200 || c.reason != "" && asked > 0 {
			t.Errorf("%s: %s %q after %d look-ups, want %q", c.name, row.Outcome.Status, row.Outcome.Reason, asked, c.reason)
		}
	}
}
