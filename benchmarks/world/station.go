package world

import (
	"io"
)

// Station is where a real charge took place: its city is known, where in it is not
// published, so that is made up, always alike.
type Station struct {
	Source, ID          string
	Latitude, Longitude int64 // millionths of a degree
	DC                  bool
	KW                  int64
	Country             string // alpha-3
	City, PostalCode    string
	Zone                string
}

// Stations lists the stations of a gzipped CSV of charges, each once, in the order in
// which they were first charged at.
func Stations(source io.Reader) ([]Station, error) {
	var list []Station
	seen := map[string]bool{}
	for r, err := range rows(source) {
		if err != nil {
			return nil, err
		}
		c, ok := operator(r.source)
		if !ok || seen[r.source+"/"+r.station] {
			continue
		}
		seen[r.source+"/"+r.station] = true
		latitude, longitude := c.place(r.station)
		list = append(list, Station{
			Source: r.source, ID: r.station, Latitude: latitude, Longitude: longitude, DC: r.dc, KW: r.kw,
			Country: c.country, City: c.city, PostalCode: c.postal, Zone: c.zone.String(),
		})
	}
	return list, nil
}

// place is where a station of the operator is, in millionths of a degree.
func (c *cpo) place(station string) (latitude, longitude int64) {
	h := hash(c.source, station)
	return c.latitude + int64(h%40_000) - 20_000, c.longitude + int64(h>>20%60_000) - 30_000
}
