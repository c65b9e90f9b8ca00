package rest

import (
	"context"
	"errors"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Traces tells what was issued of single CDRs, and what was decided about them.
type Traces interface {
	// LinesOf returns what closes issued of a CDR, the first one first, of whatever pair:
	// the latest MaxTraced of them, and how many came before these.
	LinesOf(ctx context.Context, key ocpi.Key) (lines []TracedLine, more int, err error)
	// DecisionsOf returns all decisions about a CDR, the first one first.
	DecisionsOf(ctx context.Context, key ocpi.Key) ([]statement.Decided, error)
	// CopiesOf returns the copies of a CDR and which of them counts, or is to.
	CopiesOf(ctx context.Context, key ocpi.Key) (*settlement.Copies, error)
}

// MaxTraced bounds the lines that are told of one CDR.
const MaxTraced = 36

// TracedLine is a line of an issued statement.
type TracedLine struct {
	statement.IssuedCDR
	Number string // of the statement
	At     ocpi.Time
}

// Cleared is what becomes of one CDR. Amounts are before tax.
type Cleared struct {
	State   clearing.State `json:"state"`
	Grounds []CDRGround    `json:"grounds"`
	Waits   []string       `json:"waits"`  // of a held one: the grounds under which the queue has it
	Period  *string        `json:"period"` // it belongs to; null: to none that is known
	Lands   *string        `json:"lands"`  // the period of the statement that has its line, issued or not
	// Currency is that of all amounts.
	Currency string  `json:"currency"`
	Claimed  *string `json:"claimed"`  // null where it claims nothing that can be read
	Computed *string `json:"computed"` // null where it is not priced
	Owed     string  `json:"owed"`     // of an accepted one; of a credit below zero
	OwedTax  *string `json:"owed_tax"` // that the side states whose amount is owed; null where it states none
	// Side is whose amount is owed: claimed, computed, or both where they are the same;
	// null where nothing is owed.
	Side      *string           `json:"side"`
	Agreed    clearing.Owed     `json:"agreed"` // what is owed by the agreement of its period
	Issued    []ClearedLine     `json:"issued"`
	Earlier   int               `json:"earlier"` // lines before these
	Open      []ClearedOpen     `json:"open"`    // what a close now would add
	Decisions []ClearedDecision `json:"decisions"`
	Chain     []ClearedLink     `json:"chain"` // the CDRs that settle one charge, where there are several
	ChainOwed *string           `json:"chain_owed"`
	Problem   *string           `json:"problem"` // why nobody can say what is owed; all else is empty then
	Digest    string            `json:"digest"`  // of what is shown, for who decides about it
}

// ClearedLine is what a statement says of a CDR. Of one that was issued there before it is
// a difference.
type ClearedLine struct {
	Number     string  `json:"number"`
	Period     string  `json:"period"`
	CPO        string  `json:"cpo"`
	EMSP       string  `json:"emsp"`
	Currency   string  `json:"currency"`
	Correction bool    `json:"correction"`
	Net        string  `json:"net"`
	Tax        *string `json:"tax"`
	IssuedAt   string  `json:"issued_at"`
}

// ClearedOpen is a line that a close now would issue.
type ClearedOpen struct {
	Period     string  `json:"period"` // of the statement
	CPO        string  `json:"cpo"`
	EMSP       string  `json:"emsp"`
	Currency   string  `json:"currency"`
	Correction bool    `json:"correction"`
	Net        string  `json:"net"`
	Tax        *string `json:"tax"`
}

// ClearedDecision is a decision about a CDR. Who decided and why is told to who may see
// all, and to the key that decided.
type ClearedDecision struct {
	Act    clearing.Act  `json:"act"`
	At     clearing.Owed `json:"at,omitempty"`
	When   string        `json:"decided_at"`
	By     *string       `json:"by"`
	Reason *string       `json:"reason"`
	Stands bool          `json:"stands"` // no later one took its place; which copy counts and what becomes of it are told apart
	Covers []string      `json:"covers"` // the grounds that were shown to who decided
	Copy   *string       `json:"copy"`   // the receipt of the copy that was chosen to count, null where none was
	Record int64         `json:"record"`
}

// Roles of a CDR in a chain.
const (
	RoleOriginal    = "original"
	RoleCredit      = "credit"
	RoleReplacement = "replacement" // a later CDR of the same Session, by what it says itself
)

// ClearedLink is one of the CDRs that settle one charge.
type ClearedLink struct {
	CDR   string         `json:"cdr"`
	Role  string         `json:"role"`
	State clearing.State `json:"state"`
	Claim string         `json:"claim"` // of a credit what it takes off, below zero
	Owed  string         `json:"owed"`
}

// ReadCleared reads what becomes of a CDR, as far as a key may see it; nil where it is in no
// statement to be, as one that is not priced yet. It costs a few look-ups by key.
func ReadCleared(ctx context.Context, d Drafts, t Traces, k Key, key ocpi.Key) (*Cleared, error) {
	var c *Cleared
	var open []ClearedOpen
	err := d.Draw(ctx, statement.Query{Key: key}, func(d *statement.Draft) error {
		i := slices.IndexFunc(d.Settled, func(s statement.Settled) bool { return s.Key == key })
		switch {
		case !k.Sees(d.CPO, d.EMSP):
			return nil
		case d.Err != nil:
			if c == nil {
				c = emptyCleared()
				c.Problem = textOrNil(d.Err.Error())
			}
			return nil
		case i < 0:
			return nil
		}
		s := &d.Settled[i]
		if l := s.Line; l != nil {
			open = append(open, ClearedOpen{s.Lands.String(), d.CPO.String(), PartyText(d.EMSP), d.Currency, l.Kind == statement.Correction, Money(l.Net), MoneyOrNil(l.LineTax)})
		}
		if !s.Elsewhere {
			c = newCleared(d, s, k)
		}
		return nil
	})
	switch {
	case errors.Is(err, settlement.ErrNotFound):
		return nil, nil
	case err != nil || c == nil:
		return nil, err
	}
	c.Open = append(c.Open, open...)
	if err := c.trace(ctx, t, k, key); err != nil {
		return nil, err
	}
	return c, nil
}

func emptyCleared() *Cleared {
	return &Cleared{Grounds: []CDRGround{}, Waits: []string{}, Issued: []ClearedLine{}, Open: []ClearedOpen{}, Decisions: []ClearedDecision{}, Chain: []ClearedLink{}}
}

func newCleared(d *statement.Draft, s *statement.Settled, k Key) *Cleared {
	c := emptyCleared()
	c.State, c.Period, c.Lands, c.Currency = s.State, textOrNil(s.Belongs.String()), textOrNil(s.Lands.String()), d.Currency
	c.Claimed, c.Computed, c.Owed, c.OwedTax, c.Side, c.Agreed = MoneyOrNil(s.Claims()), netOf(s.Computed), Money(s.Owed.Net), MoneyOrNil(s.Owed.Tax), sideOf(s), s.Case.Owed
	for _, g := range s.Grounds {
		c.Grounds = append(c.Grounds, newCDRGround(g, d.CPO, k))
	}
	if s.State == clearing.Held {
		c.Waits = append(c.Waits, waitsBy(s)...)
	}
	if s.Issued != nil {
		c.Lands = textOrNil(s.Issued.Period.String())
	}
	var shown shownSet
	shown.add(s, d.Currency)
	c.Digest = shown.digest()
	c.chain(d, s)
	return c
}

// sideOf says whose amount is owed.
func sideOf(s *statement.Settled) *string {
	is := func(a *clearing.Amount) bool { return a != nil && a.Net.Abs().Equal(s.Owed.Net.Abs()) }
	switch {
	case s.State != clearing.Accepted || s.Owed.Net.IsZero():
		return nil
	case is(s.Claimed) && is(s.Computed):
		return textOrNil("both")
	case is(s.Claimed):
		return textOrNil("claimed")
	case is(s.Computed):
		return textOrNil("computed")
	}
	return nil
}

// trace adds what was issued and decided.
func (c *Cleared) trace(ctx context.Context, t Traces, k Key, key ocpi.Key) error {
	lines, more, err := t.LinesOf(ctx, key)
	if err != nil {
		return err
	}
	c.Earlier = more
	seen := map[[2]string]bool{}
	for i := range lines {
		l := &lines[i]
		if !k.Sees(l.Key.Party, l.EMSP) {
			continue
		}
		at := [2]string{l.EMSP.String(), l.Currency}
		c.Issued = append(c.Issued, ClearedLine{l.Number, l.Period.String(), l.Key.Party.String(), l.EMSP.String(), l.Currency, seen[at] || more > 0, Money(l.Net), MoneyOrNil(l.Tax), l.At.String()})
		seen[at] = true
	}
	decided, err := t.DecisionsOf(ctx, key)
	if err != nil {
		return err
	}
	chosen := len(decided) - 1 // the last one that says which copy counts
	for chosen >= 0 && decided[chosen].Act() != clearing.Adopt && decided[chosen].Act() != clearing.Undo {
		chosen--
	}
	for i := range decided {
		c.Decisions = append(c.Decisions, newClearedDecision(&decided[i], k, i == len(decided)-1 || i == chosen && decided[i].Adopted != nil))
	}
	return nil
}

func newClearedDecision(d *statement.Decided, k Key, stands bool) ClearedDecision {
	v := ClearedDecision{Act: d.Act(), When: d.At.String(), Stands: stands, Covers: []string{}, Record: d.Offset}
	if d.Decision != nil {
		v.At, v.Covers = d.Decision.At, append(v.Covers, d.Decision.Covers...)
	}
	if d.Adopted != nil {
		v.Copy = textOrNil(d.Adopted.String())
	}
	if k.Party.IsZero() || d.By == k.ID {
		v.By, v.Reason = &d.By, &d.Reason
	}
	return v
}
