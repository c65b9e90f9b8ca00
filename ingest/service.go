package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Current is what partners own now: an objects.Follower.
type Current interface {
	// Get returns the object as it stands; ok is false when there is none.
	Get(ctx context.Context, t Target) (s ObjectState, ok bool, err error)
	// Peek is Get but for what is in the log and not folded here yet: ok is
	// false also for an object that is on its way.
	Peek(ctx context.Context, t Target) (s ObjectState, ok bool, err error)
	// Wait returns once the record at p has been folded, so that the next
	// Get sees it.
	Wait(ctx context.Context, topic Topic, p Position) error
	// Findings returns what is doubtful in the object that the body of the
	// record at p made or repeated; ok is false where that is for the decoder
	// alone to say.
	Findings(t Target, p Position, body Hash) (findings []ocpi.Finding, ok bool)
	// RulesOut reports that there is no such object, as far as the log is folded
	// here. It costs no question to the store: where only that knows, it is false.
	RulesOut(id Identity) bool
}

// Room bounds what is held at once, in bytes, in all and by each owner.
type Room interface {
	// Take reports whether an owner may hold n more; Give ends it.
	Take(owner string, n int64) bool
	Give(owner string, n int64)
}

// Service accepts pushes. It is safe for concurrent use.
type Service struct {
	// Merging is the room for objects that are being changed in part, each as
	// large as it is: a short PATCH may be of some MiB, and keeps whoever folds
	// it busy for as long as those take. nil: no bound. Set it before use.
	Merging Room
	// Check finds what others than the decoder find in an object as it will stand,
	// for partners whose policies refuse a kind of finding; nil: nothing. Set it
	// before use.
	Check func(ctx context.Context, e *Envelope, whole []byte) ([]ocpi.Finding, error)
	// Issuers has the parties of provider ids that are not those of the same name. Set
	// it before use.
	Issuers ocpi.Issuers
	// Payer returns who pays for a contract where a Session says no more than that, by
	// what is known now; nil: nobody is known. Set it before use.
	Payer func(contractID string, start ocpi.Time) (ocpi.Party, bool)
	// First returns the copy of a CDR that counts, so far as the store has it; nil:
	// none is known. Set it before use.
	First func(ctx context.Context, key ocpi.Key) (raw []byte, ok bool, err error)
	// Tally counts what is found in what partners send. Set it before use.
	Tally *Tally

	log      Appender
	current  Current
	now      func() time.Time
	limits   Limits
	recent   *recent
	decoders sync.Pool
	metrics  *Metrics
}

// NewService returns a Service that appends to log. now is the clock that
// stamps the receiving time. No change makes an object larger than limits say.
func NewService(log Appender, current Current, now func() time.Time, limits Limits, m *Metrics) *Service {
	return &Service{
		log: log, current: current, now: now, limits: limits, recent: newRecent(recentCDRs), metrics: m,
		decoders: sync.Pool{New: func() any { return new(ocpi.Decoder) }},
	}
}

// CDR accepts one Charge Detail Record (OCPI mod_cdrs, POST). It returns when
// the record is durable. Errors: *ocpi.SyntaxError, *ocpi.Invalid (both kept
// in TopicRefused), ErrUnknownObject for a CDR of a party the sender does not
// own, ErrOverload, ErrOutcomeUnknown.
func (s *Service) CDR(ctx context.Context, from Sender, v ocpi.Version, body []byte) (Receipt, error) {
	e := Envelope{Object: ObjectCDR, Method: MethodPost, Version: v, Sender: from.ID, Received: s.received()}
	d := s.decoders.Get().(*ocpi.Decoder)
	defer s.decoders.Put(d)
	var room [8]ocpi.Finding // for what most CDRs show
	a, findings, err := s.assessCDR(ctx, d, from, &e, body, room[:0])
	if err != nil {
		return Receipt{}, s.refused(ctx, from, &e, body, a, findings, err)
	}
	r := Receipt{Key: e.Key, ID: a.id, Created: true, Findings: append([]ocpi.Finding(nil), findings[:a.told]...)}
	r.Position, err = s.log.Append(ctx, TopicCDRs, &e, body)
	s.metrics.count(e.Object, err)
	if err == nil {
		from.Trace.kept(TopicCDRs, r.Position, r.Key)
		r.Earlier = s.recent.note(r.Key, body)
		s.tally(&e, findings)
	}
	return r, err
}

// Put accepts a whole client-owned object: a Location, EVSE, Connector,
// Tariff, Session or Token. It returns when the record is durable and the
// next Get sees it.
func (s *Service) Put(ctx context.Context, from Sender, v ocpi.Version, t Target, body []byte) (Receipt, error) {
	return s.change(ctx, from, v, MethodPut, t, body)
}

// Patch accepts a change of some members of a client-owned object. An object
// nobody PUT is ErrUnknownObject.
func (s *Service) Patch(ctx context.Context, from Sender, v ocpi.Version, t Target, body []byte) (Receipt, error) {
	return s.change(ctx, from, v, MethodPatch, t, body)
}

// Delete withdraws a Tariff. Its versions stay known: CDRs may still need them.
func (s *Service) Delete(ctx context.Context, from Sender, v ocpi.Version, t Target) (Receipt, error) {
	return s.change(ctx, from, v, MethodDelete, t, nil)
}

func (s *Service) change(ctx context.Context, from Sender, v ocpi.Version, m Method, t Target, body []byte) (Receipt, error) {
	e := Envelope{Object: t.Object, Method: m, Version: v, Sender: from.ID, Key: t.Key, Variant: t.Variant, Path: t.Path, Received: s.received()}
	d := s.decoders.Get().(*ocpi.Decoder)
	defer s.decoders.Put(d)
	a, findings, leave, err := s.assessChange(ctx, d, from, &e, t, body)
	defer leave()
	if err != nil {
		return Receipt{}, s.refused(ctx, from, &e, body, a, findings, err)
	}
	if len(body) > 0 {
		if e.Hash, err = d.CanonicalHash(body); err != nil {
			return Receipt{}, s.refuse(ctx, from, &e, body, err)
		}
	}
	if a.payer != "" {
		e.Path = a.payer
	}
	topic := t.Object.Topic()
	r := Receipt{Key: t.Key, ID: t.ID, Created: a.creates, Findings: findings[:a.told:a.told]}
	r.Position, err = s.log.Append(ctx, topic, &e, body)
	s.metrics.count(e.Object, err)
	if err != nil {
		return r, err
	}
	from.Trace.kept(topic, r.Position, r.Key)
	if err := s.current.Wait(ctx, topic, r.Position); err != nil {
		return r, fmt.Errorf("%w: the record is durable but not yet visible: %w", ErrOutcomeUnknown, err)
	}
	if found, ok := s.current.Findings(t, r.Position, e.Hash); ok {
		r.Findings = found
	}
	s.tally(&e, append(slices.Clip(r.Findings), findings[a.told:]...))
	return r, nil
}

// base returns the object a change applies to. One that need not exist is not
// looked for at the end of the log.
func (s *Service) base(ctx context.Context, t Target, mustExist bool) (state ObjectState, ok bool, err error) {
	read := s.current.Peek
	if mustExist {
		read = s.current.Get
	}
	return read(ctx, Target{Object: t.Object, Key: t.Key, Variant: t.Variant})
}

// validate decodes the object as it will stand after the change. habits are what is
// found and told to nobody but us; payer is what the record says of who pays, see
// PayerPath.
func (s *Service) validate(d *ocpi.Decoder, trace *Trace, v ocpi.Version, m Method, t Target, old *ObjectState, body []byte) (findings, habits []ocpi.Finding, payer string, err error) {
	if m == MethodDelete {
		return nil, nil, "", nil
	}
	whole, err := Apply(v, m, t, old, body)
	if m == MethodPut && t.isPart() && err != nil {
		_, connector := t.Part()
		err = d.AllMissingOfPart(v, body, connector != "", err)
	}
	if err != nil {
		return nil, nil, "", err
	}
	if limit, setting := s.limits.Of(t.Object); len(whole) > limit {
		return nil, nil, "", tooLarge(t.Object, len(whole), limit, setting)
	}
	if m == MethodPatch && v != ocpi.V211 {
		if ok, err := ocpi.HasMember(body, "last_updated"); err != nil || !ok {
			if err == nil {
				err = invalid("last_updated", "required in a PATCH")
			}
			return nil, nil, "", err
		}
	}
	r, err := read(d, v, t.Object, whole)
	if err != nil {
		return nil, nil, "", d.AllMissing(err)
	}
	findings = r.findings
	trace.of("", r.token)
	if t.Object == ObjectToken {
		findings = append(findings, s.foreignContract(t.Key.Party, r.contract)...)
	}
	if err := sameIdentity(v, t, &r); err != nil {
		return nil, nil, "", err
	}
	if err := sameSpelling(v, t, old, body); err != nil {
		return nil, nil, "", err
	}
	if _, err = Note(old.Changes, r.change); err != nil {
		return nil, nil, "", err
	}
	return append([]ocpi.Finding(nil), findings...), appendHabits(spellings(t, &r), body), s.payer(t, old, &r), nil
}

// payer says who pays for the contract of a Session whose token names no eMSP, "" where
// it names one, nobody is known, or the Session has it already: known once it stays.
func (s *Service) payer(t Target, old *ObjectState, r *reading) string {
	contract := ocpi.Fold(r.contract)
	if t.Object != ObjectSession || s.Payer == nil || contract == "" || !old.With.IsZero() && old.Contract == contract {
		return ""
	}
	payer, ok := s.Payer(contract, r.start)
	if !ok {
		return ""
	}
	return PayerPath(payer, contract)
}

// foreignContract finds a Token whose contract id says that the contract is another
// party's: nobody pays by it.
func (s *Service) foreignContract(owner ocpi.Party, contractID string) []ocpi.Finding {
	issuer, named := s.Issuers.Of(contractID)
	if !named || issuer == owner {
		return nil
	}
	return []ocpi.Finding{{Code: "foreign_contract", Severity: ocpi.Warning, Path: "contract_id",
		Detail: "it names a contract of " + issuer.String() + ", not of " + owner.String() + ": a CDR that says no more than that is not billed to " + owner.String()}}
}

// Refuse keeps a body that was refused before it was looked at, or the beginning
// of one, with the reason, which it returns: or why the body could not be kept.
func (s *Service) Refuse(ctx context.Context, from Sender, v ocpi.Version, m Method, t Target, body []byte, reason error) error {
	e := Envelope{Object: t.Object, Method: m, Version: v, Sender: from.ID, Key: t.Key, Variant: t.Variant, Path: t.Path, Received: s.received()}
	return s.refuse(ctx, from, &e, body, reason)
}

// refused answers a push that comes to an error: the body that is refused is kept, and what
// a policy refuses it for is counted.
func (s *Service) refused(ctx context.Context, from Sender, e *Envelope, body []byte, a assessed, findings []ocpi.Finding, err error) error {
	if !a.refused {
		return err
	}
	if a.byPolicy {
		s.tally(e, findings)
	}
	return s.refuse(ctx, from, e, body, err)
}

// refuse keeps a body that cannot be used, with its reason, and returns the
// reason. When it cannot be kept it says so instead: the partner must retry.
func (s *Service) refuse(ctx context.Context, from Sender, e *Envelope, body []byte, reason error) error {
	if len(body) == 0 {
		return reason
	}
	e.Reason = reason.Error()
	if len(e.Reason) > maxReason {
		e.Reason = e.Reason[:maxReason]
	}
	s.metrics.refused(e.Object, reason)
	at, err := s.log.Append(ctx, TopicRefused, e, body)
	if err != nil {
		return fmt.Errorf("keep refused body: %w", err)
	}
	from.Trace.kept(TopicRefused, at, e.Key)
	return reason
}

// maxReason bounds the reason kept with a refused body, in bytes.
const maxReason = 2000

func (s *Service) received() ocpi.Time { return ocpi.TimeOf(s.now()) }

func (s Sender) first() ocpi.Party {
	if len(s.Parties) == 0 {
		return ocpi.Party{}
	}
	return s.Parties[0]
}

func invalid(path, reason string) error {
	return &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: path, Reason: reason}}}
}

// IsSenderFault reports whether the error is about the body: OCPI 2xxx, HTTP 400.
func IsSenderFault(err error) bool {
	var syntax *ocpi.SyntaxError
	var inv *ocpi.Invalid
	return errors.As(err, &syntax) || errors.As(err, &inv) || errors.Is(err, ErrUnknownObject)
}
