package statement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// place is what one statement of a period is of: a pair of parties and a currency.
type place struct {
	cpo, emsp ocpi.Party
	currency  string
}

func placeOf(c *settlement.BookedCDR) place { return place{c.Key.Party, c.EMSP, c.Currency} }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.cpo.Country, o.cpo.Country), cmp.Compare(p.cpo.ID, o.cpo.ID),
		cmp.Compare(p.emsp.Country, o.emsp.Country), cmp.Compare(p.emsp.ID, o.emsp.ID), cmp.Compare(p.currency, o.currency))
}

func (p place) String() string {
	return fmt.Sprintf("what %s owes %s in %s", p.emsp, p.cpo, p.currency)
}

// entry is one thing that a reading of the books hands on: a CDR, what was decided about
// it where that was read, or a line.
type entry struct {
	place
	booked  *settlement.BookedCDR
	decided *Decided
	line    *IssuedCDR
}

// reading is a reading of the books that is taken bit by bit.
type reading struct {
	add  func(*group, *entry)
	next func() (entry, bool)
	stop func()
	head entry
	more bool
	err  error // of the books, once there is no more
}

var errEnough = errors.New("enough is read")

// startReading prepares a reading; it begins with the first advance.
func startReading(add func(*group, *entry), read func(fn func(entry) error) error) *reading {
	r := &reading{add: add}
	r.next, r.stop = iter.Pull(func(yield func(entry) bool) {
		r.err = read(func(e entry) error {
			if !yield(e) {
				return errEnough
			}
			return nil
		})
	})
	return r
}

// advance goes on to the next entry. What does not come in order would be two statements
// of one pair, so it is an error.
func (r *reading) advance() error {
	last, first := r.head.place, !r.more
	r.head, r.more = r.next()
	switch {
	case !r.more:
		return r.err
	case !first && r.head.compare(last) < 0:
		return fmt.Errorf("the books have %s behind %s", r.head.place, last)
	}
	return nil
}

// readings are those that a draft is made of. What is open is read first: a CDR that is
// priced again meanwhile is found by its lines later, and never taken for a new one.
func (w *drawing) readings(ctx context.Context, q settlement.SettlementQuery) []*reading {
	booked := func(fn func(entry) error) func(*settlement.BookedCDR) error {
		return func(c *settlement.BookedCDR) error { return fn(entry{place: placeOf(c), booked: c}) }
	}
	return []*reading{
		startReading((*group).addOpen, func(fn func(entry) error) error {
			return w.Books.BookedOpen(ctx, q, w.q.Below, w.counted, booked(fn))
		}),
		startReading((*group).addDecided, func(fn func(entry) error) error {
			return w.Books.BookedDecided(ctx, q, w.q.Below, w.Agreed.Below(), w.counted, func(c *settlement.BookedCDR, d *Decided) error {
				return fn(entry{place: placeOf(c), booked: c, decided: d})
			})
		}),
		startReading((*group).addMoved, func(fn func(entry) error) error {
			return w.Books.IssuedMoved(ctx, q, w.q.Below, w.counted, func(l *IssuedCDR) error {
				return fn(entry{place: place{l.Key.Party, l.EMSP, l.Currency}, line: l})
			})
		}),
	}
}

// merge takes all readings side by side, a pair and currency at a time.
func (w *drawing) merge(ctx context.Context, q settlement.SettlementQuery) error {
	readings := w.readings(ctx, q)
	for _, r := range readings {
		defer r.stop()
		if err := r.advance(); err != nil {
			return err
		}
	}
	for {
		p, more := least(readings)
		if !more {
			w.last = true
			return w.flush(ctx)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		g := w.group(p)
		for _, r := range readings {
			for r.more && r.head.place == p {
				if g != nil {
					r.add(g, &r.head)
				}
				if err := r.advance(); err != nil {
					return err
				}
			}
		}
		if err := w.wait(ctx, g); err != nil {
			return err
		}
	}
}

// least returns the place that comes next.
func least(readings []*reading) (p place, more bool) {
	for _, r := range readings {
		if r.more && (!more || r.head.compare(p) < 0) {
			p, more = r.head.place, true
		}
	}
	return p, more
}
