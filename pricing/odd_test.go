package pricing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// placed is billed with a Location in a zone that the test names.
type placed struct {
	billed
	zone string
}

func (z placed) Zone(ocpi.Key, string, ocpi.Time, int64) (string, string) { return z.zone, "location" }

// oddCDR replaces parts of a clean CDR of 20 kWh, 5.00 and 6.00 with VAT.
func oddCDR(t *testing.T, parts ...string) ingest.Record {
	t.Helper()
	body := cdr("a", "EXW", tariff, `{"excl_vat":5.00,"incl_vat":6.00}`)
	for i := 0; i < len(parts); i += 2 {
		if !strings.Contains(body, parts[i]) {
			t.Fatalf("no %s to replace", parts[i])
		}
		body = strings.Replace(body, parts[i], parts[i+1], 1)
	}
	rec := records(body)[0]
	rec.Received = ocpi.TimeOf(time.Date(2019, 1, 5, 12, 0, 0, 0, time.UTC))
	return rec
}

// What partners really send: each is accepted, read or not, priced or not, with
// its claim. A clean neighbour has no finding.
func TestWhatPartnersSend(t *testing.T) {
	const night = `"price_components":[{"type":"ENERGY","price":9,"vat":20,"step_size":1}],"restrictions":`
	const elements = `"elements":[`
	for name, c := range map[string]struct {
		parts  []string
		result string // status and claim, or the reason
		total  string
		finds  string // codes and paths
	}{
		"clean":          {nil, "priced agrees", "5.00/6.00", ""},
		"a binary float": {[]string{`"volume":20`, `"volume":20.000000000000004`}, "priced agrees", "5.00/6.00", "number_rounded charging_periods[0].dimensions[0].volume"},
		"a claim as a binary float": {[]string{`"excl_vat":5.00,"incl_vat":6.00`, `"excl_vat":5.0000000000000001,"incl_vat":5.9999999999999996`},
			"priced agrees", "5.00/6.00", "number_rounded total_cost.excl_vat number_rounded total_cost.incl_vat"},
		"a space in a DateTime": {[]string{`"start_date_time":"2019-01-05T10:00:00Z","end`, `"start_date_time":"2019-01-05 10:00:00+00:00","end`}, "priced agrees", "5.00/6.00",
			"datetime_spelling start_date_time"},
		"seconds since 1970": {[]string{`"end_date_time":"2019-01-05T11:00:00Z"`, `"end_date_time":1546686000`}, "priced agrees", "5.00/6.00", "datetime_spelling end_date_time"},
		"a tariff for ever": {[]string{`"id":"T1",`, `"id":"T1","start_date_time":"0001-01-01T00:00:00Z","end_date_time":"9999-12-31T23:59:59Z",`}, "priced agrees", "5.00/6.00",
			"datetime_out_of_range tariffs[0].start_date_time datetime_out_of_range tariffs[0].end_date_time"},
		"restrictions in an array": {[]string{elements, elements + `{` + night + `[{"start_time":"22:00:00","end_time":"24:00"}]},`}, "priced agrees", "5.00/6.00",
			"wrong_type tariffs[0].elements[0].restrictions time_spelling tariffs[0].elements[0].restrictions.start_time time_spelling tariffs[0].elements[0].restrictions.end_time"},
		"no restrictions in an array": {[]string{`"step_size":1}]`, `"step_size":1}],"restrictions":[]`}, "priced agrees", "5.00/6.00", "wrong_type tariffs[0].elements[0].restrictions"},
		"a type in small letters":     {[]string{`{"type":"ENERGY","price"`, `{"type":"energy","price"`}, "priced agrees", "5.00/6.00", "enum_case tariffs[0].elements[0].price_components[0].type"},
		"an amount as a number":       {[]string{`{"excl_vat":5.00,"incl_vat":6.00}`, `5.00`}, "priced agrees", "5.00/6.00", "price_form total_cost"},
		"no total":                    {[]string{`"total_cost":{"excl_vat":5.00,"incl_vat":6.00},`, ``}, "priced absent", "5.00/6.00", "missing_field total_cost"},
		"a tariff, not a list of them": {[]string{`"tariffs":[`, `"tariffs":`, `"2019-01-01T00:00:00Z"}]`, `"2019-01-01T00:00:00Z"}`}, "priced agrees", "5.00/6.00",
			"wrong_type tariffs"},
		"an odd tariff that is not used": {[]string{`"tariffs":[`, `"tariffs":[{"id":"T9","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":{},"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z","country_code":"GB","party_id":"DUN"},`},
			"priced agrees", "5.00/6.00", "unreadable_member tariffs[0].elements[0].price_components[0].price"},
		"an odd tariff that is": {[]string{`"price":0.25`, `"price":"a quarter"`}, "unreadable_member", "", "unreadable_member tariffs[0].elements[0].price_components[0].price"},
		"a volume in words":     {[]string{`"volume":20`, `"volume":"twenty"`}, "unreadable_member", "", "unreadable_member charging_periods[0].dimensions[0].volume"},
		"no periods":            {[]string{`"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}],"tariff_id":"T1"}]`, `"charging_periods":null`}, "no_charging_periods", "", "missing_field charging_periods"},
		"no currency":           {[]string{`"currency":"GBP","tariffs"`, `"currency":"quid","tariffs"`}, "no_currency", "", "unreadable_member currency"},
		"no times":              {[]string{`"start_date_time":"2019-01-05T10:00:00Z","end`, `"start_date_time":"yesterday","end`}, "times_unknown", "", "unreadable_member start_date_time"},
		"a credit, perhaps":     {[]string{`"currency":"GBP","tariffs"`, `"credit":"perhaps","currency":"GBP","tariffs"`}, "unreadable_member", "", "unreadable_member credit"},
		"a charge in the future": {[]string{`"start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T11:00:00Z"`, `"start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T12:16:00Z"`},
			"priced agrees", "5.00/6.00", "charge_in_the_future end_date_time"},
		"a clock that is ahead": {[]string{`"start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T11:00:00Z"`, `"start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T12:15:00Z"`},
			"priced agrees", "5.00/6.00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := pricing.NewPricer(billed{}, policies{})
			rec := oddCDR(t, c.parts...)
			var row, neighbour pricing.Row
			p.Price(&rec, &row, pricing.AsOf{})
			clean := oddCDR(t)
			p.Price(&clean, &neighbour, pricing.AsOf{})
			o := &row.Outcome
			result, total := o.Status.String()+" "+o.Claim.String(), o.Computed.Excl.String()+"/"+o.Computed.Incl.String()
			if o.Status == pricing.Rejected {
				result, total = o.Reason, ""
				if name != "an amount as a number" && o.Claimed.Excl.Cmp(ocpi.MustNumber("5")) != 0 {
					t.Errorf("claims %s", o.Claimed.Excl)
				}
			}
			if total != "" {
				total = ocpi.MustNumber(o.Computed.Excl.Decimal().StringFixed(2)).String() + "/" + ocpi.MustNumber(o.Computed.Incl.Decimal().StringFixed(2)).String()
			}
			if result != c.result || total != c.total {
				t.Errorf("%s %s (%s), want %s %s", result, total, o.Detail, c.result, c.total)
			}
			if got := interesting(o.Findings); got != c.finds {
				t.Errorf("findings\n%s, want\n%s", got, c.finds)
			}
			if row.Booked().String() != "2019-01" {
				t.Errorf("booked in %s", row.Booked())
			}
			if n := &neighbour.Outcome; n.Status != pricing.Priced || interesting(n.Findings) != "" {
				t.Errorf("a clean neighbour is %s with %v", n.Status, n.Findings)
			}
		})
	}
}

// beside are findings of the audit about the example, whatever is odd in it.
var beside = []string{"energy_above_power", "time_does_not_add_up", "tariff_changed_after_start", "period_not_split", "vat_absent"}

// interesting lists the other findings.
func interesting(findings []ocpi.Finding) string {
	var out []string
	for _, f := range findings {
		if !slices.Contains(beside, f.Code) {
			out = append(out, f.Code+" "+f.Path)
		}
	}
	return strings.Join(out, " ")
}

// The zone of a Location is understood in other words too; one that is none is
// as good as no zone, and the country tells it if it has only one.
func TestZonesThatPartnersName(t *testing.T) {
	const hours = `"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"`
	const summer = `"step_size":1}],"restrictions":{"start_time":"11:30","end_time":"12:30"}},{"price_components":[{"type":"ENERGY","price":9,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"`
	july := []string{hours, summer}
	for i := range 3 { // start, end, period
		july = append(july, []string{`"2019-01-05T10:00:00Z"`, `"2019-01-05T11:00:00Z"`, `"2019-01-05T10:00:00Z"`}[i],
			[]string{`"2018-07-05T10:00:00Z"`, `"2018-07-05T11:00:00Z"`, `"2018-07-05T10:00:00Z"`}[i])
	}
	// 10:00 UTC in July is within the window at 12:00 in Amsterdam.
	for _, c := range []struct{ zone, country, used, source, finds string }{
		{"Europe/Amsterdam", "NLD", "Europe/Amsterdam", "location", ""},
		{"europe/amsterdam", "NLD", "Europe/Amsterdam", "location", "time_zone_alias time_zone"},
		{"W. Europe Standard Time", "NLD", "Europe/Berlin", "location", "time_zone_alias time_zone"},
		{"UTC+1", "NLD", "Europe/Amsterdam", "country", "time_zone_offset time_zone"},
		{"UTC+02:00", "NLD", "Europe/Amsterdam", "country", "time_zone_offset time_zone"},
		{"+0200", "ESP", "UTC+02:00", "location", "time_zone_offset time_zone"},
		{"GMT+2", "NLD", "Europe/Amsterdam", "country", "time_zone_offset time_zone"},
		{"(UTC+02:00) Athens, Bucharest", "ESP", "UTC+02:00", "location", "time_zone_offset time_zone"},
		{"CEST", "ESP", "CET", "location", "time_zone_alias time_zone"},
		{"Amsterdam", "NLD", "Europe/Amsterdam", "country", "unknown_time_zone time_zone"},
		{"Amsterdam", "NL", "Europe/Amsterdam", "country", "country_alpha2 cdr_location.country unknown_time_zone time_zone"},
		{"", "nld", "Europe/Amsterdam", "country", ""},
	} {
		rec := oddCDR(t, append([]string{`"country":"GBR"`, `"country":"` + c.country + `"`}, july...)...)
		var row pricing.Row
		pricing.NewPricer(placed{zone: c.zone}, policies{}).Price(&rec, &row, pricing.AsOf{})
		o := &row.Outcome
		if o.Status != pricing.Priced || o.TimeZone != c.used || o.ZoneSource != c.source || o.Claim.String() != "agrees" {
			t.Errorf("%q in %s: %s %s in %q by %q, claim %s", c.zone, c.country, o.Status, o.Detail, o.TimeZone, o.ZoneSource, o.Claim)
		}
		if got := interesting(o.Findings); !strings.HasPrefix(got, c.finds) || c.finds == "" && got != "" {
			t.Errorf("%q in %s: findings %q, want %q", c.zone, c.country, got, c.finds)
		}
	}
}
