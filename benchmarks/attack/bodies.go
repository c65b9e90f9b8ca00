package attack

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/benchmarks/world"
)

// members are those of a JSON object.
type members = map[string]any

// epoch is when charges start.
var epoch = time.Date(2019, 1, 5, 0, 0, 0, 0, time.UTC)

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }

// encode cannot fail: the bodies are made of texts and numbers.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// cdr is a CDR of n charging periods of a length each, by a tariff of the
// elements that it carries.
func cdr(p *world.Partner, id string, elements []members, n int, length time.Duration, volume func(i int) []members) members {
	end := epoch.Add(time.Duration(n) * length)
	periods := make([]members, n)
	for i := range periods {
		periods[i] = members{"start_date_time": stamp(epoch.Add(time.Duration(i) * length)), "dimensions": volume(i)}
	}
	return members{
		"country_code": p.Party.Country, "party_id": p.Party.ID, "id": id, "start_date_time": stamp(epoch), "end_date_time": stamp(end),
		"cdr_token":   members{"country_code": payer.Party.Country, "party_id": payer.Party.ID, "uid": "U1", "type": "RFID", "contract_id": "NL-PAY-1"},
		"auth_method": "WHITELIST",
		"cdr_location": members{"id": "L1", "address": "a", "city": "c", "country": "GBR", "coordinates": members{"latitude": "56.45700", "longitude": "-2.97500"},
			"evse_uid": "E1", "evse_id": "GB*ATT*E1", "connector_id": "1", "connector_standard": "IEC_62196_T2", "connector_format": "SOCKET", "connector_power_type": "AC_3_PHASE"},
		"currency": "GBP", "charging_periods": periods, "total_cost": members{"excl_vat": 1}, "total_energy": 0, "total_time": json.Number(fmt.Sprintf("%.4f", length.Hours()*float64(n))), "last_updated": stamp(end),
		"tariffs": []members{{"country_code": p.Party.Country, "party_id": p.Party.ID, "id": "T", "currency": "GBP", "elements": elements, "last_updated": "2015-01-01T00:00:00Z"}},
	}
}

func price(kind string, amount float64) []members {
	return []members{{"type": kind, "price": amount, "step_size": 1}}
}

// hours is a period's volume of time.
func hours(length time.Duration) func(int) []members {
	return func(int) []members { return []members{{"type": "TIME", "volume": length.Hours()}} }
}

func smallCDR(p *world.Partner, id string) []byte {
	return encode(cdr(p, id, []members{{"price_components": price("TIME", 1)}}, 1, time.Hour, hours(time.Hour)))
}

// minute is a bound of a restriction, n minutes into the day.
func minute(n int) string { return fmt.Sprintf("%02d:%02d", n/60%24, n%60) }

// slowCDR is a conformant CDR of some 0.6 MB. Its tariff has 300 elements that
// hold for a minute of the day and for no date at all, so that nothing changes
// at any of the six hundred bounds of each day, and whoever looks for a change
// has to look at all of them, in every period.
func slowCDR(id string) []byte {
	const elements, periods, length = 300, 6000, 6 * time.Hour
	list := make([]members, 0, elements+1)
	for i := range elements {
		list = append(list, members{"price_components": price("TIME", 1), "restrictions": members{"start_time": minute(2 * i), "end_time": minute(2*i + 1), "end_date": "2000-01-01"}})
	}
	list = append(list, members{"price_components": price("TIME", 2)})
	return encode(cdr(&attacker, id, list, periods, length, hours(length)))
}

// wordyCDR is a conformant CDR of some 0.5 MB whose explanation, written out,
// is many times that: every period has another price, and for each of them all
// elements ahead of it have to be explained away.
func wordyCDR(id string) []byte {
	const elements, periods, length = 480, 5000, time.Minute
	list := make([]members, 0, elements)
	for i := range elements {
		list = append(list, members{"price_components": price("TIME", float64(i+1)), "restrictions": members{"start_time": minute(i), "end_time": minute(i + 1)}})
	}
	return encode(cdr(&attacker, id, list, periods, length, func(int) []members { return []members{{"type": "TIME", "volume": 0.0167}} }))
}

// largeCDR is a CDR that is cheap to price and close to the largest body.
func largeCDR(id string) []byte {
	c := cdr(&attacker, id, []members{{"price_components": price("TIME", 1)}}, 1, time.Hour, hours(time.Hour))
	c["x_filler"] = filler(1000 << 10)
	return encode(c)
}

// filler is text that compresses badly enough.
func filler(n int) string {
	b := make([]byte, n)
	state := uint32(n) + 1
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = 'a' + byte(state>>24)%26
	}
	return string(b)
}
