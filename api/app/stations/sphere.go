package stations

import (
	"math"

	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
)

// EarthRadius is that of the sphere distances are measured on, in metres: the mean
// radius of the Earth (IUGG R1).
const EarthRadius = 6_371_008.8

// Point is a position in degrees, as far as a Location tells it: seven decimals, a
// centimetre.
type Point struct{ Latitude, Longitude float64 }

// degreesE7 is how many parts of a degree a row holds.
const degreesE7 = 1e7

// ParsePoint reads decimal degrees; ok is false where they are not a place on Earth.
func ParsePoint(latitude, longitude string) (p Point, ok bool) {
	lat, latOK := ParseDegrees(latitude, 90)
	lon, lonOK := ParseDegrees(longitude, 180)
	return Point{lat, lon}, latOK && lonOK
}

// ParseDegrees reads decimal degrees within most on both sides of 0.
func ParseDegrees(s string, most int64) (float64, bool) {
	n, err := ocpi.ParseNumber(s)
	if err != nil {
		return 0, false
	}
	d := n.Decimal().Round(7)
	if d.Abs().GreaterThan(decimal.NewFromInt(most)) {
		return 0, false
	}
	// Two whole numbers that a float64 has exactly: their quotient is the nearest to d.
	return float64(d.Shift(7).IntPart()) / degreesE7, true
}

// centre is a Point that many distances are measured from.
type centre struct {
	Point
	lat, lon, cos float64 // radians; the cosine of lat
}

func newCentre(p Point) centre {
	lat := radians(p.Latitude)
	return centre{p, lat, radians(p.Longitude), math.Cos(lat)}
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

// metres is the distance along a great circle, by the haversine formula, in whole
// metres.
func (c *centre) metres(p Point) int {
	lat := radians(p.Latitude)
	u, v := math.Sin((lat-c.lat)/2), math.Sin((radians(p.Longitude)-c.lon)/2)
	h := u*u + c.cos*math.Cos(lat)*v*v
	return int(math.Round(2 * EarthRadius * math.Asin(math.Min(1, math.Sqrt(h)))))
}

// Distance is how far two points are apart, in whole metres.
func Distance(a, b Point) int {
	c := newCentre(a)
	return c.metres(b)
}

// Box is what lies between two parallels and two meridians, in degrees. Where West is
// greater than East it crosses the date line.
type Box struct{ South, West, North, East float64 }

// Holds reports whether a point is in the box. The date line has two longitudes, and a
// pole all of them.
func (b *Box) Holds(p Point) bool {
	if p.Latitude < b.South || p.Latitude > b.North {
		return false
	}
	return b.holdsLongitude(p.Longitude) || math.Abs(p.Longitude) == 180 && b.holdsLongitude(-p.Longitude)
}

func (b *Box) holdsLongitude(lon float64) bool {
	if b.West > b.East {
		return lon >= b.West || lon <= b.East
	}
	return lon >= b.West && lon <= b.East
}

// parts are boxes that do not cross the date line and hold the same points.
func (b *Box) parts() []Box {
	var list []Box
	if b.West > b.East {
		list = []Box{{b.South, b.West, b.North, 180}, {b.South, -180, b.North, b.East}}
	} else {
		list = []Box{*b}
	}
	for _, edge := range []float64{180, -180} { // one meridian
		if b.holdsLongitude(edge) && !b.holdsLongitude(-edge) {
			list = append(list, Box{b.South, -edge, b.North, -edge})
		}
	}
	return list
}

// around returns a box that holds all points within a distance.
func (c *centre) around(metres int) Box {
	angle := (float64(metres) + 1) / EarthRadius // one more: distances are rounded
	b := Box{South: c.Latitude - deg(angle), North: c.Latitude + deg(angle), West: -180, East: 180}
	if b.South <= -90 || b.North >= 90 { // a pole is in it
		b.South, b.North = max(b.South, -90), min(b.North, 90)
		return b
	}
	// The meridians that touch the circle.
	wide := deg(math.Asin(math.Min(1, math.Sin(angle)/c.cos))) + 1/degreesE7
	if wide >= 180 {
		return b
	}
	b.West, b.East = around180(c.Longitude-wide), around180(c.Longitude+wide)
	return b
}

func deg(radians float64) float64 { return radians * 180 / math.Pi }

// around180 brings a longitude between -180 and 180.
func around180(lon float64) float64 {
	switch {
	case lon > 180:
		return lon - 360
	case lon < -180:
		return lon + 360
	}
	return lon
}
