package settlement

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/shopspring/decimal"
)

// Shift is how a computed sum moves. A CDR counts in Old or New when that
// result is priced, as in the settlement report.
type Shift struct {
	Changes  int64 // CDRs whose result changes
	Old, New Sum
}

// Delta is how much the sum moves.
func (s *Shift) Delta() Sum { return s.New.Sub(s.Old) }

// computed is what a result adds to a computed sum: nothing unless priced.
func (s *ChangeSide) computed() Sum {
	if s.Status != pricing.Priced {
		return Sum{}
	}
	return SumOf(s.Computed)
}

// delta is how much the computed total of one CDR moves, excluding VAT.
func (c *Change) delta() decimal.Decimal { return c.New.computed().Sub(c.Old.computed()).Excl }

// AccountShift is the shift of one row of the settlement report. A CDR whose
// debtor changes counts in both its rows.
type AccountShift struct {
	CPO, EMSP ocpi.Party
	Month     ocpi.Month
	Currency  string
	Shift
}

// CauseShift is the shift that changes of one kind and cause make. Reason is
// why the CDRs were rejected, or are now.
type CauseShift struct {
	Kind     ChangeKind
	Causes   string
	Reason   string
	Currency string
	Shift
}

// CurrencyShift is the shift of everything in one currency.
type CurrencyShift struct {
	Currency string
	Shift
}

// RepriceReport is what a run found.
type RepriceReport struct {
	Repricing  Repricing
	CDRs       int64 // priced again
	Resumed    int64 // of them by a process before this one
	Changed    int64
	Currencies []CurrencyShift
	Causes     []CauseShift   // most changes first
	Accounts   []AccountShift // by month, CPO, eMSP, currency
	Largest    []Change       // by amount excluding VAT, of each currency
	Applied    Applied
	// Spent are the CDRs of these months that were priced again as often as can be: they
	// are no part of the run, and their results stay. SpentCDRs are the first of them.
	Spent     int64
	SpentCDRs []ocpi.Key

	currencies map[string]*Shift
	accounts   map[account]*Shift
	causes     map[causeKey]*Shift
	largest    map[string][]Change // by currency, largest first
}

type causeKey struct {
	kind                     ChangeKind
	causes, reason, currency string
}

// maxSpent is how many CDRs that cannot be priced again are named.
const maxSpent = 20

// maxExamples is how many of the largest changes of a currency are shown.
const maxExamples = 5

func newRepriceReport(r *Repricing) *RepriceReport {
	return &RepriceReport{
		Repricing: *r, currencies: map[string]*Shift{}, accounts: map[account]*Shift{}, causes: map[causeKey]*Shift{},
		largest: map[string][]Change{},
	}
}

// shiftOf returns the shift of a key, a new one the first time.
func shiftOf[K comparable](m map[K]*Shift, k K) *Shift {
	s := m[k]
	if s == nil {
		s = &Shift{}
		m[k] = s
	}
	return s
}

// add books one change.
func (r *RepriceReport) add(c *Change) error {
	r.Changed++
	r.Applied.Add(c)
	reason := c.New.Reason
	if reason == "" {
		reason = c.Old.Reason
	}
	for _, s := range []*Shift{shiftOf(r.currencies, c.Currency), shiftOf(r.causes, causeKey{c.Kind, c.Causes, reason, c.Currency})} {
		s.Changes++
		s.Old, s.New = s.Old.Add(c.Old.computed()), s.New.Add(c.New.computed())
	}
	from := shiftOf(r.accounts, account{c.CPO, c.Old.EMSP, c.Month, c.Currency})
	to := shiftOf(r.accounts, account{c.CPO, c.New.EMSP, c.Month, c.Currency})
	from.Old, to.New = from.Old.Add(c.Old.computed()), to.New.Add(c.New.computed())
	from.Changes++
	if to != from {
		to.Changes++
	}
	r.example(c)
	return nil
}

// example keeps the change when it is among the largest of its currency.
func (r *RepriceReport) example(c *Change) {
	if c.delta().IsZero() {
		return
	}
	all := r.largest[c.Currency]
	at, _ := slices.BinarySearchFunc(all, *c, compareExamples)
	if at == maxExamples {
		return
	}
	all = slices.Insert(all, at, *c)
	r.largest[c.Currency] = all[:min(len(all), maxExamples)]
}

// compareExamples puts larger changes first, whichever way they go; of equal
// ones the order of identities decides, so that a report is the same each time.
func compareExamples(a, b Change) int {
	return cmp.Or(b.delta().Abs().Cmp(a.delta().Abs()), cmp.Compare(a.Key.Party.String(), b.Key.Party.String()), cmp.Compare(a.Key.ID, b.Key.ID))
}

// finish puts what was booked in order.
func (r *RepriceReport) finish() {
	for currency, s := range r.currencies {
		r.Currencies = append(r.Currencies, CurrencyShift{currency, *s})
		r.Largest = append(r.Largest, r.largest[currency]...)
	}
	slices.SortFunc(r.Currencies, func(a, b CurrencyShift) int { return cmp.Compare(a.Currency, b.Currency) })
	slices.SortStableFunc(r.Largest, func(a, b Change) int { return cmp.Compare(a.Currency, b.Currency) })
	for k, s := range r.causes {
		r.Causes = append(r.Causes, CauseShift{k.kind, k.causes, k.reason, k.currency, *s})
	}
	slices.SortFunc(r.Causes, func(a, b CauseShift) int {
		return cmp.Or(cmp.Compare(b.Changes, a.Changes), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Causes, b.Causes),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Currency, b.Currency))
	})
	for a, s := range r.accounts {
		r.Accounts = append(r.Accounts, AccountShift{a.cpo, a.emsp, a.month, a.currency, *s})
	}
	slices.SortFunc(r.Accounts, func(a, b AccountShift) int {
		return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.CPO.String(), b.CPO.String()),
			cmp.Compare(a.EMSP.String(), b.EMSP.String()), cmp.Compare(a.Currency, b.Currency))
	})
}
