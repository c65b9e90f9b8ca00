package ocpi

import (
	"slices"
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
		if got := findingsText(c.Findings); got != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.member, got, tt.want)
		}
	}
}

func TestCDRRefuses(t *testing.T) {
	tests := []struct {
		member string
		paths  []string
	}{
		{`"country_code":"NLD"`, []string{"country_code"}},
		{`"country_code":{}`, []string{"country_code"}},
		{`"party_id":"A B"`, []string{"party_id"}},
		{`"id":""`, []string{"id"}},
		{`"id":["1"]`, []string{"id"}},
		{`"id":"é"`, []string{"id"}},
		{`"id":"` + strings.Repeat("a", MaxIdentity+1) + `"`, []string{"id"}},
		{`"id":null`, []string{"id"}},
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
}

// No odd member but the identity loses a CDR. What cannot be read and a price
// rests on is in Unread, and everything odd is a finding that names its field.
func TestCDRIsReadAsFarAsItCanBe(t *testing.T) {
	tests := []struct{ member, findings, unread string }{
		{`"id":12`, `wrong_type id`, ``},
		{`"id":"` + strings.Repeat("a", 40) + `"`, `too_long id`, ``},
		{`"start_date_time":"2020-01-01 00:00:00Z"`, `datetime_spelling start_date_time`, ``},
		{`"start_date_time":"2020-01-01"`, `unreadable_member start_date_time`, ``},
		{`"start_date_time":1577836800`, `datetime_spelling start_date_time`, ``},
		{`"end_date_time":"0001-01-01T00:00:00Z"`, `datetime_out_of_range end_date_time`, ``},
		{`"currency":"EURO"`, `unreadable_member currency`, ``},
		{`"currency":null`, `missing_field currency`, ``},
		{`"charging_periods":[]`, `empty_list charging_periods`, ``},
		{`"charging_periods":null`, `missing_field charging_periods`, ``},
		{`"charging_periods":{"start_date_time":"2020-01-01T00:00:00Z","dimensions":{"type":"TIME","volume":1}}`,
			`wrong_type charging_periods, wrong_type charging_periods[0].dimensions`, ``},
		{`"charging_periods":[null,{"start_date_time":true,"dimensions":[{"volume":"x"},7,{"type":"POWER","volume":"x"},{"type":"ENERGY","volume":null}]}]`,
			`empty_element charging_periods[0], unreadable_member charging_periods[1].start_date_time, ` +
				`unreadable_member charging_periods[1].dimensions[0].volume, missing_field charging_periods[1].dimensions[0].type, ` +
				`unreadable_member charging_periods[1].dimensions[1], session_only_dimension charging_periods[1].dimensions[2].type, ` +
				`unreadable_member charging_periods[1].dimensions[2].volume, missing_field charging_periods[1].dimensions[3].volume`,
			`charging_periods[1].start_date_time charging_periods[1].dimensions[0].type charging_periods[1].dimensions[1] charging_periods[1].dimensions[3].volume`},
		{`"charging_periods":[{"start_date_time":"2020-01-01T00:00:00Z","dimensions":[{"type":"energy","volume":0.30000000000000004}]}]`,
			`enum_case charging_periods[0].dimensions[0].type, number_rounded charging_periods[0].dimensions[0].volume`, ``},
		{`"total_cost":1`, `price_form total_cost`, ``},
		{`"total_cost":"1.20"`, `price_form total_cost, quoted_number total_cost`, ``},
		{`"total_cost":[{"excl_vat":1}]`, `wrong_type total_cost`, ``},
		{`"total_cost":[]`, `wrong_type total_cost`, ``},
		{`"total_cost":{"incl_vat":1}`, `missing_field total_cost.excl_vat`, ``},
		{`"total_cost":{"before_taxes":1}`, `price_form total_cost`, ``},
		{`"total_energy":1234567890123456789`, `unreadable_member total_energy`, ``},
		{`"total_energy":true`, `wrong_type total_energy`, ``},
		{`"total_energy":"1,5"`, `quoted_number total_energy`, ``},
		{`"total_energy":"1,500"`, `unreadable_member total_energy`, ``},
		{`"total_energy":""`, `empty_value total_energy`, ``},
		{`"credit":true`, `missing_field credit_reference_id`, ``},
		{`"credit":"false"`, `wrong_type credit`, ``},
		{`"credit":"perhaps"`, `unreadable_member credit`, `credit`},
		{`"cdr_token":{}`, `missing_field cdr_token.country_code, missing_field cdr_token.party_id, missing_field cdr_token.uid, ` +
			`missing_field cdr_token.contract_id, missing_field cdr_token.type`, ``},
		{`"cdr_token":5`, `unreadable_member cdr_token`, ``},
		{`"auth_method":"whitelist"`, `enum_case auth_method`, ``},
		{`"session_id":7`, `wrong_type session_id`, ``},
		{`"tariffs":[null]`, `empty_element tariffs[0]`, ``},
		{`"credit_reference_id":""`, `empty_id credit_reference_id`, ``},
	}
	var d Decoder
	for _, tt := range tests {
		c, err := d.CDR(V221, cdrWith(tt.member))
		if err != nil {
			t.Errorf("%s: %v", tt.member, err)
			continue
		}
		if got := findingsText(c.Findings); got != tt.findings {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.member, got, tt.findings)
		}
		if got := unreadText(c.Unread); got != tt.unread {
			t.Errorf("%s: unread %q, want %q", tt.member, got, tt.unread)
		}
	}
}

func findingsText(findings []Finding) string {
	var got []string
	for _, f := range findings {
		got = append(got, f.Code+" "+f.Path)
	}
	return strings.Join(got, ", ")
}

func unreadText(unread []FieldError) string {
	var got []string
	for _, f := range unread {
		got = append(got, f.Path)
	}
	return strings.Join(got, " ")
}

// What is odd in a tariff is read, or nothing is priced by that tariff: the CDR
// and its other tariffs are as they are without it.
func TestTariffIsReadAsFarAsItCanBe(t *testing.T) {
	tests := []struct{ element, unread string }{
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}],"restrictions":[]}`, ``},
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}],"restrictions":[{"start_time":"08:00:00","end_time":"19:59:59"}]}`, ``},
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}],"restrictions":{"start_time":"9:00","end_time":"24:00"}}`, ``},
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}],"restrictions":{"start_date":"2025-1-1","day_of_week":"Mon"}}`, ``},
		{`{"price_components":[null,{"type":"Parking Time","price":"0.25","step_size":"1.0","vat":null}],"restrictions":null}`, ``},
		{`{"price_components":{"type":"ENERGY","price":[0.25],"step_size":null}}`, ``},
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}],"restrictions":[{},{}]}`, `elements[0].restrictions`},
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}],"restrictions":"none"}`, `elements[0].restrictions`},
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}],"restrictions":{"start_time":"09:00Z"}}`, `elements[0].restrictions.start_time`},
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}],"restrictions":{"start_date":"01/02/2025"}}`, `elements[0].restrictions.start_date`},
		{`{"price_components":[{"type":"ENERGY","price":0.25,"step_size":-1},{"type":"TIME","price":1,"step_size":1.5}]}`,
			`elements[0].price_components[0].step_size elements[0].price_components[1].step_size`},
		{`{"price_components":[{"type":"ENERGY","price":"much"}],"restrictions":{"min_kwh":"a","day_of_week":["MON","FOO"]}}`,
			`elements[0].price_components[0].price elements[0].restrictions.day_of_week[1] elements[0].restrictions.min_kwh`},
	}
	var d Decoder
	for _, tt := range tests {
		const other = `{"id":"other","currency":"EUR","elements":[{"price_components":[{"type":"TIME","price":1,"step_size":1}]}]}`
		c, err := d.CDR(V221, cdrWith(`"tariffs":[{"id":"t","currency":"EUR","elements":[`+tt.element+`]},`+other+`]`))
		if err != nil || len(c.Tariffs) != 2 || len(c.Unread) > 0 || len(c.Tariffs[1].Unread) > 0 || c.Tariffs[1].Elements[0].Components[0].Type != ComponentTime {
			t.Errorf("%s: %v: %+v", tt.element, err, c)
			continue
		}
		got := strings.Fields(strings.ReplaceAll(unreadText(c.Tariffs[0].Unread), "tariffs[0].", ""))
		slices.Sort(got)
		if strings.Join(got, " ") != tt.unread {
			t.Errorf("%s: unread %q, want %q", tt.element, got, tt.unread)
		}
	}
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
		c, err := d.CDR(V221, cdrWith(tt.member))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		unread := c.Unread
		for i := range c.Tariffs {
			unread = append(unread, c.Tariffs[i].Unread...)
		}
		got := unreadText(unread)
		if tt.path == "tariffs" { // of which the engine looks at fewer
			got = strings.TrimSpace(strings.Repeat("tariffs", min(1, len(c.Tariffs)-MaxTariffs+1)))
		}
		if got != tt.path {
			t.Errorf("%s: unread %.200q, want %q", tt.name, got, tt.path)
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
	c, err = d.CDR(V221, cdrWith(dimensions(wrong)))
	if err != nil || len(c.Findings) != maxNotes+1 || len(c.Unread) != maxUnread {
		t.Errorf("unread: %d findings, %d unread, %v", len(c.Findings), len(c.Unread), err)
	}
	// The first of each kind is listed all the same: there may be a policy about it.
	c, err = d.CDR(V221, cdrWith(dimensions(quoted+`{"type":"time","volume":"1"},`)))
	if err != nil || !slices.ContainsFunc(c.Findings, func(f Finding) bool { return f.Code == "enum_case" }) || len(c.Findings) != maxNotes+1 {
		t.Errorf("enum_case is not among %d findings, %v", len(c.Findings), err)
	}
	c, err = d.CDR(V221, cdrWith(strings.TrimSuffix(dimensions(quoted), "]}]")+`,{"type":"time","volume":1}]}]`))
	if err != nil || !slices.ContainsFunc(c.Findings, func(f Finding) bool { return f.Code == "enum_case" }) || len(c.Findings) != maxNotes+2 {
		t.Errorf("enum_case is not among %d findings, %v", len(c.Findings), err)
	}
}
