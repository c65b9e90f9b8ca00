package tariff

import (
	_ "embed" // what Windows calls time zones
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/roamclear/roamclear/ocpi"
)

//go:embed windows_zones.txt
var windowsLines string

// zoneAliases has what zones are called elsewhere, in lower case: in Windows, and
// by the summer half of a name.
var zoneAliases = sync.OnceValue(func() map[string]string {
	aliases := map[string]string{"cest": "CET", "mez": "CET", "mesz": "CET", "eest": "EET", "west": "WET"}
	for line := range strings.Lines(windowsLines) {
		if name, zone, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			aliases[strings.ToLower(name)] = zone
		}
	}
	return aliases
})

// zoneOffset matches an offset from UTC that stands for a time zone, such as
// UTC+1, GMT+01:00, +0100, or what Windows shows, "(UTC+01:00) Amsterdam, …".
var zoneOffset = regexp.MustCompile(`^(?:UTC|GMT|Z)?\s*([+-])(\d{1,2})(?::?(\d\d))?$`)

// offsetZone returns the zone that an offset stands for, nil where it is none.
func offsetZone(name string) *Zone {
	text := strings.ToUpper(strings.ReplaceAll(name, "\u2212", "-"))
	if inside, _, ok := strings.Cut(strings.TrimPrefix(text, "("), ")"); ok && strings.HasPrefix(text, "(") {
		text = inside
	}
	switch text {
	case "Z", "UTC", "GMT":
		return UTC
	}
	m := zoneOffset.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	hours, _ := strconv.Atoi(m[2])         // one or two digits
	minutes, _ := strconv.Atoi("0" + m[3]) // two digits or none
	if hours > 14 || minutes > 59 {
		return nil
	}
	seconds := hours*3600 + minutes*60
	if seconds == 0 {
		return UTC
	}
	if m[1] == "-" {
		seconds = -seconds
	}
	return FixedZone(fmt.Sprintf("UTC%s%02d:%02d", m[1], hours, minutes), seconds)
}

// isOffset reports whether the zone is an offset and knows no daylight saving.
func (z *Zone) isOffset() bool {
	return strings.HasPrefix(z.name, "UTC+") || strings.HasPrefix(z.name, "UTC-")
}

// PlaceZone returns the zone of a place by what is said of its zone and of its
// country, each of which may be "": the zone; where nothing usable is said of it,
// the only one of the country; else nil. An offset that the country's only zone
// has stands for that zone: an offset knows no daylight saving. byCountry says
// that the country told it, found what is odd about the zone's name.
func PlaceZone(name, country string) (z *Zone, byCountry bool, found []ocpi.Finding) {
	only := func() *Zone {
		z, err := LoadZone(SingleZone(country))
		if err != nil {
			return nil // of no country, or of one with several
		}
		return z
	}
	if name == "" {
		z = only()
		return z, z != nil, nil
	}
	z, err := LoadZone(name)
	if err != nil {
		z = only()
		return z, z != nil, ZoneFindings(name)
	}
	if z.isOffset() {
		if by := only(); by != nil && by.keeps(z.offsets[0]) {
			return by, true, ZoneFindings(name)
		}
	}
	return z, false, ZoneFindings(name)
}

// ZoneFindings says what is odd about the name of a time zone, nothing of one
// that IANA has.
func ZoneFindings(name string) []ocpi.Finding {
	if _, plain := zones.Load(name); plain || name == "" {
		return nil
	}
	f := ocpi.Finding{Path: "time_zone"}
	shown := strconv.QuoteToASCII(name[:min(len(name), 60)])
	z, err := LoadZone(name)
	switch {
	case err != nil:
		f.Code, f.Severity = "unknown_time_zone", ocpi.Serious
		f.Detail = "time zone " + shown + " is not in the IANA database: that of the country counts, if it has only one"
	case z.isOffset():
		f.Code, f.Severity = "time_zone_offset", ocpi.Warning
		f.Detail = shown + " is an offset, which knows no daylight saving: the only zone of the country counts if it has that offset, else the offset; write IANA's name, such as Europe/Amsterdam"
	case z.name != name:
		f.Code, f.Severity = "time_zone_alias", ocpi.Info
		f.Detail = shown + " is not IANA's name: read as " + z.name
	default:
		return nil
	}
	return []ocpi.Finding{f}
}
