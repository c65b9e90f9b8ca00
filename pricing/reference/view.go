package reference

import (
	"math"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// View answers what prices rest on, for one goroutine. What the Index does not
// hold it notes as missed, and answers as if there were none: then the answer
// does not count. Fill reads all that was missed, in a few queries, and the same
// questions are asked again, until none misses. So what is computed from the
// answers needs no store, and is the same whether or not they were in memory.
type View struct {
	*Index
	held  map[ingest.Identity]*past
	bytes int64 // of held
	ahead int   // versions read beside each that was missed

	missed bool                          // since Missed was last called
	lists  map[ingest.Identity]ocpi.Time // from when on the versions of a Tariff are missed
	bodies []body
}

// past are the versions of a Tariff that only the store has, those that are in
// force from an instant on.
type past struct {
	from   ocpi.Time        // ever: all of them
	newest []*TariffVersion // what the Index held when they were read
	older  []oldVersion     // by Since, then in the order of the log
	order  []int            // of older, in the order of the log
}

type oldVersion struct {
	Version
	read bool
	body *TariffVersion // nil where it was read and cannot be decoded
}

// body is a version that was missed: a place in past.older.
type body struct {
	tariff ingest.Identity
	past   *past
	at     int
}

// ever is before every instant.
const ever = math.MinInt64

// lookBack is how much older than the charge the versions are that are looked
// among first. Where none of them was in force, the Tariff changes so seldom
// that all are read.
const lookBack = ocpi.Time(24 * 3600 * ocpi.Second)

// View returns a view of the Index.
func (x *Index) View() *View {
	return &View{Index: x, held: map[ingest.Identity]*past{}, lists: map[ingest.Identity]ocpi.Time{}}
}

// newest returns the versions of a Tariff that are held, how many there are
// before them, and what no Since of those is after.
func (x *Index) newest(id ingest.Identity) (versions []*TariffVersion, older int, latest ocpi.Time) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	h := x.tariffs.of[id]
	if h == nil {
		return nil, 0, 0
	}
	return h.versions, h.older, h.latest
}

// Tariff returns the version of a Tariff that a charge which began at start, and
// that a debtor pays, is priced with, as of an end of the reference topic: of the
// Tariff that its owner gave to that debtor alone the one in force then, else of
// the one for everybody; where neither was in force, the first one after, in the
// same order.
func (v *View) Tariff(key ocpi.Key, debtor ocpi.Party, start ocpi.Time, below int64) (found *TariffVersion, later bool) {
	return v.first(key, debtor, start, below, func(ingest.Identity) bool { return true })
}

// Offered is Tariff for a charge that has not been made: of what its owner has withdrawn
// there is none.
func (v *View) Offered(key ocpi.Key, debtor ocpi.Party, start ocpi.Time, below int64) (found *TariffVersion, later bool) {
	return v.first(key, debtor, start, below, v.standing)
}

// first returns the version in force of the first of a Tariff's forms that may be: the
// debtor's own, that for everybody.
func (v *View) first(key ocpi.Key, debtor ocpi.Party, start ocpi.Time, below int64, may func(ingest.Identity) bool) (found *TariffVersion, later bool) {
	form := func(id ingest.Identity) (*TariffVersion, bool) {
		if !may(id) {
			return nil, false
		}
		return v.inForce(id, start, below)
	}
	own, ownLater := form(For(key, debtor))
	if own != nil && !ownLater {
		return own, false
	}
	all, later := form(General(key))
	if all == nil || later && own != nil {
		return own, ownLater
	}
	return all, later
}

// standing reports whether a Tariff is known and has not been withdrawn.
func (x *Index) standing(id ingest.Identity) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.tariffs.of[id].current() != nil
}

// inForce returns the version of one Tariff that was in force at start (OCPI:
// Tariffs "as they were at the start of the charging session"). Of the versions
// below the end that were valid at start it is the latest whose instant, see
// TariffVersion.Since, is not after start, of equal ones the one with the higher
// offset. If there is none, it is the earliest after start, of equal ones the
// one with the lower offset, and later is true. nil means unknown. No clock
// decides: the answer follows from the log below the end.
func (v *View) inForce(id ingest.Identity, start ocpi.Time, below int64) (found *TariffVersion, later bool) {
	newest, older, latest := v.newest(id)
	before, after := choose(newest, start, below)
	if older == 0 || before != nil && before.Since() >= latest {
		return either(before, after)
	}
	for _, from := range []ocpi.Time{start - lookBack, ever} {
		p := v.past(id, newest, from)
		if p == nil {
			return nil, false
		}
		found, later, ok := v.among(id, p, start, below)
		if !ok || p.from == ever || found != nil && !later && found.Since() >= p.from {
			return found, later
		}
	}
	return nil, false // not reached: ever is the last
}

// among is inForce among the versions of p. ok is false where one is missed.
func (v *View) among(id ingest.Identity, p *past, start ocpi.Time, below int64) (found *TariffVersion, later, ok bool) {
	before, after := choose(p.newest, start, below)
	from, _ := slices.BinarySearchFunc(p.older, start, func(o oldVersion, start ocpi.Time) int { return sign(o.Since <= start) })
	for i := from - 1; i >= 0 && (before == nil || p.older[i].Since > before.Since()); i-- {
		if o, ok := v.valid(id, p, i, start, below); !ok || o != nil {
			return o, false, ok
		}
	}
	for i := from; before == nil && i < len(p.older) && (after == nil || p.older[i].Since <= after.Since()); i++ {
		if o, ok := v.valid(id, p, i, start, below); !ok || o != nil {
			return o, true, ok
		}
	}
	found, later = either(before, after)
	return found, later, true
}

func either(before, after *TariffVersion) (v *TariffVersion, later bool) {
	if before != nil {
		return before, false
	}
	return after, after != nil
}

// valid returns a version that only the store has if it stands below the end
// and was valid at start, else nil; ok is false where it is missed.
func (v *View) valid(id ingest.Identity, p *past, i int, start ocpi.Time, below int64) (found *TariffVersion, ok bool) {
	if p.older[i].Position.Offset >= below {
		return nil, true
	}
	found, ok = v.version(id, p, i)
	if found != nil && !found.validAt(start) {
		return nil, true
	}
	return found, ok
}

// TariffsBelow returns the versions of a Tariff as of an end of the reference
// topic, at most limit of them, withdrawn ones and ones of any validity included:
// what its owner may have priced a CDR with that a debtor pays. First come those
// for the debtor alone, then those for everybody, each the newest first.
func (v *View) TariffsBelow(key ocpi.Key, debtor ocpi.Party, below int64, limit int) []*TariffVersion {
	list := v.allBelow(For(key, debtor), below, limit)
	return append(list, v.allBelow(General(key), below, limit-len(list))...)
}

func (v *View) allBelow(id ingest.Identity, below int64, limit int) []*TariffVersion {
	newest, older, _ := v.newest(id)
	list := lastBelow(newest, below, limit)
	if older == 0 || len(list) >= limit {
		return list
	}
	p := v.past(id, newest, ever)
	if p == nil {
		return nil
	}
	list = lastBelow(p.newest, below, limit)
	for _, i := range slices.Backward(p.order) {
		if len(list) >= limit {
			break
		}
		if p.older[i].Position.Offset >= below {
			continue
		}
		if o, ok := v.version(id, p, i); o != nil || !ok {
			list = append(list, o) // a missed one counts, so that no more are read than needed
		}
	}
	return slices.DeleteFunc(list, func(o *TariffVersion) bool { return o == nil })
}

func lastBelow(versions []*TariffVersion, below int64, limit int) []*TariffVersion {
	var list []*TariffVersion
	for _, v := range slices.Backward(versions) {
		if len(list) >= limit {
			break
		}
		if v.Position.Offset < below {
			list = append(list, v)
		}
	}
	return list
}

// past returns the versions of a Tariff that only the store has and that are in
// force from an instant on, nil where they are missed. newest is what the Index
// holds now.
func (v *View) past(id ingest.Identity, newest []*TariffVersion, from ocpi.Time) *past {
	p := v.held[id]
	switch {
	case p == nil || p.from > from:
	case len(newest) == 0 || len(p.newest) == 0, newest[len(newest)-1] == p.newest[len(p.newest)-1]:
		return p
	case newest[0] == p.newest[0]: // some came since, none went
		p.newest = newest
		return p
	}
	v.missed = true
	if asked, ok := v.lists[id]; ok || len(v.lists) < fillAtOnce {
		if ok {
			from = min(from, asked)
		}
		v.lists[id] = from
	}
	return nil
}

// version returns a version that only the store has, nil where it cannot be
// decoded; ok is false where it is missed.
func (v *View) version(id ingest.Identity, p *past, i int) (o *TariffVersion, ok bool) {
	if p.older[i].read {
		return p.older[i].body, true
	}
	v.missed = true
	if len(v.bodies) < fillAtOnce {
		v.bodies = append(v.bodies, body{id, p, i})
	}
	return nil, false
}

// makePast puts the versions that stand before those the Index holds in order.
func makePast(newest []*TariffVersion, all []Version, from ocpi.Time) *past {
	p := &past{newest: newest, from: from}
	seen := map[ingest.Position]bool{}
	for _, o := range all {
		if !seen[o.Position] && (len(newest) == 0 || o.Position.Before(newest[0].Position)) {
			seen[o.Position] = true
			p.older = append(p.older, oldVersion{Version: o})
		}
	}
	slices.SortFunc(p.older, func(a, b oldVersion) int {
		if a.Since != b.Since {
			return sign(a.Since < b.Since)
		}
		return sign(a.Position.Before(b.Position))
	})
	p.order = make([]int, len(p.older))
	for i := range p.order {
		p.order[i] = i
	}
	slices.SortFunc(p.order, func(a, b int) int { return sign(p.older[a].Position.Before(p.older[b].Position)) })
	return p
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}
