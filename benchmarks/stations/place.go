package stations

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/benchmarks/world"
)

// location is a Location to be found.
type location struct {
	id       string
	lat, lon float64
	of       *world.Station
	evses    []evse
}

type evse struct {
	status, standard, power string
	watts                   int64
}

// locations makes so many of them that they have n EVSEs, each the same number, spread
// around real stations: half within 10 km, others within 100.
func locations(stations []world.Station, n, each int) []location {
	random := rand.New(rand.NewPCG(10, 10))
	list := make([]location, (n+each-1)/each)
	evses := make([]evse, len(list)*each) // side by side, as who looks at all of them would have them
	for i := range list {
		of := &stations[i%len(stations)]
		reach := 0.09
		if random.IntN(2) == 0 {
			reach = 0.9
		}
		l := location{id: fmt.Sprintf("L%07d", i), of: of}
		l.lat = float64(of.Latitude)/1e6 + reach*random.NormFloat64()/2
		l.lon = float64(of.Longitude)/1e6 + reach*random.NormFloat64()/2/math.Cos(l.lat*math.Pi/180)
		l.lat, l.lon = math.Round(l.lat*1e6)/1e6, math.Round(l.lon*1e6)/1e6 // as its body says
		l.evses = evses[i*each : (i+1)*each]
		for j := range l.evses {
			l.evses[j] = drawEVSE(random)
		}
		list[i] = l
	}
	return list
}

func drawEVSE(random *rand.Rand) evse {
	e := evse{status: "AVAILABLE", standard: "IEC_62196_T2", power: "AC_3_PHASE", watts: 22_000}
	switch random.IntN(10) {
	case 0, 1:
		e.standard, e.power, e.watts = "IEC_62196_T2_COMBO", "DC", int64(50_000+50_000*random.IntN(4))
	case 2:
		e.standard, e.power, e.watts = "CHADEMO", "DC", 50_000
	}
	switch random.IntN(100) {
	case 0:
		e.status = "RESERVED"
	case 1, 2, 3:
		e.status = "OUTOFORDER"
	default:
		if random.IntN(4) == 0 {
			e.status = "CHARGING"
		}
	}
	return e
}

// body is the Location as its CPO pushes it.
func (l *location) body() string {
	var evses []string
	for i, e := range l.evses {
		evses = append(evses, fmt.Sprintf(`{"uid":"%[1]s-%[2]d","evse_id":"GB*DUN*E%[1]s*%[2]d","status":%[3]q,"capabilities":["RFID_READER","REMOTE_START_STOP_CAPABLE"],`+
			`"connectors":[{"id":"1","standard":%[4]q,"format":"CABLE","power_type":%[5]q,"max_voltage":400,"max_amperage":500,"max_electric_power":%[6]d,"tariff_ids":["P1"],"last_updated":"2025-01-01T00:00:00Z"}],`+
			`"last_updated":"2025-01-01T00:00:00Z"}`, l.id, i, e.status, e.standard, e.power, e.watts))
	}
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":%q,"publish":true,"name":"Station %s","address":"%s %s","city":%q,"postal_code":%q,"country":%q,`+
		`"coordinates":{"latitude":"%.6f","longitude":"%.6f"},"opening_times":{"twentyfourseven":true},"time_zone":%q,"evses":[%s],"last_updated":"2025-01-01T00:00:00Z"}`,
		l.id, l.id, l.of.Source, strings.ReplaceAll(l.of.ID, `"`, ""), l.of.City, l.of.PostalCode, l.of.Country, l.lat, l.lon, l.of.Zone, strings.Join(evses, ","))
}

// asked is one kind of search.
type asked struct {
	name             string
	metres           int
	standard, status string
	watts            int64
	more             string // further parameters, which choose none
}

var searches = []asked{
	{name: "2 km, the next 20", metres: 2_000},
	{name: "2 km, CCS of 50 kW that is free, with prices", metres: 2_000, standard: "IEC_62196_T2_COMBO", status: "AVAILABLE", watts: 50_000, more: "&price_energy_kwh=20"},
	{name: "50 km, CCS of 200 kW that is reserved", metres: 50_000, standard: "IEC_62196_T2_COMBO", status: "RESERVED", watts: 200_000},
}

const page = 20

// path is the request for a search around a point.
func (a *asked) path(lat, lon float64) string {
	p := fmt.Sprintf("/api/v1/locations?latitude=%.6f&longitude=%.6f&radius_m=%d&limit=%d", lat, lon, a.metres, page)
	if a.standard != "" {
		p += "&standard=" + a.standard
	}
	if a.status != "" {
		p += "&status=" + a.status
	}
	if a.watts > 0 {
		p += fmt.Sprintf("&min_power_w=%d", a.watts)
	}
	return p + a.more
}

type found struct {
	metres int
	id     string
}

// brute looks at every Location, as a service without an index would that has them all
// in memory, decoded.
func (a *asked) brute(all []location, lat, lon float64) []found {
	var hits []found
	c := math.Cos(lat * math.Pi / 180)
	for i := range all {
		l := &all[i]
		u, v := math.Sin((l.lat-lat)*math.Pi/360), math.Sin((l.lon-lon)*math.Pi/360)
		m := int(math.Round(2 * 6_371_008.8 * math.Asin(math.Sqrt(u*u+c*math.Cos(l.lat*math.Pi/180)*v*v))))
		if m > a.metres || !a.fits(l) {
			continue
		}
		if hits = append(hits, found{m, l.id}); len(hits) >= 4*page {
			hits = first(hits)
		}
	}
	return first(hits)
}

func first(hits []found) []found {
	slices.SortFunc(hits, func(a, b found) int {
		if a.metres != b.metres {
			return a.metres - b.metres
		}
		return strings.Compare(a.id, b.id)
	})
	return hits[:min(len(hits), page)]
}

func (a *asked) fits(l *location) bool {
	for i := range l.evses {
		e := &l.evses[i]
		if (a.standard == "" || a.standard == e.standard) && (a.status == "" || a.status == e.status) && e.watts >= a.watts {
			return true
		}
	}
	return false
}
