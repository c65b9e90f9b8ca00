package ocpi

import (
	"fmt"
	"strings"
	"testing"
)

// cdrWith returns the smallest good 2.2.1 CDR with one member added.
func cdrWith(member string) []byte {
	const smallest = `{"country_code":"NL","party_id":"ABC","id":"1","start_date_time":"2020-01-01T00:00:00Z","end_date_time":"2020-01-01T01:00:00Z",
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"u","type":"RFID","contract_id":"c"},"auth_method":"WHITELIST",
"cdr_location":{"id":"L","address":"a","city":"c","country":"NLD","coordinates":{"latitude":"52.370216","longitude":"4.895168"},"evse_uid":"e",
"evse_id":"E","connector_id":"1","connector_standard":"CHADEMO","connector_format":"CABLE","connector_power_type":"DC"},"currency":"EUR",
"charging_periods":[{"start_date_time":"2020-01-01T00:00:00Z","dimensions":[{"type":"TIME","volume":1}]}],
"total_cost":{"excl_vat":1},"total_energy":1,"total_time":1,"last_updated":"2020-01-01T01:00:00Z"`
	name, _, _ := strings.Cut(member, ":")
	body := smallest
	if i := strings.Index(smallest, name+":"); member != "" && i >= 0 {
		body = smallest[:i] + `"was_` + smallest[i+1:]
	}
	if member != "" {
		member = "," + member
	}
	return []byte(body + member + "}")
}

func TestCDRFindings(t *testing.T) {
	tests := []struct{ member, want string }{
		{``, ``},
		{`"unknown":{"x":[1,{"y":null}]},"ID":"case matters"`, ``},
		{`"auth_method":null`, `missing_field auth_method`},
		{`"auth_method":"MAGIC"`, `unknown_enum auth_method`},
		{`"auth_method":3`, `wrong_type auth_method`},
		{`"meter_id":"` + strings.Repeat("é", 255) + `"`, ``},
		{`"meter_id":"` + strings.Repeat("é", 256) + `"`, `too_long meter_id`},
		{`"start_date_time":"1970-1-1T00:00:00Z"`, `datetime_unknown start_date_time`},
		{`"start_date_time":"2020-01-01T00:00:00"`, `datetime_without_zone start_date_time`},
		{`"start_date_time":"2020-01-01T00:00:00-05:00"`, `datetime_offset start_date_time`},
		{`"currency":"eur"`, `currency_case currency`},
		{`"total_energy":"1.0"`, `quoted_number total_energy`},
		{`"credit_reference_id":"x"`, `credit_reference_without_credit credit_reference_id`},
		{`"id":"` + strings.Repeat("a", 37) + `"`, `too_long id`},
		{`"charging_periods":[{"start_date_time":"2020-01-01T00:00:00Z","dimensions":[{"type":"FLAT","volume":1},{"type":"CURRENT","volume":1},{"type":"NEW","volume":1}]}]`,
			`flat_dimension charging_periods[0].dimensions[0].type, session_only_dimension charging_periods[0].dimensions[1].type, unknown_enum charging_periods[0].dimensions[2].type`},
		{`"tariffs":[{"id":"t","currency":"EUR","elements":[{"price_components":[{"type":"NEW","price":1}],"restrictions":{"booking":1}}]}]`,
			`unknown_enum tariffs[0].elements[0].price_components[0].type, missing_field tariffs[0].elements[0].price_components[0].step_size, ` +
				`unknown_restriction tariffs[0].elements[0].restrictions.booking, missing_field tariffs[0].last_updated, ` +
				`missing_field tariffs[0].country_code, missing_field tariffs[0].party_id`},
	}
	var d Decoder
	for _, tt := range tests {
		c, err := d.CDR(V221, cdrWith(tt.member))
		if err != nil {
			t.Errorf("%s: %v", tt.member, err)
			continue
		}
		var got []string
		for _, f := range c.Findings {
			got = append(got, f.Code+" "+f.Path)
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.member, strings.Join(got, ", "), tt.want)
		}
	}
}

func TestCDRRefuses(t *testing.T) {
	tests := []struct {
		member string
		paths  []string
	}{
		{`"country_code":"NLD"`, []string{"country_code"}},
		{`"party_id":"A B"`, []string{"party_id"}},
		{`"id":""`, []string{"id"}},
		{`"id":"é"`, []string{"id"}},
		{`"id":"` + strings.Repeat("a", 40) + `"`, []string{"id"}},
		{`"id":null`, []string{"id"}},
		{`"start_date_time":"2020-01-01 00:00:00Z"`, []string{"start_date_time"}},
		{`"start_date_time":"2020-01-01T00:00:60Z"`, []string{"start_date_time"}},
		{`"currency":"EURO"`, []string{"currency"}},
		{`"charging_periods":[]`, []string{"charging_periods"}},
		{`"charging_periods":[null,{"start_date_time":1,"dimensions":[{"volume":"x"},7]}]`, []string{"charging_periods[0]", "charging_periods[1].start_date_time",
			"charging_periods[1].dimensions[0].volume", "charging_periods[1].dimensions[0].type", "charging_periods[1].dimensions[1]"}},
		{`"total_cost":1`, []string{"total_cost"}},
		{`"total_cost":{"incl_vat":1}`, []string{"total_cost.excl_vat"}},
		{`"total_energy":1234567890123456789`, []string{"total_energy"}},
		{`"total_energy":true`, []string{"total_energy"}},
		{`"total_energy":"1,5"`, []string{"total_energy"}},
		{`"credit":true`, []string{"credit_reference_id"}},
		{`"credit":"true"`, []string{"credit"}},
		{`"cdr_token":{}`, []string{"cdr_token.country_code", "cdr_token.party_id", "cdr_token.uid", "cdr_token.contract_id"}},
		{`"cdr_location":{"name":1}`, []string{"cdr_location.id"}},
		{`"tariffs":[{"elements":[{"price_components":[{"price":1,"step_size":-1},{"type":"TIME","step_size":1.5}],"restrictions":{"start_time":"24:00","end_date":"2020-02-30","day_of_week":["MON",null],"min_kwh":"a"}}]}]`,
			[]string{"tariffs[0].elements[0].price_components[0].step_size", "tariffs[0].elements[0].price_components[0].type",
				"tariffs[0].elements[0].price_components[1].step_size", "tariffs[0].elements[0].price_components[1].price",
				"tariffs[0].elements[0].restrictions.start_time", "tariffs[0].elements[0].restrictions.end_date",
				"tariffs[0].elements[0].restrictions.day_of_week[0]", "tariffs[0].elements[0].restrictions.day_of_week[1]",
				"tariffs[0].elements[0].restrictions.min_kwh", "tariffs[0].id", "tariffs[0].currency"}},
	}
	var d Decoder
	for _, tt := range tests {
		_, err := d.CDR(V221, cdrWith(tt.member))
		checkInvalid(t, tt.member, err, tt.paths...)
	}
	_, err := d.CDR(V221, []byte(` [1] `))
	checkInvalid(t, "an array", err, "$")
	_, err = d.CDR(V221, []byte(`null`))
	checkInvalid(t, "null", err, "$")
	_, err = d.CDR(V230, cdrWith(`"total_cost":{"before_taxes":999999999999999999,"taxes":[{"name":"a","amount":1}]}`))
	checkInvalid(t, "taxes beyond bounds", err, "total_cost.taxes")
}

func TestDecoderLimits(t *testing.T) {
	repeat := func(before, element string, n int, after string) string {
		return before + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + after
	}
	const period = `{"start_date_time":"2020-01-01T00:00:00Z","dimensions":[{"type":"TIME","volume":1}]}`
	const element = `{"price_components":[{"type":"TIME","price":1,"step_size":1}]}`
	tariff := func(elements, components int) string {
		e := element
		if components > 0 {
			e = repeat(`{"price_components":[`, `{"type":"TIME","price":1,"step_size":1}`, components, `]}`)
		}
		return repeat(`{"id":"t","currency":"EUR","elements":[`, e, elements, `]}`)
	}
	tests := []struct{ name, member, path string }{
		{"periods", repeat(`"charging_periods":[`, period, MaxPeriods, `]`), ""},
		{"too many periods", repeat(`"charging_periods":[`, period, MaxPeriods+1, `]`), "charging_periods"},
		{"too many dimensions", `"charging_periods":[{"start_date_time":"2020-01-01T00:00:00Z",` + repeat(`"dimensions":[`, `{"type":"TIME","volume":1}`, MaxDimensions+1, `]}]`), "charging_periods[0].dimensions"},
		{"elements", `"tariffs":[` + tariff(500, 0) + "," + tariff(500, 0) + `]`, ""},
		{"too many elements in all", `"tariffs":[` + tariff(500, 0) + "," + tariff(501, 0) + `]`, "tariffs[1].elements"},
		{"too many components", `"tariffs":[` + tariff(1, MaxComponents+1) + `]`, "tariffs[0].elements[0].price_components"},
		{"too many tariffs", repeat(`"tariffs":[`, tariff(1, 0), MaxTariffs+1, `]`), "tariffs"},
	}
	var d Decoder
	for _, tt := range tests {
		_, err := d.CDR(V221, cdrWith(tt.member))
		switch {
		case tt.path == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.path != "" && !strings.Contains(fmt.Sprint(err), tt.path+": more than "):
			t.Errorf("%s: got %.200v, want %s refused", tt.name, err, tt.path)
		}
	}
}

func TestNotesAreBounded(t *testing.T) {
	var d Decoder
	const quoted, wrong = `{"type":"TIME","volume":"1"},`, `{"type":"TIME","volume":true},`
	dimensions := func(s string) string {
		return `"charging_periods":[{"start_date_time":"2020-01-01T00:00:00Z","dimensions":[` + strings.TrimSuffix(strings.Repeat(s, 500), ",") + `]}]`
	}
	c, err := d.CDR(V221, cdrWith(dimensions(quoted)))
	if err != nil || len(c.Findings) != maxNotes+1 || c.Findings[maxNotes].Code != "more_findings" {
		t.Errorf("findings: %d, %v", len(c.Findings), err)
	}
	_, err = d.CDR(V221, cdrWith(dimensions(wrong)))
	if !strings.HasSuffix(fmt.Sprint(err), "$: more fields are wrong than are listed") {
		t.Errorf("field errors: %v", err)
	}
}
