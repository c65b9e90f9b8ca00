package reference

import (
	"context"
	"slices"
	"strings"
	"unique"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// locations is the fold of Locations.
type locations struct{ *Index }

// Kind implements objects.Fold.
func (locations) Kind() ingest.Object { return ingest.ObjectLocation }

// Warm implements objects.Fold.
func (locations) Warm() bool { return true }

// Load implements objects.Loader.
func (l locations) Load(ctx context.Context) error {
	return l.store.LoadChanges(ctx, ingest.ObjectLocation, func(s *ingest.ObjectState) error {
		l.Folded(s)
		return nil
	})
}

// Apply implements objects.Fold. The state says from when on the Location had
// which time zone.
func (locations) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	s, err := objects.Merge(old, r)
	if err != nil {
		return nil, err
	}
	var c ingest.Change
	err = objects.Decode(func(d *ocpi.Decoder) error {
		l, err := d.Location(s.Version, s.Body)
		if err != nil {
			return err
		}
		s.LastUpdated = objects.Updated(r, l.LastUpdated)
		c = ingest.Change{Next: r.Offset + 1, Received: r.Received, Updated: s.LastUpdated, Zone: strings.Clone(l.TimeZone), Place: placeOf(l, s.Body), Powers: powersOf(l)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if old != nil {
		s.Changes = old.Changes
		if n := len(s.Changes); n > 0 && s.Changes[n-1].Place != c.Place { // else nothing is to be told apart
			s.Changes = placeBefore(old)
		}
	}
	s.Changes, err = ingest.Note(s.Changes, c)
	return s, err
}

// Folded implements objects.Fold.
func (l locations) Folded(s *ingest.ObjectState) {
	odd := oddZoneOf(s)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.odd, s.Key)
	if odd.findings != nil {
		l.odd[s.Key] = odd
	}
	if !further(l.zones[s.Key], s.Changes) {
		return
	}
	changes := slices.Clone(s.Changes)
	for i := range changes {
		changes[i].Zone = intern(changes[i].Zone)
	}
	l.zones[internKey(s.Key)] = changes
	l.causes++
}

// further reports whether changes of a Location are those of a later state: they only
// ever grow, but that the last of too many places takes the place of the one before.
func further(known, changes []ingest.Change) bool {
	n := len(changes)
	return n > len(known) || n > 0 && n == len(known) && changes[n-1].Next > known[n-1].Next
}

// oddZone is what is found in a Location whose time zone is not a name of IANA's.
type oddZone struct {
	position ingest.Position
	findings []ocpi.Finding
}

// oddZoneOf returns what the decoder finds in a Location, and what is odd about
// its time zone; nothing where its zone is not odd or its body is not at hand.
func oddZoneOf(s *ingest.ObjectState) oddZone {
	odd := oddZone{position: s.Position}
	if n := len(s.Changes); n == 0 || len(s.Body) == 0 || len(tariff.ZoneFindings(s.Changes[n-1].Zone)) == 0 {
		return odd
	}
	err := objects.Decode(func(d *ocpi.Decoder) error {
		l, err := d.Location(s.Version, s.Body)
		if err == nil {
			odd.findings = append(tariff.ZoneFindings(l.TimeZone), l.Findings...)
		}
		return err
	})
	if err != nil {
		odd.findings = nil // of a state that an older decoder could read
	}
	return odd
}

// Findings implements objects.Judge: what is odd about a Location's time zone,
// beside what the decoder finds.
func (l locations) Findings(id ingest.Identity, p ingest.Position, _ ingest.Hash) (findings []ocpi.Finding, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	odd, ok := l.odd[id.Key]
	return slices.Clone(odd.findings), ok && odd.position == p
}

// intern returns the one copy of a text that thousands of objects have.
func intern(s string) string { return unique.Make(s).Value() }

func internIdentity(id ingest.Identity) ingest.Identity {
	return ingest.Identity{Object: id.Object, Key: internKey(id.Key), Variant: intern(id.Variant)}
}

func internKey(k ocpi.Key) ocpi.Key {
	return ocpi.Key{Party: ocpi.Party{Country: intern(k.Party.Country), ID: intern(k.Party.ID)}, ID: k.ID}
}

// Zone returns the IANA time zone that a charge which began at start at a
// Location is priced in, as of an end of the reference topic, and where it
// comes from: the zone the Location had when the charge began ("location");
// else the zone of a country that has only one ("country"); else the first
// zone the Location was given after it ("location"); else nothing. country is
// ISO 3166 alpha-3. A change that keeps the zone, as those of the place do, gives it
// no later instant: it would outdo a correction of the zone for before.
func (x *Index) Zone(location ocpi.Key, country string, start ocpi.Time, below int64) (zone, source string) {
	x.mu.RLock()
	changes := x.zones[location]
	x.mu.RUnlock()
	var before, after *ingest.Change
	had := ""
	for i := range changes {
		c := &changes[i]
		if c.Next > below || c.Zone == "" || c.Zone == had {
			continue
		}
		had = c.Zone
		switch since := c.Since(); {
		case since <= start && (before == nil || since >= before.Since()):
			before = c
		case since > start && (after == nil || since < after.Since()):
			after = c
		}
	}
	if before != nil {
		return before.Zone, "location"
	}
	if zone = tariff.SingleZone(country); zone != "" {
		return zone, "country"
	}
	if after != nil {
		return after.Zone, "location"
	}
	return "", ""
}
