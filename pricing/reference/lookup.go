package reference

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Get returns the current body of a Tariff, Location (whole: cut an EVSE out
// with ocpi.Sub) or Token.
func (f *Follower) Get(ctx context.Context, t ingest.Target) (raw []byte, v ocpi.Version, ok bool, err error) {
	select {
	case <-f.loaded:
	case <-ctx.Done():
		return nil, 0, false, ctx.Err()
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	var s *ingest.ObjectState
	switch t.Object {
	case ingest.ObjectTariff:
		if cur := f.tariffs[t.Key].current(); cur != nil {
			s = &cur.ObjectState
		}
	case ingest.ObjectLocation:
		s = f.locations[t.Key]
	case ingest.ObjectToken:
		s = f.tokens[tokenKey{t.Key, t.Variant}]
	}
	if s == nil {
		return nil, 0, false, nil
	}
	return s.Body, s.Version, true, nil
}

// Zone returns the IANA time zone that a CDR received at `received` at a
// Location is priced in, and where it comes from: the zone the Location had
// when the CDR was received ("location"); else the zone of a country that has
// only one ("country"); else the first zone the Location was given later
// ("location"); else nothing. country is ISO 3166 alpha-3.
func (f *Follower) Zone(location ocpi.Key, country string, received ocpi.Time) (zone, source string) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var later string
	if s := f.locations[location]; s != nil {
		for _, z := range s.Zones {
			if z.Received <= received {
				zone = z.Zone
			} else if later == "" {
				later = z.Zone
			}
		}
	}
	if zone != "" {
		return zone, "location"
	}
	if zone = SingleZone(country); zone != "" {
		return zone, "country"
	}
	if later != "" {
		return later, "location"
	}
	return "", ""
}

// States returns the folded state of everything the records touched, for the
// store. The follower must have folded them: see WaitNext.
func (f *Follower) States(partition int32, recs []ingest.Record) []ingest.ObjectState {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var states []ingest.ObjectState
	seen := map[tokenKey]bool{}
	for i := range recs {
		r := &recs[i]
		if r.Object == ingest.ObjectTariff {
			if s := f.tariffs[r.Key].at(r.Position); s != nil {
				states = append(states, *s)
			}
			continue
		}
		k := tokenKey{r.Key, ""}
		var s *ingest.ObjectState
		if r.Object == ingest.ObjectToken {
			k.typ = r.Variant
			s = f.tokens[k]
			k.typ = "token/" + r.Variant
		} else {
			s = f.locations[r.Key]
		}
		if s != nil && !seen[k] {
			seen[k] = true
			states = append(states, *s)
		}
	}
	return states
}

// at returns the version or the deletion that the record at p made, if any.
func (h *history) at(p ingest.Position) *ingest.ObjectState {
	if h == nil {
		return nil
	}
	if h.tomb.Deleted && h.tomb.Position == p {
		return &h.tomb
	}
	for i := len(h.versions) - 1; i >= 0; i-- {
		if h.versions[i].Position == p {
			return &h.versions[i].ObjectState
		}
	}
	return nil
}

// SingleZone returns the IANA time zone of a country that has only one, by its
// ISO 3166 alpha-3 code in upper case; "" for any other.
func SingleZone(country string) string { return singleZone[country] }

// singleZone maps ISO 3166 alpha-3 countries that keep one civil time to their
// zone. Countries with several (such as USA, CAN, AUS, ESP, PRT) are not in it.
var singleZone = map[string]string{
	"ALB": "Europe/Tirane", "AND": "Europe/Andorra", "AUT": "Europe/Vienna", "BEL": "Europe/Brussels",
	"BGR": "Europe/Sofia", "BIH": "Europe/Sarajevo", "CHE": "Europe/Zurich", "CYP": "Asia/Nicosia",
	"CZE": "Europe/Prague", "DEU": "Europe/Berlin", "DNK": "Europe/Copenhagen", "EST": "Europe/Tallinn",
	"FIN": "Europe/Helsinki", "FRA": "Europe/Paris", "GBR": "Europe/London", "GRC": "Europe/Athens",
	"HRV": "Europe/Zagreb", "HUN": "Europe/Budapest", "IRL": "Europe/Dublin", "ISL": "Atlantic/Reykjavik",
	"ISR": "Asia/Jerusalem", "ITA": "Europe/Rome", "JPN": "Asia/Tokyo", "KOR": "Asia/Seoul",
	"LIE": "Europe/Vaduz", "LTU": "Europe/Vilnius", "LUX": "Europe/Luxembourg", "LVA": "Europe/Riga",
	"MCO": "Europe/Monaco", "MDA": "Europe/Chisinau", "MKD": "Europe/Skopje", "MLT": "Europe/Malta",
	"MNE": "Europe/Podgorica", "NLD": "Europe/Amsterdam", "NOR": "Europe/Oslo", "POL": "Europe/Warsaw",
	"ROU": "Europe/Bucharest", "SGP": "Asia/Singapore", "SMR": "Europe/San_Marino", "SRB": "Europe/Belgrade",
	"SVK": "Europe/Bratislava", "SVN": "Europe/Ljubljana", "SWE": "Europe/Stockholm", "TUR": "Europe/Istanbul",
}

// TokenOwner returns the eMSP whose Tokens carry a contract id (folded): who
// must pay where a CDR says no more than that (2.1.1 auth_id). When Tokens of
// several eMSPs carry it, the smallest party name answers, so that it does not
// depend on the order they came in.
func (f *Follower) TokenOwner(contractID string) (ocpi.Party, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	owners := f.contracts[contractID]
	if len(owners) == 0 {
		return ocpi.Party{}, false
	}
	return owners[0], true
}
