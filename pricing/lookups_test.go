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

func (c counting) Tariff(ocpi.Key, ocpi.Party, ocpi.Time, int64) (*reference.TariffVersion, bool) {
	*c.asked++
	return nil, false
}

func (c counting) TariffsBelow(ocpi.Key, ocpi.Party, int64, int) []*reference.TariffVersion {
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
		pricing.NewPricer(counting{asked: &asked}, policies{}).Price(&rec, &row, pricing.AsOf{})
		if row.Outcome.Reason != c.reason || asked > 200 || c.reason != "" && asked > 0 {
			t.Errorf("%s: %s %q after %d look-ups, want %q", c.name, row.Outcome.Status, row.Outcome.Reason, asked, c.reason)
		}
	}
}

// What a row says of a CDR stays within a multiple of its body, although the
// tariff it is priced with is larger than the CDR.
func TestExplanationStaysWithinTheBody(t *testing.T) {
	var elements, periods []string
	for i := range 45 {
		elements = append(elements, fmt.Sprintf(`{"price_components":[{"type":"ENERGY","price":1,"step_size":1},{"type":"TIME","price":1,"step_size":1},{"type":"PARKING_TIME","price":1,"step_size":1},{"type":"FLAT","price":1,"step_size":1}],"restrictions":{"min_duration":%d,"max_duration":%d,"start_time":"00:01","min_current":1}}`, 60*i, 60*i+60))
		periods = append(periods, fmt.Sprintf(`{"start_date_time":"2019-01-05T10:%02d:00Z","dimensions":[{"type":"ENERGY","volume":1},{"type":"TIME","volume":1},{"type":"PARKING_TIME","volume":1}],"tariff_id":"T1"}`, i))
	}
	body := cdr("a", "EXW", "", `{"excl_vat":9}`)
	i, j := strings.Index(body, `"charging_periods":[`), strings.Index(body, `"total_cost"`)
	body = body[:i] + `"charging_periods":[` + strings.Join(periods, ",") + `],` + body[j:]
	large := pushed{version: ocpi.V221, body: `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[` + strings.Join(elements, ",") + `],"last_updated":"2019-01-01T00:00:00Z"}`}
	var row pricing.Row
	rec := records(body)[0]
	pricing.NewPricer(large, policies{}).Price(&rec, &row, pricing.AsOf{})
	o := &row.Outcome
	if o.Status != pricing.Priced || len(o.Explanation) > 4*len(body) || len(o.Explanation) < 3*len(body) || !strings.Contains(string(o.Explanation), `"missed_left_out":`) {
		t.Errorf("%s %s: an explanation of %d bytes for a body of %d: %.2000s", o.Status, o.Detail, len(o.Explanation), len(body), o.Explanation)
	}
}
