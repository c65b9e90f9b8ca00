package ingest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// assessed is what a push comes to before anything of it is kept: pushes go on with it,
// and who asks beforehand is told. What is found is handed on beside it, so that there is room
// for it on the stack: first what the answer tells, then the habits.
type assessed struct {
	id       string // as sent
	creates  bool
	payer    string // of a Session, see PayerPath
	told     int    // so many findings its answer tells
	refused  bool   // an error is why it is refused, not that this could not be found out
	byPolicy bool   // it is refused for what was found
}

// refuse notes that an error is why the push is refused, and returns it.
func (a *assessed) refuse(err error) error {
	a.refused = err != nil
	return err
}

// assessCDR reads a CDR and finds whose it is, and what is in it; findings go into room.
func (s *Service) assessCDR(ctx context.Context, d *ocpi.Decoder, from Sender, e *Envelope, body []byte, room []ocpi.Finding) (a assessed, findings []ocpi.Finding, err error) {
	cdr, err := d.CDR(e.Version, body)
	if err != nil {
		return a, nil, a.refuse(d.AllMissing(err))
	}
	from.Trace.of(cdr.SessionID, cdr.Token.UID)
	if e.Key, err = s.identify(ctx, from, cdr, body); err != nil {
		a.refused = IsSenderFault(err)
		return a, nil, err
	}
	owner, ok := from.own(e.Key.Party)
	if !ok {
		return a, nil, a.refuse(ErrUnknownObject)
	}
	e.Key.Party = owner
	// The decoder goes back to the pool before the receipt is read: an id that
	// was sent with escapes lives in its arena.
	a.id, a.creates = strings.Clone(cdr.ID), true
	e.Key.ID = ocpi.Fold(a.id)
	findings = append(append(room, cdr.Findings...), s.authorized(ctx, e, cdr)...)
	a.told = len(findings)
	findings = s.appendHabitsOfCDR(findings, e, cdr, body)
	before := s.repeat(from, e, body)
	refusal, err := s.judge(ctx, from, e, append(slices.Clip(findings), before...), func() ([]byte, error) { return body, nil })
	if refusal != nil {
		a.byPolicy, err = true, a.refuse(refusal)
		return a, append(findings, before...), err
	}
	return a, findings, err
}

// assessChange reads what a change makes of an object. leave ends the room it takes.
func (s *Service) assessChange(ctx context.Context, d *ocpi.Decoder, from Sender, e *Envelope, t Target, body []byte) (a assessed, findings []ocpi.Finding, leave func(), err error) {
	leave = func() {}
	if !from.Owns(t.Key.Party) {
		return a, nil, leave, a.refuse(ErrUnknownObject)
	}
	v, m := e.Version, e.Method
	needsBase := m != MethodPut || t.isPart()
	state, existed, err := s.base(ctx, t, needsBase)
	if err != nil {
		return a, nil, leave, fmt.Errorf("read current %s %s: %w", t.Object, t.Key, err)
	}
	if needsBase && !existed {
		return a, nil, leave, a.refuse(ErrUnknownObject)
	}
	if needsBase && s.Merging != nil {
		n := int64(len(state.Body) + len(body))
		if !s.Merging.Take(from.ID, n) {
			return a, nil, leave, fmt.Errorf("%w: too many large objects are being changed at once", ErrOverload)
		}
		leave = func() { s.Merging.Give(from.ID, n) }
	}
	told, habits, payer, err := s.validate(d, from.Trace, v, m, t, &state, body)
	if err != nil {
		return a, nil, leave, a.refuse(err)
	}
	findings = append(slices.Clip(told), habits...)
	a = assessed{id: t.ID, creates: !existed, payer: payer, told: len(told)}
	if evse, connector := t.Part(); evse != "" {
		_, known := ocpi.Sub(state.Body, evse, connector)
		a.creates = !known
	}
	refusal, err := s.judge(ctx, from, e, findings, func() ([]byte, error) { return Apply(v, m, t, &state, body) })
	if refusal != nil {
		a.byPolicy, err = true, a.refuse(refusal)
	}
	return a, findings, leave, err
}

// judge holds what is found in an object, and what others find in it as whole says it will
// stand, against the sender's policies. refusal says what these refuse.
func (s *Service) judge(ctx context.Context, from Sender, e *Envelope, findings []ocpi.Finding, whole func() ([]byte, error)) (refusal, err error) {
	if len(from.Refuses) == 0 || e.Method == MethodDelete {
		return nil, nil
	}
	if refusal = from.refusal(findings); refusal != nil || s.Check == nil {
		return refusal, nil
	}
	object, err := whole()
	if err != nil {
		return nil, err
	}
	found, err := s.Check(ctx, e, object)
	if err != nil {
		return nil, fmt.Errorf("check %s %s: %w", e.Object, e.Key, err)
	}
	return from.refusal(found), nil
}

// Assessment is what a push would come to.
type Assessment struct {
	Envelope                // what its record would be; without Hash
	ID       string         // as sent
	Creates  bool           // there is no such object yet
	Told     []ocpi.Finding // by its answer
	Habits   []ocpi.Finding // that are counted, and told to nobody
	Refusal  error          // nil: it would be accepted
	ByPolicy bool           // it is refused by agreement, for what is found
}

// Assess says what the push of a whole object would come to: of a CDR a POST, of others a
// PUT to the URL that the body says. It is a push up to where it would be kept: nothing is
// kept, and nothing counted. The error is that it cannot be said now.
func (s *Service) Assess(ctx context.Context, from Sender, v ocpi.Version, kind Object, body []byte) (Assessment, error) {
	d := s.decoders.Get().(*ocpi.Decoder)
	defer s.decoders.Put(d)
	e := Envelope{Object: kind, Method: MethodPost, Version: v, Sender: from.ID, Received: s.received()}
	var a assessed
	var findings []ocpi.Finding
	var err error
	if kind == ObjectCDR {
		a, findings, err = s.assessCDR(ctx, d, from, &e, body, nil)
	} else {
		t := named(from, v, kind, body)
		e.Method, e.Key = MethodPut, t.Key
		var leave func()
		a, findings, leave, err = s.assessChange(ctx, d, from, &e, t, body)
		leave()
	}
	if err != nil && !a.refused {
		return Assessment{}, err
	}
	found := Assessment{Envelope: e, ID: strings.Clone(cmp.Or(a.id, ocpi.Text(body, "id"))), Creates: a.creates, Refusal: err, ByPolicy: a.byPolicy}
	found.Told, found.Habits = slices.Clone(findings[:a.told]), slices.Clone(findings[a.told:])
	if kind == ObjectCDR || err != nil || s.Check == nil {
		return found, nil // a CDR is answered before it is priced
	}
	// What the fold of its kind finds is told by the answer, see Current.Findings.
	more, err := s.Check(ctx, &e, body)
	switch {
	case err != nil:
		return Assessment{}, fmt.Errorf("check %s %s: %w", e.Object, e.Key, err)
	case kind == ObjectTariff: // what the decoder finds is among it
		found.Told = more
	default:
		found.Told = append(more, found.Told...)
	}
	return found, nil
}

// named is the target of the URL that a body says it is of: one that does not say whose it
// is, as in OCPI 2.1.1, is of the party that the sender speaks for, else of its first.
func named(from Sender, v ocpi.Version, kind Object, body []byte) Target {
	id := strings.Clone(ocpi.Text(body, "id"))
	owner := ocpi.NewParty(strings.Clone(ocpi.Text(body, "country_code")), strings.Clone(ocpi.Text(body, "party_id")))
	if v == ocpi.V211 || owner.Country == "" || owner.ID == "" {
		if owner = from.Acting; !from.Owns(owner) {
			owner = from.first()
		}
	}
	return Target{Object: kind, Key: ocpi.Key{Party: owner, ID: ocpi.Fold(id)}, ID: id}
}

// KindOf tells by its members what kind of object a body is: a CDR, Session, Location or
// Tariff. ok is false where they do not tell.
func KindOf(body []byte) (kind Object, ok bool) {
	for _, sign := range []struct {
		member string
		kind   Object
	}{
		{"elements", ObjectTariff}, {"total_energy", ObjectCDR}, {"kwh", ObjectSession}, {"evses", ObjectLocation}, {"coordinates", ObjectLocation},
		{"total_time", ObjectCDR}, {"cdr_location", ObjectCDR}, {"total_cost", ObjectCDR}, {"auth_method", ObjectSession}, {"address", ObjectLocation}, {"currency", ObjectTariff},
	} {
		if has, err := ocpi.HasMember(body, sign.member); err == nil && has {
			return sign.kind, true
		}
	}
	return 0, false
}
