package tariff

import (
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// used is a tariff that some period is priced with.
type used struct {
	*Prepared
	source UsedTariff
	first  int32  // index of its first component in Engine.tallies
	factor int128 // from its denominator to the price's

	flatSettled bool // no FLAT of it can be charged any more
}

const noTariff = -1

// chooseTariffs finds the tariff of every period (P-01; mod_cdrs,
// ChargingPeriod.tariff_id): the one it names, from the CDR itself before
// anywhere else. A period without a name costs nothing where others have one;
// where none has (2.1.1 has no such field), the CDR's one tariff applies to all.
func (e *Engine) chooseTariffs() *Unpriceable {
	if n := len(e.cdr.Tariffs); n > MaxTariffs {
		return unpriceable(ReasonTooManyTariffs, "the CDR carries %d tariffs; at most %d are looked at", n, MaxTariffs)
	}
	named := false
	if e.profile.Choice == ChooseByID {
		for i := range e.cdr.Periods {
			if e.cdr.Periods[i].TariffID != "" {
				named = true
				break
			}
		}
	}
	if !named {
		return e.chooseForAll()
	}
	lastID, last := "", noTariff
	from, periods := e.cdr.Periods, e.periods[:len(e.cdr.Periods)]
	for i := range from {
		id := from[i].TariffID
		switch {
		case last != noTariff && id == lastID: // nearly always
		case id == "" && e.profile.Untagged == UntaggedPriced:
			periods[i].tariff = int32(last)
			continue
		case id == "":
			e.raise(noticePeriodWithoutTariff, i)
			periods[i].tariff = noTariff
			continue
		default:
			index, why := e.useNamed(id, i)
			if why != nil {
				return why
			}
			lastID, last = id, index
		}
		periods[i].tariff = int32(last)
	}
	if e.profile.Untagged == UntaggedPriced {
		for i := len(e.periods) - 2; i >= 0; i-- {
			if e.periods[i].tariff == noTariff {
				e.periods[i].tariff = e.periods[i+1].tariff
			}
		}
	}
	return nil
}

// chooseForAll picks one tariff for every period.
func (e *Engine) chooseForAll() *Unpriceable {
	embedded := len(e.cdr.Tariffs) > 0
	count := e.offered(embedded)
	if count == 0 {
		return &Unpriceable{ReasonUnknownTariff, reasonUnknownTarifDetail}
	}
	choice, valid, oneID := noTariff, 0, true
	for i := range count {
		if e.candidateValid(embedded, i) {
			if valid == 0 {
				choice = i
			}
			oneID = oneID && sameID(e.idOf(embedded, i), e.idOf(embedded, choice))
			valid++
		}
	}
	switch {
	case valid > 1 && oneID:
		choice = e.inForce(e.idOf(embedded, choice), embedded)
	case valid > 1:
		e.raise(noticeAmbiguousTariff, -1)
	case valid == 0 && count > 1:
		return &Unpriceable{ReasonNoValidTariff, reasonNoValidDetail}
	case valid == 0:
		choice = 0
	}
	index, why := e.use(UsedTariff{embedded, choice})
	if why != nil {
		return why
	}
	for i := range e.periods {
		e.periods[i].tariff = int32(index)
	}
	return nil
}

// offered returns how many tariffs the CDR embeds, or are beside it.
func (e *Engine) offered(embedded bool) int {
	if embedded {
		return len(e.cdr.Tariffs)
	}
	return len(e.in.Tariffs)
}

// idOf returns the id of one of them.
func (e *Engine) idOf(embedded bool, i int) string {
	switch {
	case embedded:
		return e.cdr.Tariffs[i].ID
	case e.in.Tariffs[i] == nil:
		return ""
	}
	return e.in.Tariffs[i].id
}

func (e *Engine) candidateValid(embedded bool, i int) bool {
	if !embedded {
		return e.in.Tariffs[i] != nil && e.in.Tariffs[i].ValidAt(e.cdr.Start)
	}
	t := &e.cdr.Tariffs[i]
	return (!t.Start.IsSet() || t.Start <= e.cdr.Start) && (!t.End.IsSet() || e.cdr.Start < t.End)
}

// useNamed finds a tariff by its id: embedded in the CDR, else among the
// candidates; see inForce.
func (e *Engine) useNamed(id string, period int) (int, *Unpriceable) {
	e.steps += len(e.tariffs)
	for i := range e.tariffs {
		if e.tariffs[i].id == id {
			return i, nil // resolved for an earlier period
		}
	}
	for _, embedded := range [...]bool{true, false} {
		e.steps += 4 * e.offered(embedded) // comparing ids takes longer than a restriction
		if found := e.inForce(id, embedded); found != noTariff {
			return e.use(UsedTariff{embedded, found})
		}
	}
	return 0, unpriceable(ReasonUnknownTariff, "charging_periods[%d] names tariff %q, which is neither in the CDR nor known", period, id)
}

// use adds a tariff to those in use and returns its index there.
func (e *Engine) use(source UsedTariff) (int, *Unpriceable) {
	for i := range e.tariffs {
		if e.tariffs[i].source == source {
			return i, nil
		}
	}
	if len(e.tariffs) == MaxTariffs {
		return 0, unpriceable(ReasonTooManyTariffs, "the CDR uses more than %d tariffs", MaxTariffs)
	}
	p, why := e.prepared(source)
	if why != nil {
		return 0, why
	}
	if !p.ValidAt(e.cdr.Start) {
		e.raise(noticeTariffNotValid, -1)
	}
	if !source.Embedded && e.foreign(p) {
		e.raiseWith(noticeTariffOwner, fmt.Sprintf("tariff %s belongs to %s*%s, the CDR to %s*%s", p.id, p.country, p.party, e.cdr.CountryCode, e.cdr.PartyID))
	}
	e.raiseAll(p.notices)
	first := len(e.tallies)
	e.tariffs = append(e.tariffs, used{Prepared: p, source: source, first: int32(first), factor: int128Of(1), flatSettled: len(p.session[ocpi.ComponentFlat]) == 0})
	e.growTallies(first + len(p.components))
	e.steps += len(p.components)
	return len(e.tariffs) - 1, nil
}

func (e *Engine) prepared(source UsedTariff) (*Prepared, *Unpriceable) {
	if !source.Embedded {
		if e.in.Tariffs[source.Index] == nil {
			return nil, &Unpriceable{ReasonUnknownTariff, reasonUnknownTarifDetail}
		}
		return e.in.Tariffs[source.Index], nil
	}
	if source.Index < len(e.in.Embedded) && e.in.Embedded[source.Index] != nil {
		return e.in.Embedded[source.Index], nil
	}
	p, err := Prepare(&e.cdr.Tariffs[source.Index])
	if err == nil {
		return p, nil
	}
	if why, ok := errors.AsType[*Unpriceable](err); ok {
		if why.Code == ReasonUnreadableMember {
			return nil, why // its path begins at the CDR
		}
		return nil, &Unpriceable{why.Code, fmt.Sprintf("tariffs[%d]: %s", source.Index, why.Detail)}
	}
	return nil, unpriceable("unpriceable_tariff", "tariffs[%d]: %v", source.Index, err)
}

// checkTogether refuses tariffs that cannot be summed: another currency, or
// limits and tax rules whose scope OCPI does not define (P-01.5).
func (e *Engine) checkTogether() *Unpriceable {
	for i := range e.tariffs {
		t := &e.tariffs[i]
		if t.currency != "" && e.cdr.Currency != "" && !sameID(t.currency, e.cdr.Currency) {
			return unpriceable(ReasonMixedCurrency, "the CDR is in %s, its tariff %q in %s", e.cdr.Currency, t.id, t.currency)
		}
		first := &e.tariffs[0]
		switch {
		case i == 0:
		case !sameID(t.currency, first.currency):
			return unpriceable(ReasonMixedCurrency, "tariff %q is in %s, tariff %q in %s", first.id, first.currency, t.id, t.currency)
		case t.tax != first.tax && !(t.tax.beforeTax() && first.tax.beforeTax()):
			return unpriceable(ReasonMixedTaxes, "tariffs %q and %q differ in tax_included", first.id, t.id)
		case !t.minPrice.same(first.minPrice) || !t.maxPrice.same(first.maxPrice):
			return unpriceable(ReasonMixedLimits, "tariffs %q and %q have different price limits; OCPI does not say what each applies to", first.id, t.id)
		}
	}
	return nil
}

// forgetCurrents makes the currents of a 2.1.1 CDR unknown to tariffs of later
// versions: it states those of the session, they restrict by those of the period,
// summed over its phases.
func (e *Engine) forgetCurrents() {
	for i := range e.periods {
		if t := e.periods[i].tariff; t != noTariff && e.tariffs[t].version != ocpi.V211 {
			e.periods[i].measured &^= measuredCurrent
		}
	}
}

// sameID compares as OCPI's CiString does: ASCII letters without case.
func sameID(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	if a == b {
		return true
	}
	for i := range len(a) {
		if upper(a[i]) != upper(b[i]) {
			return false
		}
	}
	return true
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}
