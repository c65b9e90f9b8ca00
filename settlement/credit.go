package settlement

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// CreditClaim is what the rules of credits read of a CDR: who owes it, and what
// it claims. It follows from the CDR alone.
type CreditClaim struct {
	Credit     bool
	EMSP       ocpi.Party // zero: not known
	Currency   string
	Excl, Incl *decimal.Decimal // nil: not stated
	// Late: of a credit, it came after the period of what it credits was closed for its
	// pair, or was settled elsewhere. What was reported of that stays.
	Late bool
}

// Credits are the credit CDRs that name one CDR, the original, held against it
// (OCPI 2.2.1 mod_cdrs, "Credit CDRs"). What is said of each follows from the
// set of them, never from the order in which they came: so all credits of a CDR
// that is credited too much are marked, for which of them came first is chance.
// Add all of them before anything is asked.
type Credits struct {
	original *CreditClaim // nil: nothing that can be credited
	// What the matching ones take off, in the direction of the original's claim:
	// all of them, and those that are not late.
	all, inTime takenOff
}

// takenOff is what some credits take off together.
type takenOff struct {
	credits     uint64
	excl, incl  decimal.Decimal
	inclMissing bool // of one of them
}

// CreditsOf returns the credits of an original, none yet. original is nil where
// no CDR has the id they name.
func CreditsOf(original *CreditClaim) *Credits {
	if original == nil || original.Credit {
		return &Credits{}
	}
	return &Credits{original: original}
}

// Add counts n credits, sum being what they claim together. They are alike in
// eMSP, currency, the signs of their amounts, in which amounts they state, and in
// whether they are late.
func (c *Credits) Add(sum *CreditClaim, n uint64) {
	if c.original == nil || c.apart(sum) != "" || c.adds(sum) {
		return
	}
	c.take(&c.all, sum, n)
	if !sum.Late {
		c.take(&c.inTime, sum, n)
	}
}

func (c *Credits) take(off *takenOff, sum *CreditClaim, n uint64) {
	off.credits += n
	off.excl, off.incl = off.excl.Add(c.taken(sum.Excl)), off.incl.Add(c.taken(sum.Incl))
	off.inclMissing = off.inclMissing || sum.Incl == nil
}

// inclKnown reports whether the side including VAT can be compared.
func (c *Credits) inclKnown(off *takenOff) bool { return c.original.Incl != nil && !off.inclMissing }

// Of says what is wrong between a credit and its original, "" when nothing is.
func (c *Credits) Of(credit *CreditClaim) RelationKind {
	if c.original == nil {
		return CreditOrphan
	}
	if kind := c.apart(credit); kind != "" {
		return kind
	}
	if c.adds(credit) || c.exceeds() {
		return CreditExcess
	}
	return ""
}

// Cancels reports whether the credits that match and are not late take the
// original's claim off in full, and this one is of them. The original then counts
// neither among what is computed nor among what differs.
func (c *Credits) Cancels(credit *CreditClaim) bool {
	off := &c.inTime
	if c.original == nil || off.credits == 0 || credit.Late || c.apart(credit) != "" || c.adds(credit) {
		return false
	}
	return !off.excl.LessThan(c.claim(c.original.Excl)) &&
		(!c.inclKnown(off) || !off.incl.LessThan(c.claim(c.original.Incl)))
}

// apart says why a credit cannot be of the original: "" when it can.
func (c *Credits) apart(credit *CreditClaim) RelationKind {
	switch {
	case credit.Currency != c.original.Currency:
		return CreditMismatch
	case credit.EMSP.IsZero() || c.original.EMSP.IsZero():
		return CreditUndecided
	case credit.EMSP != c.original.EMSP:
		return CreditMismatch
	}
	return ""
}

// Adds reports whether a credit adds to the original's claim instead of taking
// off; where there is no original, none does.
func (c *Credits) Adds(credit *CreditClaim) bool { return c.original != nil && c.adds(credit) }

// adds is Adds where there is an original.
func (c *Credits) adds(credit *CreditClaim) bool {
	return c.taken(credit.Excl).IsNegative() || c.taken(credit.Incl).IsNegative()
}

func (c *Credits) exceeds() bool {
	off := &c.all
	return off.excl.GreaterThan(c.claim(c.original.Excl)) ||
		c.inclKnown(off) && off.incl.GreaterThan(c.claim(c.original.Incl))
}

// claim is an amount of the original as a positive number: nothing claimed is
// zero, so any credit of it is too much.
func (c *Credits) claim(amount *decimal.Decimal) decimal.Decimal { return c.taken(amount).Neg() }

// taken is what an amount takes off the claim: the original may itself be
// negative, and then a positive amount does.
func (c *Credits) taken(amount *decimal.Decimal) decimal.Decimal {
	if amount == nil {
		return decimal.Zero
	}
	if c.negative() {
		return *amount
	}
	return amount.Neg()
}

func (c *Credits) negative() bool {
	excl, incl := c.original.Excl, c.original.Incl
	if excl != nil && !excl.IsZero() {
		return excl.IsNegative()
	}
	return incl != nil && incl.IsNegative()
}
