package partner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"golang.org/x/sync/errgroup"
)

// taker hands what a list of a partner holds to the intake, as if the partner had
// pushed it.
type taker struct {
	*Puller
	partner *control.Partner
	module  *module
	from    ingest.Sender
	version ocpi.Version
}

// take hands one object over and says what became of it. The error is that it
// cannot be known now.
func (t *taker) take(ctx context.Context, body []byte) (outcome, error) {
	key := keyOf(t.partner, t.module, body)
	if o, ok := t.memory.of(key); ok {
		return again(o), nil
	}
	o, err := t.offer(ctx, body)
	for tries := 0; err != nil && tries < maxTries; tries++ {
		if !t.pause(ctx, firstWait<<tries) {
			return 0, ctx.Err()
		}
		o, err = t.offer(ctx, body)
	}
	if err != nil {
		return 0, err
	}
	if t.module.object == ingest.ObjectCDR || o == outcomeRefused {
		t.memory.note(key, o)
	}
	return o, nil
}

// again is what becomes of a body that came before.
func again(o outcome) outcome {
	if o == outcomeRefused {
		return o
	}
	return outcomeKnown
}

// offer hands one object to the intake, unless it is here already.
func (t *taker) offer(ctx context.Context, body []byte) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, offerWithin)
	defer cancel()
	target, err := t.module.target(t.version, t.owner(), body)
	if with := t.partner.Counterparty; t.module.object == ingest.ObjectTariff && t.version == ocpi.V211 && !with.IsZero() && t.partner.Charging().Owns(target.Key.Party) {
		target.Variant = with.String() // what a CPO shows over this connection is for whom it is with
	}
	if limit, setting := t.Limits.Of(t.module.object); len(body) > limit {
		err = fmt.Errorf("%w: %d bytes (%s); its first %d are kept", ingest.ErrTooLarge, len(body), setting, ingest.KeptOfLarge)
		body = body[:min(len(body), ingest.KeptOfLarge)]
	}
	if err != nil {
		return t.refuse(ctx, target, body, err)
	}
	if t.module.object == ingest.ObjectCDR {
		return t.offerCDR(ctx, target.Key, body)
	}
	return t.offerObject(ctx, target, body)
}

func (t *taker) owner() ocpi.Party {
	if len(t.from.Parties) == 0 {
		return ocpi.Party{}
	}
	return t.from.Parties[0]
}

// refuse keeps what cannot be used.
func (t *taker) refuse(ctx context.Context, target ingest.Target, body []byte, reason error) (outcome, error) {
	method := ingest.MethodPut
	if t.module.object == ingest.ObjectCDR {
		method = ingest.MethodPost
	}
	if err := t.Intake.Refuse(ctx, t.from, t.version, method, target, body, reason); !errors.Is(err, reason) {
		return 0, err
	}
	return outcomeRefused, nil
}

// refused tells a body that was refused, and kept, from one whose outcome is not
// known.
func refused(err error) (outcome, error) {
	if ingest.IsSenderFault(err) {
		return outcomeRefused, nil
	}
	return 0, err
}

// offerCDR hands over a CDR of which no copy of this content is here.
func (t *taker) offerCDR(ctx context.Context, key ocpi.Key, body []byte) (outcome, error) {
	first, here, err := t.FirstCDR(ctx, key)
	if err != nil {
		here = false // the store is away: one copy more changes nothing
	}
	if here && same(first, body) {
		return outcomeKnown, nil
	}
	r, err := t.Intake.CDR(ctx, t.from, t.version, body)
	switch {
	case err != nil:
		return refused(err)
	case here || r.Earlier != ingest.EarlierUnknown:
		return outcomeKnown, nil // and the copy is kept, where it says something else
	}
	return outcomeUnheard, nil
}

// offerObject hands over a client-owned object that is not here like this.
func (t *taker) offerObject(ctx context.Context, target ingest.Target, body []byte) (outcome, error) {
	state, here, err := t.Objects.Peek(ctx, target)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", target.Identity(), err)
	}
	if here && state.Version == t.version && (same(state.Body, body) || ingest.Stale(target, state.Body, body)) {
		return outcomeKnown, nil
	}
	r, err := t.Intake.Put(ctx, t.from, t.version, target, body)
	switch {
	case err != nil:
		return refused(err)
	case r.Created:
		return outcomeUnheard, nil
	}
	return outcomeNew, nil
}

// same reports whether two bodies say the same, however they are written.
func same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var d ocpi.Decoder
	x, errA := d.CanonicalHash(a)
	y, errB := d.CanonicalHash(b)
	return errA == nil && errB == nil && x == y
}

// all takes the objects of a page, some of them at once, and counts them.
func (t *taker) all(ctx context.Context, items [][]byte, count func(outcome)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(takenAtOnce)
	for _, body := range items {
		g.Go(func() error {
			o, err := t.take(ctx, body)
			if err != nil {
				return fmt.Errorf("take in a %s: %w", t.module.object, err)
			}
			count(o)
			return nil
		})
	}
	return g.Wait()
}

// Trying again what may succeed later.
const (
	maxTries  = 3
	firstWait = 500 * time.Millisecond // doubled each time
)

const (
	takenAtOnce = 8 // objects of one list
	// offerWithin is how long one object may take: it waits for what folds it.
	offerWithin = 10 * time.Second
)
