package tariff

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/roamclear/roamclear/ocpi"
)

// Bounds of what is priced, so that cost stays linear in periods × elements
// and both are finite.
const (
	MaxElements   = 500    // elements of one tariff
	MaxComponents = 2_000  // price components of one tariff
	MaxPeriods    = 10_000 // charging periods of one CDR
	MaxTariffs    = 100    // tariffs carried by one CDR, and used by it
	MaxRates      = 100    // distinct VAT percentages of one tariff, and of one CDR's lines
	// MaxSteps bounds what is looked at for one price. The largest CDR of one
	// dimension by the largest tariff stays below: 10,000 × 500.
	MaxSteps = 6_000_000
)

// Unpriceable says why a tariff or a CDR cannot be priced: a stable
// lower_snake_case code and one sentence.
type Unpriceable struct {
	Code   string
	Detail string
}

// Error returns the code and the sentence.
func (u *Unpriceable) Error() string { return u.Code + ": " + u.Detail }

func unpriceable(code, format string, args ...any) *Unpriceable {
	return &Unpriceable{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// unreadable says that what a price rests on cannot be read.
func unreadable(unread []ocpi.FieldError) *Unpriceable {
	return unpriceable(ReasonUnreadableMember, "%s: %s", unread[0].Path, unread[0].Reason)
}

// Prepared is a tariff compiled once per version (mod_tariffs, Tariff):
// restrictions to minute ranges and weekday masks, prices to integers over one
// denominator. It keeps nothing of the tariff it was made from and is safe for
// concurrent use.
type Prepared struct {
	id, country, party, currency string
	version                      ocpi.Version
	start, end, updated          ocpi.Time
	tax                          taxMode
	ref                          TariffRef // without elements
	rendered                     sync.Once // of ref.json and elements[].json
	elements                     []ElementRef
	compiled                     []restriction // of the elements
	components                   []component
	rates                        []ocpi.Number // distinct VAT percentages, in order of appearance

	// Candidates per price component type, in element order: in a session, in
	// a reservation, and in one that expired.
	session  [ocpi.ComponentParkingTime + 1][]candidate
	reserved [ocpi.ComponentParkingTime + 1][]candidate
	expired  [ocpi.ComponentParkingTime + 1][]candidate

	decimals      int    // every amount is an integer over 36 × 10^(12+decimals) × grossDivisor
	grossDivisor  int128 // common divisor that taking tax out of gross prices needs, else 1
	minPrice      limit
	maxPrice      limit
	unlimited     bool // neither limit is set
	usesWallClock bool // some restriction is on local time, date or weekday
	usesCurrent   bool // some restriction is on current or power
	usesBounds    bool // some restriction can change inside a period
	bounds        bounds
	notices       uint64
}

// component is one compiled price component.
type component struct {
	kind        ocpi.Component
	reservation ocpi.ReservationRestriction
	element     int32 // index into Tariff.elements
	index       int32 // index into its price_components
	rate        int32 // index into Prepared.rates; -1: no tax line
	parkingFee  bool  // a FLAT of an element that otherwise prices nothing but PARKING_TIME
	price       ocpi.Number
	vat         ocpi.Number
	stepSize    ocpi.Number
	step        int128 // in the unit of the quantity; 0 = none
	prices
}

// candidate is a component with the restrictions it depends on.
type candidate struct {
	restriction
	component int32
}

// ID returns the tariff's id as sent.
func (p *Prepared) ID() string { return p.id }

// Version returns the wire version the tariff came in.
func (p *Prepared) Version() ocpi.Version { return p.version }

// Currency returns the tariff's currency.
func (p *Prepared) Currency() string { return p.currency }

// LastUpdated returns the tariff's last_updated, which names its version.
func (p *Prepared) LastUpdated() ocpi.Time { return p.updated }

// NeedsZone reports whether a price depends on local time.
func (p *Prepared) NeedsZone() bool { return p.usesWallClock }

// ValidAt reports whether the tariff is in force at an instant (mod_tariffs,
// start_date_time inclusive, end_date_time exclusive; P-01.3).
func (p *Prepared) ValidAt(t ocpi.Time) bool {
	return (!p.start.IsSet() || p.start <= t) && (!p.end.IsSet() || t < p.end)
}

// Prepare compiles a tariff. The error is an *[Unpriceable]:
// "unreadable_member", "too_many_elements", "unknown_dimension", "unknown_restriction",
// "missing_price", "vat_out_of_range", "too_many_rates" or "overflow".
func Prepare(t *ocpi.Tariff) (*Prepared, error) {
	if len(t.Unread) > 0 {
		return nil, unreadable(t.Unread)
	}
	if len(t.Elements) > MaxElements {
		return nil, unpriceable("too_many_elements", "the tariff has %d elements; at most %d are priced", len(t.Elements), MaxElements)
	}
	p := &Prepared{
		id: strings.Clone(t.ID), country: strings.Clone(t.CountryCode), party: strings.Clone(t.PartyID),
		currency: strings.Clone(t.Currency), version: t.Version,
		start: t.Start, end: t.End, updated: t.LastUpdated,
		tax: taxModeOf(t), elements: make([]ElementRef, len(t.Elements)), compiled: make([]restriction, len(t.Elements)),
	}
	count := 0
	for i := range t.Elements {
		count += len(t.Elements[i].Components)
	}
	p.components = make([]component, 0, min(count, MaxComponents))
	p.ref = TariffRef{ID: p.id, Owner: p.country + "*" + p.party, Version: p.version, Updated: p.updated}
	if p.version == ocpi.V211 {
		p.notices |= 1 << noticeRules211
	}
	if p.version == ocpi.V230 && t.TaxIncluded == ocpi.TaxUnstated {
		p.notices |= 1 << noticeTaxIncludedMissing
	}
	for i := range t.Elements {
		if err := p.addElement(i, &t.Elements[i]); err != nil {
			return nil, err
		}
	}
	if err := p.compilePrices(t); err != nil {
		return nil, err
	}
	p.bounds.settle()
	p.indexCandidates()
	return p, nil
}

func (p *Prepared) addElement(i int, e *ocpi.TariffElement) error {
	r := &e.Restrictions
	if r.Reservation == ocpi.ReservationUnknown {
		return unpriceable("unknown_restriction", "elements[%d] has a reservation restriction that OCPI does not define", i)
	}
	compiled := compileRestriction(r)
	p.elements[i], p.compiled[i] = ElementRef{Index: i, Restrictions: *r}, compiled
	p.usesWallClock = p.usesWallClock || compiled.has&hasWallClock != 0
	p.usesCurrent = p.usesCurrent || compiled.has&hasMeasured != 0
	p.usesBounds = p.usesBounds || compiled.has&(hasWallClock|hasElapsed|hasEnergy) != 0
	p.bounds.addBounds(&compiled)
	if compiled.has&hasEqualWindow != 0 {
		p.notices |= 1 << noticeEqualWindow
	}
	if compiled.has&hasTime != 0 && compiled.has&hasWeekday != 0 && compiled.startSecond > compiled.endSecond {
		p.notices |= 1 << noticeWrapWeekday
	}
	for j := range e.Components {
		c := &e.Components[j]
		if len(p.components) == MaxComponents {
			return unpriceable("too_many_components", "the tariff has more than %d price components", MaxComponents)
		}
		if !c.Price.IsSet() {
			return unpriceable("missing_price", "elements[%d].price_components[%d] has no price", i, j)
		}
		if c.Type == ocpi.ComponentUnknown {
			if c.Price.Sign() == 0 {
				continue // whatever it would charge for, it charges nothing
			}
			return unpriceable("unknown_dimension", "elements[%d].price_components[%d] charges for %s, which OCPI does not define", i, j, strconv.Quote(c.TypeName))
		}
		p.components = append(p.components, component{
			kind: c.Type, reservation: r.Reservation, element: int32(i), index: int32(j), rate: -1,
			parkingFee: c.Type == ocpi.ComponentFlat && pricesOnlyParking(e),
			price:      c.Price, vat: c.VAT, stepSize: c.StepSize, step: stepOf(c),
		})
	}
	return nil
}

// render makes, at the first explanation, the JSON that every explanation by
// the tariff repeats.
func (p *Prepared) render() {
	p.rendered.Do(func() {
		p.ref.json = p.ref.appendHead(nil)
		for i := range p.elements {
			p.elements[i].json = p.elements[i].append(nil)
		}
	})
}

// pricesOnlyParking reports whether an element's components are PARKING_TIME
// and FLAT and nothing else, with at least one PARKING_TIME (P-11).
func pricesOnlyParking(e *ocpi.TariffElement) bool {
	parking := false
	for i := range e.Components {
		switch e.Components[i].Type {
		case ocpi.ComponentParkingTime:
			parking = true
		case ocpi.ComponentFlat:
		default:
			return false
		}
	}
	return parking
}

// indexCandidates lists, per context and type, the components in the order
// in which they are looked up. The first component of a type in an element
// stands for the element (P-04, "Two components of same D in one element").
func (p *Prepared) indexCandidates() {
	var counts [3][ocpi.ComponentParkingTime + 1]int
	context := func(c *component) (int, *[ocpi.ComponentParkingTime + 1][]candidate) {
		switch c.reservation {
		case ocpi.Reservation:
			return 1, &p.reserved
		case ocpi.ReservationExpires:
			return 2, &p.expired
		}
		return 0, &p.session
	}
	for i := range p.components {
		c := &p.components[i]
		n, _ := context(c)
		counts[n][c.kind]++
	}
	all := make([]candidate, 0, len(p.components)) // one allocation, near each other
	for i := range p.components {
		c := &p.components[i]
		n, lists := context(c)
		list := &lists[c.kind]
		if *list == nil {
			from, to := len(all), len(all)+counts[n][c.kind]
			all = all[:to]
			*list = all[from:from:to]
		}
		if n := len(*list); n > 0 && p.components[(*list)[n-1].component].element == c.element {
			continue
		}
		*list = append(*list, candidate{restriction: p.compiled[c.element], component: int32(i)})
	}
}
