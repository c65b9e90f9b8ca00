package tariff

import (
	"slices"
	"sort"

	"github.com/roamclear/roamclear/ocpi"
)

// Explanation says why a price is what it is, as codes and numbers: it is what
// is stored; sentences are made when it is read ([Explanation.Text]).
//
// The rounded amounts of Lines, plus those that More sums up, plus Limit, plus
// Rounding, sum to Total exactly on each side that the tariff gives (for a credit:
// to its negative).
type Explanation struct {
	Engine     string // EngineVersion
	Profile    string
	Version    ocpi.Version // of the CDR
	Currency   string
	Zone       string // IANA name, "" when no restriction looked at local time
	ZoneSource string
	ZoneDB     string
	Credit     bool
	Reason     string // not priced: code and sentence, and nothing else below
	Detail     string
	Tariffs    []TariffRef
	Lines      []Line
	More       More   // lines that are left out, see [Explanation.AppendWithin]
	Unpriced   []Line // volume that no component prices: Kind, Measured, Segments
	Limits     []LimitHit
	Limit      Money // what limits added (min_price) or took off (max_price)
	Rounding   Money // the rounded total before limits, less the rounded lines
	Taxes      []Tax
	// TaxesStated: the tariff gives no tax rate, and Taxes are those of the CDR
	// (Result.TaxesStated).
	TaxesStated bool
	Total       Money
	Claimed     Money // the CDR's total_cost as sent
	Claim       Claim
	// Truncated: the CDR has so many periods that segments were merged.
	// MissesLeftOut counts the reasons why earlier elements did not apply that are
	// not listed. No amount is affected by either.
	Truncated     bool
	MissesLeftOut int
}

// Bounds of an explanation, whatever the CDR is.
const (
	maxSegments = 2_000
	maxMisses   = 10_000
)

// TariffRef names a tariff version that was used, and the elements that the
// explanation speaks of.
type TariffRef struct {
	ID       string
	Owner    string // "DE*ALL"; "*" where the version has no owner field
	Version  ocpi.Version
	Updated  ocpi.Time
	Embedded bool // it came with the CDR
	Elements []ElementRef

	json []byte // the members before Elements as AppendJSON writes them
}

// ElementRef is a tariff element by its index, with its restrictions.
type ElementRef struct {
	Index        int
	Restrictions ocpi.Restrictions

	json []byte // as AppendJSON writes it
}

// Line is what one price component charged. Quantities are in kWh for ENERGY,
// seconds for TIME and PARKING_TIME, times for FLAT.
type Line struct {
	Tariff      int // index into Explanation.Tariffs
	Element     int // index into Tariff.elements
	Component   int // index into its price_components
	Kind        ocpi.Component
	Reservation bool
	Measured    ocpi.Number
	Surplus     ocpi.Number // what step_size added; unset: nothing
	SurplusOf   ocpi.Number // the total that was rounded up; set with Surplus
	Billed      ocpi.Number
	Step        ocpi.Number // step_size as sent, Wh or seconds
	Price       ocpi.Number // per kWh, per hour, per session
	VAT         ocpi.Number // percent
	Amount      Money
	Segments    []Segment
}

// Segment is a run of charging periods that a component applied to for the
// same reasons. The state is that at the start of the first.
type Segment struct {
	First, Last int // indexes into charging_periods
	Quantity    ocpi.Number
	Local       LocalMinute // 0 when nothing looked at it
	Elapsed     ocpi.Number // seconds since the session's (or the reservation's) start
	KWh         ocpi.Number // before the period
	Current     [2]ocpi.Number
	Power       [2]ocpi.Number
	Missed      []Miss // earlier elements that did not apply
}

// Miss is an element that has a price for the dimension but did not apply, and
// the first restriction that did not hold.
type Miss struct {
	Element int
	On      Restriction
}

// LimitHit is a limit that changed the total.
type LimitHit struct {
	Maximum  bool
	AfterTax bool
	Bound    ocpi.Number // as sent
}

// trace is one lookup, remembered while explaining.
type trace struct {
	tally    int32 // index into Engine.tallies; -1: no component
	kind     ocpi.Component
	tariff   int32
	period   int32
	next     int32 // of the same tally; -1: none
	reserved bool
	quantity int128
	state    state
	missed   [2]int32 // range in explainer.misses
}

// explainer is the scratch space of Explain.
type explainer struct {
	on        bool
	result    Result
	traces    []trace
	misses    []Miss
	head      []int32 // first trace per tally
	tail      []int32
	segments  []Segment
	elements  []ElementRef
	seen      []bool                                  // elements of a tariff
	last      [ocpi.ComponentParkingTime + 1][2]int32 // the misses of the last look-up of each type
	truncated bool
	leftOut   int    // misses beyond maxMisses
	sum       int128 // of the segment being extended
	out       Explanation
}

// Explain explains the price of in, which was just priced into out. What it
// returns is reused by the engine's next Explain.
func (e *Engine) Explain(in *Input, out *Result) *Explanation {
	x := &e.explain
	x.traces, x.misses, x.segments, x.elements = x.traces[:0], x.misses[:0], x.segments[:0], x.elements[:0]
	x.out = Explanation{
		Engine: EngineVersion, Tariffs: x.out.Tariffs[:0], Lines: x.out.Lines[:0], Unpriced: x.out.Unpriced[:0],
		Limits: x.out.Limits[:0], Taxes: x.out.Taxes[:0],
	}
	x.out.Profile = profileOf(in).Name
	if in.CDR != nil {
		x.out.Version, x.out.Currency, x.out.Credit = in.CDR.Version, in.CDR.Currency, in.CDR.Credit
	}
	if !out.OK {
		x.out.Reason, x.out.Detail = out.Reason, out.Detail
		return &x.out
	}
	x.on, x.truncated, x.leftOut, x.last = true, false, 0, [len(x.last)][2]int32{}
	e.Price(in, &x.result)
	x.on = false
	if out.NeededZone {
		x.out.Zone, x.out.ZoneSource, x.out.ZoneDB = in.Zone.name, in.ZoneSource, ZoneDBVersion()
	}
	e.explainTariffs()
	e.explainLines()
	e.explainTotal(out)
	x.out.Truncated, x.out.MissesLeftOut = x.truncated, x.leftOut
	if cap(x.traces) > keptTraces {
		x.traces = nil
	}
	return &x.out
}

// keptTraces bounds the scratch space that an explanation leaves for the next:
// a trace is some 200 bytes, and the largest CDR has 40,000.
const keptTraces = 4_096

// traceLookup remembers one lookup and why earlier elements did not apply.
func (e *Engine) traceLookup(t *used, kind ocpi.Component, list []candidate, found int, s *state, i int, q int128) {
	x := &e.explain
	from := len(x.misses)
	before := int32(len(t.elements)) // elements from here on were not looked at
	n := trace{tally: -1, kind: kind, tariff: e.periods[i].tariff, period: int32(i), next: -1, quantity: q, state: *s}
	if found >= 0 {
		n.tally = t.first + list[found].component
		before = t.components[list[found].component].element
	}
	for _, lists := range [...]*[ocpi.ComponentParkingTime + 1][]candidate{&t.session, &t.reserved, &t.expired} {
		own := len(list) > 0 && len(lists[kind]) > 0 && &lists[kind][0] == &list[0]
		e.traceMisses(t, lists[kind], before, own, s, i)
	}
	slices.SortFunc(x.misses[from:], func(a, b Miss) int { return a.Element - b.Element })
	last := &x.last[kind]
	if sameMisses(x.misses[last[0]:last[1]], x.misses[from:]) {
		x.misses = x.misses[:from] // nearly always the reasons of the period before
	} else {
		*last = [2]int32{int32(from), int32(len(x.misses))}
	}
	n.missed = *last
	x.traces = append(x.traces, n)
}

// traceMisses remembers which candidates of elements before another one did not
// apply, and why; own: they were looked at.
func (e *Engine) traceMisses(t *used, list []candidate, before int32, own bool, s *state, i int) {
	x := &e.explain
	for j := range list {
		element := t.components[list[j].component].element
		if element >= before {
			return
		}
		if len(x.misses) == maxMisses {
			rest := list[j:]
			x.leftOut += sort.Search(len(rest), func(k int) bool { return t.components[rest[k].component].element >= before })
			return
		}
		on := OnReservation
		if own {
			on = e.matches(&list[j].restriction, s, i)
		}
		x.misses = append(x.misses, Miss{Element: int(element), On: on})
	}
}

// number12 returns an integer of 10^-12 units without trailing zeros.
func number12(n int128) ocpi.Number { return shortest(n, 12) }

// seconds returns ticks as seconds.
func seconds(ticks int128) ocpi.Number { return shortest(ticks, 10) }

// shortest drops trailing zeros; what has more digits than a Number holds is
// cut to the digits it holds (display only: no such volume can be sent).
func shortest(n int128, scale uint8) ocpi.Number {
	v, fits := n.int64()
	for !fits && scale > 0 {
		n, _ = n.div(int128Of(10))
		scale--
		v, fits = n.int64()
	}
	if scale >= 9 && v%1e9 == 0 {
		v /= 1e9
		scale -= 9
	}
	for scale >= 3 && v%1000 == 0 {
		v /= 1000
		scale -= 3
	}
	for scale > 0 && (v%10 == 0 || v > maxCoefficient || v < -maxCoefficient) {
		v /= 10
		scale--
	}
	return ocpi.NewNumber(v, scale)
}

// quantityOf returns a quantity in the unit that people read.
func quantityOf(kind ocpi.Component, q int128) ocpi.Number {
	switch kind {
	case ocpi.ComponentEnergy:
		return number12(q)
	case ocpi.ComponentFlat:
		return shortest(q, 0)
	}
	return seconds(q)
}
