package main

import (
	"strings"
)

// clean are objects in which nothing is to be found, by version and kind. NL and QQQ
// are their owner, X1 their id.
var clean = map[string]map[string]string{
	"2.1.1": {
		"locations": `{"id":"X1","type":"ON_STREET","name":"Kade","address":"Kade 1","city":"Utrecht","postal_code":"3511","country":"NLD","coordinates":{"latitude":"52.090000","longitude":"5.120000"},"evses":[` +
			`{"uid":"E1","evse_id":"NL*QQQ*E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","voltage":230,"amperage":16,"last_updated":"2025-03-01T00:00:00Z"}],"last_updated":"2025-03-01T00:00:00Z"}],` +
			`"time_zone":"Europe/Amsterdam","last_updated":"2025-03-01T00:00:00Z"}`,
		"sessions": `{"id":"X1","start_datetime":"2025-03-04T11:00:00Z","kwh":1.5,"auth_id":"NL-EMP-C00000001","auth_method":"WHITELIST","location":LOCATION,"currency":"EUR",` +
			`"charging_periods":[{"start_date_time":"2025-03-04T11:00:00Z","dimensions":[{"type":"ENERGY","volume":1.5}]}],"status":"ACTIVE","last_updated":"2025-03-04T11:00:00Z"}`,
		"cdrs": `{"id":"X1","start_date_time":"2025-03-04T11:00:00Z","stop_date_time":"2025-03-04T12:00:00Z","auth_id":"NL-EMP-C00000001","auth_method":"WHITELIST","location":LOCATION,"currency":"EUR",` +
			`"charging_periods":[{"start_date_time":"2025-03-04T11:00:00Z","dimensions":[{"type":"ENERGY","volume":10}]}],"total_cost":3.5,"total_energy":10,"total_time":1,"last_updated":"2025-03-04T12:01:00Z"}`,
		"tariffs": `{"id":"X1","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.35,"step_size":1}]}],"last_updated":"2025-03-01T00:00:00Z"}`,
		"tokens":  `{"uid":"X1","type":"RFID","auth_id":"NL-QQQ-C00000001","issuer":"Us","valid":true,"whitelist":"ALWAYS","last_updated":"2025-03-01T00:00:00Z"}`,
	},
	"2.2.1": {
		"locations": `{"country_code":"NL","party_id":"QQQ","id":"X1","publish":true,"name":"Kade","address":"Kade 1","city":"Utrecht","postal_code":"3511","country":"NLD","coordinates":{"latitude":"52.090000","longitude":"5.120000"},"evses":[` +
			`{"uid":"E1","evse_id":"NL*QQQ*E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":16,"last_updated":"2025-03-01T00:00:00Z"}],"last_updated":"2025-03-01T00:00:00Z"}],` +
			`"time_zone":"Europe/Amsterdam","last_updated":"2025-03-01T00:00:00Z"}`,
		"sessions": `{"country_code":"NL","party_id":"QQQ","id":"X1","start_date_time":"2025-03-04T11:00:00Z","kwh":1.5,"cdr_token":{"country_code":"NL","party_id":"EMP","uid":"U1","type":"RFID","contract_id":"NL-EMP-C00000001"},"auth_method":"WHITELIST",` +
			`"location_id":"X1","evse_uid":"E1","connector_id":"1","currency":"EUR","charging_periods":[{"start_date_time":"2025-03-04T11:00:00Z","dimensions":[{"type":"ENERGY","volume":1.5}]}],"status":"ACTIVE","last_updated":"2025-03-04T11:00:00Z"}`,
		"cdrs": `{"country_code":"NL","party_id":"QQQ","id":"X1","start_date_time":"2025-03-04T11:00:00Z","end_date_time":"2025-03-04T12:00:00Z","session_id":"X1","cdr_token":{"country_code":"NL","party_id":"EMP","uid":"U1","type":"RFID","contract_id":"NL-EMP-C00000001"},"auth_method":"WHITELIST",` +
			`"cdr_location":{"id":"X1","address":"Kade 1","city":"Utrecht","postal_code":"3511","country":"NLD","coordinates":{"latitude":"52.090000","longitude":"5.120000"},"evse_uid":"E1","evse_id":"NL*QQQ*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},` +
			`"currency":"EUR","charging_periods":[{"start_date_time":"2025-03-04T11:00:00Z","dimensions":[{"type":"ENERGY","volume":10}]}],"total_cost":{"excl_vat":3.5},"total_energy":10,"total_time":1,"last_updated":"2025-03-04T12:01:00Z"}`,
		"tariffs": `{"country_code":"NL","party_id":"QQQ","id":"X1","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.35,"vat":21,"step_size":1}]}],"last_updated":"2025-03-01T00:00:00Z"}`,
		"tokens":  `{"country_code":"NL","party_id":"QQQ","uid":"X1","type":"RFID","contract_id":"NL-QQQ-C00000001","issuer":"Us","valid":true,"whitelist":"ALWAYS","last_updated":"2025-03-01T00:00:00Z"}`,
	},
}

func init() {
	newest := map[string]string{}
	for kind, body := range clean["2.2.1"] {
		newest[kind] = strings.NewReplacer(`"excl_vat"`, `"before_taxes"`, `"currency":"EUR","elements"`, `"currency":"EUR","tax_included":"NO","elements"`).Replace(body)
	}
	newest["invoicereconciliation"] = `{"country_code":"NL","party_id":"QQQ","id":"X1","invoice_id":"2025/3","cdrs":["C1"],"last_updated":"2025-04-01T00:00:00Z"}`
	clean["2.3.0"] = newest
	for kind, body := range clean["2.1.1"] {
		clean["2.1.1"][kind] = strings.ReplaceAll(body, "LOCATION", clean["2.1.1"]["locations"])
	}
}
