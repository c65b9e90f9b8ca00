package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// keeper is what this process knows of the commands that are open, of all partitions,
// and which of these it sees to.
type keeper struct {
	mu       sync.Mutex // guards what follows
	open     map[ocpi.Key]*item
	closed   bool                         // nobody is called any more
	loaded   bool                         // what is open in the store is known
	read     ocpi.Key                     // up to where it is, before that
	reading  chan struct{}                // held by who reads it
	looked   map[ingest.Partition]bool    // whose Sessions were looked for in the store
	due      map[ingest.Partition]*agenda // of the partitions that are seen to here
	held     map[ocpi.Party]int           // how many are open, or are being asked for, of a party
	starts   map[like]map[ocpi.Key]bool   // those that wait for their Session
	last     map[ocpi.Party]ocpi.Time     // when the last charge at a CPO was asked for
	charges  map[ocpi.Key]ocpi.Key        // Sessions of those that have one, with limits
	sessions dirty                        // that changed, and were not looked at
	early    dirty                        // that came before what is open was known
	unowned  map[ingest.Partition]*dirty
	looking  sync.Mutex    // held by who looks at a Session; never with mu
	wake     chan struct{} // there are sessions
	deliveries
}

// item is what is kept of an open command.
type item struct {
	key       ocpi.Key
	partition ingest.Partition
	at        ocpi.Time // when it is to be seen to next; 0 = when it changes
	index     int       // in its agenda, -1 = in none
	waits     bool      // for its Session
	waitsAs   []like    // what that is like
	cpo       ocpi.Party
	asked     ocpi.Time
	session   ocpi.Key // that its limits are about, zero = none
	tries     int      // of what is tried again
	busy      bool     // somebody sees to it
	again     bool     // it changed meanwhile
	queued    bool     // for a place to bring its result to who asked
}

func (k *keeper) init() {
	k.open, k.due = map[ocpi.Key]*item{}, map[ingest.Partition]*agenda{}
	k.starts, k.charges, k.held = map[like]map[ocpi.Key]bool{}, map[ocpi.Key]ocpi.Key{}, map[ocpi.Party]int{}
	k.under, k.waiting = map[string]int{}, map[string][]*item{}
	k.unowned, k.wake = map[ingest.Partition]*dirty{}, make(chan struct{}, 1)
	k.last, k.looked, k.reading = map[ocpi.Party]ocpi.Time{}, map[ingest.Partition]bool{}, make(chan struct{}, 1)
}

// takeOver is after which time the owner calls what was asked for and not called: by
// then the process that took the request would have said so.
const takeOver = 2 * time.Second

// Seen takes note of a command's new state. It is the Seen of objects.Commands.
func (d *Desk) Seen(s *ingest.ObjectState) {
	c, err := objects.ReadCommand(s)
	if err != nil || c.Point != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.learn(s.Key, c)
}

// learn takes note of a command. The caller holds d.mu.
func (d *Desk) learn(key ocpi.Key, c *objects.Command) {
	it, cpo := d.open[key], ocpi.Party{}
	if c.StartsOurs() {
		cpo, _ = ocpi.ParseParty(c.CPO)
		d.last[cpo] = max(d.last[cpo], c.Asked)
	}
	if !c.Open() {
		if it != nil {
			d.forget(it)
		}
		return
	}
	if it == nil {
		it = &item{key: key, partition: d.Place(key), index: -1, cpo: cpo, asked: c.Asked}
		d.open[key] = it
		d.held[key.Party]++
	}
	d.wait(it, c)
	if d.Counts {
		return
	}
	d.charge(it, c)
	if it.busy {
		it.again = true
		return
	}
	d.schedule(it, next(c))
}

// wait keeps where a start waits for its Session.
func (d *Desk) wait(it *item, c *objects.Command) {
	waits := c.StartsOurs() && c.Session == nil
	switch {
	case !waits:
		d.unwait(it)
		return
	case it.waits:
		return
	}
	it.waits, it.waitsAs = true, likesOf(&c.CommandRequest)
	for _, l := range it.waitsAs {
		if d.starts[l] == nil {
			d.starts[l] = map[ocpi.Key]bool{}
		}
		d.starts[l][it.key] = true
	}
}

func (d *Desk) unwait(it *item) {
	for _, l := range it.waitsAs {
		if delete(d.starts[l], it.key); len(d.starts[l]) == 0 {
			delete(d.starts, l)
		}
	}
	it.waits, it.waitsAs = false, nil
}

// charge keeps which Session a command's limits are about.
func (d *Desk) charge(it *item, c *objects.Command) {
	var session ocpi.Key
	if c.Session != nil && c.Stopping() == nil && !c.Limits.IsZero() {
		session = c.Session.Key()
	}
	if session == it.session {
		return
	}
	delete(d.charges, it.session)
	if it.session = session; session != (ocpi.Key{}) {
		d.charges[session] = it.key
		d.sessions.add(session) // it may be over, or beyond its limits, already
		d.rouse()
	}
}

func (d *Desk) forget(it *item) {
	d.unwait(it)
	delete(d.charges, it.session)
	if a := d.due[it.partition]; a != nil {
		a.drop(it)
	}
	delete(d.open, it.key)
	d.release(it.key.Party)
}

func (d *Desk) release(party ocpi.Party) {
	if d.held[party]--; d.held[party] == 0 {
		delete(d.held, party)
	}
}

// maxOpen bounds how many commands are open, of all parties; maxLike how many starts with
// one token at one place wait for their Session, each of which might be of any of them.
const (
	maxOpen = 400_000
	maxLike = 100
)

// mayAsk holds a place among the open commands of a party for one that is about to be asked
// for, until asked. There are as many again for stops: who may start nothing more may end
// what it has started. The error is an *api.TooOftenError, or an api.ErrBusy.
func (d *Desk) mayAsk(a *Asking, r *objects.CommandRequest) (asked func(), err error) {
	most := d.Open
	if r.Type == ocpi.StopSession {
		most *= 2
	}
	var likes []like
	if r.StartsOurs() {
		likes = likesOf(r)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case a.Of != "": // of a start, which has its own place
	case d.held[a.Party] >= most:
		return nil, &api.TooOftenError{Wait: time.Minute, Why: fmt.Sprintf("%d commands of %s are open", d.held[a.Party], a.Party)}
	case len(d.open) >= maxOpen:
		return nil, fmt.Errorf("%w: too many commands are open", api.ErrBusy)
	case slices.ContainsFunc(likes, func(l like) bool { return len(d.starts[l]) >= maxLike }):
		return nil, &api.TooOftenError{Wait: time.Minute, Why: "too many charges with this token at this place wait for their Session"}
	}
	d.held[a.Party]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.release(a.Party)
	}, nil
}

// schedule has an item seen to at an instant, 0 = when it changes.
func (d *Desk) schedule(it *item, at ocpi.Time) {
	it.at = at
	if a := d.due[it.partition]; a != nil {
		a.put(it)
	}
}

// giveUp is how long after it was asked for the Session of a start may come.
const giveUp = 24 * time.Hour

// stopStands is after which time a stop has not failed: until then limits may hold again,
// and a charge that has any stays open.
const stopStands = time.Hour

// next is when a command is to be seen to next.
func next(c *objects.Command) (at ocpi.Time) {
	sooner := func(t ocpi.Time) {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	what, until := c.Awaits()
	sooner(until)
	if c.Calling == nil && what == objects.AwaitsResponse {
		sooner(c.Asked + ocpi.Time(takeOver))
	}
	if c.ToTell() || c.ToStop() || c.StopOver() {
		sooner(1)
	}
	if !c.MayCharge() || c.Closed {
		return at
	}
	switch {
	case c.Session == nil:
		sooner(c.Asked + ocpi.Time(giveUp))
	case c.Stopping() != nil && !c.Limits.IsZero():
		sooner(c.Stop.At + ocpi.Time(stopStands))
	case c.Limits.IsZero():
		sooner(1) // nothing is left to see to
	}
	if c.Stopping() == nil && c.Limits.StopAt != 0 {
		sooner(max(c.Limits.StopAt, c.LimitsFrom()))
	}
	return at
}

// backOff is how long a try waits for the next one.
func backOff(tries int) time.Duration {
	return min(time.Second<<min(tries, 10), 5*time.Minute)
}

// openPage is how many open commands are read at once.
const openPage = 500

// Run sees to the commands of a partition until ctx ends. Where a run before has not ended
// yet it waits for it: a command is in one agenda.
func (d *Desk) Run(ctx context.Context, p ingest.Partition) error {
	a, err := d.takeUp(ctx, p)
	if err != nil {
		return err
	}
	defer d.layDown(p, a)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.findSessions(ctx, p) })
	g.Go(func() error { return d.see(ctx, a) })
	return g.Wait()
}

func (d *Desk) takeUp(ctx context.Context, p ingest.Partition) (*agenda, error) {
	a := newAgenda()
	for {
		d.mu.Lock()
		before := d.due[p]
		if before == nil {
			d.due[p] = a
			for _, it := range d.open {
				if it.partition == p {
					a.put(it)
				}
			}
			d.mu.Unlock()
			return a, nil
		}
		d.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-before.over:
		}
	}
}

func (d *Desk) layDown(p ingest.Partition, a *agenda) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.due, p)
	for _, it := range d.open {
		if it.partition == p {
			it.index = -1
		}
	}
	close(a.over)
}

// Load reads what is open in the store, once; whoever calls it again gets nil when that is
// done. What changes from then on is [Desk.Seen].
func (d *Desk) Load(ctx context.Context) error {
	select {
	case d.reading <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.reading }()
	d.mu.Lock()
	loaded, after := d.loaded, d.read
	d.mu.Unlock()
	if loaded {
		return nil
	}
	if err := d.Objects.CatchUp(ctx, ingest.TopicCommands); err != nil {
		return err
	}
	for {
		keys, err := d.Store.OpenCommands(ctx, after, openPage)
		if err != nil {
			return fmt.Errorf("read which commands are open: %w", err)
		}
		for _, key := range keys {
			if err := d.loadOne(ctx, key); err != nil {
				return err
			}
			after = key
		}
		d.mu.Lock()
		d.read, d.loaded = after, len(keys) < openPage
		loaded = d.loaded
		d.mu.Unlock()
		if loaded {
			d.lookAtEarly()
			return nil
		}
	}
}

func (d *Desk) loadOne(ctx context.Context, key ocpi.Key) error {
	e, ok, err := d.Get(ctx, key)
	if err != nil || !ok {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[key] == nil {
		d.learn(key, e.Command)
	}
	return nil
}

// seenAtOnce bounds how many commands of a partition are seen to at once, beside those of
// which a result is on its way to who asked.
const seenAtOnce = 64

// see sees to what is due, until ctx ends.
func (d *Desk) see(ctx context.Context, a *agenda) error {
	g, seeing := errgroup.WithContext(ctx)
	g.SetLimit(seenAtOnce)
	var delivering sync.WaitGroup
	defer delivering.Wait()
	for {
		d.mu.Lock()
		it, wait := a.next(ocpi.TimeOf(d.Now()))
		if it != nil {
			it.busy, it.again = true, false
		}
		d.mu.Unlock()
		if it != nil {
			g.Go(func() error { d.seeTo(seeing, it, &delivering); return nil })
			continue
		}
		timer := time.NewTimer(min(wait, time.Minute))
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(g.Wait(), ctx.Err())
		case <-a.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// seeTo sees to one command; a result is brought beside.
func (d *Desk) seeTo(ctx context.Context, it *item, delivering *sync.WaitGroup) {
	e, ok, err := d.Get(ctx, it.key)
	if err == nil && ok && d.tells(e.Command) {
		if tries, may := d.enter(e, it); may {
			delivering.Go(func() {
				defer d.leave(e.Command.Partner)
				d.seen(ctx, it, true, d.deliver(ctx, e, tries))
			})
		}
		return
	}
	if err == nil && ok {
		err = d.attend(ctx, e)
	}
	d.seen(ctx, it, ok, err)
}

// seen says when a command that was seen to is to be seen to again; ok is false where there
// is none.
func (d *Desk) seen(ctx context.Context, it *item, ok bool, err error) {
	var e *Entry
	if err == nil && ok {
		e, ok, err = d.Get(ctx, it.key)
	}
	if err != nil && ctx.Err() == nil {
		d.Logger.Warn("see to a command", "command", it.key.String(), "error", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	it.busy = false
	if d.open[it.key] != it {
		return // it was closed meanwhile
	}
	switch {
	case err != nil:
		if !errors.Is(err, partner.ErrNoTurn) {
			it.tries++
		}
		d.schedule(it, ocpi.TimeOf(d.Now())+ocpi.Time(backOff(it.tries)))
	case !ok || !e.Command.Open():
		d.forget(it)
	case it.again: // since it was read
		it.tries = 0
		d.schedule(it, 1)
	default:
		it.tries = 0
		d.schedule(it, next(e.Command))
	}
}

// attend does what is due of a command, one thing after the other.
func (d *Desk) attend(ctx context.Context, e *Entry) error {
	c, now := e.Command, ocpi.TimeOf(d.Now())
	what, until := c.Awaits()
	switch {
	case what != "" && now >= until:
		return d.note(ctx, e, "", objects.CommandTimedOut, objects.CommandTimeout{What: what, Status: ocpi.StatusTimeout, Detail: "the " + what + " did not come in time"})
	case what == objects.AwaitsResponse && c.Calling == nil && now >= c.Asked+ocpi.Time(takeOver):
		return d.takeOver(e)
	case c.ToTell():
		_, of := c.Undelivered()
		return d.note(ctx, e, "", objects.CommandDelivered, objects.CommandDelivery{Of: of, Detail: "nobody took it in its time"})
	case c.ToStop():
		return d.askStop(ctx, e)
	case c.StopOver():
		return d.stopOver(ctx, e)
	case !c.MayCharge(), c.Closed:
		return nil
	case c.Stopping() == nil && c.Limits.StopAt != 0 && now >= max(c.Limits.StopAt, c.LimitsFrom()):
		return d.note(ctx, e, "", objects.CommandStop, c.LimitStop(NewID(), "stop_at"))
	case c.Session == nil && now >= c.Asked+ocpi.Time(giveUp), c.Session != nil && (c.Limits.IsZero() || c.Stopping() != nil && now >= c.Stop.At+ocpi.Time(stopStands)):
		return d.note(ctx, e, "", objects.CommandClosed, struct{}{})
	}
	return nil
}

// takeOver calls what was asked for and not called.
func (d *Desk) takeOver(e *Entry) error {
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return errClosing
	}
	cpo, _ := ocpi.ParseParty(e.Command.CPO)
	id := e.Command.CPO // of a partner that has gone meanwhile
	if to, err := d.Connected(cpo); err == nil {
		id = to.ID
	}
	if !d.calls.Take(id, 1) {
		return fmt.Errorf("%w: too many commands to %s are under way", ingest.ErrOverload, cpo)
	}
	<-d.start(e.Key, id)
	return nil
}
