package clearing

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Closing is a close that counts.
type Closing struct {
	NewClosing
	Editions
	Firsts []int64       // the first number of each of Statements
	Before ingest.Digest // of the close before; zeros of the first one
	Chain  ingest.Digest // of this one
	Offset int64         // of its control record
	At     ocpi.Time     // of the record: when its statements are issued
}

// Number is the running number of a statement by its rank, from 0, among those of its
// creditor.
func (c *Closing) Number(cpo ocpi.Party, rank int) (int64, bool) {
	for i, s := range c.Statements {
		if s.CPO == cpo && int64(rank) < s.Count {
			return c.Firsts[i] + int64(rank), true
		}
	}
	return 0, false
}

// NumberOf is the number of a statement of a close as it is written: with the prefix that
// was agreed for its pair when it was closed. "" where the close has no such statement.
func (d *Agreements) NumberOf(c *Closing, pair control.Pair, rank int) string {
	n, ok := c.Number(pair.CPO, rank)
	if !ok {
		return ""
	}
	return d.TermsAt(pair, c.Period, c.Control).NumberPrefix + strconv.FormatInt(n, 10)
}

// CountedAt returns the attempts whose lines count by the control records at offsets
// below, in the order of these. It must not be changed. The asker waits first
// (control.Machine.WaitNext).
func (d *Closes) CountedAt(below int64) []Counted {
	p := &d.state.Current().periods
	return slices.Clip(p.counted[:p.below(below)])
}

// ClosingQuery selects closes. Zero members do not restrict.
type ClosingQuery struct {
	Within Scope      // those that bear on pairs within it
	Period ocpi.Month // of this very one
	Below  int64      // by the control records at offsets below; 0 = all
	Latest int        // no more than so many, the last ones; 0 = all
}

// Closings reads the closes that count, in the order of their records. The asker waits
// first (control.Machine.WaitNext). Errors: those of fn and of the log.
func (d *Closes) Closings(ctx context.Context, q ClosingQuery, fn func(*Closing) error) error {
	p := &d.state.Current().periods
	n := len(p.marks)
	if q.Below > 0 {
		n = p.below(q.Below)
	}
	var places []int32
	for i := range int32(n) {
		if (q.Period.IsZero() || p.counted[i].Period == q.Period) && p.marks[i].scope.Bears(q.Within) {
			places = append(places, i)
		}
	}
	if q.Latest > 0 {
		places = places[max(0, len(places)-q.Latest):]
	}
	return d.read(ctx, p, slices.Values(places), fn)
}

// read reads closes by their places, ascending.
func (d *Closes) read(ctx context.Context, p *periods, places iter.Seq[int32], fn func(*Closing) error) error {
	var place int32
	offsets := func(yield func(int64) bool) {
		for place = range places {
			if !yield(p.marks[place].offset) {
				return
			}
		}
	}
	return d.machine.Read(ctx, offsets, func(e control.Event, change control.Change) error {
		c, ok := change.(PeriodClosed)
		if !ok {
			return fmt.Errorf("control record %d closes no period", e.Offset)
		}
		return fn(&Closing{
			NewClosing: c.said(), Editions: c.Editions, Firsts: p.firsts(place),
			Before: c.Before, Chain: chainOf(c.Before, e.Body), Offset: e.Offset, At: e.At,
		})
	})
}

// ChainAt returns the digest of the last close by the control records at offsets below,
// zeros where there is none. The asker waits first (control.Machine.WaitNext).
func (d *Closes) ChainAt(ctx context.Context, below int64) (chain ingest.Digest, err error) {
	p := &d.state.Current().periods
	n := p.below(below)
	if n == len(p.marks) {
		return p.chain, nil
	}
	err = d.read(ctx, p, one(int32(n)), func(c *Closing) error {
		chain = c.Before
		return nil
	})
	return chain, err
}

// Numbered calls fn for the statements that have a running number, whoever's they are: the
// close, the creditor, and the rank among its statements. Of closes of many creditors and
// of those of one each, the latest that may have it are read, most of either at most. The
// asker waits first (control.Machine.WaitNext).
func (d *Closes) Numbered(ctx context.Context, number int64, most int, fn func(c *Closing, cpo ocpi.Party, rank int) error) error {
	p := &d.state.Current().periods
	var wide []int32
	of := map[ocpi.Party]int32{} // the last close of a creditor alone that begins at or below it
	for i := range int32(len(p.marks)) {
		switch m := &p.marks[i]; {
		case m.first > 0 && m.first <= number:
			of[m.scope.CPO] = i
		case m.first == 0 && slices.ContainsFunc(p.firsts(i), func(first int64) bool { return first <= number }):
			wide = append(wide, i)
		}
	}
	single := slices.Sorted(maps.Values(of))
	places := append(wide[max(0, len(wide)-most):], single[max(0, len(single)-most):]...)
	slices.Sort(places)
	return d.read(ctx, p, slices.Values(places), func(c *Closing) error {
		for i, s := range c.Statements {
			if rank := number - c.Firsts[i]; rank >= 0 && rank < s.Count {
				if err := fn(c, s.CPO, int(rank)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func one[T any](v T) iter.Seq[T] { return func(yield func(T) bool) { yield(v) } }

// Refuses returns why a close by an attempt, or a request for one, would be refused now,
// nil where it would not; with a control offset behind all records, whatever its
// agreements are.
func (d *Closes) Refuses(a Attempt) *NotClosed { return d.current().refuses(a) }

// FourEyes reports whether another key has to approve a close of a period.
func (d *Closes) FourEyes(scope Scope, period ocpi.Month) bool {
	return !d.current().fourEyes(scope, period).IsZero()
}

// Doomed reports whether what an attempt wrote is certain never to count, so that it can
// be swept. Of one that counts already, and of one that waits for its approval, it is not.
func (d *Closes) Doomed(a Attempt) bool {
	k := d.current()
	if _, ok := k.periods.find(a.Scope, func(c *Counted) bool { return c.ID == a.ID }); ok {
		return false
	}
	return k.refuses(a) != nil
}

// maxAppends is how often a close is appended where others come between.
const maxAppends = 10

// ClosePeriod closes a period: from then on the lines of its attempt count. The same
// close again, as after an outcome that is not known, changes nothing and returns what
// stands. Errors as in [control.Machine.Do]; the cause of a *control.Refused is a
// *NotClosed where the log says other than the close supposed.
func (d *Closes) ClosePeriod(ctx context.Context, n NewClosing) (*Closing, error) {
	return d.append(ctx, n.Attempt, n.Event())
}

func (d *Closes) append(ctx context.Context, a Attempt, change PeriodClosed) (*Closing, error) {
	var err error
	for range maxAppends {
		change.Before = d.state.Current().periods.chain
		_, err = d.machine.Do(ctx, control.Command{Change: change})
		why, ok := errors.AsType[*NotClosed](err)
		if !ok || why.Why != ChainMoved {
			break
		}
	}
	if err != nil {
		why, ok := errors.AsType[*NotClosed](err)
		if !ok || why.Why != AlreadyClosed {
			return nil, err
		}
	}
	p := &d.state.Current().periods
	place, ok := p.find(a.Scope, func(c *Counted) bool { return c.ID == a.ID })
	if !ok {
		return nil, err // closed by another attempt
	}
	var closing *Closing
	err = d.read(ctx, p, one(place), func(c *Closing) error {
		closing = c
		return nil
	})
	return closing, err
}
