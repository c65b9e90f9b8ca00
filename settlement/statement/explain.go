package statement

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// Unlike is a CDR of which another statement says something else than the one here.
type Unlike struct {
	Key    ocpi.Key
	Ours   bool             // there is a line of it here
	Theirs *decimal.Decimal // net of their line, nil: they have none
}

// ReasonCode says what kind of reason it is why two statements differ in a CDR.
type ReasonCode string

// Kinds of reasons.
const (
	NotReceived   ReasonCode = "not_received"
	AfterClose    ReasonCode = "after_close"
	OtherCopy     ReasonCode = "other_copy" // another content of it counts
	OtherDebtor   ReasonCode = "other_debtor"
	OtherCurrency ReasonCode = "other_currency"
	IssuedIn      ReasonCode = "issued_in" // another statement
	IsHeld        ReasonCode = "held"
	IsRejected    ReasonCode = "rejected"
	IsZeroed      ReasonCode = "zeroed"
	Decision      ReasonCode = "decided"
	LandsLater    ReasonCode = "later"
	SettledBefore ReasonCode = "before"
	Claimed       ReasonCode = "claimed"  // what they have is what the CDR claims
	Computed      ReasonCode = "computed" // what they have is what was computed here
	PricedHere    ReasonCode = "priced"   // how it is priced here
	PricedAgain   ReasonCode = "priced_again"
	OnlyHere      ReasonCode = "only_here"
	// AgreementDiffers is told by who compares: it shows in the statements themselves.
	AgreementDiffers ReasonCode = "agreement"
	NotKnown         ReasonCode = "not_known"
)

// Reason is why two statements differ in a CDR, as far as it is known here.
type Reason struct {
	Code ReasonCode `json:"code"`
	Text string     `json:"text"`
}

// Explained is a CDR with the reasons, one at least.
type Explained struct {
	Unlike
	Reasons []Reason
}

// MaxExplained is how many CDRs are explained at once.
const MaxExplained = 200

// Explainer says why another's statement of a pair, period and currency differs from the
// one here: from what was issued, else from the draft.
type Explainer struct {
	Books   Books
	Lookups settlement.LookupStore
	Agreed  func(below int64) Agreed
	Control int64           // below which control records count now
	Below   settlement.Ends // up to where CDRs count now
	// Closing closed the period for the pair, nil: it is open.
	Closing *clearing.Closing
}

// Explain explains some CDRs, in their order. Errors are those of what it reads.
func (e *Explainer) Explain(ctx context.Context, q Query, list []Unlike) ([]Explained, error) {
	if len(list) > MaxExplained {
		return nil, fmt.Errorf("explain %d CDRs: %d at most", len(list), MaxExplained)
	}
	keys := make([]ocpi.Key, len(list))
	for i := range list {
		keys[i] = list[i].Key
	}
	f := facts{Explainer: e, q: q}
	if err := f.read(ctx, keys); err != nil {
		return nil, fmt.Errorf("read why statements differ: %w", err)
	}
	explained := make([]Explained, len(list))
	for i := range list {
		explained[i] = Explained{list[i], f.reasons(&list[i])}
	}
	return explained, nil
}

// facts are what is known of some CDRs.
type facts struct {
	*Explainer
	q       Query
	booked  map[ocpi.Key]*settlement.BookedCDR
	issued  map[ocpi.Key][]IssuedCDR
	decided map[ocpi.Key]*Decided // by when the statement here was drawn
	since   map[ocpi.Key]*Decided // later
	settled map[ocpi.Key]*Settled // in the statement here, as it was drawn
	copies  map[ocpi.Key][]settlement.Copy
	tariffs map[ocpi.Key]string
	begun   *ClosedError // where the period is settled elsewhere
}

func (f *facts) read(ctx context.Context, keys []ocpi.Key) (err error) {
	f.booked, f.issued, f.tariffs = map[ocpi.Key]*settlement.BookedCDR{}, map[ocpi.Key][]IssuedCDR{}, map[ocpi.Key]string{}
	f.decided, f.since, f.settled = map[ocpi.Key]*Decided{}, map[ocpi.Key]*Decided{}, map[ocpi.Key]*Settled{}
	err = f.Books.BookedOf(ctx, keys, f.Below, func(c *settlement.BookedCDR) error {
		kept := *c
		f.booked[c.Key] = &kept
		return nil
	})
	if err != nil {
		return err
	}
	if counted := f.Agreed(f.Control).Counted(); len(counted) > 0 {
		err = f.Books.IssuedOf(ctx, keys, counted, func(c *IssuedCDR) error {
			f.issued[c.Key] = append(f.issued[c.Key], *c)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := f.readDecisions(ctx, keys); err != nil {
		return err
	}
	if f.copies, err = f.Lookups.CopiesOf(ctx, keys); err != nil {
		return err
	}
	err = f.Lookups.LookupsOf(ctx, keys, func(l *settlement.Lookup) error {
		f.tariffs[l.Key] = l.TariffIDs
		return nil
	})
	if err != nil {
		return err
	}
	return f.draw(ctx, keys)
}

func (f *facts) readDecisions(ctx context.Context, keys []ocpi.Key) error {
	drawn := f.Control
	if f.Closing != nil {
		drawn = f.Closing.Control
	}
	err := f.Books.DecidedOf(ctx, keys, drawn, func(d *Decided) error {
		kept := *d
		f.decided[d.Key] = &kept
		return nil
	})
	if err != nil || drawn == f.Control {
		return err
	}
	return f.Books.DecidedOf(ctx, keys, f.Control, func(d *Decided) error {
		if kept := *d; d.Offset >= drawn {
			f.since[d.Key] = &kept
		}
		return nil
	})
}

// draw draws the statement here once more, as of the close where there was one.
func (f *facts) draw(ctx context.Context, keys []ocpi.Key) error {
	wanted := make(map[ocpi.Key]bool, len(keys))
	for _, k := range keys {
		wanted[k] = true
	}
	d := Drawer{Books: f.Books, Agreed: f.Agreed(f.Control)}
	q := f.q
	q.Below = f.Below
	if f.Closing != nil {
		d.Agreed, q.Below = f.Agreed(f.Closing.Control), f.Closing.Cut
	}
	err := d.Draw(ctx, q, func(d *Draft) error {
		for i := range d.Settled {
			if s := d.Settled[i]; wanted[s.Key] {
				charge := *s.Charge
				charge.Booked = nil // it is gone by then
				s.Charge = &charge
				f.settled[s.Key] = &s
			}
		}
		return nil
	})
	if closed, ok := errors.AsType[*ClosedError](err); ok {
		f.begun = closed
		return nil
	}
	return err
}

// reasons are why two statements differ in a CDR, the ones that say most first.
func (f *facts) reasons(u *Unlike) (list []Reason) {
	say := func(code ReasonCode, format string, args ...any) {
		list = append(list, Reason{code, fmt.Sprintf(format, args...)})
	}
	c := f.booked[u.Key]
	if c == nil {
		say(NotReceived, "no CDR of this id has come here")
		return list
	}
	if f.begun != nil {
		say(SettledBefore, "what is through %s is settled elsewhere: settlement begins here after it", f.begun.Through)
	}
	f.place(c, say)
	f.came(c, say)
	f.otherCopies(c, say)
	f.elsewhere(u.Key, say)
	f.state(u, say)
	if d := f.since[u.Key]; d != nil && d.Adopted == nil { // else it is told with the copies
		say(Decision, "it was decided on since (%s): %s", d.Act(), d.words())
	}
	if u.Ours && u.Theirs != nil {
		f.amounts(u, c, say)
	}
	switch {
	case u.Ours && u.Theirs == nil:
		say(OnlyHere, "it came here on %s; whether they have it is not known here", shown(c.Received))
	case len(list) == 0:
		say(NotKnown, "nothing that is known here says why")
	}
	return list
}

type sayer func(code ReasonCode, format string, args ...any)

// place says that it is of another statement.
func (f *facts) place(c *settlement.BookedCDR, say sayer) {
	switch {
	case c.EMSP.IsZero():
		say(OtherDebtor, "nobody is known to pay it (%s)", c.Reason)
	case c.EMSP != f.q.EMSP:
		say(OtherDebtor, "here %s owes it", c.EMSP)
	}
	if c.Currency != f.q.Currency {
		say(OtherCurrency, "here it is in %s", orNone(c.Currency))
	}
}

func orNone(s string) string {
	if s == "" {
		return "no currency that is known"
	}
	return s
}

// came says that it came too late, or was priced again since.
func (f *facts) came(c *settlement.BookedCDR, say sayer) {
	if f.Closing == nil {
		return
	}
	at := ingest.Partition{Topic: ingest.TopicCDRs, Epoch: c.First.Epoch, Number: c.First.Partition}
	switch {
	case c.First.Offset >= f.Closing.Cut[at]:
		say(AfterClose, "it came on %s, after %s was closed (%s, control record %d)", shown(c.Received), f.Closing.Period, shown(f.Closing.At), f.Closing.Offset)
	case c.AsOf.Control > f.Closing.Control || c.AsOf.Reference > f.Closing.Reference:
		say(PricedAgain, "it was priced again after %s was closed (%s)", f.Closing.Period, shown(f.Closing.At))
	}
}

func shown(t ocpi.Time) string { return t.Go().UTC().Format("2006-01-02 15:04") + " UTC" }

// otherCopies says that it came with several contents, of which one counts.
func (f *facts) otherCopies(c *settlement.BookedCDR, say sayer) {
	var others []string
	for _, o := range f.copies[c.Key] {
		if o.Conflict {
			others = append(others, o.Position.String())
		}
	}
	if len(others) == 0 {
		return
	}
	chosen := firstOf(c.Position != c.First, " as a person chose", "")
	for _, d := range []*Decided{f.decided[c.Key], f.since[c.Key]} {
		if d != nil && d.Adopted != nil && *d.Adopted == c.Position {
			chosen = " as " + d.words()
		}
	}
	say(OtherCopy, "copies with another content came too: record %s counts%s, not %s", c.Position, chosen, strings.Join(others, ", "))
}

// elsewhere says in which other statements it is.
func (f *facts) elsewhere(key ocpi.Key, say sayer) {
	for _, l := range f.issued[key] {
		here := l.EMSP == f.q.EMSP && l.Currency == f.q.Currency && l.Period == f.q.Period
		if here || l.Net.IsZero() && (l.KWh == nil || l.KWh.IsZero()) { // a mark is no line
			continue
		}
		say(IssuedIn, "the statement to %s for %s in %s has %s of it", l.EMSP, l.Period, l.Currency, l.Net)
	}
}

// state says what became of it here.
func (f *facts) state(u *Unlike, say sayer) {
	s := f.settled[u.Key]
	if s == nil {
		return
	}
	if s.Later {
		say(LandsLater, "it comes to %s here: it belongs to %s", s.Lands, s.Belongs)
		return
	}
	by := ""
	if d := f.decided[u.Key]; d != nil && s.Decision != nil {
		by = d.words()
	}
	ground := ""
	for i := range s.Grounds {
		if s.Grounds[i].Code == HeldBy(&s.Outcome) {
			ground = s.Grounds[i].Code + ": " + s.Grounds[i].Sentence()
		}
	}
	person := s.Decision != nil && !s.Reopened
	switch s.State {
	case clearing.Held:
		say(IsHeld, "it is held here, %s", firstOf(person, "as "+by, "by "+ground))
	case clearing.Rejected:
		say(IsRejected, "it is rejected here, %s", firstOf(person, "as "+by, "by "+ground))
	case clearing.Zeroed:
		say(IsZeroed, "nothing of it is owed here, by %s", zeroing(s))
	case clearing.Before:
		say(SettledBefore, "it belongs to %s, before settlement began here", s.Belongs)
	case clearing.Accepted:
		if person {
			say(Decision, "it is accepted here%s, as %s", firstOf(s.Decision.At != "", " as "+string(s.Decision.At), ""), by)
		}
	}
}

func (d *Decided) words() string {
	return fmt.Sprintf("%s decided on %s (control record %d): %s", d.By, shown(d.At), d.Offset, d.Reason)
}

func firstOf(ok bool, a, b string) string {
	if ok {
		return a
	}
	return b
}

func zeroing(s *Settled) string {
	for i := range s.Grounds {
		if s.Grounds[i].Effect == clearing.Zero {
			return s.Grounds[i].Code + ": " + s.Grounds[i].Sentence()
		}
	}
	return "a rule of when it was issued"
}

// amounts says whose amount theirs is, and what the one here rests on.
func (f *facts) amounts(u *Unlike, c *settlement.BookedCDR, say sayer) {
	claims, comes := amount(c.Claimed), amount(c.Computed)
	theirs := func(a *clearing.Amount) bool { return a != nil && u.Theirs.Equal(a.Net) }
	if theirs(claims) {
		say(Claimed, "theirs is what the CDR claims")
	}
	if c.Status != pricing.Priced || comes == nil || theirs(claims) && theirs(comes) {
		return
	}
	if theirs(comes) {
		say(Computed, "theirs is what is computed here")
	}
	claim := "no amount that can be read"
	if claims != nil {
		claim = claims.Net.String()
	}
	by := firstOf(f.tariffs[u.Key] != "", "tariff "+f.tariffs[u.Key], "no tariff") + firstOf(c.Profile != "", ", profile "+c.Profile, "")
	say(PricedHere, "it claims %s, and comes to %s here by %s", claim, comes.Net, by)
}
