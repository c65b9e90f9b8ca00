package statement

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// GroundHeldByPerson is the ground of a CDR that nothing holds but a person.
const GroundHeldByPerson = "decision"

// Undecided is what waits of one pair, for one ground, in one currency.
type Undecided struct {
	Ground    string
	CPO, EMSP ocpi.Party // the eMSP is zero where nobody is known to pay
	Currency  string
	Count     int
	Claimed   decimal.Decimal // before tax
}

// maxUndecided bounds how many of them an error lists.
const maxUndecided = 1_000

// UndecidedError says that something waits for a person, and that the agreement has it
// decided before a period is closed.
type UndecidedError struct {
	Period  ocpi.Month
	List    []Undecided // by ground and pair
	More    int         // groups that are not listed
	Count   int         // CDRs of all of them
	Claimed map[string]decimal.Decimal
}

// Error counts them, and says where not all groups are listed.
func (e *UndecidedError) Error() string {
	if e.More > 0 {
		return fmt.Sprintf("%d CDRs are held, here the first %d groups of %d: decide about them (roamclear queue lists them all), or close with --undecided carry", e.Count, len(e.List), len(e.List)+e.More)
	}
	return fmt.Sprintf("%d CDRs are held: decide about them (roamclear queue lists them all), or close with --undecided carry", e.Count)
}

// undecided sorts what is held into what can be carried and what cannot.
type undecided struct {
	closing           *closing
	carried, standing waiting
}

func newUndecided(t *closing) *undecided {
	return &undecided{closing: t, carried: waiting{}, standing: waiting{}}
}

// waiting are groups of CDRs that wait, by all that tells them apart.
type waiting map[waitingKey]*Undecided

type waitingKey struct {
	ground string
	place
}

func (u *undecided) add(d *Draft) {
	into := u.standing
	if u.closing.r.Carry || u.closing.agreed.Terms(d.CPO, d.EMSP, d.Period).Undecided == clearing.UndecidedCarry {
		into = u.carried
	}
	for i := range d.Settled {
		s := &d.Settled[i]
		if s.Later || s.State != clearing.Held {
			continue
		}
		key := waitingKey{HeldBy(&s.Outcome), place{d.CPO, d.EMSP, d.Currency}}
		w := into[key]
		if w == nil {
			w = &Undecided{Ground: key.ground, CPO: d.CPO, EMSP: d.EMSP, Currency: d.Currency}
			into[key] = w
		}
		w.Count++
		w.Claimed = w.Claimed.Add(s.Claim)
	}
}

// HeldBy is the one ground that what waits is counted under: the first of the strongest.
func HeldBy(o *clearing.Outcome) string {
	for i := range o.Grounds {
		if e := o.Grounds[i].Effect; e >= clearing.Hold && e == clearing.Strongest(o.Grounds) {
			return o.Grounds[i].Code
		}
	}
	return GroundHeldByPerson
}

// list returns the groups by ground and pair, as many as an error lists.
func (w waiting) list() []Undecided {
	list := make([]Undecided, 0, len(w))
	for _, u := range w {
		list = append(list, *u)
	}
	slices.SortFunc(list, func(a, b Undecided) int {
		return cmp.Or(cmp.Compare(a.Ground, b.Ground), place{a.CPO, a.EMSP, a.Currency}.compare(place{b.CPO, b.EMSP, b.Currency}))
	})
	return list
}

// refuses returns why the period cannot be closed, nil where nothing stands against it.
func (u *undecided) refuses() error {
	if len(u.standing) == 0 {
		return nil
	}
	e := &UndecidedError{Period: u.closing.r.Period, List: u.standing.list(), Claimed: map[string]decimal.Decimal{}}
	for i := range e.List {
		e.Count += e.List[i].Count
		e.Claimed[e.List[i].Currency] = e.Claimed[e.List[i].Currency].Add(e.List[i].Claimed)
	}
	if e.More = max(0, len(e.List)-maxUndecided); e.More > 0 {
		e.List = e.List[:maxUndecided]
	}
	return e
}
