package partner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
)

// Job is a pull of all that a partner offers, and what has come of it so far.
type Job struct {
	Pulled
	Done  bool
	Error string // why nothing could be read
}

// visits are what is known of the pulls of each partner: one at a time. It is
// forgotten with the process: then all is read again, which is harmless.
type visits struct {
	mu sync.Mutex // guards what follows, and what is in it
	of map[string]*visit
}

// visit is one partner.
type visit struct {
	registration string // that it is of
	windowed     time.Time
	whole        time.Time            // when its lists are due
	since        map[string]time.Time // when each was read last, to its end

	busy bool
	job  *Job // the last pull of all; nil = none
	next bool // the job waits for the pull under way
}

// registration tells what a partner's lists depend on: where they are, and whose
// they may be.
func registration(p *control.Partner) string {
	return fmt.Sprint(p.Peer.Version, p.Peer.URL, p.Peer.Endpoints, p.Roles, p.Counterparty)
}

// current returns a partner as it is now, and whether its lists are still those of
// what it was; nil for one that is registered no more. Its token may be another.
func (p *Puller) current(was *control.Partner) (now *control.Partner, same bool) {
	now, ok := p.Partners.Find(was.ID)
	if !ok || now.Peer == nil {
		return nil, false
	}
	return now, now == was || registration(now) == registration(was)
}

// visit returns what is known of a partner, as it is registered now.
func (v *visits) visit(p *control.Partner) *visit {
	one := v.of[p.ID]
	if one == nil {
		one = &visit{}
		if v.of == nil {
			v.of = map[string]*visit{}
		}
		v.of[p.ID] = one
	}
	if is := registration(p); one.registration != is {
		one.registration, one.since, one.windowed, one.whole = is, map[string]time.Time{}, time.Time{}, time.Time{}
	}
	return one
}

// forget lets go of partners that are registered no more: who registers again is
// read again.
func (p *Puller) forget() {
	p.visits.mu.Lock()
	defer p.visits.mu.Unlock()
	for id, v := range p.visits.of {
		if one, ok := p.Partners.Find(id); !v.busy && (!ok || one.Peer == nil) {
			delete(p.visits.of, id)
		}
	}
}

// take begins a pull of what is due of a partner, if anything is.
func (p *Puller) take(one *control.Partner) (w wanted, ok bool) {
	p.visits.mu.Lock()
	defer p.visits.mu.Unlock()
	v := p.visits.visit(one)
	now := p.now()
	windowed, whole := !now.Before(v.windowed), !now.Before(v.whole)
	if v.busy || !windowed && !whole {
		return w, false
	}
	v.busy = true
	w = p.window(v, now)
	w.windowed, w.whole = windowed, whole
	if w.all() {
		v.job = newJob(one)
	}
	return w, true
}

// window says from when on lists are read: from what was read last, with an overlap.
func (p *Puller) window(v *visit, now time.Time) wanted {
	since := map[string]time.Time{}
	for id, at := range v.since {
		since[id] = at.Add(-Overlap)
	}
	return wanted{began: now, first: now.Add(-FirstWindow), since: since}
}

func newJob(one *control.Partner) *Job {
	return &Job{Pulled: Pulled{Partner: one.ID, Modules: []PulledModule{}}}
}

// Start begins a pull of all that a partner offers, unless one is under way. It
// ends with ctx, which is not the request's.
func (p *Puller) Start(ctx context.Context, one *control.Partner) error {
	if one.Peer == nil {
		return control.Conflict("partner %s has not registered: there is nothing to pull from", one.ID)
	}
	p.visits.mu.Lock()
	defer p.visits.mu.Unlock()
	v := p.visits.visit(one)
	switch {
	case v.job != nil && !v.job.Done:
		return nil
	case v.busy:
		v.job, v.next = newJob(one), true
		return nil
	}
	v.job, v.busy = newJob(one), true
	go p.run(ctx, one, p.asked())
	return nil
}

// asked is what somebody asks for: all lists, as if none had been read before.
func (p *Puller) asked() wanted {
	now := p.now()
	return wanted{windowed: true, whole: true, began: now, first: now.Add(-FirstWindow)}
}

// run reads what is wanted of a partner, and says when it is due next. A partner
// that has registered otherwise meanwhile is read anew, as it is now: who asked for
// this pull may have asked since then.
func (p *Puller) run(ctx context.Context, one *control.Partner, w wanted) {
	for more := true; more; {
		result, err := p.pull(ctx, one, w, func(soFar Pulled) { p.tell(one, w, soFar) })
		if err != nil && ctx.Err() == nil && !errors.Is(err, errChanged) {
			p.Logger.Error("pull from a partner", "partner", one.ID, "error", err)
		}
		for _, m := range result.Modules {
			p.Logger.Info("pulled", "partner", one.ID, "module", m.Module, "read", m.Read, "new", m.New, "never_pushed", m.NeverPushed, "refused", m.Refused, "anothers", m.Anothers, "absent", m.absent())
		}
		one, w, more = p.done(one, w, result, err)
	}
}

// tell notes how far the pull of all has come.
func (p *Puller) tell(one *control.Partner, w wanted, soFar Pulled) {
	p.visits.mu.Lock()
	defer p.visits.mu.Unlock()
	if v := p.visits.of[one.ID]; w.all() && v.job != nil {
		v.job.Modules, v.job.Pages = append([]PulledModule(nil), soFar.Modules...), soFar.Pages
	}
}

// done ends a pull. more says that another one is to follow: it was asked for, or
// the partner is another one by now.
func (p *Puller) done(one *control.Partner, w wanted, result Pulled, err error) (next *control.Partner, follows wanted, more bool) {
	p.visits.mu.Lock()
	defer p.visits.mu.Unlock()
	v := p.visits.of[one.ID]
	now, same := p.current(one)
	if now == nil { // what was read is all that can be
		now, same = one, true
	}
	more = v.next || !same
	if w.all() && !more {
		v.job.Pulled, v.job.Done = result, true
		if err != nil {
			v.job.Error = err.Error()
		}
	}
	if v.registration == registration(one) {
		v.read(w, result)
	}
	if !same {
		p.visits.visit(now) // nothing was read of what it is now
	}
	follows = p.asked()
	if !v.next {
		follows.windowed, follows.whole = w.windowed, w.whole
	}
	v.next, v.busy = false, more
	return now, follows, more
}

// read notes what was read, and when it is due again.
func (v *visit) read(w wanted, result Pulled) {
	next := map[bool]time.Duration{true: windowedEvery, false: wholeEvery}
	for _, m := range result.Modules {
		if m.Error == "" {
			v.since[m.Module] = w.began
		} else {
			next[windowed(m.Module)] = failedEvery
		}
	}
	if w.windowed {
		v.windowed = w.began.Add(shaken(next[true]))
	}
	if w.whole {
		v.whole = w.began.Add(shaken(next[false]))
	}
}

// Job returns the last pull of all of a partner, so far as it has come.
func (p *Puller) Job(partner string) (Job, bool) {
	p.visits.mu.Lock()
	defer p.visits.mu.Unlock()
	v := p.visits.of[partner]
	if v == nil || v.job == nil {
		return Job{}, false
	}
	return *v.job, true
}
