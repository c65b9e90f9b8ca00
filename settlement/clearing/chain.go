package clearing

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// Chain is a CDR with the credit CDRs that name it (OCPI 2.2.1 mod_cdrs, "Credit
// CDRs"), all of one pair and currency. What each comes to follows from what they say
// and from what is issued, never from the order in which they came.
type Chain struct {
	// Original is what the credits credit: nil where there is no CDR of that id here,
	// or none that can be credited.
	Original *Case
	// Mismatched: there is an original, of another eMSP or in another currency.
	Mismatched bool
	// Named is what the credits name where there is no original, its ID "" where they name
	// nothing; Absent how it stands, "" for that it is not here.
	Named   ocpi.Key
	Absent  Absence
	Credits []*Case
}

// Absence is why what credits name cannot be credited, in words.
type Absence string

// Absences, beside that nothing of that id is here.
const (
	IsCredit   Absence = "which is a credit itself"
	ComesLater Absence = "which comes to a later period"
)

// left is what credits have not taken off yet.
type left struct {
	owed  Amount          // of what the original owes
	claim decimal.Decimal // of what it claims, as a positive number
}

// Settle says what the original and each of the credits come to; the credits are put
// in the order in which they take off.
func (c *Chain) Settle() (original Outcome, credits []Outcome) {
	slices.SortFunc(c.Credits, inOrder)
	var l left
	if c.Original != nil {
		original = c.Original.settle()
		l = left{original.Owed, c.Original.claim().Abs()}
	}
	credits = make([]Outcome, len(c.Credits))
	for i, credit := range c.Credits {
		credits[i] = c.credit(credit, original.State, &l)
	}
	return original, credits
}

// inOrder orders credits: those that are issued first, in the order of their
// statements, the others by their last_updated; both then by id.
func inOrder(a, b *Case) int {
	return cmp.Or(cmp.Compare(a.firstPeriod(), b.firstPeriod()), cmp.Compare(a.LastUpdated, b.LastUpdated), cmp.Compare(a.Key.String(), b.Key.String()))
}

// firstPeriod is the period a CDR was first issued in, later than any where it was not.
func (c *Case) firstPeriod() ocpi.Month {
	if c.Issued == nil {
		return ^ocpi.Month(0)
	}
	return c.Issued.Period
}

// claim is what credits of the CDR are held against.
func (c *Case) claim() decimal.Decimal {
	switch {
	case c.Claimed != nil:
		return c.Claimed.Net
	case c.Computed != nil:
		return c.Computed.Net
	}
	return decimal.Decimal{}
}

// credit says what one credit comes to, its original being in a state, and takes it
// off what is left.
func (c *Chain) credit(credit *Case, original State, l *left) Outcome {
	o := Outcome{Owed: nothing(), KWh: &decimal.Decimal{}, Grounds: credit.Grounds}
	if credit.Elsewhere {
		return o
	}
	says, turned := c.says(credit)
	if says != nil {
		o.Claim = says.Net
	}
	if turned {
		o.Grounds = with(o.Grounds, Ground{Code: GroundCreditSign, Effect: Note, Measured: credit.Claimed.Net.String()})
	}
	if g, struck := c.ground(says, original, l); struck {
		o.Grounds = with(o.Grounds, g)
	}
	credit.decide(&o)
	if o.State == Accepted && c.follows(original) && !credit.acceptedByPerson() {
		o.State = original
	}
	if o.State != Accepted && o.State != Zeroed {
		return o
	}
	o.KWh = negated(credit.KWh)
	switch {
	case o.State == Zeroed:
	case c.apart(original) && credit.Issued != nil && !credit.acceptedByPerson():
		o.Owed, o.KWh = credit.Issued.Amount, credit.Issued.KWh // nothing to hold it against any more
	case says == nil:
		o.State, o.KWh = Held, &decimal.Decimal{}
	case c.apart(original):
		o.Owed = *says // as a person says
	case credit.acceptedByPerson() && slices.Contains(credit.Decision.Covers, GroundCreditExcess):
		o.Owed = *says // too much of it included
		l.take(*says, c.Original.claim().Abs())
	default:
		o.Owed, o.Excess = l.take(*says, c.Original.claim().Abs())
		if o.Excess.IsPositive() {
			o.Grounds = with(o.Grounds, Ground{Code: GroundCreditExcess, Effect: Note, Measured: o.Excess.String()})
		}
	}
	return o
}

// says is what a credit says that it takes off, with the sign that does: one of the
// sign of what it credits is turned, and read as of the other. nil where it says nothing.
func (c *Chain) says(credit *Case) (says *Amount, turned bool) {
	if credit.Claimed == nil {
		return nil, false
	}
	read, sign := *credit.Claimed, 1
	if c.Original != nil && c.Original.claim().IsNegative() {
		sign = -1
	}
	if turned = read.Net.Sign() == sign; turned {
		read = read.neg()
	}
	return &read, turned
}

// absent says what credits name that have no original here.
func (c *Chain) absent() string {
	switch {
	case c.Original != nil: // what is left of it in other books, nobody here knows
		return c.Original.Key.String() + ", which belongs before settlement began here"
	case c.Named.ID == "":
		return "nothing: it names no CDR"
	case c.Absent != "":
		return c.Named.String() + ", " + string(c.Absent)
	}
	return c.Named.String() + ", which is not here"
}

// apart reports whether there is nothing to hold a credit against.
func (c *Chain) apart(original State) bool {
	return c.Original == nil || c.mismatched() || original == Before || original == Held
}

func (c *Chain) mismatched() bool { return c.Mismatched || c.Original != nil && c.Original.Elsewhere }

// follows reports whether a credit comes to nothing because what it credits does.
func (c *Chain) follows(original State) bool {
	return !c.apart(original) && (original == Rejected || original == Zeroed)
}

// ground is what the chain has against a credit.
func (c *Chain) ground(says *Amount, original State, l *left) (g Ground, struck bool) {
	switch {
	case c.mismatched():
		return Ground{Code: GroundCreditMismatch, Effect: Hold}, true
	case c.Original == nil, original == Before:
		return Ground{Code: GroundCreditOrphan, Effect: Hold, Measured: c.absent()}, true
	case original == Held:
		return Ground{Code: GroundOriginalHeld, Effect: Hold, Measured: c.Original.Key.String()}, true
	case says == nil:
		return Ground{Code: GroundUnpriced, Effect: Hold, Measured: "it says nothing that can be read"}, true
	case original == Accepted && l.owed.Net.IsZero() && says.Net.Abs().GreaterThan(l.claim):
		return Ground{Code: GroundCreditExcess, Effect: Hold, Measured: says.Net.Abs().String()}, true
	}
	return Ground{}, false
}

// take takes a credit off, and returns what that comes to and how much more it says
// than is left. One that says the whole claim takes all that is owed, whatever that is;
// a smaller one what it says, down to what is left. Up to the claim nothing is too
// much, though less be owed.
func (l *left) take(says Amount, claim decimal.Decimal) (off Amount, excess decimal.Decimal) {
	amount, remains := says.Net.Abs(), l.owed.Net.Abs()
	excess = decimal.Max(amount.Sub(decimal.Max(remains, l.claim)), decimal.Decimal{})
	switch {
	case amount.GreaterThanOrEqual(claim), amount.GreaterThan(remains):
		off = l.owed.neg()
	case says.Net.Sign() == l.owed.Net.Sign(): // the CPO owes it already
		off = nothing()
	default:
		off = says
		off.Tax = downTo(says.Tax, l.owed.Tax)
	}
	l.owed = l.owed.add(off)
	l.claim = decimal.Max(l.claim.Sub(amount), decimal.Decimal{})
	return off, excess
}

// downTo is a tax that is taken off, of no more than is left: of what is known of either.
func downTo(off, left *decimal.Decimal) *decimal.Decimal {
	if off == nil || left == nil || off.Abs().LessThanOrEqual(left.Abs()) {
		return off
	}
	all := left.Neg()
	return &all
}

func (c *Case) acceptedByPerson() bool { return c.Decision != nil && c.Decision.Act == Accept }

// negated is the volume of a credit.
func negated(kwh *decimal.Decimal) *decimal.Decimal {
	if kwh == nil {
		return nil
	}
	n := kwh.Abs().Neg()
	return &n
}
