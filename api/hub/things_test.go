package hub

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// thing is an object of a party, "GB/DUN", with or for another one, "" = everybody.
// Its body says so in a member that OCPI does not know.
type thing struct{ kind, owner, other, id string }

func (g thing) secret() string { return g.kind + " " + g.id + " of " + g.owner + " for " + g.other }

const (
	place221    = `"address":"Kade 1","city":"Utrecht","country":"NLD","coordinates":{"latitude":"52.090000","longitude":"5.120000"}`
	evse211     = `"evses":[{"uid":"E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","voltage":230,"amperage":16,"last_updated":"2019-01-01T00:00:00Z"}],"last_updated":"2019-01-01T00:00:00Z"}]`
	periods     = `"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":10}]}]`
	chargedWith = `"cdr_token":{"country_code":"OC","party_id":"OPY","uid":"X1","type":"RFID","contract_id":"OC-OPY-C00000001"},"auth_method":"WHITELIST"`
	updated     = `,"secret":"SECRET","last_updated":"2019-01-05T12:00:00Z"}`
)

// bodies are those of things by version and kind. CC and PTY are the owner, OC and OPY
// the other, ID is the id.
var bodies = map[ocpi.Version]map[string]string{
	ocpi.V211: {
		"locations": `{"id":"ID","type":"ON_STREET","postal_code":"3511",` + place221 + `,` + evse211 + updated,
		"tariffs":   `{"id":"ID","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.35,"step_size":1}]}]` + updated,
		"sessions": `{"id":"ID","start_datetime":"2019-01-05T10:00:00Z","kwh":10,"auth_id":"OC-OPY-C00000001","auth_method":"WHITELIST","location":{"id":"X1","type":"ON_STREET","postal_code":"3511",` + place221 + `,` + evse211 +
			`,"last_updated":"2019-01-01T00:00:00Z"},"currency":"EUR",` + periods + `,"status":"ACTIVE"` + updated,
		"cdrs": `{"id":"ID","start_date_time":"2019-01-05T10:00:00Z","stop_date_time":"2019-01-05T12:00:00Z","auth_id":"OC-OPY-C00000001","auth_method":"WHITELIST","location":{"id":"X1","type":"ON_STREET","postal_code":"3511",` + place221 + `,` + evse211 +
			`,"last_updated":"2019-01-01T00:00:00Z"},"currency":"EUR",` + periods + `,"total_cost":3.5,"total_energy":10,"total_time":2` + updated,
		"tokens": `{"uid":"ID","type":"RFID","auth_id":"CC-PTY-C00000001","issuer":"Us","valid":true,"whitelist":"ALWAYS"` + updated,
	},
	ocpi.V221: {
		"locations": `{"country_code":"CC","party_id":"PTY","id":"ID","publish":true,` + place221 + `,"time_zone":"Europe/Amsterdam",` + strings.NewReplacer(`"voltage"`, `"max_voltage"`, `"amperage"`, `"max_amperage"`).Replace(evse211) + updated,
		"tariffs":   `{"country_code":"CC","party_id":"PTY","id":"ID","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.35,"step_size":1}]}]` + updated,
		"sessions": `{"country_code":"CC","party_id":"PTY","id":"ID","start_date_time":"2019-01-05T10:00:00Z","kwh":10,` + chargedWith +
			`,"location_id":"X1","evse_uid":"E1","connector_id":"1","currency":"EUR",` + periods + `,"status":"ACTIVE"` + updated,
		"cdrs": `{"country_code":"CC","party_id":"PTY","id":"ID","start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T12:00:00Z",` + chargedWith + `,"cdr_location":{"id":"X1",` + place221 +
			`,"evse_uid":"E1","evse_id":"CC*PTY*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},"currency":"EUR",` + periods +
			`,"total_cost":{"excl_vat":3.5},"total_energy":10,"total_time":2` + updated,
		"tokens": `{"country_code":"CC","party_id":"PTY","uid":"ID","type":"RFID","contract_id":"CC-PTY-C00000001","issuer":"Us","valid":true,"whitelist":"ALWAYS"` + updated,
	},
}

func init() {
	newest := map[string]string{"invoicereconciliation": `{"country_code":"CC","party_id":"PTY","id":"ID","invoice_id":"2019/1","cdrs":["X1"]` + updated}
	for kind, body := range bodies[ocpi.V221] {
		newest[kind] = strings.NewReplacer(`"excl_vat"`, `"before_taxes"`, `"currency":"EUR","elements"`, `"currency":"EUR","tax_included":"NO","elements"`).Replace(body)
	}
	bodies[ocpi.V230] = newest
}

// in is a thing's body as a version has it.
func (g thing) in(v ocpi.Version) string {
	country, party, _ := strings.Cut(g.owner, "/")
	otherCountry, other, _ := strings.Cut(g.other, "/")
	return strings.NewReplacer(`"CC`, `"`+country, `-PTY-`, "-"+party+"-", `*PTY*`, "*"+party+"*", `"PTY"`, `"`+party+`"`,
		`"OC`, `"`+otherCountry, `-OPY-`, "-"+other+"-", `"OPY"`, `"`+other+`"`, `"ID"`, `"`+g.id+`"`, "SECRET", g.secret()).Replace(bodies[v][g.kind])
}

// things are what the partners of a whole hub have here.
var things = []thing{
	{"locations", "GB/DUN", "", "X1"}, {"locations", "GB/PKC", "", "X3"}, {"locations", "DE/BOT", "", "X4"}, {"locations", "FR/BEL", "", "X2"}, {"locations", "FR/NAP", "", "X5"},
	{"tariffs", "GB/DUN", "", "X1"}, {"tariffs", "FR/BEL", "", "X1"}, {"tariffs", "FR/NAP", "", "X1"}, {"tariffs", "DE/BOT", "", "X1"},
	{"tariffs", "GB/DUN", "NL/EXW", "X1"}, {"tariffs", "FR/BEL", "DE/TNM", "X1"},
	{"sessions", "GB/DUN", "NL/EXW", "X1"}, {"sessions", "GB/DUN", "DE/TNM", "X2"}, {"sessions", "GB/PKC", "DE/TNM", "X1"}, {"sessions", "FR/BEL", "DE/TNM", "X1"}, {"sessions", "DE/BOT", "NL/EXW", "X1"},
	{"cdrs", "GB/DUN", "NL/EXW", "X1"}, {"cdrs", "GB/DUN", "DE/TNM", "X2"}, {"cdrs", "FR/BEL", "DE/TNM", "X1"}, {"cdrs", "DE/BOT", "NL/EXW", "X1"},
	{"tokens", "NL/EXW", "", "X1"}, {"tokens", "DE/TNM", "", "X1"}, {"tokens", "DE/BOT", "", "X1"},
	{"invoicereconciliation", "GB/DUN", "NL/EXW", "X1"}, {"invoicereconciliation", "FR/BEL", "DE/TNM", "X1"}, {"invoicereconciliation", "NL/EXW", "GB/DUN", "X1"},
}

// tokenOf are the tokens of parties.
var tokenOf = map[string]string{
	"GB/DUN": dundeeToken, "GB/PKC": dundeeToken, "FR/BEL": belToken, "DE/BOT": bothToken, "FR/NAP": napToken,
	"NL/EXW": exwToken, "DE/TNM": tnmToken, "DE/NSP": nspToken, "NL/SMA": smaToken,
}

// furnish has partners push things.
func (w *whole) furnish(t testing.TB, list ...thing) {
	t.Helper()
	for _, g := range list {
		v, method, path := ocpi.V221, http.MethodPut, "/"+g.owner+"/"+g.id
		var headers []string
		if country, party, ok := strings.Cut(g.other, "/"); ok && (g.kind == "tariffs" || g.kind == "invoicereconciliation") {
			headers = []string{"OCPI-to-country-code", country, "OCPI-to-party-id", party}
		}
		switch g.kind {
		case "cdrs":
			method, path = http.MethodPost, ""
		case "invoicereconciliation":
			v = ocpi.V230
		}
		w.do(t, tokenOf[g.owner], method, "/"+v.String()+"/receiver/"+g.kind+path, g.in(v), headers...)
	}
}
