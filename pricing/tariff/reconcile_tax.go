package tariff

import (
	"math/big"

	"github.com/roamclear/roamclear/ocpi"
)

// maxTaxRates bounds the rates that taxes are varied over: exact fractions grow
// with each, and no country has so many.
const maxTaxRates = 50

// tryTaxes varies what happened between the amounts before and after tax.
func (r *reconciler) tryTaxes() {
	t := r.base.Total
	if !t.Excl.IsSet() || !t.Incl.IsSet() {
		return
	}
	r.offer("vat_forgotten", "the amount after tax is the one before it: VAT was not added", Money{t.Excl, t.Excl})
	r.offer("excl_incl_swapped", "the amounts before and after tax were exchanged", Money{t.Incl, t.Excl})
	if more, ok := t.Incl.Add(subtract(t.Incl, t.Excl)); ok {
		r.offer("vat_amount_twice", "the VAT amount was added twice", Money{t.Excl, more})
		r.offer("vat_amount_twice", "the amounts including VAT were taken for the ones before it, and the same VAT amount was added again", Money{t.Incl, more})
	}
	// What varies the rates keeps one of our amounts on some side.
	sum := r.number(ratio{num: r.sum(func(*costLine) bool { return true }).excl, den: r.den})
	if !r.same(r.claimed.Excl, t.Excl) && !r.same(r.claimed.Excl, t.Incl) && !r.same(r.claimed.Incl, sum) {
		return
	}
	rates := r.byRate()
	if len(rates) > maxTaxRates {
		r.cutShort = true
		return
	}
	r.tryRates(rates)
}

// rateLine is what the lines of our own price with one VAT come to.
type rateLine struct {
	excl, incl *big.Rat
	rate       *big.Rat // VAT / 100, nil where there is none
}

// byRate adds up the lines of each rate: rates are few, and exact fractions over
// many grow long.
func (r *reconciler) byRate() (rates []rateLine) {
	at := map[string]int{}
	for i := range r.lines {
		l := &r.lines[i]
		name := ""
		if l.component.vat.IsSet() {
			name = percentString(l.component.vat)
		}
		k, ok := at[name]
		if !ok {
			k = len(rates)
			at[name] = k
			rates = append(rates, rateLine{excl: new(big.Rat), incl: new(big.Rat), rate: l.rate()})
		}
		rates[k].excl.Add(rates[k].excl, r.exact(l.excl))
		rates[k].incl.Add(rates[k].incl, r.exact(l.incl))
	}
	return rates
}

// rate returns a line's VAT as a fraction of one, nil where there is none.
func (l *costLine) rate() *big.Rat {
	vat := l.component.vat
	if !vat.IsSet() {
		return nil
	}
	return new(big.Rat).SetFrac(big.NewInt(vat.Coef()), new(big.Int).Mul(pow10[vat.Scale()].big(), big.NewInt(100)))
}

// tryRates adds VAT again, takes it out, or adds one rate to everything.
func (r *reconciler) tryRates(rates []rateLine) {
	t := r.base.Total
	one := big.NewRat(1, 1)
	twice, gross := new(big.Rat), new(big.Rat)
	sum, taxed := new(big.Rat), new(big.Rat)
	for _, l := range rates {
		factor := new(big.Rat).Set(one)
		if l.rate != nil {
			factor.Add(factor, l.rate)
		}
		sum.Add(sum, l.excl)
		taxed.Add(taxed, l.incl)
		twice.Add(twice, new(big.Rat).Mul(l.incl, factor))
		if factor.Sign() != 0 {
			gross.Add(gross, new(big.Rat).Quo(l.excl, factor))
		}
	}
	number := func(x *big.Rat) ocpi.Number { return r.number(ratio{wide: x}) }
	r.offer("vat_twice", "VAT was added twice", Money{t.Excl, number(twice)})
	r.offer("vat_twice", "the amounts including VAT were taken for the ones before it, and VAT was added again", Money{number(taxed), number(twice)})
	r.offer("prices_taken_as_gross", "the tariff's prices were read as including VAT", Money{number(gross), number(sum)})
	for _, l := range rates {
		if l.rate == nil {
			continue
		}
		all := new(big.Rat).Mul(sum, new(big.Rat).Add(one, l.rate))
		percent := new(big.Rat).Mul(l.rate, big.NewRat(100, 1))
		r.offer("vat_one_rate_for_all", "VAT of "+percent.FloatString(2)+" percent was added to every line, whatever the line's own rate", Money{t.Excl, number(all)})
	}
}
