package stations

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Filter is what a connector must be, by the numbers of the Enums; 0 = any.
type Filter struct {
	Standard, Format, PowerType, Status, Capability uint8
	MinWatts                                        int64
	PlugAndCharge                                   *bool // nil = any
}

// plugAndCharge has the capabilities of a connector that starts charging without more
// than being plugged in.
var plugAndCharge = uint16(Capabilities.mask([]string{"ISO_15118_2_PLUG_AND_CHARGE", "ISO_15118_20_PLUG_AND_CHARGE"}))

// Fits reports whether a connector of an EVSE that stands fits.
func (f *Filter) Fits(e *ocpi.EVSE, c *ocpi.Connector) bool {
	p := newPlug(e, c)
	return Stands(e) && f.fits(&p)
}

func (f *Filter) fits(p *plug) bool {
	is := func(want, have uint8) bool { return want == 0 || want == have }
	return is(f.Standard, p.standard) && is(f.Format, p.format) && is(f.PowerType, p.powerType) && is(f.Status, p.status) &&
		int64(p.watts) >= f.MinWatts &&
		(f.Capability == 0 || p.capabilities&(1<<(f.Capability-1)) != 0) &&
		(f.PlugAndCharge == nil || *f.PlugAndCharge == (p.capabilities&plugAndCharge != 0))
}

// Empty reports whether nothing is asked of connectors.
func (f *Filter) Empty() bool { return *f == Filter{} }

// any reports whether one of some connectors fits; where nothing is asked of them, an
// EVSE without connectors does.
func (f *Filter) any(plugs []plug) bool {
	if f.Empty() {
		return true
	}
	for i := range plugs {
		if f.fits(&plugs[i]) {
			return true
		}
	}
	return false
}

// Circle is all within a distance of a point.
type Circle struct {
	Centre Point
	Metres int
}

// Query is what is searched for. What the index cannot decide it takes for true: see
// Hit.
type Query struct {
	Circle *Circle // nil: not by distance
	Box    *Box    // nil: anywhere
	// Country and Party are the owner's, folded, "" = any.
	Country, Party string
	Sees           func(owner ocpi.Party) bool // nil = all
	Plug           Filter
	Facility       uint8  // 0 = any
	Text           string // words that its texts hold; "" = any
	SaysOpening    bool   // only what says when it is open
}

// Hit is a Location that may fit: its texts have the pairs of characters that Text has,
// and it is perhaps not published.
type Hit struct {
	Key    ocpi.Key
	Metres int // from the centre of the Circle, else 0
	Hidden bool
}

// MaxSeen bounds the rows that one search looks at.
const MaxSeen = 1_000_000

// ErrTooMany says that more than MaxSeen Locations are in a circle.
var ErrTooMany = errors.New("too many Locations are within that distance")

// Search returns the first n hits behind one: by distance where there is a Circle, then by
// owner and id. after is nil at the beginning. Fewer than n are all there are.
func (x *Index) Search(q *Query, after *Hit, n int) ([]Hit, error) {
	s := &search{Query: q, after: after, n: n, sees: map[*owner]bool{}}
	for _, word := range strings.Fields(Plain(q.Text)) {
		s.text.add(word)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	switch {
	case q.Circle != nil:
		return s.nearest(x)
	case q.Box != nil:
		return s.boxed(x), nil
	}
	found, _ := s.inOrder(x, math.MaxInt)
	return found, nil
}

// search is one search under way.
type search struct {
	*Query
	after *Hit
	n     int
	text  signature
	sees  map[*owner]bool
	seen  int
	best  best
}

// passes counts a row and reports whether it may fit.
func (s *search) passes(r *row) bool {
	s.seen++
	return s.fits(r)
}

// fits reports whether a row may fit, wherever it is.
func (s *search) fits(r *row) bool {
	if s.Facility != 0 && r.facilities&(1<<(s.Facility-1)) == 0 || s.SaysOpening && r.flags&saysOpening == 0 ||
		!r.text.holds(s.text) || !s.Plug.any(r.plugs) {
		return false
	}
	sees, known := s.sees[r.owner]
	if !known {
		p := r.owner.Party
		sees = (s.Country == "" || s.Country == p.Country) && (s.Party == "" || s.Party == p.ID) && (s.Sees == nil || s.Sees(p))
		s.sees[r.owner] = sees
	}
	return sees
}

func (r *row) hit(metres int) Hit {
	return Hit{Key: r.key(), Metres: metres, Hidden: r.flags&hidden != 0}
}

// firstMetres is how far is looked first; four times the area each time that does not
// bring enough, sixteen times where it brought next to nothing: each time what lies
// within is passed again.
const firstMetres = 500

// further is how far is looked next.
func (s *search) further(within int) int {
	if 16*len(s.best.found) < s.n {
		return 4 * within
	}
	return 2 * within
}

// nearest searches a Circle ring by ring: what lies within the rings before has been
// looked at.
func (s *search) nearest(x *Index) ([]Hit, error) {
	c := newCentre(s.Circle.Centre)
	from, most := 0, s.Circle.Metres
	if s.after != nil {
		from = s.after.Metres
	}
	s.best = newBest(s.n, s.after)
	wanted := s.Plug.traits()
	for within := min(max(firstMetres, 2*from), most); ; within = min(s.further(within), most) {
		area := c.around(within)
		for _, part := range area.parts() {
			x.byArea.Search([2]float64{part.West, part.South}, [2]float64{part.East, part.North}, func(at, _ [2]float64, r placedRow) bool {
				s.seen++
				if r.traits&wanted != wanted {
					return s.seen < MaxSeen
				}
				m := c.metres(Point{Latitude: at[1], Longitude: at[0]})
				if m >= from && m <= within && s.best.could(m) && s.fits(r.row) {
					s.best.add(candidate{r.row, m})
				}
				return s.seen < MaxSeen
			})
		}
		if s.seen >= MaxSeen {
			return nil, ErrTooMany
		}
		if s.best.cut(); s.best.full || within == most {
			return s.best.list(), nil
		}
		from = within + 1
	}
}

// scanFirst is how many rows are looked at in order, in the hope that enough of them are
// in the box, before all that are in it are.
const scanFirst = 4096

// boxed searches a Box.
func (s *search) boxed(x *Index) []Hit {
	if found, whole := s.inOrder(x, scanFirst); whole {
		return found
	}
	s.best = newBest(s.n, s.after)
	wanted := s.Plug.traits()
	for _, part := range s.Box.parts() {
		x.byArea.Search([2]float64{part.West, part.South}, [2]float64{part.East, part.North}, func(_, _ [2]float64, r placedRow) bool {
			if r.traits&wanted == wanted && s.fits(r.row) {
				s.best.add(candidate{row: r.row})
			}
			return true
		})
	}
	return s.best.list()
}

// inOrder searches by owner and id, at most so many rows; whole says that these were
// enough.
func (s *search) inOrder(x *Index, most int) (found []Hit, whole bool) {
	from := &row{owner: &owner{ocpi.Party{Country: s.Country}}}
	if s.Country != "" {
		from.owner.ID = s.Party
	}
	if s.after != nil {
		if last := probe(s.after.Key); compare(last, from) > 0 {
			from = last
		}
	}
	whole = true
	x.byKey.Ascend(from, func(r *row) bool {
		switch {
		case s.Country != "" && (r.owner.Country != s.Country || s.Party != "" && r.owner.ID != s.Party):
			return false // behind the last of that owner
		case s.seen >= most:
			whole = false
			return false
		case s.after != nil && compare(r, from) == 0 && from.id != "":
			return true // the last of the page before
		case s.Box != nil && (r.flags&placed == 0 || !s.Box.Holds(r.point())):
			s.seen++
			return true
		case s.passes(r):
			found = append(found, r.hit(0))
		}
		return len(found) < s.n
	})
	return found, whole
}

// candidate is a row that may be a hit: small, for far more are sorted than are told.
type candidate struct {
	*row
	metres int
}

func (c candidate) compare(o candidate) int {
	if c.metres != o.metres {
		return cmp.Compare(c.metres, o.metres)
	}
	return compare(c.row, o.row)
}

// best keeps the first n candidates behind one.
type best struct {
	n     int
	after candidate // its row is nil at the beginning
	found []candidate
	most  int // metres of the n-th, once there are so many
	full  bool
}

func newBest(n int, after *Hit) best {
	b := best{n: n, found: make([]candidate, 0, 2*n)}
	if after != nil {
		b.after = candidate{probe(after.Key), after.Metres}
	}
	return b
}

// could reports whether a row at a distance may be among them.
func (b *best) could(metres int) bool { return !b.full || metres <= b.most }

func (b *best) add(c candidate) {
	if b.after.row != nil && c.compare(b.after) <= 0 {
		return
	}
	if b.found = append(b.found, c); len(b.found) >= 2*b.n {
		b.cut()
	}
}

func (b *best) cut() {
	slices.SortFunc(b.found, candidate.compare)
	// The date line has two longitudes: what stands on it may come twice.
	b.found = slices.Compact(b.found)
	if len(b.found) >= b.n {
		b.found = b.found[:b.n]
		b.most, b.full = b.found[b.n-1].metres, true
	}
}

func (b *best) list() []Hit {
	b.cut()
	hits := make([]Hit, len(b.found))
	for i, c := range b.found {
		hits[i] = c.hit(c.metres)
	}
	return hits
}
