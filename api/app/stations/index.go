package stations

import (
	"cmp"
	"strings"
	"sync"

	"github.com/tidwall/btree"
	"github.com/tidwall/rtree"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// Index holds a row for each Location that may be shown. It is an objects.Observer of
// Locations, and safe for concurrent use.
type Index struct {
	mu     sync.RWMutex // guards everything below
	whole  bool
	owners map[ocpi.Party]*owner
	byKey  *btree.BTreeG[*row]     // all of them, by owner and id
	byArea rtree.RTreeG[placedRow] // those that are placed, by longitude and latitude
	// gone has the Locations that were seen and have no row, until Whole: what the store
	// says of them may come later.
	gone  map[ocpi.Key]ingest.Position
	evses int // connectors of all rows
}

// placedRow is a row as it stands in an area, with the traits of its connectors, so that
// one that cannot fit is passed by without being looked at.
type placedRow struct {
	*row
	traits traits
}

// owner is a party that has rows.
type owner struct{ ocpi.Party }

// New returns an Index that has observed nothing.
func New() *Index {
	return &Index{
		owners: map[ocpi.Party]*owner{}, gone: map[ocpi.Key]ingest.Position{},
		byKey: btree.NewBTreeGOptions(func(a, b *row) bool { return compare(a, b) < 0 }, btree.Options{NoLocks: true}),
	}
}

// compare orders rows by owner and id.
func compare(a, b *row) int {
	if a.owner != b.owner {
		if c := cmp.Or(strings.Compare(a.owner.Country, b.owner.Country), strings.Compare(a.owner.ID, b.owner.ID)); c != 0 {
			return c
		}
	}
	return strings.Compare(a.id, b.id)
}

// probe is a row to look for a key with.
func probe(key ocpi.Key) *row { return &row{id: key.ID, owner: &owner{key.Party}} }

func (r *row) key() ocpi.Key { return ocpi.Key{Party: r.owner.Party, ID: r.id} }

// Observe implements objects.Observer.
func (x *Index) Observe(s *ingest.ObjectState) {
	r := rowOf(s)
	x.mu.Lock()
	defer x.mu.Unlock()
	old, known := x.byKey.Get(probe(s.Key))
	if known && !old.at.Before(s.Position) {
		return
	}
	if at, ok := x.gone[s.Key]; ok && !at.Before(s.Position) {
		return
	}
	if r == nil {
		x.drop(old)
		if !x.whole {
			x.gone[s.Key] = s.Position
		}
		return
	}
	delete(x.gone, s.Key)
	if !known {
		r.owner = x.ownerOf(s.Key.Party)
		r.id = strings.Clone(s.Key.ID)
		x.byKey.Set(r)
		x.place(r)
		x.evses += len(r.plugs)
		return
	}
	x.change(old, r)
}

// rowOf reads what is held of a state, nil where it is not to be shown.
func rowOf(s *ingest.ObjectState) (r *row) {
	if s.Deleted {
		return nil
	}
	err := objects.Decode(func(d *ocpi.Decoder) error {
		l, err := d.Location(s.Version, s.Body)
		if err == nil {
			r = newRow(l)
		}
		return err
	})
	if err != nil || r == nil {
		return nil // of a state that an older decoder could read
	}
	r.at = s.Position
	return r
}

// change makes a row what a newer state of its Location says: often the same place with
// the same traits, so that neither tree changes.
func (x *Index) change(old, r *row) {
	r.owner, r.id = old.owner, old.id
	x.evses += len(r.plugs) - len(old.plugs)
	if old.flags&placed == r.flags&placed && old.lat == r.lat && old.lon == r.lon && old.traits == r.traits {
		*old = *r
		return
	}
	x.unplace(old)
	*old = *r
	x.place(old)
}

func (x *Index) drop(r *row) {
	if r == nil {
		return
	}
	x.unplace(r)
	x.byKey.Delete(r)
	x.evses -= len(r.plugs)
}

func (x *Index) place(r *row) {
	if r.flags&placed != 0 {
		x.byArea.Insert(r.corner(), r.corner(), placedRow{r, r.traits})
	}
}

func (x *Index) unplace(r *row) {
	if r.flags&placed != 0 {
		x.byArea.Delete(r.corner(), r.corner(), placedRow{r, r.traits})
	}
}

// corner is where a row stands in byArea.
func (r *row) corner() [2]float64 {
	p := r.point()
	return [2]float64{p.Longitude, p.Latitude}
}

func (x *Index) ownerOf(p ocpi.Party) *owner {
	o := x.owners[p]
	if o == nil {
		p = ocpi.Party{Country: strings.Clone(p.Country), ID: strings.Clone(p.ID)}
		o = &owner{p}
		x.owners[p] = o
	}
	return o
}

// Whole implements objects.Observer.
func (x *Index) Whole() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.whole, x.gone = true, nil
}

// Ready reports whether all Locations that the store held have been observed: until
// then a search would miss some.
func (x *Index) Ready() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.whole
}

// Size returns how many Locations and connectors may be found.
func (x *Index) Size() (locations, connectors int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.byKey.Len(), x.evses
}
