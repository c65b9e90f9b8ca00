package reference

import (
	"slices"
	"strings"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Index is what the follower of its folds has read. It is safe for concurrent
// use.
type Index struct {
	lints chan struct{} // a place each for the tariffs that are checked now

	mu        sync.RWMutex // guards everything below
	tariffs   map[ocpi.Key]*history
	zones     map[ocpi.Key][]ingest.ZoneChange
	contracts map[string][]ocpi.Party // folded contract id -> owners, sorted
	causes    uint64                  // counts Tariff versions, zones and contract ids that came
}

// NewIndex returns an Index that knows nothing: a follower of its Folds fills it.
func NewIndex() *Index {
	return &Index{
		lints: make(chan struct{}, maxLints), tariffs: map[ocpi.Key]*history{},
		zones: map[ocpi.Key][]ingest.ZoneChange{}, contracts: map[string][]ocpi.Party{},
	}
}

// Folds returns the folds that fill the Index.
func (x *Index) Folds() []objects.Fold {
	return []objects.Fold{tariffs{x}, locations{x}, tokens{x}}
}

// Causes counts what can heal a reject: it grows when a Tariff version, a
// Location's time zone or a Token's contract id arrives.
func (x *Index) Causes() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.causes
}

// locations is the fold of Locations.
type locations struct{ *Index }

// Kind implements objects.Fold.
func (locations) Kind() ingest.Object { return ingest.ObjectLocation }

// Resident implements objects.Fold.
func (locations) Resident() bool { return true }

// Apply implements objects.Fold. The state says from when on the Location had
// which time zone.
func (locations) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	s, err := objects.Merge(old, r)
	if err != nil {
		return nil, err
	}
	if objects.Overtaken(old, s, r) {
		return nil, objects.ErrOvertaken
	}
	if old != nil {
		s.Zones = old.Zones
	}
	err = objects.Decode(func(d *ocpi.Decoder) error {
		l, err := d.Location(s.Version, s.Body)
		if err != nil {
			return err
		}
		s.LastUpdated = l.LastUpdated
		if n := len(s.Zones); l.TimeZone != "" && (n == 0 || s.Zones[n-1].Zone != l.TimeZone) {
			s.Zones = append(s.Zones[:n:n], ingest.ZoneChange{Received: r.Received, Zone: strings.Clone(l.TimeZone)})
		}
		return nil
	})
	return s, err
}

// Folded implements objects.Fold.
func (l locations) Folded(s *ingest.ObjectState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(s.Zones) > len(l.zones[s.Key]) {
		l.causes++
	}
	l.zones[s.Key] = s.Zones
}

// Zone returns the IANA time zone that a CDR received at `received` at a
// Location is priced in, and where it comes from: the zone the Location had
// when the CDR was received ("location"); else the zone of a country that has
// only one ("country"); else the first zone the Location was given later
// ("location"); else nothing. country is ISO 3166 alpha-3.
func (x *Index) Zone(location ocpi.Key, country string, received ocpi.Time) (zone, source string) {
	x.mu.RLock()
	changes := x.zones[location]
	x.mu.RUnlock()
	var later string
	for _, z := range changes {
		if z.Received <= received {
			zone = z.Zone
		} else if later == "" {
			later = z.Zone
		}
	}
	if zone != "" {
		return zone, "location"
	}
	if zone = tariff.SingleZone(country); zone != "" {
		return zone, "country"
	}
	if later != "" {
		return later, "location"
	}
	return "", ""
}

// tokens is the fold of Tokens.
type tokens struct{ *Index }

// Kind implements objects.Fold.
func (tokens) Kind() ingest.Object { return ingest.ObjectToken }

// Resident implements objects.Fold.
func (tokens) Resident() bool { return true }

// Apply implements objects.Fold.
func (tokens) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	s, err := objects.Merge(old, r)
	if err != nil {
		return nil, err
	}
	if objects.Overtaken(old, s, r) {
		return nil, objects.ErrOvertaken
	}
	err = objects.Decode(func(d *ocpi.Decoder) error {
		t, err := d.Token(s.Version, s.Body)
		if err == nil {
			s.LastUpdated = t.LastUpdated
		}
		return err
	})
	return s, err
}

// Folded implements objects.Fold.
func (t tokens) Folded(s *ingest.ObjectState) {
	var contract string
	err := objects.Decode(func(d *ocpi.Decoder) error {
		token, err := d.Token(s.Version, s.Body)
		if err == nil {
			contract = strings.Clone(ocpi.Fold(token.ContractID))
		}
		return err
	})
	if err != nil || contract == "" {
		return // one that cannot be read names nobody
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	owners := t.contracts[contract]
	if slices.Contains(owners, s.Key.Party) {
		return
	}
	owners = append(owners, s.Key.Party)
	slices.SortFunc(owners, func(a, b ocpi.Party) int { return strings.Compare(a.String(), b.String()) })
	t.contracts[contract] = owners
	t.causes++
}

// TokenOwner returns the eMSP whose Tokens carry a contract id (folded): who
// must pay where a CDR says no more than that (2.1.1 auth_id). When Tokens of
// several eMSPs carry it, the smallest party name answers, so that it does not
// depend on the order they came in.
func (x *Index) TokenOwner(contractID string) (ocpi.Party, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	owners := x.contracts[contractID]
	if len(owners) == 0 {
		return ocpi.Party{}, false
	}
	return owners[0], true
}
