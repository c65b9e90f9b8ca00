package tariff

import (
	_ "embed" // which countries there are, and their zones
	"strings"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

//go:embed countries.txt
var countryLines string

// countryZones has the zones of every country, by both of its codes.
var countryZones = sync.OnceValue(func() map[string][]string {
	zones := map[string][]string{}
	for line := range strings.Lines(countryLines) {
		if f := strings.Fields(line); len(f) > 2 && f[0] != "#" {
			zones[f[0]], zones[f[1]] = f[2:], f[2:]
		}
	}
	return zones
})

// singleZones are the answers of SingleZone, by code; only codes of countries.
var singleZones sync.Map

// SingleZone returns the IANA time zone of a country that has only one, by its
// ISO 3166 code, alpha-2 or alpha-3, in any case; "" for any other. Zones of one
// country that have kept the same time since 2018 are one: Busingen's is that of
// Berlin. Of a party's country it is a suggestion only: a CPO may have Locations
// elsewhere.
func SingleZone(country string) string {
	code := ocpi.Fold(country)
	if zone, ok := singleZones.Load(code); ok {
		return zone.(string)
	}
	zones, ok := countryZones()[code]
	if !ok {
		return ""
	}
	zone := zones[0]
	for _, other := range zones[1:] {
		if !sameClock(zone, other) {
			zone = ""
			break
		}
	}
	singleZones.Store(strings.Clone(code), zone)
	return zone
}

// Zones of a country are compared over the years in which charges are.
var (
	compareFrom  = time.Date(2018, 1, 1, 12, 0, 0, 0, time.UTC).Unix()
	compareUntil = time.Date(2038, 1, 1, 12, 0, 0, 0, time.UTC).Unix()
)

// sameClock reports whether two zones have the same time on every day.
func sameClock(a, b string) bool {
	x, errX := LoadZone(a)
	y, errY := LoadZone(b)
	if errX != nil || errY != nil {
		return false // a list of zones and a database that do not belong together
	}
	for at := compareFrom; at < compareUntil; at += secondsPerDay {
		one, _, _ := x.span(at)
		other, _, _ := y.span(at)
		if one != other {
			return false
		}
	}
	return true
}

// keeps reports whether the zone's clock is ever that many seconds east of UTC.
func (z *Zone) keeps(offset int64) bool {
	for at := compareFrom; at < compareUntil; at += secondsPerDay {
		if o, _, _ := z.span(at); o == offset {
			return true
		}
	}
	return false
}
