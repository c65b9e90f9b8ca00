package statement

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// Tally is how many CDRs there are, and an amount before tax of them together.
type Tally struct {
	Count int
	Net   decimal.Decimal
}

func (t *Tally) add(net decimal.Decimal) { t.Count, t.Net = t.Count+1, t.Net.Add(net) }

// Balance is where all that the CDRs of a pair claim in a currency has gone: each has
// exactly one place.
type Balance struct {
	CPO, EMSP ocpi.Party
	Currency  string

	Counted Tally           // CDRs that count, and what they claim, see Claims
	Turned  decimal.Decimal // how much more they claim as they are read: a credit takes off, whatever its sign
	Issued  Tally           // CDRs that lines were issued of, and the sum of these
	Open    decimal.Decimal // of the lines that would be issued now
	// By state; accepted is claimed less owed, the others what they claim.
	Accepted, Zeroed, Held, Rejected, Before Tally
	Later                                    Tally // comes to a later period, see Settled
	Elsewhere                                int   // CDRs that were issued here and are another's now
}

// Claims is what a counted CDR claims before tax, as it states it; without a claim what was
// computed, nothing where that is not known either.
func Claims(c *settlement.BookedCDR) decimal.Decimal {
	switch {
	case c.Claimed.Excl.IsSet():
		return c.Claimed.Excl.Decimal()
	case !c.Credit && c.Status == pricing.Priced && c.Computed.Excl.IsSet():
		return c.Computed.Excl.Decimal()
	}
	return decimal.Decimal{}
}

// Balance sorts what stands behind a draft. Of a draft of [Whole] books that is all that
// counts.
func (d *Draft) Balance() Balance {
	b := Balance{CPO: d.CPO, EMSP: d.EMSP, Currency: d.Currency}
	states := map[clearing.State]*Tally{clearing.Accepted: &b.Accepted, clearing.Zeroed: &b.Zeroed, clearing.Held: &b.Held, clearing.Rejected: &b.Rejected, clearing.Before: &b.Before}
	for i := range d.Settled {
		s := &d.Settled[i]
		if s.Issued != nil {
			b.Issued.add(s.Issued.Amount.Net)
		}
		if s.Line != nil {
			b.Open = b.Open.Add(s.Line.Net)
		}
		if s.Elsewhere {
			b.Elsewhere++
			continue
		}
		stated := Claims(s.Booked)
		b.Counted.add(stated)
		switch {
		case s.Later:
			b.Later.add(stated) // nobody has read it yet
		case s.State == clearing.Accepted:
			b.Accepted.add(s.Claim.Sub(s.Owed.Net))
			b.Turned = b.Turned.Add(s.Claim.Sub(stated))
		default:
			states[s.State].add(s.Claim)
			b.Turned = b.Turned.Add(s.Claim.Sub(stated))
		}
	}
	return b
}

// Conserve holds a balance against what is known of it from elsewhere: the CDRs that count,
// counted by themselves, and the sum of all lines issued. Nothing may be without a place,
// or in two: Σ claimed = Σ issued + Σ would be issued now + Σ (claimed - owed) of accepted +
// Σ claimed of zeroed, held, rejected, before, and of what comes later.
func (b *Balance) Conserve(counted Tally, issued decimal.Decimal) error {
	of := fmt.Sprintf("what %s owes %s in %s", b.EMSP, b.CPO, b.Currency)
	if b.Counted.Count != counted.Count || !b.Counted.Net.Equal(counted.Net) {
		return fmt.Errorf("%s: %d CDRs have a place and claim %s, %d count and claim %s", of, b.Counted.Count, b.Counted.Net, counted.Count, counted.Net)
	}
	if !b.Issued.Net.Equal(issued) {
		return fmt.Errorf("%s: CDRs have %s issued of them, lines are %s", of, b.Issued.Net, issued)
	}
	places := b.Issued.Net.Add(b.Open)
	n := 0
	for _, t := range []Tally{b.Accepted, b.Zeroed, b.Held, b.Rejected, b.Before, b.Later} {
		places, n = places.Add(t.Net), n+t.Count
	}
	if claimed := counted.Net.Add(b.Turned); n != counted.Count || !places.Equal(claimed) {
		return fmt.Errorf("%s: %d CDRs claim %s, their places are of %d and come to %s: issued %s, open %s, accepted %+v, zeroed %+v, held %+v, rejected %+v, before %+v, later %+v",
			of, counted.Count, claimed, n, places, b.Issued.Net, b.Open, b.Accepted, b.Zeroed, b.Held, b.Rejected, b.Before, b.Later)
	}
	return nil
}

// Whole are books of which nothing is left out as issued as it stands: the drafts are the
// same, and all that counts and was ever issued stands behind them. They are for whoever
// proves that; each draft costs as much as all that there is.
type Whole struct {
	Books
	Issues IssueStore
}

// BookedOpen implements Books.
func (w Whole) BookedOpen(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, _ []clearing.Counted, fn func(*settlement.BookedCDR) error) error {
	return w.Booked(ctx, q, below, fn)
}

// BookedBeside implements Books.
func (Whole) BookedBeside(context.Context, []Beside, settlement.Ends, []clearing.Counted, func(*settlement.BookedCDR) error) error {
	return nil
}

// IssuedMoved implements Books.
func (w Whole) IssuedMoved(ctx context.Context, q settlement.SettlementQuery, _ settlement.Ends, attempts []clearing.Counted, fn func(*IssuedCDR) error) error {
	ids := make([]uint64, len(attempts))
	for i := range attempts {
		ids[i] = attempts[i].ID
	}
	return w.Issues.Lines(ctx, IssueQuery{CPO: q.CPO, EMSP: q.EMSP, Party: q.Party, Currency: q.Currency}, ids, func(l *IssuedLine) error { return fn(&l.IssuedCDR) })
}
