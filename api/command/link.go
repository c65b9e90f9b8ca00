package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// like is where, and with which token, a charge was asked for: what its Session says too.
type like struct {
	cpo           ocpi.Party
	location      string // folded
	uid, contract string // folded, one of them: Sessions of OCPI 2.1.1 have no uid
}

// likesOf is what the Session of a start is like.
func likesOf(c *objects.CommandRequest) (list []like) {
	cpo, _ := ocpi.ParseParty(c.CPO)
	location := ocpi.Fold(c.Location)
	if c.TokenUID != "" {
		list = append(list, like{cpo: cpo, location: location, uid: ocpi.Fold(c.TokenUID)})
	}
	if c.Contract != "" {
		list = append(list, like{cpo: cpo, location: location, contract: ocpi.FoldContractID(c.Contract)})
	}
	return list
}

// like is what the start of a Session was asked for with.
func (s *charged) like() like {
	l := like{cpo: s.key.Party, location: s.location}
	if s.uid != "" && s.uid != "#NA" {
		l.uid = s.uid
	} else {
		l.contract = s.contract
	}
	return l
}

// dirty are Sessions that changed. Where there are too many none is kept, and all that
// may matter are read of the store.
type dirty struct {
	keys map[ocpi.Key]bool
	lost bool
}

// Bounds of Sessions that wait to be looked at, and of those that are kept for whoever is
// to see to a partition.
const (
	maxDirty   = 200_000
	maxUnowned = 10_000
)

func (s *dirty) add(key ocpi.Key) { s.addUpTo(maxDirty, key) }

func (s *dirty) addUpTo(most int, key ocpi.Key) {
	switch {
	case s.keys == nil:
		s.keys = map[ocpi.Key]bool{}
	case len(s.keys) >= most:
		s.keys, s.lost = map[ocpi.Key]bool{}, true
		return
	}
	s.keys[key] = true
}

func (s *dirty) take() (keys map[ocpi.Key]bool, lost bool) {
	keys, lost = s.keys, s.lost
	s.keys, s.lost = nil, false
	return keys, lost
}

// SessionSeen takes note of a Session's new state. It is the Seen of objects.Sessions,
// in a process that calls Follow.
func (d *Desk) SessionSeen(s *ingest.ObjectState) { d.sessionChanged(s.Key) }

func (d *Desk) sessionChanged(key ocpi.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sessions.add(key)
	d.rouse()
}

func (d *Desk) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Follow looks at the Sessions that change, until ctx ends: at those that may be of a
// command, and at those that have limits.
func (d *Desk) Follow(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.wake:
		}
		d.mu.Lock()
		keys, lost := d.sessions.take()
		d.mu.Unlock()
		err := d.lookAt(ctx, keys)
		if err == nil && lost {
			err = d.findLost(ctx)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d.Logger.Warn("look for the commands of Sessions", "error", err)
			d.again(keys, lost)
			if !ingest.Pause(ctx, time.Second) {
				return ctx.Err()
			}
		}
	}
}

// again has Sessions looked at once more.
func (d *Desk) again(keys map[ocpi.Key]bool, lost bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sessions.lost = d.sessions.lost || lost
	for key := range keys {
		d.sessions.add(key)
	}
	d.rouse()
}

// lookAt looks at some Sessions, knowing all commands that were asked for before. Those
// that it looked at are in keys no more.
func (d *Desk) lookAt(ctx context.Context, keys map[ocpi.Key]bool) error {
	if len(keys) == 0 {
		return nil
	}
	if err := d.Objects.CatchUp(ctx, ingest.TopicCommands); err != nil {
		return err
	}
	left, err := d.lookEach(ctx, slices.Collect(maps.Keys(keys)))
	clear(keys)
	for _, key := range left {
		keys[key] = true
	}
	return err
}

// charged is what of a Session says whose it is and how far it has come.
type charged struct {
	objects.CommandSession
	key            ocpi.Key
	with, named    ocpi.Party // who pays; whom the token names
	reference      string
	uid, contract  string
	kind           string // of the token
	unknown        string // its contract, where nobody is known to pay for that
	version        ocpi.Version
	sender         string
	location, evse string
	connector      string
	start          ocpi.Time
	energy         ocpi.Number
	over           bool
}

// session reads a Session; nil where there is none that can be read.
func (d *Desk) session(ctx context.Context, key ocpi.Key) (*charged, error) {
	s, ok, err := d.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectSession, Key: key})
	if err != nil || !ok {
		return nil, err
	}
	var c *charged
	err = objects.Decode(func(dec *ocpi.Decoder) error {
		o, err := dec.Session(s.Version, s.Body)
		if err != nil {
			return nil // of an older decoder: nobody can say whose it is
		}
		c = &charged{
			CommandSession: objects.CommandSession{Country: key.Party.Country, Party: key.Party.ID, ID: strings.Clone(o.ID)},
			key:            key, with: s.With, reference: ocpi.Fold(strings.Clone(o.AuthorizationReference)),
			uid: ocpi.Fold(strings.Clone(o.Token.UID)), contract: ocpi.FoldContractID(strings.Clone(o.Token.ContractID)),
			location: ocpi.Fold(strings.Clone(o.LocationID)), evse: ocpi.Fold(strings.Clone(o.EVSEUID)), connector: ocpi.Fold(strings.Clone(o.ConnectorID)),
			kind: strings.Clone(o.Token.Type), version: s.Version, sender: s.Sender,
			start: o.Start, energy: o.KWh, over: o.Status == "COMPLETED" || o.Status == "INVALID",
		}
		if s.With.IsZero() {
			c.unknown = s.Contract
		}
		named := o.Token.Party()
		c.named = ocpi.Party{Country: strings.Clone(named.Country), ID: strings.Clone(named.ID)}
		return nil
	})
	return c, err
}

// Bounds of Sessions that are looked at side by side: how many are kept meanwhile, and of how
// many something is read or appended at once.
const (
	lookPage    = 1000
	looksAtOnce = 64
)

// looks is what came of looking at some Sessions side by side.
type looks struct {
	mu     sync.Mutex              // guards what follows
	starts map[ocpi.Key][]*charged // by the start whose id they refer to
	alone  []*charged              // those that refer to no command of ours
	left   []ocpi.Key              // those that could not be looked at
	err    error                   // why the first of them could not
}

func (l *looks) fail(key ocpi.Key, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left = append(l.left, key); l.err == nil {
		l.err = fmt.Errorf("session %s: %w", key, err)
	}
}

// lookEach looks at Sessions and returns those it could not look at, and why. Those that
// refer to a start are linked side by side: each link waits for the log. Those of one start,
// and those that are found by what they are like, follow each other: the first of two that
// are like a start is its, and a start whose Session refers to it is no other's.
func (d *Desk) lookEach(ctx context.Context, keys []ocpi.Key) (left []ocpi.Key, err error) {
	d.looking.Lock()
	defer d.looking.Unlock()
	for page := range slices.Chunk(keys, lookPage) {
		l := looks{starts: map[ocpi.Key][]*charged{}}
		sideBySide(slices.Values(page), func(key ocpi.Key) {
			if err := d.look(ctx, key, &l); err != nil {
				l.fail(key, err)
			}
		})
		sideBySide(maps.Keys(l.starts), func(start ocpi.Key) {
			for _, s := range l.starts[start] {
				if err := d.linkReferred(ctx, start, s); err != nil {
					l.fail(s.key, err)
				}
			}
		})
		for _, s := range l.alone {
			if err := d.linkLike(ctx, s); err != nil {
				l.fail(s.key, err)
			}
		}
		left = append(left, l.left...)
		err = cmp.Or(err, l.err)
	}
	return left, err
}

// sideBySide calls fn for each of some, a few at once.
func sideBySide[T any](all iter.Seq[T], fn func(T)) {
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for one := range all {
		g.Go(func() error { fn(one); return nil })
	}
	_ = g.Wait() // none of them returns an error
}

// look looks at one Session, which is read only where it may be of a command, and sorts it by
// the start that it refers to.
func (d *Desk) look(ctx context.Context, key ocpi.Key, l *looks) error {
	d.mu.Lock()
	limited, ok := d.charges[key]
	started := ocpi.TimeOf(d.Now()) < d.last[key.Party]+ocpi.Time(giveUp)
	if !ok && !started && !d.loaded {
		d.early.add(key)
	}
	d.mu.Unlock()
	if !ok && !started {
		return nil // nobody has asked for a charge there
	}
	s, err := d.session(ctx, key)
	if err != nil || s == nil {
		return err
	}
	if ok {
		return d.limit(ctx, limited, s)
	}
	start, ours, err := d.referred(ctx, s)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case start != ocpi.Key{}:
		l.starts[start] = append(l.starts[start], s)
	case !ours:
		l.alone = append(l.alone, s)
	}
	return nil
}

// ulidLength is the length of our ids.
const ulidLength = 26

// limit ends a charge that has come to its limits.
func (d *Desk) limit(ctx context.Context, command ocpi.Key, s *charged) error {
	e, ok, err := d.Get(ctx, command)
	if err != nil || !ok || e.Command.Stopping() != nil || !d.owned(command, s.key) {
		return err
	}
	most := e.Command.Limits.Energy()
	switch {
	case s.over && !e.Command.Closed:
		return d.note(ctx, e, "", objects.CommandClosed, struct{}{})
	case s.over, !most.IsSet(), !s.energy.IsSet(), s.energy.Cmp(most) < 0, ocpi.TimeOf(d.Now()) < e.Command.LimitsFrom():
		return nil
	}
	return d.note(ctx, e, "", objects.CommandStop, e.Command.LimitStop(NewID(), "max_energy_kwh"))
}

// owned reports whether a command is seen to here; where it is not, its Session is
// looked at again once it is.
func (d *Desk) owned(command, session ocpi.Key) bool {
	p := d.Place(command)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.due[p] != nil {
		return true
	}
	if d.unowned[p] == nil {
		d.unowned[p] = &dirty{}
	}
	d.unowned[p].addUpTo(maxUnowned, session)
	return false
}

// referred returns the start whose id a Session refers to; ours reports whether it refers to a
// command of ours, so that it is of no other.
func (d *Desk) referred(ctx context.Context, s *charged) (start ocpi.Key, ours bool, err error) {
	if len(s.reference) != ulidLength {
		return start, false, nil
	}
	parties := []ocpi.Party{s.with}
	if s.named != s.with {
		parties = append(parties, s.named)
	}
	for _, party := range parties {
		e, ok, err := d.Get(ctx, ocpi.Key{Party: party, ID: s.reference})
		if err != nil {
			return start, false, err
		}
		if ok && startOf(e.Command, s.key.Party) {
			return e.Key, true, nil
		}
		ours = ours || ok
	}
	return start, ours, nil
}

func (d *Desk) linkReferred(ctx context.Context, start ocpi.Key, s *charged) error {
	e, ok, err := d.Get(ctx, start) // as it stands after the Session before
	if err != nil || !ok {
		return err
	}
	return d.link(ctx, e, s, "reference")
}

// authorized reports whether a Session refers to an authorization that its Token was given
// at its CPO: then its charge was not asked for.
func (d *Desk) authorized(ctx context.Context, s *charged) (bool, error) {
	if s.reference == "" {
		return false, nil
	}
	id := ingest.TokenAt(s.key.Party, s.uid, s.kind)
	state, ok, err := d.Objects.Get(ctx, ingest.Target{Object: id.Object, Key: id.Key, Variant: id.Variant})
	if err != nil || !ok {
		return false, err
	}
	given, err := ingest.Authorizations(&state)
	return slices.ContainsFunc(given, func(a ingest.Authorization) bool { return ocpi.Fold(a.Reference) == s.reference }), err
}

// startOf reports whether a command is a start at a CPO that we see to.
func startOf(c *objects.Command, cpo ocpi.Party) bool {
	return c.StartsOurs() && c.CPO == cpo.String()
}

// link notes that a Session is of a start, unless it is another one's.
func (d *Desk) link(ctx context.Context, e *Entry, s *charged, by string) error {
	if e.Command.Session != nil || !d.owned(e.Key, s.key) {
		return nil
	}
	stands, err := d.rename(ctx, Name(s.key.Party, "IL", s.key.ID), objects.CommandPoint{To: e.Key.String()})
	if err != nil || stands.To != e.Key.String() {
		return err
	}
	if err := d.paid(ctx, e, s); err != nil {
		return err
	}
	s.By = by
	return d.note(ctx, e, "", objects.CommandLinked, s.CommandSession)
}

// paid notes that the eMSP of a start pays for its Session, where nobody is known to: that it
// asked for the charge says so.
func (d *Desk) paid(ctx context.Context, e *Entry, s *charged) error {
	if !s.with.IsZero() || s.unknown == "" {
		return nil
	}
	r := ingest.Envelope{Object: ingest.ObjectSession, Method: ingest.MethodPatch, Version: s.version, Sender: s.sender, Key: s.key,
		Path: ingest.PayerPath(e.Key.Party, s.unknown), Received: ocpi.TimeOf(d.Now())}
	at, err := d.Log.Append(ctx, ingest.TopicSessions, &r, nil)
	if err != nil {
		return fmt.Errorf("append who pays for %s: %w", s.key, err)
	}
	return d.Objects.Wait(ctx, ingest.TopicSessions, at)
}

// early is how long before its start was asked for a Session may have begun: clocks of
// stations go wrong.
const early = 2 * time.Minute

// linkLike links a Session that refers to nothing of ours, as those of OCPI 2.1.1, by its
// token, place and time. Where two starts are like it, that is noted: nobody knows which.
func (d *Desk) linkLike(ctx context.Context, s *charged) error {
	d.mu.Lock()
	keys := slices.Collect(maps.Keys(d.starts[s.like()]))
	if !d.loaded { // which starts it may be of is not known yet
		d.early.add(s.key)
		keys = nil
	}
	d.mu.Unlock()
	if len(keys) == 0 {
		return nil
	}
	of, taken, err := d.point(ctx, Name(s.key.Party, "IL", s.key.ID))
	if err != nil {
		return err
	}
	if taken { // by a start that waits no more, or a process that died before it said so there
		keys = slices.DeleteFunc(keys, func(key ocpi.Key) bool { return key.String() != of.To })
	}
	var like []*Entry
	for _, key := range keys {
		e, ok, err := d.Get(ctx, key)
		if err != nil {
			return err
		}
		if ok && e.Command.Session == nil && (taken || s.isLike(e)) {
			like = append(like, e)
		}
	}
	if len(like) == 0 {
		return nil
	}
	if authorized, err := d.authorized(ctx, s); authorized || err != nil {
		return err
	}
	if len(like) == 1 {
		return d.link(ctx, like[0], s, "token")
	}
	var errs []error
	for _, e := range like {
		if !e.Command.Doubted(s.key) && d.owned(e.Key, s.key) {
			errs = append(errs, d.note(ctx, e, "", objects.CommandAmbiguous, s.CommandSession))
		}
	}
	return errors.Join(errs...)
}

// isLike reports whether a Session may be that of a start with its token at its place.
func (s *charged) isLike(e *Entry) bool {
	c := e.Command
	within := ocpi.Time(c.AnswerWithin+c.SessionWithin)*ocpi.Time(ocpi.Second) + ocpi.Time(time.Minute)
	switch {
	case !startOf(c, s.key.Party), c.Refused():
		return false
	case !s.named.IsZero() && s.named != e.Key.Party, !s.with.IsZero() && s.with != e.Key.Party:
		return false // a contract is free text: who pays counts too
	case s.with.IsZero() && foreign(s.contract, e.Key.Party):
		return false
	case s.start < c.Asked-ocpi.Time(early), s.start > c.Asked+within:
		return false
	case c.EVSE != "" && s.evse != "" && ocpi.Fold(c.EVSE) != s.evse, c.Connector != "" && s.connector != "" && ocpi.Fold(c.Connector) != s.connector:
		return false
	}
	return true
}

// foreign reports whether a contract says that another than the party has issued it.
func foreign(contract string, party ocpi.Party) bool {
	id, ok := ocpi.ParseContractID(contract)
	if !ok {
		return false
	}
	issuer, ok := id.Issuer()
	return ok && issuer != party
}
