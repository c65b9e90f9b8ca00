package owned

import (
	"fmt"
	"strings"
)

// Bodies as partners push them; @ID@ stands for the id.
const (
	tokenBody = `{"country_code":"NL","party_id":"EXW","uid":"@ID@","type":"RFID","contract_id":"NL-EXW-C@ID@","issuer":"Example Works","valid":true,"whitelist":"ALWAYS","last_updated":"2025-01-01T00:00:00Z"}`

	sessionBody = `{"country_code":"GB","party_id":"DUN","id":"@ID@","start_date_time":"2025-01-01T10:00:00Z","kwh":1.5,` +
		`"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"012345678","type":"RFID","contract_id":"NL-EXW-C1"},"auth_method":"WHITELIST",` +
		`"location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"GBP","charging_periods":[{"start_date_time":"2025-01-01T10:00:00Z",` +
		`"dimensions":[{"type":"ENERGY","volume":1.5},{"type":"TIME","volume":0.25}]}],"status":"ACTIVE","last_updated":"2025-01-01T10:15:00Z"}`
	sessionPatch = `{"kwh":2.5,"last_updated":"2026-01-01T10:30:00Z"}`

	tariffBody = `{"country_code":"GB","party_id":"DUN","id":"@ID@","currency":"GBP","type":"REGULAR","elements":[` +
		`{"price_components":[{"type":"FLAT","price":0.50,"vat":20,"step_size":1}],"restrictions":{"min_duration":14400}},` +
		`{"price_components":[{"type":"PARKING_TIME","price":4.80,"vat":20,"step_size":60}]},` +
		`{"price_components":[{"type":"ENERGY","price":@PRICE@,"vat":20,"step_size":1}]}],"last_updated":"2025-01-01T00:00:00Z"}`
)

// locationBody has three EVSEs.
func locationBody() string {
	var evses []string
	for i := range 3 {
		evses = append(evses, fmt.Sprintf(`{"uid":"@ID@-%[1]d","evse_id":"GB*DUN*E@ID@*%[1]d","status":"AVAILABLE","capabilities":["RFID_READER","REMOTE_START_STOP_CAPABLE"],`+
			`"connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"tariff_ids":["P1"],"last_updated":"2025-01-01T00:00:00Z"}],`+
			`"last_updated":"2025-01-01T00:00:00Z"}`, i))
	}
	return `{"country_code":"GB","party_id":"DUN","id":"@ID@","publish":true,"name":"Station @ID@","address":"Greenmarket 1","city":"Dundee","postal_code":"DD1 4QB","country":"GBR",` +
		`"coordinates":{"latitude":"56.457000","longitude":"-2.970000"},"time_zone":"Europe/London","evses":[` + strings.Join(evses, ",") + `],"last_updated":"2025-01-01T00:00:00Z"}`
}

func named(body, id string) []byte { return []byte(strings.ReplaceAll(body, "@ID@", id)) }
