package clearing

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// periods is what stands of the closes of periods. All else that a close says is read
// from its record: a pair closed by itself each month for ten years leaves 120 of them,
// and there may be 15,000 such pairs. The lists only grow, so that who holds an earlier
// state has a shorter one of the same.
type periods struct {
	counted []Counted                        // in the order of their records
	marks   []mark                           // one each
	byScope control.Map[Scope, scopePeriods] // ascending
	next    control.Map[ocpi.Party, int64]   // a creditor's next number
	wide    control.Map[int32, []int64]      // first numbers of a close of many creditors, as its statements are
	chain   ingest.Digest                    // of the last close
}

// mark is where a close stands, and what it is for.
type mark struct {
	offset int64
	scope  *Scope
	first  int64 // number of the creditor, where the scope has one alone
}

// scopePeriods are the closes of one scope, by their places in the list of all.
type scopePeriods struct {
	scope  *Scope
	places []int32
}

// throughAll returns the last period that closes below an offset have closed for all
// pairs of a scope, and for which scope that was said.
func (p *periods) throughAll(scope Scope, below int64) (until ocpi.Month, of Scope) {
	scopes, n := scope.widening()
	for _, w := range scopes[:n] {
		history, _ := p.byScope.Get(w)
		if m := p.lastBelow(history.places, below); m > until {
			until, of = m, w
		}
	}
	return until, of
}

// through returns the last period that closes have closed for any pair of a scope.
func (p *periods) through(scope Scope) (until ocpi.Month, of Scope) {
	for s, history := range bearing(p.byScope, scope) {
		if m := p.lastBelow(history.places, math.MaxInt64); m > until || m == until && s.compare(of) < 0 {
			until, of = m, s
		}
	}
	return until, of
}

func (p *periods) lastBelow(places []int32, below int64) ocpi.Month {
	for _, i := range slices.Backward(places) {
		if p.marks[i].offset < below {
			return p.counted[i].Period
		}
	}
	return 0
}

// find returns the close of a scope by an attempt or, with id 0, of a period.
func (p *periods) find(scope Scope, suits func(*Counted) bool) (place int32, ok bool) {
	history, _ := p.byScope.Get(scope)
	for _, i := range slices.Backward(history.places) {
		if suits(&p.counted[i]) {
			return i, true
		}
	}
	return 0, false
}

// below returns how many closes stand below an offset.
func (p *periods) below(offset int64) int {
	return sort.Search(len(p.marks), func(i int) bool { return p.marks[i].offset >= offset })
}

// with returns what stands after a close that counts, and gives its numbers.
func (p periods) with(e control.Event, c *PeriodClosed) periods {
	a, place := c.attempt(), int32(len(p.marks))
	history, known := p.byScope.Get(a.Scope)
	if !known {
		history.scope = &a.Scope
	}
	m := mark{offset: e.Offset, scope: history.scope}
	var firsts []int64
	for _, s := range c.Statements {
		cpo, _ := ocpi.ParseParty(s.CPO)
		last, _ := p.next.Get(cpo)
		firsts = append(firsts, last+1)
		p.next = p.next.With(cpo, last+s.Count)
	}
	switch {
	case len(firsts) > 0 && !a.Scope.CPO.IsZero():
		m.first = firsts[0]
	case len(firsts) > 0:
		p.wide = p.wide.With(place, firsts)
	}
	p.counted = append(p.counted, Counted{ID: a.ID, Period: a.Period, Control: a.Control})
	p.marks = append(p.marks, m)
	history.places = append(history.places, place)
	p.byScope = p.byScope.With(a.Scope, history)
	p.chain = chainOf(p.chain, e.Body)
	return p
}

// chainOf continues the chain of closes: SHA-256 over the digest before and the event as
// it stands in the log.
func chainOf(before ingest.Digest, body []byte) ingest.Digest {
	return sha256.Sum256(append(before[:], body...))
}

// firsts returns the first numbers of a close, as its statements are.
func (p *periods) firsts(place int32) []int64 {
	if m := &p.marks[place]; m.first > 0 {
		return []int64{m.first}
	}
	firsts, _ := p.wide.Get(place)
	return firsts
}

func (d *Closes) periodClosed(e control.Event, c PeriodClosed) error {
	s, a := &d.state.Folded, c.attempt()
	if err := begins(e, a); err != nil {
		return err
	}
	known := d.folded()
	why := known.refusesClose(a)
	if c.Requested != nil {
		why = known.refusesApproval(a, c.content(), c.Requested, c.By)
	}
	switch {
	case why != nil:
		return refuseClose(*why)
	case c.Before != s.periods.chain:
		return refuseClose(NotClosed{Why: ChainMoved, Attempt: a})
	}
	s.periods = s.periods.with(e, &c)
	return nil
}

// begins refuses an attempt whose period nowhere has ended, or that saw what is not there.
func begins(e control.Event, a Attempt) error {
	// Zones are at most 14 hours ahead of UTC: whether the pairs' own have ended it, only
	// who closes knows.
	if (e.At + ocpi.Time(14*time.Hour)).Month() <= a.Period {
		return refuseClose(NotClosed{Why: NotEnded, Attempt: a})
	}
	if a.Control > e.Offset {
		return control.Conflict("control offset %d is behind the close itself, control record %d", a.Control, e.Offset)
	}
	return nil
}

// known is all that decides whether a close counts.
type known struct {
	*closes
	agreed  *dated[Terms]              // nil: nothing is
	decided *control.Map[Scope, int64] // by which record something was last decided; nil: nothing was
}

// folded is what the folds have come to, for these alone.
func (d *Closes) folded() known {
	k := known{closes: &d.state.Folded}
	if d.agreements != nil {
		k.agreed = &d.agreements.state.Folded.set
	}
	if d.decisions != nil {
		k.decided = &d.decisions.state.Folded.last
	}
	return k
}

// current is what others see of that.
func (d *Closes) current() known {
	k := known{closes: d.state.Current()}
	if d.agreements != nil {
		k.agreed = &d.agreements.state.Current().set
	}
	if d.decisions != nil {
		k.decided = &d.decisions.state.Current().last
	}
	return k
}

// refuses says why an attempt, to close or to ask for a close, cannot count, whatever
// comes before it in the log from now on; nil where it can.
func (k known) refuses(a Attempt) *NotClosed {
	if a.Asks() {
		return k.refusesRequest(a)
	}
	return k.refusesClose(a)
}

func (k known) refusesClose(a Attempt) *NotClosed {
	if why := k.closed(a); why != nil {
		return why
	}
	if period := k.fourEyes(a.Scope, a.Period); !period.IsZero() {
		return &NotClosed{Why: FourEyes, Attempt: a, Through: period}
	}
	return k.meanwhile(a, false)
}

func (k known) refusesRequest(a Attempt) *NotClosed {
	if why := k.closed(a); why != nil {
		return why
	}
	return k.meanwhile(a, true)
}

// closed says that a period is closed, or settled elsewhere.
func (k known) closed(a Attempt) *NotClosed {
	scopes, n := a.Scope.widening()
	for _, w := range scopes[:n] {
		if _, ok := k.periods.find(w, func(c *Counted) bool { return c.Period == a.Period }); ok {
			return &NotClosed{Why: AlreadyClosed, Attempt: a, Through: a.Period, Of: w}
		}
	}
	if until, of := k.periods.throughAll(a.Scope, math.MaxInt64); a.Period <= until {
		return &NotClosed{Why: ClosedLater, Attempt: a, Through: until, Of: of}
	}
	if until, of := k.begunThrough(a.Scope, math.MaxInt64); a.Period <= until {
		return &NotClosed{Why: BegunLater, Attempt: a, Through: until, Of: of}
	}
	return nil
}

// fourEyes returns a period for which it is agreed that another key approves its close, of
// those that a close of one takes along: all behind what is closed or settled elsewhere.
// Zero where there is none.
func (k known) fourEyes(scope Scope, period ocpi.Month) ocpi.Month {
	if k.agreed == nil {
		return 0
	}
	closed, _ := k.periods.throughAll(scope, math.MaxInt64)
	begun, _ := k.begunThrough(scope, math.MaxInt64)
	through := max(closed, begun)
	at := []ocpi.Month{period}
	if !through.IsZero() {
		at = append(at, through.Add(1))
	}
	house, _ := k.agreed.byScope.Get(Scope{})
	for i := range house {
		if s := &house[i]; s.key == fourEyesKey && s.from > through && s.from <= period {
			at = append(at, s.from)
		}
	}
	for _, m := range at {
		if s := k.agreed.last(Scope{}, fourEyesKey, m, math.MaxInt64); s != nil && s.text == "true" {
			return m
		}
	}
	return 0
}

// meanwhile returns the last change since an attempt looked that it may rest on, nil
// where there is none. A close lets decisions pass, which the next period has then. Of
// one that is asked for what was decided is a change: who approves it would not know.
func (k known) meanwhile(a Attempt, isAsked bool) *NotClosed {
	why := NotClosed{Attempt: a, Record: -1}
	later := func(w WhyNotClosed, of Scope, offset int64) {
		if offset >= a.Control && offset > why.Record {
			why.Why, why.Of, why.Record = w, of, offset
		}
	}
	for _, m := range k.months {
		later(BegunMeanwhile, Scope{}, m.offset)
	}
	for of, history := range bearing(k.begins, a.Scope) {
		later(BegunMeanwhile, of, history[len(history)-1].Offset)
	}
	for of, history := range bearing(k.periods.byScope, a.Scope) {
		later(ClosedMeanwhile, of, k.periods.marks[history.places[len(history.places)-1]].offset)
	}
	if k.agreed != nil {
		for of, list := range bearing(k.agreed.byScope, a.Scope) {
			for i := range list {
				later(AgreementChanged, of, list[i].record.offset)
			}
		}
	}
	if isAsked && k.decided != nil {
		for of, offset := range bearing(*k.decided, a.Scope) {
			later(DecidedMeanwhile, of, offset)
		}
	}
	if r, ok := k.requests.Get(a.Scope); ok && isAsked && r.attempt.ID != a.ID {
		later(RequestedMeanwhile, a.Scope, r.offset)
	}
	if why.Record < 0 {
		return nil
	}
	return &why
}

// WhyNotClosed says why a close has no effect.
type WhyNotClosed uint8

// Reasons.
const (
	AlreadyClosed    WhyNotClosed = iota + 1 // by a close of this very period
	ClosedLater                              // by a close of a later period
	BegunLater                               // settlement begins after it
	NotEnded                                 // the period has not ended anywhere
	AgreementChanged                         // since the attempt looked, as the next two
	BegunMeanwhile
	ClosedMeanwhile
	ChainMoved // there was another close between: append it again, nothing else changed
	// The next two since the attempt looked, of closes that somebody else approves.
	DecidedMeanwhile
	RequestedMeanwhile // for the same scope
	FourEyes           // it is agreed that another key approves
	NoRequest          // there is none of this record
	OwnRequest         // who asked does not approve
	OtherRequest       // what was asked for is something else
)

// NotClosed is why a close has no effect, the cause of a *control.Refused.
type NotClosed struct {
	Why     WhyNotClosed
	Attempt Attempt
	Through ocpi.Month // until when it is closed, or settled elsewhere; of FourEyes for which period it is agreed
	Of      Scope      // for which that was said, or that was changed
	Record  int64      // of the control log, that changed it, or of the request
}

// Again reports whether the same close, computed anew, may count.
func (n *NotClosed) Again() bool { return n.Why == ChainMoved || n.changed() != "" }

// changed says what was changed meanwhile, "" where it was something else.
func (n *NotClosed) changed() string {
	return map[WhyNotClosed]string{
		AgreementChanged: "the agreement of %s was changed", BegunMeanwhile: "the begin of %s was set", ClosedMeanwhile: "%s was closed",
		DecidedMeanwhile: "CDRs of %s were decided on", RequestedMeanwhile: "another close of %s was asked for",
	}[n.Why]
}

// Error says until when it is closed, or what was changed.
func (n *NotClosed) Error() string {
	period, scope := n.Attempt.Period, n.Attempt.Scope
	switch n.Why {
	case AlreadyClosed:
		return fmt.Sprintf("%s is closed for %s already", period, n.Of)
	case ClosedLater:
		return fmt.Sprintf("%s is closed through %s, and %s with it: what comes late is settled from %s on", n.Of, n.Through, period, n.Through.Add(1))
	case BegunLater:
		return fmt.Sprintf("the settlement of %s begins with %s: %s is settled elsewhere", n.Of, n.Through.Add(1), period)
	case NotEnded:
		return fmt.Sprintf("%s has not ended yet", period)
	case ChainMoved:
		return "another close came between: append it again"
	case FourEyes:
		return fmt.Sprintf("four_eyes is agreed for %s: one key asks for the close (period close %s --request), another one approves what it came to (period close --approve ID)", cmp.Or(n.Through, n.Attempt.Period), period)
	case NoRequest:
		return fmt.Sprintf("control record %d asks for no close: period list has the requests that wait", n.Record)
	case OwnRequest:
		return fmt.Sprintf("you asked for the close of %s of %s yourself, by control record %d: another key has to approve it", period, scope, n.Record)
	case OtherRequest:
		return fmt.Sprintf("control record %d asks for another close", n.Record)
	}
	if n.Why == RequestedMeanwhile {
		return fmt.Sprintf(n.changed()+" meanwhile, by control record %d: that is the one to approve", n.Of, n.Record)
	}
	again := fmt.Sprintf("close %s of %s again", period, scope)
	if n.Attempt.Asks() {
		again = fmt.Sprintf("ask for the close of %s of %s again", period, scope)
	}
	return fmt.Sprintf(n.changed()+" meanwhile, by control record %d: %s", n.Of, n.Record, again)
}

func refuseClose(n NotClosed) error {
	return &control.Refused{Kind: control.RefusedConflict, Reason: n.Error(), Cause: &n}
}
