package settlement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/roamclear/roamclear/ocpi"
)

// ErrDiffers says that a run was not applied: priced again at the present, its
// CDRs come to something else than it found.
var ErrDiffers = errors.New("priced again now, its CDRs come to something else, so nothing was applied: look at the difference and begin the run anew with --restart")

// Application is what applying a run did.
type Application struct {
	Before, After Applied
	Difference    Difference // why nothing was applied, with ErrDiffers
}

// Difference is what pricing a run's CDRs again now changes of what it found,
// but for what of it counts already.
type Difference struct {
	Appeared int64 // CDRs that would change now and would not then
	Vanished int64 // CDRs that would have changed and would not now
	Changed  int64 // CDRs that would change to another result
	Examples []Different
}

// Different is one CDR of a Difference; one of the two is nil where the CDR
// would not have changed, or would not now.
type Different struct{ Then, Now *Change }

// maxDifferent bounds the examples of a Difference.
const maxDifferent = 20

func (d *Difference) add(then, now *Change) {
	switch {
	case then == nil:
		d.Appeared++
	case now == nil:
		d.Vanished++
	default:
		d.Changed++
	}
	if len(d.Examples) < maxDifferent {
		d.Examples = append(d.Examples, Different{then, now})
	}
}

// IsZero reports whether nothing differs.
func (d *Difference) IsZero() bool { return d.Appeared+d.Vanished+d.Changed == 0 }

// Restart forgets a run, so that the next Run begins anew. What was applied of
// it stays applied, and what was recorded of it is finished first.
func (p *Repricer) Restart(ctx context.Context, r Repricing) error {
	if err := p.finishAll(ctx, r.Name()); err != nil {
		return err
	}
	return p.Store.ForgetRepricing(ctx, r.Name())
}

// Apply makes the results of a complete run count. Its CDRs are priced again
// first, at the present positions of the log: when that gives anything else than
// the run found, apart from what counts already, nothing is applied and the
// error is ErrDiffers. So what comes to count is what the report showed, by
// what is known now. The control log says what is replaced before it is. Applied
// again, or after an interruption, it does what is left; that of another run
// which was interrupted it does first.
func (p *Repricer) Apply(ctx context.Context, r Repricing) (a Application, err error) {
	partitions, err := p.open(ctx, &r, p.AsOf, nil)
	if err != nil {
		return a, err
	}
	for _, part := range partitions {
		if part.Next < part.End {
			return a, fmt.Errorf("apply the run %q: it is not complete, run it again first", r.Name())
		}
	}
	if a.Before, err = p.standing(ctx, r); err != nil {
		return a, err
	}
	a.After = a.Before
	if a.Difference, err = p.apply(ctx, r); err != nil {
		return a, fmt.Errorf("apply the run %q: %w", r.Name(), err)
	}
	a.After, err = p.standing(ctx, r)
	return a, err
}

func (p *Repricer) apply(ctx context.Context, r Repricing) (d Difference, err error) {
	if err := p.catchUp(ctx); err != nil { // to price the run took its time
		return d, err
	}
	if err := p.finishAll(ctx, r.Name()); err != nil { // now that all records are known that this one may follow
		return d, err
	}
	run, err := p.attempt(ctx, r)
	if err != nil {
		return d, err
	}
	again, err := p.again(ctx, &run)
	if err == nil {
		d, err = p.difference(ctx, r, again)
	}
	if err == nil && !d.IsZero() {
		if err = p.overtaken(&run); err == nil {
			err = errors.Join(ErrDiffers, p.Store.ForgetRepricing(ctx, again.Name()))
		}
	}
	if err == nil {
		err = p.recorded(ctx, run)
	}
	if err == nil {
		err = p.relate(ctx, r)
	}
	if err == nil {
		err = p.Store.ForgetRepricing(ctx, again.Name())
	}
	return d, err
}

// catchUp makes the present the present again.
func (p *Repricer) catchUp(ctx context.Context) (err error) {
	if p.Gate != nil {
		p.AsOf, err = p.Gate.CatchUp(ctx)
	}
	return err
}

// relate tells of the CDRs whose debtor the run has changed, whenever it was
// applied: an earlier attempt may have ended before it told.
func (p *Repricer) relate(ctx context.Context, r Repricing) error {
	if p.Related == nil {
		return nil
	}
	var keys []ocpi.Key
	tell := func(least int) error {
		if len(keys) < least {
			return nil
		}
		err := p.Related(ctx, keys)
		keys = keys[:0]
		return err
	}
	for c, err := range p.changes(ctx, r) {
		if err != nil {
			return err
		}
		if c.Stands == Counts && c.Old.EMSP != c.New.EMSP {
			keys = append(keys, c.Key)
		}
		if err := tell(relateKeys); err != nil {
			return err
		}
	}
	return tell(1)
}

// standing counts how the changes of a run stand.
func (p *Repricer) standing(ctx context.Context, r Repricing) (a Applied, err error) {
	for c, err := range p.changes(ctx, r) {
		if err != nil {
			return a, err
		}
		a.Add(c)
	}
	return a, nil
}

// difference holds what a run found against what pricing its CDRs again found.
func (p *Repricer) difference(ctx context.Context, r, again Repricing) (d Difference, err error) {
	next, stop := iter.Pull2(left(p.changes(ctx, again)))
	defer stop()
	now, err, more := next()
	for then, thenErr := range left(p.changes(ctx, r)) {
		if err := errors.Join(thenErr, err); err != nil {
			return d, err
		}
		for ; more && err == nil && order(now, then) < 0; now, err, more = next() {
			d.add(nil, now)
		}
		if err != nil {
			return d, err
		}
		switch {
		case !more || order(now, then) != 0:
			d.add(then, nil)
			continue
		case now.Content != then.Content:
			d.add(then, now)
		}
		now, err, more = next()
	}
	for ; more && err == nil; now, err, more = next() {
		d.add(nil, now)
	}
	return d, err
}

// left leaves out of changes what counts already.
func left(changes iter.Seq2[*Change, error]) iter.Seq2[*Change, error] {
	return func(yield func(*Change, error) bool) {
		for c, err := range changes {
			if (err != nil || c.Stands != Counts) && !yield(c, err) {
				return
			}
		}
	}
}

// order is that of RepriceStore.Changes.
func order(a, b *Change) int {
	return cmp.Or(cmp.Compare(a.Position.Partition, b.Position.Partition), cmp.Compare(a.Position.Epoch, b.Position.Epoch),
		cmp.Compare(a.Position.Offset, b.Position.Offset))
}

// changes are the changes of a run.
func (p *Repricer) changes(ctx context.Context, r Repricing) iter.Seq2[*Change, error] {
	return func(yield func(*Change, error) bool) {
		err := p.Store.Changes(ctx, r.Name(), func(c *Change) error {
			if !yield(c, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, fmt.Errorf("read what the run %q would change: %w", r.Name(), err))
		}
	}
}
