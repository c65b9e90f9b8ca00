package stations

import (
	"math"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// row is what is held of a Location that may be shown.
type row struct {
	id         string // folded
	owner      *owner
	lat, lon   int32 // in degreesE7
	facilities uint32
	flags      flags
	at         ingest.Position
	traits     traits
	text       signature // of name, address, city and postal code
	plugs      []plug
}

type flags uint8

const (
	placed      flags = 1 << iota // it says where it is
	hidden                        // publish is false
	saysOpening                   // it has opening_times
)

// plug is a connector that may be shown.
type plug struct {
	watts        uint32
	capabilities uint16 // of EVSE and connector
	status       uint8
	standard     uint8
	format       uint8
	powerType    uint8
}

// traits has a bit for each status and standard that one of some connectors has, and for
// each power that one reaches.
type traits uint64

const (
	standardTraits = 9  // bits of statuses before
	powerTraits    = 53 // and of standards
)

// traitWatts are the powers that have a bit.
var traitWatts = [...]int64{7_000, 11_000, 22_000, 43_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000}

func (p *plug) traits() (t traits) {
	for i, w := range traitWatts {
		if int64(p.watts) >= w {
			t |= 1 << (powerTraits + i)
		}
	}
	return t | ofStatus(p.status) | ofStandard(p.standard)
}

func ofStatus(n uint8) traits {
	if n == 0 {
		return 0
	}
	return 1 << (n - 1)
}

func ofStandard(n uint8) traits {
	if n == 0 {
		return 0
	}
	return 1 << (standardTraits + n - 1)
}

// traits are those that a Location has in any case of which a connector fits.
func (f *Filter) traits() traits {
	t := ofStatus(f.Status) | ofStandard(f.Standard)
	for i, w := range traitWatts {
		if f.MinWatts >= w {
			t |= 1 << (powerTraits + i)
		}
	}
	return t
}

// point is where the Location is.
func (r *row) point() Point { return Point{float64(r.lat) / degreesE7, float64(r.lon) / degreesE7} }

// newRow reads what is held of a Location, nil of one that is not to be shown: without
// an EVSE that stands (mod_locations: "a Location without valid EVSE objects can be
// considered as expired"). id and owner are for the caller to set.
func newRow(l *ocpi.Location) *row {
	r := &row{facilities: Facilities.mask(l.Facilities)}
	n := 0
	for i := range l.EVSEs {
		if Stands(&l.EVSEs[i]) {
			n += len(l.EVSEs[i].Connectors)
		}
	}
	r.plugs = make([]plug, 0, n)
	shown := false
	for i := range l.EVSEs {
		e := &l.EVSEs[i]
		if !Stands(e) {
			continue
		}
		shown = true
		for j := range e.Connectors {
			r.plugs = append(r.plugs, newPlug(e, &e.Connectors[j]))
		}
	}
	if !shown {
		return nil
	}
	for i := range r.plugs {
		r.traits |= r.plugs[i].traits()
	}
	if p, ok := ParsePoint(l.Latitude, l.Longitude); ok {
		r.lat, r.lon = int32(math.Round(p.Latitude*degreesE7)), int32(math.Round(p.Longitude*degreesE7))
		r.flags |= placed
	}
	if l.Hidden {
		r.flags |= hidden
	}
	if l.Opening != "" {
		r.flags |= saysOpening
	}
	for _, text := range Texts(l) {
		r.text.add(text)
	}
	return r
}

// Texts are those of a Location that q is looked for in.
func Texts(l *ocpi.Location) []string { return []string{l.Name, l.Address, l.City, l.PostalCode} }

// Stands reports whether an EVSE may be shown: one that is removed or only planned may
// not (mod_locations, Status).
func Stands(e *ocpi.EVSE) bool {
	s := Statuses.Of(e.Status)
	return s != removed && s != planned
}

var removed, planned = Statuses.Of("REMOVED"), Statuses.Of("PLANNED")

func newPlug(e *ocpi.EVSE, c *ocpi.Connector) plug {
	watts, _ := c.Watts()
	return plug{
		watts: uint32(min(watts, math.MaxUint32)), status: Statuses.Of(e.Status), standard: Standards.Of(c.Standard), format: Formats.Of(c.Format),
		powerType: PowerTypes.Of(c.PowerType), capabilities: uint16(Capabilities.mask(e.Capabilities) | Capabilities.mask(c.Capabilities)),
	}
}
