package statement

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// Settled is what a charge comes to in the next statement of its pair and currency.
type Settled struct {
	*Charge
	clearing.Outcome
	// Later: it comes to a later period, and nothing is issued yet.
	Later bool
	Line  *Line // nil where the statement has none of it
}

// Claims is what a CDR claims before tax as it is read: a credit takes off, whatever its
// sign. nil where it claims nothing that can be read.
func (s *Settled) Claims() *decimal.Decimal {
	switch {
	case s.Claimed == nil:
		return nil
	case !s.Credit || s.Elsewhere || s.Later || s.State == clearing.Before:
		return &s.Claimed.Net
	}
	return &s.Claim
}

// AtRest reports whether the statement has nothing to do with it: it comes to a later one,
// or stands as it was issued. It is behind the draft because others rest on it.
func (s *Settled) AtRest() bool { return s.Later || s.Issued != nil && s.Line == nil && !s.stale }

// Settle says what each charge of one pair and one currency comes to in the statement of
// a period: all that land in it or before and what was issued of them. With a credit
// comes what it credits, wherever that lands: the credit lands no earlier. The order in
// which charges are given changes nothing.
func Settle(charges []*Charge, period ocpi.Month) []Settled {
	settled := make([]Settled, len(charges))
	originals := make(map[ocpi.Key]int, len(charges))
	credits := map[int][]int{} // of an original, by its place
	for i, c := range charges {
		settled[i] = Settled{Charge: c, Later: c.Issued == nil && c.Lands > period}
		if !c.Credit {
			originals[c.Key] = i
		}
	}
	for i, c := range charges {
		if !c.Credit {
			continue
		}
		of, known := originals[c.CreditOf]
		if !known {
			of = -1 - i // a chain of its own
		}
		if known && settled[of].Later && c.Issued == nil {
			settled[i].Later = true
		}
		credits[of] = append(credits[of], i)
	}
	for i := range settled {
		switch _, alone := credits[-1-i]; {
		case alone:
			settleChain(settled, -1, credits[-1-i], absenceOf(settled[i].Charge))
		case settled[i].Later && !settled[i].Credit:
			settleChain(settled, i, nil, "")
			settleAhead(settled, credits[i])
		case !settled[i].Credit:
			settleChain(settled, i, credits[i], "")
		}
	}
	for i := range settled {
		s := &settled[i]
		if s.Later {
			continue
		}
		tax := s.Tax
		if of, known := originals[s.CreditOf]; known && s.Credit {
			tax = charges[of].Tax // it takes back what that was taxed by, whatever is agreed since
		}
		if l, ok := LineOf(s.Charge, &s.Outcome, tax); ok {
			// Another copy of what is issued may say a later time than the one that was.
			l.Belongs = min(l.Belongs, period)
			s.Line = &l
		}
	}
	return settled
}

// settleChain settles an original, -1 for none with why, and those of its credits that do
// not come later.
func settleChain(settled []Settled, original int, credits []int, absence clearing.Absence) {
	var chain clearing.Chain
	if original >= 0 {
		chain.Original = settled[original].Case
	} else {
		chain.Named, chain.Absent = settled[credits[0]].CreditOf, absence
	}
	at := make(map[*clearing.Case]int, len(credits))
	for _, i := range credits {
		chain.Mismatched = chain.Mismatched || settled[i].Mismatched
		at[settled[i].Case] = i
		if !settled[i].Later {
			chain.Credits = append(chain.Credits, settled[i].Case)
		}
	}
	of, outcomes := chain.Settle()
	if original >= 0 {
		settled[original].Outcome = of
	}
	for n, c := range chain.Credits {
		settled[at[c]].Outcome = outcomes[n]
	}
}

// absenceOf is why a credit has no original.
func absenceOf(c *Charge) clearing.Absence {
	if c.OfCredit {
		return clearing.IsCredit
	}
	return ""
}

// settleAhead settles credits of what comes to a later period: one that is issued already,
// since a person accepted it when there was nothing that it credits, stays what it is until
// that comes.
func settleAhead(settled []Settled, credits []int) {
	for _, i := range credits {
		s := &settled[i]
		if s.Later {
			continue
		}
		settleChain(settled, -1, []int{i}, clearing.ComesLater)
		if s.Issued != nil && s.State == clearing.Accepted {
			s.Owed, s.KWh, s.Excess = s.Issued.Amount, s.Issued.KWh, decimal.Decimal{}
		}
	}
}

// Lines are the lines of what is settled, in the order of a statement.
func Lines(settled []Settled) []Line {
	var s Statement
	for i := range settled {
		if settled[i].Line != nil {
			s.Lines = append(s.Lines, *settled[i].Line)
		}
	}
	s.Sort()
	return s.Lines
}
