package clearing

import (
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// strikes is how a rule measures. What it cannot measure it does not strike. Texts are
// made where it strikes alone: a month has a million CDRs, and nearly all are in order.
type strikes func(l *limits, f *Facts) (measured, limit string, struck bool)

// limits are the values of a rule's parameters, in their order.
type limits struct {
	values [3]ocpi.Number
	agreed [3]bool // an agreement gives it, not the pack
	// tolerance is the amount that is tolerated, by the decimals of a currency's minor unit:
	// a pack says it of those with two.
	tolerance [5]ocpi.Number
}

// tolerances sets what is tolerated in currencies of all minor units.
func (l *limits) tolerances() {
	for decimals := range l.tolerance {
		l.tolerance[decimals] = l.values[0]
		if !l.agreed[0] {
			l.tolerance[decimals] = ocpi.MustNumber(l.values[0].Decimal().Shift(int32(2 - decimals)).String())
		}
	}
}

func (l *limits) tolerated(currency string) ocpi.Number { return l.tolerance[ocpi.MinorUnit(currency)] }

// money returns a limit of money; ok is false where it says nothing of a currency.
func (l *limits) money(i int, currency string) (limit ocpi.Number, ok bool) {
	return l.values[i], l.agreed[i] || currency == "EUR"
}

var (
	zero             = ocpi.NewNumber(0, 0)
	hundred          = ocpi.NewNumber(100, 0)
	secondsOfAMinute = ocpi.NewNumber(60, 0)
	secondsOfAnHour  = ocpi.NewNumber(3600, 0)
	secondsOfADay    = ocpi.NewNumber(86400, 0)
)

// above reports whether a product is greater than another, all of it being known.
func above(a, b []ocpi.Number) bool {
	for _, side := range [...][]ocpi.Number{a, b} {
		for i := range side {
			if !side[i].IsSet() {
				return false
			}
		}
	}
	return ocpi.CompareProducts(a, b) > 0
}

func unknownDebtor(_ *limits, f *Facts) (measured, limit string, struck bool) {
	return "", "", f.Debtor.IsZero()
}

func undated(_ *limits, f *Facts) (measured, limit string, struck bool) {
	return "", "", !ocpi.BookedAt(f.End, f.Start, f.LastUpdated).IsSet()
}

func unknownCurrency(_ *limits, f *Facts) (measured, limit string, struck bool) {
	return "", "", f.Currency == ""
}

func inFuture(_ *limits, f *Facts) (measured, limit string, struck bool) {
	if f.InFuture != Yes {
		return "", "", false
	}
	return max(f.Start, f.End).String(), "", true
}

func otherTerms(_ *limits, f *Facts) (measured, limit string, struck bool) {
	return "", "", f.OtherTerms == Yes
}

func energy(l *limits, f *Facts) (measured, limit string, struck bool) {
	if !above([]ocpi.Number{f.Energy}, []ocpi.Number{l.values[0]}) {
		return "", "", false
	}
	return amount(f.Energy, "kWh"), amount(l.values[0], "kWh"), true
}

func duration(l *limits, f *Facts) (measured, limit string, struck bool) {
	if !above([]ocpi.Number{f.Duration}, []ocpi.Number{l.values[0], secondsOfAnHour}) {
		return "", "", false
	}
	return period(f.Duration), amount(l.values[0], "h"), true
}

// bySupply returns where the limit of a connector's supply stands.
func bySupply(f *Facts) (i int, known bool) { return int(f.Supply) - int(pricing.AC), f.Supply != 0 }

func costPerKWh(l *limits, f *Facts) (measured, limit string, struck bool) {
	i, known := bySupply(f)
	if !known || !f.Energy.IsSet() || f.Energy.Sign() <= 0 || f.Energy.Cmp(l.values[2]) < 0 {
		return "", "", false
	}
	most, says := l.money(i, f.Currency)
	if cost := f.cost(); says && above([]ocpi.Number{cost}, []ocpi.Number{most, f.Energy}) {
		unit := f.Currency + "/kWh"
		return cost.Decimal().DivRound(f.Energy.Decimal(), 6).String() + " " + unit, amount(most, unit), true
	}
	return "", "", false
}

func costInAll(l *limits, f *Facts) (measured, limit string, struck bool) {
	i, known := bySupply(f)
	if !known {
		return "", "", false
	}
	most, says := l.money(i, f.Currency)
	if cost := f.cost(); says && above([]ocpi.Number{cost}, []ocpi.Number{most}) {
		return amount(cost, f.Currency), amount(most, f.Currency), true
	}
	return "", "", false
}

func peakPower(l *limits, f *Facts) (measured, limit string, struck bool) {
	if !above([]ocpi.Number{f.PeakPower, hundred}, []ocpi.Number{f.ConnectorPower, l.values[0]}) {
		return "", "", false
	}
	return amount(f.PeakPower, "kW"), percentOf(l.values[0], f.ConnectorPower, "kW"), true
}

func energyAbovePower(l *limits, f *Facts) (measured, limit string, struck bool) {
	if f.Duration.Sign() < 0 || !above([]ocpi.Number{f.Energy, secondsOfAnHour, hundred}, []ocpi.Number{f.ConnectorPower, f.Duration, l.values[0]}) {
		return "", "", false
	}
	return amount(f.Energy, "kWh"), fmt.Sprintf("%s of %s × %s", amount(l.values[0], "%"), amount(f.ConnectorPower, "kW"), period(f.Duration)), true
}

func endBeforeStart(_ *limits, f *Facts) (measured, limit string, struck bool) {
	if !f.Start.IsSet() || !f.End.IsSet() || f.End >= f.Start {
		return "", "", false
	}
	return f.End.String(), f.Start.String(), true
}

func negativeEnergy(_ *limits, f *Facts) (measured, limit string, struck bool) {
	if f.Energy.Sign() >= 0 {
		return "", "", false
	}
	return amount(f.Energy, "kWh"), amount(zero, "kWh"), true
}

func negativeAmount(_ *limits, f *Facts) (measured, limit string, struck bool) {
	if f.ClaimedNet.Sign() >= 0 {
		return "", "", false
	}
	return amount(f.ClaimedNet, f.Currency), amount(zero, f.Currency), true
}

func foreignEVSE(_ *limits, f *Facts) (measured, limit string, struck bool) {
	if !mayBeForeign(f.EVSEID, f.Key.Party) {
		return "", "", false
	}
	e, ok := ocpi.ParseEVSEID(f.EVSEID)
	if !ok {
		return "", "", false
	}
	operator, ok := e.Party()
	if !ok || operator == f.Key.Party {
		return "", "", false
	}
	return f.EVSEID, f.Key.Party.String(), true
}

// mayBeForeign reports whether an EVSE's id can name another operator than the CPO. It
// spares nearly all of them being read, which costs an allocation: an id of the CPO's
// begins with it, and one without an E behind its operator names none.
func mayBeForeign(id string, cpo ocpi.Party) bool {
	var head [6]byte
	n := 0
	for i := 0; i < len(id) && n < len(head); i++ {
		switch c := id[i]; {
		case c == '*' || c == '-' || c == ' ':
			continue
		case 'a' <= c && c <= 'z':
			head[n] = c - ('a' - 'A')
		default:
			head[n] = c
		}
		n++
	}
	return n == len(head) && head[5] == 'E' && (string(head[:2]) != cpo.Country || string(head[2:5]) != cpo.ID)
}

func belowMinimum(l *limits, f *Facts) (measured, limit string, struck bool) {
	short := above([]ocpi.Number{l.values[0], secondsOfAMinute}, []ocpi.Number{f.Duration})
	little := above([]ocpi.Number{l.values[1]}, []ocpi.Number{f.Energy})
	switch {
	case short && little:
		return period(f.Duration) + " and " + amount(f.Energy, "kWh"), amount(l.values[0], "min") + " and " + amount(l.values[1], "kWh"), true
	case short:
		return period(f.Duration), amount(l.values[0], "min"), true
	case little:
		return amount(f.Energy, "kWh"), amount(l.values[1], "kWh"), true
	}
	return "", "", false
}

func age(l *limits, f *Facts) (measured, limit string, struck bool) {
	if !f.Received.IsSet() || !f.End.IsSet() || f.Received <= f.End {
		return "", "", false
	}
	// As unsigned numbers their difference fits, whatever the two are.
	late := ocpi.NewNumber(int64((uint64(f.Received)-uint64(f.End))/uint64(ocpi.Second)), 0)
	if !above([]ocpi.Number{late}, []ocpi.Number{l.values[0], secondsOfADay}) {
		return "", "", false
	}
	return days(late), amount(l.values[0], "days"), true
}

func difference(l *limits, f *Facts) (measured, limit string, struck bool) {
	if !f.ClaimedNet.IsSet() || !f.ComputedNet.IsSet() || l.tolerates(f.ClaimedNet, f.ComputedNet, f.Currency) {
		return "", "", false
	}
	tolerated := l.tolerated(f.Currency).Decimal()
	if share := f.ComputedNet.Decimal().Abs().Mul(l.values[1].Decimal()).Shift(-2); share.GreaterThan(tolerated) {
		tolerated = share
	}
	off := f.ClaimedNet.Decimal().Sub(f.ComputedNet.Decimal()).String()
	if !strings.HasPrefix(off, "-") {
		off = "+" + off
	}
	return off + " " + f.Currency, tolerated.String() + " " + f.Currency, true
}

// tolerates reports whether |claimed − computed| ≤ max(amount, per cent × |computed|).
func (l *limits) tolerates(claimed, computed ocpi.Number, currency string) bool {
	amount := l.tolerated(currency)
	off, fits := claimed.Add(computed.Neg())
	if !fits { // more than 18 digits
		d := claimed.Decimal().Sub(computed.Decimal()).Abs()
		return d.Cmp(amount.Decimal()) <= 0 || d.Shift(2).Cmp(l.values[1].Decimal().Mul(computed.Decimal().Abs())) <= 0
	}
	off, computed = magnitude(off), magnitude(computed)
	return off.Cmp(amount) <= 0 ||
		ocpi.CompareProducts([]ocpi.Number{off, hundred}, []ocpi.Number{l.values[1], computed}) <= 0
}

func noClaim(_ *limits, f *Facts) (measured, limit string, struck bool) {
	switch {
	case f.ClaimedNet.IsSet(), f.Status == 0:
		return "", "", false
	case f.ClaimedGross.IsSet():
		return ", only " + amount(f.ClaimedGross, f.Currency) + " with tax", "", true
	}
	return "", "", true
}

func unpriced(_ *limits, f *Facts) (measured, limit string, struck bool) {
	switch {
	case f.Status == pricing.Rejected && f.Reason == "":
		return "no reason was kept", "", true
	case f.Status == pricing.Rejected:
		return strings.ReplaceAll(f.Reason, "_", " "), "", true
	case f.Status == pricing.Priced && !f.ComputedNet.IsSet():
		return "its tariff gives no amount before tax", "", true
	}
	return "", "", false
}

func otherCurrency(_ *limits, f *Facts) (measured, limit string, struck bool) {
	if f.CurrencyOfTariff != No {
		return "", "", false
	}
	return f.Currency, "", true
}

func doubtfulTariff(_ *limits, f *Facts) (measured, limit string, struck bool) {
	return "", "", f.DoubtfulTariffs == Yes
}

// related strikes where the CDR stands so to another one. Of several it names the first
// in the order of identities, whatever the order of the facts.
func related(kind settlement.RelationKind) strikes {
	return func(_ *limits, f *Facts) (measured, limit string, struck bool) {
		var first *ocpi.Key
		others, some := 0, false
		for i := range f.Relations {
			if r := &f.Relations[i]; r.Kind == kind {
				others, some = others+1, some || r.Some
				if first == nil || r.Other.String() < first.String() {
					first = &r.Other
				}
			}
		}
		switch {
		case first == nil:
			return "", "", false
		case first.ID == "":
			measured = "it names none"
		default:
			measured = first.String()
		}
		if some {
			measured += " (there are so many that some were not looked at)"
		}
		if others > 1 {
			measured += fmt.Sprintf(" (and %d more)", others-1)
		}
		return measured, "", true
	}
}

func magnitude(n ocpi.Number) ocpi.Number {
	if n.Sign() < 0 {
		return n.Neg()
	}
	return n
}

// amount writes a number with its unit, as short as it is exact.
func amount(n ocpi.Number, unit string) string { return n.Decimal().String() + " " + unit }

// percentOf writes so many per cent of a number.
func percentOf(percent, n ocpi.Number, unit string) string {
	return percent.Decimal().Mul(n.Decimal()).Shift(-2).String() + " " + unit
}

// period writes seconds as hours, minutes and seconds.
func period(seconds ocpi.Number) string {
	d := seconds.Decimal()
	if d.IsNegative() {
		return "−" + period(seconds.Neg())
	}
	minutes, rest := d.QuoRem(secondsOfAMinute.Decimal(), 0)
	hours, minutes := minutes.QuoRem(secondsOfAMinute.Decimal(), 0)
	var parts []string
	if !hours.IsZero() {
		parts = append(parts, hours.String()+" h")
	}
	if !minutes.IsZero() {
		parts = append(parts, minutes.String()+" min")
	}
	if !rest.IsZero() || len(parts) == 0 {
		parts = append(parts, rest.String()+" s")
	}
	return strings.Join(parts, " ")
}

// days writes seconds as days, and what is left of them.
func days(seconds ocpi.Number) string {
	n := seconds.Coef()
	text := fmt.Sprintf("%d days", n/86400)
	if left := n % 86400; left > 0 {
		text += " " + period(ocpi.NewNumber(left, 0))
	}
	return text
}
