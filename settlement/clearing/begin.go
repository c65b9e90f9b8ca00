package clearing

import (
	"context"
	"math"
	"slices"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// maxAhead is how many months ahead a begin may be: what is further is a slip of the
// pen.
const maxAhead = 12

// Begin says with which period the settlement of a scope begins here.
type Begin struct {
	Scope  Scope
	Month  ocpi.Month
	At     ocpi.Time
	By     string
	Offset int64 // of its control record
}

// NewBegin says with which period the settlement of a scope is to begin here.
type NewBegin struct {
	Scope Scope
	Month ocpi.Month
	By    string
	// Expect is the Version of closes at which it was looked whether the scope has issued
	// anything: it has no effect once something else is closed. 0: nobody looked, and it
	// puts nothing right that is closed.
	Expect uint64
}

// Begin says with which period the settlement of a scope begins here: what belongs
// before is settled elsewhere. command may be "". Errors as in [control.Machine.Do].
func (d *Closes) Begin(ctx context.Context, command string, n NewBegin) error {
	_, err := d.machine.Do(ctx, control.Command{ID: command, Expect: n.Expect, Change: PeriodBegun{newScopeData(n.Scope), n.Month, n.By}})
	return err
}

// Version is another one after each close of a period, never 0.
func (d *Closes) Version() uint64 { return d.state.Current().periods.version() }

func (p *periods) version() uint64 { return uint64(len(p.counted)) + 1 }

// BegunThrough returns the last period that is settled elsewhere for all pairs of a scope,
// since their settlement begins after it; zero for none.
func (d *Closes) BegunThrough(s Scope) ocpi.Month {
	until, _ := d.state.Current().begunThrough(s, math.MaxInt64)
	return until
}

// Begins returns the begins that count, by scope.
func (d *Closes) Begins() []Begin {
	list := []Begin{}
	for _, history := range d.state.Current().begins.All() {
		list = append(list, history[len(history)-1])
	}
	slices.SortFunc(list, func(a, b Begin) int { return a.Scope.compare(b.Scope) })
	return list
}

// ClosedThrough returns the last period of a pair that is closed, by a close or
// because its settlement begins after it: the later of the pair's own, its parties' and
// the house's. Zero where none is.
func (d *Closes) ClosedThrough(pair control.Pair) ocpi.Month {
	return d.ClosedThroughAt(pair, math.MaxInt64)
}

// ClosedThroughAt is ClosedThrough by the control records at offsets below. The asker
// waits first (control.Machine.WaitNext).
func (d *Closes) ClosedThroughAt(pair control.Pair, below int64) ocpi.Month {
	s := d.state.Current()
	closed, _ := s.periods.throughAll(ScopeOf(pair), below)
	begun, _ := s.begunThrough(ScopeOf(pair), below)
	return max(closed, begun)
}

// BegunThroughAt returns the last period of a pair that is settled elsewhere, since its
// settlement begins after it, by the control records at offsets below. Zero where it
// begins with none. The asker waits first (control.Machine.WaitNext).
func (d *Closes) BegunThroughAt(pair control.Pair, below int64) ocpi.Month {
	until, _ := d.state.Current().begunThrough(ScopeOf(pair), below)
	return until
}

// begunThrough returns the last period that is settled elsewhere for all pairs of a
// scope, and which scope's begin says so.
func (s *closes) begunThrough(scope Scope, below int64) (until ocpi.Month, of Scope) {
	until = s.closedBelow(below)
	scopes, n := scope.widening()
	for _, w := range scopes[:n] {
		if m := s.beganBelow(w, below); m > until {
			until, of = m, w
		}
	}
	return until, of
}

// ElsewhereSince returns since when a month is settled elsewhere for all pairs of a scope,
// because their settlement begins after it; not set where it is not.
func (d *Closes) ElsewhereSince(of Scope, m ocpi.Month) (at ocpi.Time) {
	s := d.state.Current()
	earlier := func(t ocpi.Time) {
		if !at.IsSet() || t < at {
			at = t
		}
	}
	for i := range s.months {
		if s.months[i].month >= m {
			earlier(s.months[i].at)
		}
	}
	scopes, n := of.widening()
	for _, w := range scopes[:n] {
		history, _ := s.begins.Get(w)
		if len(history) > 0 && history[len(history)-1].Month > m {
			earlier(history[len(history)-1].At)
		}
	}
	return at
}

// closedBelow returns the last month that a period.closed 1 below an offset closed for
// the house: it means that settlement begins after it, whatever months before are not
// closed one by one.
func (s *closes) closedBelow(below int64) ocpi.Month {
	for _, c := range slices.Backward(s.months) {
		if c.offset < below {
			return c.month
		}
	}
	return 0
}

// beganBelow returns the month before the one that a scope began with, by the last
// record below an offset; zero where it did not.
func (s *closes) beganBelow(scope Scope, below int64) ocpi.Month {
	history, _ := s.begins.Get(scope)
	for _, b := range slices.Backward(history) {
		if b.Offset < below {
			return b.Month.Add(-1)
		}
	}
	return 0
}

// through returns the last period that any pair in a scope has closed, and of which
// scope that is said.
func (s *closes) through(scope Scope) (until ocpi.Month, of Scope) {
	until, of = s.periods.through(scope)
	if m := s.closedBelow(math.MaxInt64); m > until {
		until, of = m, Scope{}
	}
	for b := range bearing(s.begins, scope) {
		if m := s.beganBelow(b, math.MaxInt64); m > until || m == until && !m.IsZero() && b.compare(of) < 0 {
			until, of = m, b
		}
	}
	return until, of
}

// PeriodBegun says with which calendar month, in the zone of the agreement, the
// settlement of a scope begins here. The last one of a scope counts, so that a wrong
// one can be put right: an earlier one brings back what was thought to be settled
// elsewhere, whatever is closed; a later one is behind what a close has closed, and who
// asks for it looks first that nothing is issued. A month closed by period.closed 1 has
// begun nothing: settlement begins after it.
type PeriodBegun struct {
	scopeData
	Month ocpi.Month `json:"month"` // "2026-01"
	By    string     `json:"by"`
}

// Kind implements control.Change.
func (PeriodBegun) Kind() control.Kind { return control.Kind{Name: "period.begun", Version: 1} }

// Validate implements control.Change.
func (c PeriodBegun) Validate() error {
	switch {
	case c.Month.IsZero():
		return control.Invalid("month: required, such as 2026-01")
	case c.By == "" || len(c.By) > maxBy:
		return control.Invalid("by: %d bytes, want 1 to %d", len(c.By), maxBy)
	}
	return c.validate()
}

func (d *Closes) begun(e control.Event, c PeriodBegun) error {
	s, scope := &d.state.Folded, c.scope()
	if until := s.closedBelow(math.MaxInt64); c.Month <= until {
		return control.Conflict("%s is closed, and nothing begins before its end: begin with %s or later", until, until.Add(1))
	}
	if latest := e.At.Month().Add(maxAhead); c.Month > latest {
		return control.Conflict("%s is more than %d months ahead: begin with %s or before", c.Month, maxAhead, latest)
	}
	history, _ := s.begins.Get(scope)
	// Records that expect nothing were refused so when they were written.
	earlier := e.Expect != 0 && len(history) > 0 && c.Month < history[len(history)-1].Month
	if until, of := s.periods.through(scope); c.Month <= until && !earlier {
		return control.Conflict("%s is closed through %s: begin with %s or later", of, until, until.Add(1))
	}
	if version := s.periods.version(); e.Expect != 0 && e.Expect != version {
		return control.Conflict("a period was closed meanwhile: look again whether %s begins with %s", scope, c.Month)
	}
	wider, n := scope.widening()
	for _, w := range wider[:n] {
		if until := s.beganBelow(w, math.MaxInt64); w != scope && until >= c.Month.Add(-1) && !until.IsZero() {
			return control.Conflict("%s begins with %s already, and with it %s", w, until.Add(1), scope)
		}
	}
	switch n := len(history); {
	case n > 0 && history[n-1].Month == c.Month:
		return control.Conflict("%s begins with %s already", scope, c.Month)
	case n == maxBegins:
		return control.Conflict("%s was given %d begins, and no more are kept", scope, n)
	}
	s.begins = s.begins.With(scope, append(slices.Clip(history), Begin{scope, c.Month, e.At, c.By, e.Offset}))
	return nil
}

// maxBegins bounds how often the begin of a scope can be put right.
const maxBegins = 100
