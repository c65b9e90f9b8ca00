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

// take hands one object over and says what became of it; unnamed is why it does not
// say which it is. The error is that it cannot be known now.
func (t *taker) take(ctx context.Context, target ingest.Target, unnamed error, body []byte) (outcome, error) {
	key := keyOf(t.partner, t.module, body)
	if o, ok := t.memory.of(key); ok {
		return again(o), nil
	}
	o, err := t.offer(ctx, target, unnamed, body)
	for tries := 0; err != nil && tries < maxTries; tries++ {
		if !t.pause(ctx, firstWait<<tries) {
			return 0, ctx.Err()
		}
		o, err = t.offer(ctx, target, unnamed, body)
	}
	if err != nil {
		return 0, err
	}
	if t.module.object == ingest.ObjectCDR && o == outcomeRefused && t.ownerUnsaid() {
		return o, nil // whose it is follows from its Location, which may come yet
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

// target says which object a body is.
func (t *taker) target(body []byte) (ingest.Target, error) {
	target, err := t.module.target(t.version, t.owner(), body)
	if with := t.recipient(target.Key.Party); !with.IsZero() {
		target.Variant = with.String()
	}
	return target, err
}

// recipient is whom the Tariffs on an owner's list are for, zero for everybody: what
// a CPO shows over a connection of 2.1.1 is for whom that is with.
func (t *taker) recipient(owner ocpi.Party) ocpi.Party {
	if t.module.object == ingest.ObjectTariff && t.version == ocpi.V211 && t.partner.Charging().Owns(owner) {
		return t.partner.Counterparty
	}
	return ocpi.Party{}
}

// offer hands one object to the intake, unless it is here already. err is why it
// does not say which it is.
func (t *taker) offer(ctx context.Context, target ingest.Target, err error, body []byte) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, offerWithin)
	defer cancel()
	if err == nil && t.ownerUnsaid() && t.module.object != ingest.ObjectCDR {
		if target.Key.Party, err = t.ownerOf(ctx, target); err != nil && !ingest.IsSenderFault(err) {
			return 0, err
		}
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

// ownerUnsaid reports whether nothing says which of the partner's parties the
// objects of a list are: bodies of OCPI 2.1.1 name no owner.
func (t *taker) ownerUnsaid() bool { return t.version == ocpi.V211 && len(t.from.Parties) > 1 }

// ownerOf finds which of the partner's parties has an object: who has pushed it
// has said so. The error is an *ocpi.Invalid where none has it, or several.
func (t *taker) ownerOf(ctx context.Context, target ingest.Target) (owner ocpi.Party, err error) {
	owners := 0
	for _, party := range t.from.Parties {
		target.Key.Party = party
		_, here, err := t.Objects.Peek(ctx, target)
		if err != nil {
			return owner, fmt.Errorf("find whose %s is: %w", target.Identity(), err)
		}
		if here {
			owner, owners = party, owners+1
		}
	}
	if owners == 1 {
		return owner, nil
	}
	return t.owner(), &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "$", Reason: fmt.Sprintf(
		"%d of the %d parties of this connection have this %s, and OCPI 2.1.1 does not say whose it is: push it", owners, len(t.from.Parties), t.module.object)}}}
}

// owner is the party that objects are of whose bodies name none.
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
	first, here := t.firstCopy(ctx, key)
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

// firstCopy returns the first copy of a CDR, of whichever of the partner's parties it
// may be: the intake finds its owner by its Location. Where the store is away there is
// none: one copy more changes nothing.
func (t *taker) firstCopy(ctx context.Context, key ocpi.Key) (raw []byte, here bool) {
	owners := []ocpi.Party{key.Party}
	if t.ownerUnsaid() {
		owners = t.from.Parties
	}
	for _, key.Party = range owners {
		if raw, here, err := t.FirstCDR(ctx, key); here && err == nil {
			return raw, true
		}
	}
	return nil, false
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
