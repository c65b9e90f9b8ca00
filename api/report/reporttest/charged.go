package reporttest

import (
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// ChargedKey is the CDR of Charged.
var ChargedKey = ocpi.NewKey("GB", "DUN", "DUN-EVENING")

// ChargedBody is an evening in July by DAY-NIGHT: 5 kWh until the night begins at 20:00, 4
// kWh until 20:30, half an hour of parking. Ours: 0.50 + 2.25 + 1.20 + 2.40 = 6.35. Who
// reads 19:30 UTC as local time charges the day for all of it: 6.95.
const ChargedBody = `{"country_code":"GB","party_id":"DUN","id":"dun-evening","start_date_time":"2019-07-10T18:30:00Z","end_date_time":"2019-07-10T20:00:00Z",
"session_id":"S-1","currency":"GBP","auth_method":"WHITELIST","cdr_token":{"country_code":"NL","party_id":"EXW","uid":"04A1B2C3","type":"RFID","contract_id":"NL-EXW-C00000017-3"},
"cdr_location":{"id":"GREENMARKET","name":"Greenmarket <1>","address":"Main Street 1","postal_code":"DD1 4BJ","city":"Dundee","country":"GBR","coordinates":{"latitude":"56.45700","longitude":"-2.97000"},
"evse_uid":"E1","evse_id":"GB*DUN*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"charging_periods":[
{"start_date_time":"2019-07-10T18:30:00Z","dimensions":[{"type":"ENERGY","volume":5},{"type":"TIME","volume":0.5}],"tariff_id":"DAY-NIGHT"},
{"start_date_time":"2019-07-10T19:00:00Z","dimensions":[{"type":"ENERGY","volume":4},{"type":"TIME","volume":0.5}],"tariff_id":"DAY-NIGHT"},
{"start_date_time":"2019-07-10T19:30:00Z","dimensions":[{"type":"PARKING_TIME","volume":0.5}],"tariff_id":"DAY-NIGHT"}],
"total_cost":{"excl_vat":6.95,"incl_vat":8.34},"total_energy":9,"total_time":1.5,"total_parking_time":0.5,"last_updated":"2019-07-10T20:01:00Z"}`

// Charged adds a CDR as the engine priced it. Three readings explain it that come to the
// same in a British summer: local times were read as UTC, as standard time, or as those
// of an hour before.
func (s *Store) Charged(t testing.TB, known Reference) *settlement.CDRDetail {
	t.Helper()
	rec := ingest.Record{Position: ingest.Position{Epoch: 1, Offset: 7_000}, Body: []byte(ChargedBody)}
	rec.Key, rec.Version, rec.Received, rec.Sender = ChargedKey, ocpi.V221, ocpi.TimeOf(at("2019-07-10T20:02:00Z")), "dundee"
	var row pricing.Row
	asOf := pricing.AsOf{Reference: pricing.Present, Control: pricing.Present}
	view := known.View()
	err := pricing.Gather(t.Context(), view, 1, func(int) bool {
		pricing.NewPricer(view, anybody{}).Price(&rec, &row, asOf)
		return true
	})
	if err != nil || row.Outcome.Status != pricing.Priced || row.Outcome.Cause != "several" {
		t.Fatalf("%v: %v %s %s, cause %q", err, row.Outcome.Status, row.Outcome.Reason, row.Outcome.Detail, row.Outcome.Cause)
	}
	d := settlement.DetailOf(&row, row.Booked(), []byte("[]"))
	s.All = append(s.All, d)
	return &s.All[len(s.All)-1]
}

// anybody has everybody billed, by the default profile.
type anybody struct{}

func (anybody) Billable(ocpi.Party, int64) bool                      { return true }
func (anybody) Profile(_, _ ocpi.Party, _ ocpi.Time, _ int64) string { return "" }
