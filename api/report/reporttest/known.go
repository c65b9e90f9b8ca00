package reporttest

import (
	"context"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// Bodies of what partners pushed besides CDRs.
const (
	// DayAndNight is 0.50 to start; 0.45 a kWh from 08:00 to 20:00, else 0.30; 4.80 an hour of
	// parking; at most 20.00. 20 % VAT.
	DayAndNight = `{"country_code":"GB","party_id":"DUN","id":"DAY-NIGHT","currency":"GBP","elements":[
{"price_components":[{"type":"FLAT","price":0.50,"vat":20,"step_size":1}]},
{"price_components":[{"type":"PARKING_TIME","price":4.80,"vat":20,"step_size":60}]},
{"price_components":[{"type":"ENERGY","price":0.45,"vat":20,"step_size":1}],"restrictions":{"start_time":"08:00","end_time":"20:00"}},
{"price_components":[{"type":"ENERGY","price":0.30,"vat":20,"step_size":1}]}],
"max_price":{"excl_vat":20.00,"incl_vat":24.00},"last_updated":"2018-12-01T00:00:00Z"}`
	// 0.40 a kWh, 0.55 beyond 20 kWh; a fee of 8.00 after three hours.
	tiered = `{"country_code":"FR","party_id":"PAR","id":"TIERS","currency":"EUR","tax_included":"NO","elements":[
{"price_components":[{"type":"ENERGY","price":0.40,"vat":20,"step_size":1}],"restrictions":{"max_kwh":20}},
{"price_components":[{"type":"ENERGY","price":0.55,"vat":20,"step_size":1}]},
{"price_components":[{"type":"FLAT","price":8.00,"vat":20,"step_size":1}],"restrictions":{"min_duration":10800}}],
"last_updated":"2018-12-01T00:00:00Z"}`
	// Its author forgot that VAT is a percentage, that Wh are not kWh, and
	// that the first element that fits applies.
	doubtful = `{"country_code":"NL","party_id":"OPL","id":"AC/fast 2","currency":"EUR","type":"regular","elements":[
{"price_components":[{"type":"ENERGY","price":0.39,"vat":0.21,"step_size":1000},{"type":"PARKING_TIME","price":"1.50","step_size":300}]},
{"price_components":[{"type":"ENERGY","price":0.29,"vat":0.21,"step_size":1}],"restrictions":{"start_time":"23:00","end_time":"07:00","day_of_week":["SATURDAY","SUNDAY"]}}],
"start_date_time":"2018-12-01T00:00:00Z","end_date_time":"2019-12-01T00:00:00Z","max_price":{"excl_vat":45},"last_updated":"2018-12-01T00:00:00Z"}`
	// What it charges for is not in OCPI.
	unpriceable = `{"country_code":"GB","party_id":"DUN","id":"ODD","currency":"GBP","elements":[
{"price_components":[{"type":"WEATHER","price":1,"step_size":1}]}],"last_updated":"2018-12-01T00:00:00Z"}`
	greenmarket = `{"country_code":"GB","party_id":"DUN","id":"GREENMARKET","publish":true,"address":"Greenmarket","city":"Dundee","country":"GBR",
"coordinates":{"latitude":"56.457","longitude":"-2.970"},"time_zone":"Europe/London","last_updated":"2018-12-01T00:00:00Z",
"evses":[{"uid":"E1","status":"AVAILABLE","last_updated":"2018-12-01T00:00:00Z","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET",
"power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"tariff_ids":["DAY-NIGHT"],"last_updated":"2018-12-01T00:00:00Z"}]}]}`
	session = `{"country_code":"GB","party_id":"DUN","id":"S-1","start_date_time":"2019-02-11T19:30:00Z","kwh":8,
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"u","type":"RFID","contract_id":"NL-EXW-1"},"auth_method":"WHITELIST",
"location_id":"Greenmarket","evse_uid":"E1","connector_id":"1","currency":"GBP","charging_periods":[
{"start_date_time":"2019-02-11T19:30:00Z","dimensions":[{"type":"ENERGY","volume":5},{"type":"TIME","volume":0.5}]TARIFF},
{"start_date_time":"2019-02-11T20:00:00Z","dimensions":[{"type":"ENERGY","volume":3},{"type":"TIME","volume":0.25}]TARIFF}],
"status":"ACTIVE","last_updated":"2019-02-11T20:15:00Z"}`
)

// Reference is what partners pushed besides CDRs and Sessions.
type Reference struct {
	*objects.Follower
	*reference.Index
}

func state(object ingest.Object, version ocpi.Version, country, party, id, body string) ingest.ObjectState {
	return ingest.ObjectState{
		Object: object, Key: ocpi.NewKey(country, party, id), Version: version, Sender: "dundee",
		Position: ingest.Position{Epoch: 1}, Received: ocpi.TimeOf(at("2019-01-01T00:00:00Z")), Body: []byte(body),
		Changes: []ingest.Change{{Received: 1, Zone: "Europe/London"}},
	}
}

// Known knows the Tariffs DAY-NIGHT and ODD of GB*DUN, TIERS of FR*PAR and
// AC/fast 2 of NL*OPL, and the Location GREENMARKET of GB*DUN.
func Known(t testing.TB) Reference {
	t.Helper()
	store := objectstest.NewStore(
		state(ingest.ObjectTariff, ocpi.V221, "GB", "DUN", "DAY-NIGHT", DayAndNight),
		state(ingest.ObjectTariff, ocpi.V230, "FR", "PAR", "TIERS", tiered),
		state(ingest.ObjectTariff, ocpi.V221, "GB", "DUN", "ODD", unpriceable),
		state(ingest.ObjectTariff, ocpi.V221, "NL", "OPL", "AC/fast 2", doubtful),
		state(ingest.ObjectLocation, ocpi.V221, "GB", "DUN", "GREENMARKET", greenmarket),
	)
	x := reference.NewIndex(referencetest.Store{Store: store})
	return Reference{objectstest.Follow(t, ingesttest.NewLog(1), store, x.Folds()...), x}
}

// Sessions are Sessions as they stand.
type Sessions map[ocpi.Key]ingest.ObjectState

// KnownSessions has three Sessions of GB*DUN: S-1, whose connector tells its
// tariff, S-2, which names it itself, and S-3, whose tariff is not known.
func KnownSessions() Sessions {
	s := Sessions{}
	for id, named := range map[string]string{"S-1": "", "S-2": `,"tariff_id":"day-night"`, "S-3": `,"tariff_id":"GONE"`} {
		body := strings.ReplaceAll(strings.Replace(session, "S-1", id, 1), "TARIFF", named)
		s[ocpi.NewKey("GB", "DUN", id)] = state(ingest.ObjectSession, ocpi.V221, "GB", "DUN", id, body)
	}
	return s
}

// Ready implements report.Sessions.
func (Sessions) Ready() bool { return true }

// Get implements report.Sessions.
func (s Sessions) Get(_ context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	state, ok := s[t.Key]
	return state, ok, nil
}
