package statement

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// Standing is what drafts are made of: CDRs and control records below these offsets.
type Standing struct {
	CDRs    settlement.Ends
	Control int64
}

func (s Standing) equal(o Standing) bool { return s.Control == o.Control && maps.Equal(s.CDRs, o.CDRs) }

// AsOf says as of when something was read.
type AsOf struct {
	At time.Time
	Standing
	// Behind: more may have been stored or agreed since. Decisions are known nevertheless.
	Behind bool
}

// WaitingSource is what Waiting reads.
type WaitingSource interface {
	// DrawNow is [Drawer.Draw] as of where the logs end, which it returns.
	DrawNow(ctx context.Context, q Query, fn func(*Draft) error) (Standing, error)
	// Standing returns where the logs end.
	Standing(ctx context.Context) (Standing, error)
	DecisionLog
}

// Waiting keeps what waits, and what was rejected, of the drafts of all pairs: to draw them
// costs as much as all that is open, and people look at what waits again and again. It is
// drawn anew when somebody looks; where that takes long, they see what is kept, and as of
// when, while it is drawn behind them. Nothing rests on it: decisions and closes draw for
// themselves.
type Waiting struct {
	source WaitingSource
	now    func() time.Time
	wanted chan struct{}

	mu   sync.Mutex
	kept map[ocpi.Month]*keptPeriod
}

// Bounds of what is kept, and for how long.
const (
	// quickDraw is how long a drawing may take that people wait for each time.
	quickDraw = 500 * time.Millisecond
	// restAfter is how many times as long as a drawing took passes before the next.
	restAfter = 9
	// trusted is how long what is kept is taken to stand where the logs say so: a debtor may
	// be found without a record of either.
	trusted = time.Minute
	// keptPeriods and keptCDRs bound the memory: about 1,500 bytes a CDR.
	keptPeriods = 4
	keptCDRs    = 50_000
	// manyFor is how long what was too many is taken to be too many still.
	manyFor = 10 * time.Minute
)

// keptPeriod is what is kept of one period.
type keptPeriod struct {
	turn chan struct{} // of who draws it
	asOf AsOf
	took time.Duration
	// decided is below which control record decisions are in it.
	decided int64
	drafts  []*Draft // nil: nothing is kept
	many    bool     // too many CDRs to keep
	used    time.Time
	wanted  bool // behind, and somebody looked
}

// NewWaiting returns one that keeps nothing yet. now tells the time.
func NewWaiting(source WaitingSource, now func() time.Time) *Waiting {
	return &Waiting{source: source, now: now, wanted: make(chan struct{}, 1), kept: map[ocpi.Month]*keptPeriod{}}
}

// Draw is [Drawer.Draw] of what waits or was rejected alone, as drafts without lines. One
// pair's is drawn at once.
func (w *Waiting) Draw(ctx context.Context, q Query, fn func(*Draft) error) (AsOf, error) {
	if q.Key.ID != "" || !q.CPO.IsZero() && !q.EMSP.IsZero() {
		return w.drawNow(ctx, q, fn)
	}
	narrow := !q.Party.IsZero() || !q.CPO.IsZero() || !q.EMSP.IsZero()
	drafts, asOf, err := w.of(ctx, q.Period, narrow)
	if err != nil {
		return asOf, err
	}
	if drafts == nil {
		return w.drawNow(ctx, q, fn)
	}
	for _, d := range drafts {
		if q.selects(d) {
			if err := fn(d); err != nil {
				return asOf, err
			}
		}
	}
	return asOf, nil
}

func (w *Waiting) drawNow(ctx context.Context, q Query, fn func(*Draft) error) (AsOf, error) {
	at := w.now()
	standing, err := w.source.DrawNow(ctx, q, func(d *Draft) error {
		if d = d.waiting(); d == nil {
			return nil
		}
		return fn(d)
	})
	return AsOf{At: at, Standing: standing}, err
}

// selects reports whether a draft is of what is asked for.
func (q *Query) selects(d *Draft) bool {
	return (q.Debtless || !d.EMSP.IsZero()) && (q.CPO.IsZero() || q.CPO == d.CPO) && (q.EMSP.IsZero() || q.EMSP == d.EMSP) &&
		(q.Currency == "" || q.Currency == d.Currency) && (q.Party.IsZero() || q.Party == d.CPO || q.Party == d.EMSP)
}

// waiting is the draft with no more than what waits and what was rejected, in memory of its
// own; nil where that is nothing.
func (d *Draft) waiting() *Draft {
	kept := &Draft{Statement: d.Statement, Err: d.Err}
	kept.Lines = nil
	for i := range d.Settled {
		s := d.Settled[i]
		if s.AtRest() || s.State != clearing.Held && s.State != clearing.Rejected {
			continue
		}
		charge, booked := *s.Charge, *s.Booked
		charge.Booked = &booked
		s.Charge = &charge
		kept.Settled = append(kept.Settled, s)
	}
	if len(kept.Settled) == 0 && d.Err == nil {
		return nil
	}
	return kept
}

// of returns what is kept of a period; nil where that would be too much, or nothing is and
// only some of it is asked for.
func (w *Waiting) of(ctx context.Context, period ocpi.Month, narrow bool) ([]*Draft, AsOf, error) {
	k := w.period(period, !narrow)
	if k == nil {
		return nil, AsOf{}, nil
	}
	standing, err := w.source.Standing(ctx)
	if err != nil {
		return nil, AsOf{}, err
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, AsOf{}, ctx.Err()
	}
	age := w.now().Sub(k.asOf.At)
	if k.many && age < manyFor {
		return nil, AsOf{}, nil // it is drawn by who asks, each time
	}
	stands := k.drafts != nil && k.asOf.equal(standing) && age < trusted
	switch {
	case stands:
	case k.drafts == nil || k.took < quickDraw:
		if err := w.redraw(ctx, period, k); err != nil {
			return nil, AsOf{}, err
		}
	default:
		if err := w.decide(ctx, period, k); err != nil {
			return nil, AsOf{}, err
		}
		k.asOf.Behind, k.wanted = true, true
		select {
		case w.wanted <- struct{}{}:
		default:
		}
	}
	return k.drafts, k.asOf, nil
}

// period returns where a period is kept, nil where it is not and none is to be begun. Of more than keptPeriods
// the one that nobody looked at for longest is dropped.
func (w *Waiting) period(period ocpi.Month, begin bool) *keptPeriod {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.kept[period]
	switch {
	case k == nil && !begin:
		return nil
	case k == nil:
		if len(w.kept) >= keptPeriods {
			oldest := slices.MinFunc(slices.Collect(maps.Keys(w.kept)), func(a, b ocpi.Month) int { return w.kept[a].used.Compare(w.kept[b].used) })
			delete(w.kept, oldest)
		}
		k = &keptPeriod{turn: make(chan struct{}, 1)}
		w.kept[period] = k
	}
	k.used = w.now()
	return k
}

// redraw draws all pairs of a period. The caller has its turn.
func (w *Waiting) redraw(ctx context.Context, period ocpi.Month, k *keptPeriod) error {
	d, err := w.draw(ctx, Query{Period: period, Debtless: true})
	if err != nil {
		return err
	}
	k.keep(d)
	return nil
}

// looked is what waits, as it was drawn.
type looked struct {
	drafts []*Draft // nil: more CDRs than are kept
	Standing
	at   time.Time
	took time.Duration
}

// keep has a period be what was drawn.
func (k *keptPeriod) keep(d *looked) {
	k.drafts, k.many = d.drafts, d.drafts == nil
	k.asOf, k.took, k.decided, k.wanted = AsOf{At: d.at, Standing: d.Standing}, d.took, d.Control, false
}

// draw draws what waits. It gives up where that is more than is kept: it may be all there is.
func (w *Waiting) draw(ctx context.Context, q Query) (*looked, error) {
	d, n := &looked{drafts: []*Draft{}, at: w.now()}, 0
	var err error
	d.Standing, err = w.source.DrawNow(ctx, q, func(one *Draft) error {
		if one = one.waiting(); one == nil {
			return nil
		}
		if n += len(one.Settled); n > keptCDRs {
			d.drafts = nil
			return errEnough
		}
		d.drafts = append(d.drafts, one)
		return nil
	})
	d.took = w.now().Sub(d.at)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return d, err
}

// decide draws anew what was decided about since: who decides looks at what is left at once.
func (w *Waiting) decide(ctx context.Context, period ocpi.Month, k *keptPeriod) error {
	scopes := map[clearing.Scope]bool{}
	next, err := w.source.Since(ctx, k.decided, func(r *clearing.DecisionRecord) error {
		scopes[r.Scope] = true
		return nil
	})
	if err != nil {
		return err
	}
	for scope := range scopes {
		q := Query{Period: period, CPO: scope.CPO, EMSP: scope.EMSP, Debtless: true}
		d, err := w.draw(ctx, q)
		if err != nil {
			return err
		}
		if d.drafts == nil {
			k.keep(d)
			return nil
		}
		rest := slices.DeleteFunc(slices.Clone(k.drafts), q.selects)
		k.drafts = append(rest, d.drafts...)
		slices.SortStableFunc(k.drafts, func(a, b *Draft) int {
			return place{a.CPO, a.EMSP, a.Currency}.compare(place{b.CPO, b.EMSP, b.Currency})
		})
	}
	k.decided = next
	return nil
}

// Run draws anew, until ctx ends, what is behind and was looked at. It works a tenth of the
// time at most. Errors are those of the source: who asks next may have better luck.
func (w *Waiting) Run(ctx context.Context, failed func(error)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.wanted:
		}
		for period, k := range w.behind() {
			// Without its turn: who looks meanwhile sees what is kept.
			d, err := w.draw(ctx, Query{Period: period, Debtless: true})
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				failed(err)
			default:
				k.turn <- struct{}{}
				k.keep(d)
				<-k.turn
			}
			if !ingest.Pause(ctx, restAfter*d.took) {
				return nil
			}
		}
	}
}

// behind are the periods that somebody looked at while they were behind.
func (w *Waiting) behind() map[ocpi.Month]*keptPeriod {
	w.mu.Lock()
	kept := maps.Clone(w.kept)
	w.mu.Unlock()
	maps.DeleteFunc(kept, func(_ ocpi.Month, k *keptPeriod) bool {
		k.turn <- struct{}{}
		defer func() { <-k.turn }()
		return !k.wanted
	})
	return kept
}
