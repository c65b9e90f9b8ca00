package clearing

import (
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// State says what becomes of a CDR. Each has exactly one.
type State uint8

// States.
const (
	Accepted State = iota // it is owed
	Zeroed                // nothing is owed, and its line says so
	Held                  // nothing is issued: it waits for its cause to go, or for a person
	Rejected              // nothing is owed, and nothing issued
	Before                // it belongs before settlement began here: it is settled elsewhere
)

var stateNames = [...]string{"accepted", "zeroed", "held", "rejected", "before"}

// String returns the state as API and pages write it.
func (s State) String() string { return stateNames[s] }

// MarshalText writes the state as String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *State) UnmarshalText(b []byte) error {
	i := slices.Index(stateNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("%q is no state of a CDR", b)
	}
	*s = State(i)
	return nil
}

// Codes of grounds that what is owed gives itself.
const (
	GroundUnpriced       = "unpriced"        // neither side's amount is known that would be owed
	GroundCreditOrphan   = "credit_orphan"   // nothing here is what the credit credits, or nothing that can be
	GroundCreditMismatch = "credit_mismatch" // what it credits is another eMSP's, or in another currency
	GroundCreditExcess   = "credit_excess"   // less remains of what it credits than it says
	GroundCreditSign     = "credit_sign"     // it has the sign of what it credits
	GroundOriginalHeld   = "original_held"   // what it credits waits itself
	GroundUndated        = "undated"         // it says nothing of when it was: it belongs to no period
)

// Amount is an amount of money before tax, and the tax that the side it is from states:
// nil where that is not known. Positive: the eMSP owes it to the CPO.
type Amount struct {
	Net decimal.Decimal
	Tax *decimal.Decimal
}

// neg returns -a.
func (a Amount) neg() Amount {
	n := Amount{Net: a.Net.Neg()}
	if a.Tax != nil {
		tax := a.Tax.Neg()
		n.Tax = &tax
	}
	return n
}

// add returns a + b. The tax of a sum is not known where one of its parts is not.
func (a Amount) add(b Amount) Amount {
	sum := Amount{Net: a.Net.Add(b.Net)}
	if a.Tax != nil && b.Tax != nil {
		tax := a.Tax.Add(*b.Tax)
		sum.Tax = &tax
	}
	return sum
}

// Act is what a person decided about a CDR.
type Act string

// Acts. That a person chose another copy ([Adopt]) shows in the amounts of a Case; an undo
// leaves no decision.
const (
	Accept   Act = "accept"
	RejectIt Act = "reject"
	HoldIt   Act = "hold"
)

// Decision is the decision in force about a CDR.
type Decision struct {
	Act Act
	// At is the side whose amount is accepted: OwedClaimed or OwedComputed, "" as agreed.
	At Owed
	// Covers are the codes of the grounds that were shown to who decided. A CDR that is
	// not issued is opened again by a ground to hold or reject that is not among them.
	Covers []string
}

// covers reports whether everything that would hold or reject was shown to who decided.
func (d *Decision) covers(grounds []Ground) bool {
	for i := range grounds {
		if grounds[i].Effect >= Hold && !slices.Contains(d.Covers, grounds[i].Code) {
			return false
		}
	}
	return true
}

// Issued is what statements have said of a CDR already, summed over its lines. Lines
// never change: the next statement has the difference.
type Issued struct {
	Period ocpi.Month // of the first line
	Zeroed bool       // the first line was one of a CDR that was zeroed
	Amount Amount
	KWh    *decimal.Decimal // nil: not known
}

// Case is a counted CDR as what is owed is read from it, within one pair of parties and
// one currency.
type Case struct {
	Key         ocpi.Key
	LastUpdated ocpi.Time
	Owed        Owed // of the agreement of its period
	// Tolerated: its claim differs from what was computed by so little that it is owed
	// as claimed ([Judge.Tolerates]).
	Tolerated bool
	KWh       *decimal.Decimal // nil: not known
	Claimed   *Amount          // nil: no claim that can be read
	Computed  *Amount          // nil: not priced; so of each credit
	Credit    bool
	// Elsewhere: it was issued here, and is another debtor's or in another currency now.
	Elsewhere bool
	Before    bool     // it belongs before settlement began here
	Grounds   []Ground // of the rules, without those that Settle gives itself
	Decision  *Decision
	Issued    *Issued // nil: nothing yet
}

// Outcome is what a CDR comes to. Owed is nothing but of an accepted one.
type Outcome struct {
	State State
	// Claim is what it claims before tax: of a credit what it says that it takes off,
	// without a claim what was computed; nothing of one that is another's now.
	Claim   decimal.Decimal
	Owed    Amount
	KWh     *decimal.Decimal // that its line says, nil: not known; 0 where it has none
	Grounds []Ground         // all of them
	// Excess is what a credit would take off beyond what remains of the CDR it credits:
	// it stays held, with a ground.
	Excess decimal.Decimal
	// Reopened: there is a decision, and a ground that it did not know.
	Reopened bool
}

// nothing is an amount of zero, its tax known.
func nothing() Amount { return Amount{Tax: &decimal.Decimal{}} }

// settle says what a CDR that credits nothing comes to.
func (c *Case) settle() Outcome {
	o := Outcome{Owed: nothing(), KWh: c.KWh, Grounds: c.Grounds}
	if c.Elsewhere {
		o.KWh = &decimal.Decimal{}
		return o
	}
	o.Claim = c.claim()
	owed, known := c.owed()
	if c.unpriced() {
		o.Grounds = with(o.Grounds, Ground{Code: GroundUnpriced, Effect: Hold})
	}
	c.decide(&o)
	switch {
	case o.State == Zeroed:
	case o.State != Accepted:
		o.KWh = &decimal.Decimal{}
	case known:
		o.Owed = owed
	case c.Issued != nil: // and nothing says how much it should be instead
		o.Owed = c.Issued.Amount
	default:
		o.State, o.KWh = Held, &decimal.Decimal{}
		o.Grounds = with(o.Grounds, Ground{Code: GroundUnpriced, Effect: Hold})
	}
	return o
}

// decide sets the state by what is issued, what was decided and what struck, in this
// order: rules act until a CDR is issued, and only note afterwards.
func (c *Case) decide(o *Outcome) {
	d := c.Decision
	switch {
	case c.Before && c.Issued == nil: // what is issued stays, whatever begins later
		o.State = Before
		return
	case d != nil && c.Issued != nil && d.Act == HoldIt: // no hold is taken of what is issued
	case d != nil && (c.Issued != nil || d.covers(o.Grounds)):
		o.State = map[Act]State{Accept: Accepted, RejectIt: Rejected, HoldIt: Held}[d.Act]
		return
	}
	if c.Issued != nil {
		if c.Issued.Zeroed {
			o.State = Zeroed
		}
		return
	}
	o.Reopened = d != nil
	switch Strongest(o.Grounds) {
	case Reject:
		o.State = Rejected
	case Hold:
		o.State = Held
	case Zero:
		o.State = Zeroed
	}
}

// owed returns the amount that is owed once the CDR is accepted, known false where
// nothing says how much that is.
func (c *Case) owed() (a Amount, known bool) {
	at := c.Owed
	if c.Decision != nil && c.Decision.At != "" {
		at = c.Decision.At
	}
	switch claimed, computed := c.Claimed, c.Computed; {
	case claimed == nil && computed == nil:
		return nothing(), false
	case claimed == nil:
		return *computed, true
	case at == OwedClaimed:
		return *claimed, true
	case computed == nil && c.accepted():
		return *claimed, true
	case computed == nil:
		return nothing(), false
	case c.tolerated():
		return *claimed, true
	case at == OwedLower && claimed.Net.LessThan(computed.Net):
		return *claimed, true
	}
	return *c.Computed, true
}

// unpriced reports whether the agreement alone leaves open how much is owed.
func (c *Case) unpriced() bool {
	return c.Computed == nil && (c.Claimed == nil || c.Owed != OwedClaimed)
}

// accepted reports whether a person accepted the CDR as it is.
func (c *Case) accepted() bool {
	return c.Decision != nil && c.Decision.Act == Accept && c.Decision.At == ""
}

// tolerated reports whether the claim counts for what was computed: not where a person
// chose the side.
func (c *Case) tolerated() bool {
	chosen := c.Decision != nil && c.Decision.At != ""
	return !chosen && c.Tolerated
}

// with returns grounds and one more, once.
func with(grounds []Ground, g Ground) []Ground {
	for i := range grounds {
		if grounds[i].Code == g.Code {
			if grounds[i].Effect >= g.Effect {
				return grounds
			}
			grounds = slices.Clone(grounds)
			grounds[i].Effect = g.Effect
			return grounds
		}
	}
	return append(slices.Clip(grounds), g)
}
