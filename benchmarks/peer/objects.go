package peer

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// object is one object of a list.
type object struct {
	party   ocpi.Party
	updated time.Time
	body    json.RawMessage
}

// world makes a peer's objects, in the shape of one version. The world of package
// benchmarks/world will not do: it is of 2018, and pulls look back 90 days.
type world struct {
	party   ocpi.Party
	version ocpi.Version
	now     time.Time
	power   int64 // of plugs, in watts; 0 = 22 kW
}

// counts are how many objects the lists have: more than a page of what is many.
var counts = map[string]int{"locations": 3, "tariffs": 2, "tokens": 12, "sessions": 25, "cdrs": 25}

// emsp is whose cards the sessions of a CPO are charged with.
var emsp = ocpi.NewParty("DE", "EMP")

type members map[string]any

func (w *world) list(module string) []object {
	make := map[string]func(int) (members, time.Time){
		"locations": w.location, "tariffs": w.tariff, "tokens": w.token, "sessions": w.session, "cdrs": w.cdr,
	}[module]
	var list []object
	for i := range counts[module] {
		m, updated := make(i)
		m["last_updated"] = stamp(updated)
		body, err := json.Marshal(m)
		if err != nil {
			panic(err) // our own types
		}
		list = append(list, object{w.party, updated, body})
	}
	return list
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }

// owned adds the owner, which bodies of 2.1.1 do not have.
func (w *world) owned(party ocpi.Party, m members) members {
	if w.version != ocpi.V211 {
		m["country_code"], m["party_id"] = party.Country, party.ID
	}
	return m
}

func (w *world) id(kind string, i int) string { return fmt.Sprintf("%s-%s%d", w.party.ID, kind, i+1) }

// A charge's tariff is 0.30 a kWh before 20 % tax, so that every amount is exact.
func (w *world) tariff(i int) (members, time.Time) {
	component := members{"type": "ENERGY", "price": json.Number("0.30"), "step_size": 1}
	m := members{"id": w.id("T", i), "currency": "EUR", "elements": []members{{"price_components": []members{component}}}}
	if w.version != ocpi.V211 {
		component["vat"] = 20
	}
	if w.version == ocpi.V230 {
		m["tax_included"] = "NO"
	}
	return w.owned(w.party, m), w.now.Add(-100 * 24 * time.Hour)
}

// plug is what a connector is like, in OCPI's words.
type plug struct{ standard, format, powerType string }

// plugOf is the plug of those that give so many watts, 0 = of 22 kW.
func plugOf(power int64) plug {
	if power > 0 {
		return plug{"IEC_62196_T2_COMBO", "CABLE", "DC"}
	}
	return plug{"IEC_62196_T2", "SOCKET", "AC_3_PHASE"}
}

func (w *world) location(i int) (members, time.Time) {
	updated := w.now.Add(-100 * 24 * time.Hour)
	plug := plugOf(w.power)
	connector := members{"id": "1", "standard": plug.standard, "format": plug.format, "power_type": plug.powerType, "last_updated": stamp(updated)}
	m := members{
		"id": w.id("L", i), "name": fmt.Sprintf("Station %d", i+1), "address": fmt.Sprintf("Main Street %d", i+1), "city": "Utrecht",
		"postal_code": "3511", "country": "NLD", "time_zone": "Europe/Amsterdam",
		"coordinates": members{"latitude": fmt.Sprintf("52.09%04d", i), "longitude": "5.120000"},
		"evses": []members{{
			"uid": w.id("E", i), "evse_id": fmt.Sprintf("%s*%s*E%d", w.party.Country, w.party.ID, i+1), "status": "AVAILABLE",
			"connectors": []members{connector}, "last_updated": stamp(updated),
		}},
	}
	if w.version == ocpi.V211 {
		m["type"] = "ON_STREET"
		connector["voltage"], connector["amperage"], connector["tariff_id"] = 230, 32, w.id("T", 0)
	} else {
		m["publish"] = true
		connector["max_voltage"], connector["max_amperage"], connector["tariff_ids"] = 230, 32, []string{w.id("T", 0)}
	}
	if w.power > 0 {
		connector["max_voltage"], connector["max_amperage"], connector["max_electric_power"] = 1000, (w.power+999)/1000, w.power
		m["evses"].([]members)[0]["capabilities"] = []string{"REMOTE_START_STOP_CAPABLE"}
	}
	return w.owned(w.party, m), updated
}

func (w *world) token(i int) (members, time.Time) {
	m := members{
		"uid": fmt.Sprintf("04A1B2C3D4E5%02d", i), "type": "RFID", "issuer": "Test wallet", "valid": true, "whitelist": "ALLOWED",
	}
	name := "contract_id"
	if w.version == ocpi.V211 {
		name = "auth_id"
	}
	m[name] = contract(w.party, i)
	return w.owned(w.party, m), w.now.Add(-100 * 24 * time.Hour)
}

func contract(issuer ocpi.Party, i int) string {
	return fmt.Sprintf("%s-%s-C%08d", issuer.Country, issuer.ID, i+1)
}

// when is the i-th charge, oldest first: one every twelve hours, an hour long.
func (w *world) when(i int) (start, end time.Time) {
	start = w.now.Add(-12 * time.Hour * time.Duration(counts["cdrs"]-i))
	return start, start.Add(time.Hour)
}

func kwh(i int) int { return 5 + i%20 }

// price is what so many kWh cost, in the shape of the version.
func (w *world) price(kwh int) any {
	amount := func(cents int) json.Number { return json.Number(fmt.Sprintf("%d.%02d", cents/100, cents%100)) }
	switch w.version {
	case ocpi.V211:
		return amount(30 * kwh)
	case ocpi.V230:
		return members{"before_taxes": amount(30 * kwh), "taxes": []members{{"name": "VAT", "percentage": 20, "amount": amount(6 * kwh)}}}
	}
	return members{"excl_vat": amount(30 * kwh), "incl_vat": amount(36 * kwh)}
}

// charged are the members that a Session and a CDR have in common.
func (w *world) charged(i int) members {
	start, _ := w.when(i)
	period := members{"start_date_time": stamp(start), "dimensions": []members{{"type": "ENERGY", "volume": kwh(i)}, {"type": "TIME", "volume": 1}}}
	m := members{
		"auth_method": "WHITELIST", "currency": "EUR", "total_cost": w.price(kwh(i)), "charging_periods": []members{period},
	}
	if w.version == ocpi.V211 {
		m["auth_id"] = contract(emsp, i%12)
		return m
	}
	period["tariff_id"] = w.id("T", 0)
	m["cdr_token"] = members{
		"country_code": emsp.Country, "party_id": emsp.ID, "uid": fmt.Sprintf("04A1B2C3D4E5%02d", i%12), "type": "RFID", "contract_id": contract(emsp, i%12),
	}
	return w.owned(w.party, m)
}

func (w *world) session(i int) (members, time.Time) {
	start, end := w.when(i)
	m := w.charged(i)
	m["id"], m["kwh"], m["status"] = w.id("S", i), kwh(i), "COMPLETED"
	if w.version == ocpi.V211 {
		location, updated := w.location(i % 3)
		location["last_updated"] = stamp(updated)
		m["start_datetime"], m["end_datetime"], m["location"] = stamp(start), stamp(end), location
		return m, end
	}
	m["start_date_time"], m["end_date_time"] = stamp(start), stamp(end)
	m["location_id"], m["evse_uid"], m["connector_id"] = w.id("L", i%3), w.id("E", i%3), "1"
	return m, end
}

func (w *world) cdr(i int) (members, time.Time) {
	start, end := w.when(i)
	m := w.charged(i)
	m["id"], m["total_energy"], m["total_time"], m["start_date_time"] = w.id("C", i), kwh(i), 1, stamp(start)
	tariff, since := w.tariff(0)
	tariff["last_updated"] = stamp(since)
	m["tariffs"] = []members{tariff}
	location, since := w.location(i % 3)
	location["last_updated"] = stamp(since)
	if w.version == ocpi.V211 {
		m["stop_date_time"], m["location"] = stamp(end), location
		return m, end.Add(5 * time.Minute)
	}
	m["end_date_time"], m["session_id"] = stamp(end), w.id("S", i)
	at := members{"id": w.id("L", i%3), "evse_uid": w.id("E", i%3), "evse_id": fmt.Sprintf("%s*%s*E%d", w.party.Country, w.party.ID, i%3+1),
		"connector_id": "1", "connector_standard": "IEC_62196_T2", "connector_format": "SOCKET", "connector_power_type": "AC_3_PHASE"}
	for _, name := range []string{"name", "address", "city", "postal_code", "country", "coordinates"} {
		at[name] = location[name]
	}
	m["cdr_location"] = at
	return m, end.Add(5 * time.Minute)
}
