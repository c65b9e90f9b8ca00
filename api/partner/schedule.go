package partner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"golang.org/x/sync/errgroup"
)

// How often a partner's lists are read: what changes all the time, and what does
// not. Hours, with a jitter, as OCPI asks for (R-TRANSPORT-07).
const (
	windowedEvery = 4 * time.Hour
	wholeEvery    = 24 * time.Hour
	jitter        = 0.2
	// failedEvery is when lists are read again of which one was not read to its end.
	failedEvery = 30 * time.Minute
	// lookEvery is how often it is looked whose turn it is.
	lookEvery = 5 * time.Second
	// pulledAtOnce is how many partners are read at once by themselves.
	pulledAtOnce = 16
)

// turns says when the lists of one partner are due. It is forgotten with the
// process, and with a registration: then all is read again, which is harmless.
type turns struct {
	of       string    // the registration
	windowed time.Time // when sessions and CDRs are due
	whole    time.Time // when the others are
	since    map[string]time.Time
}

// registration tells what a partner's lists depend on: where they are, and whose
// they may be.
func registration(p *control.Partner) string {
	return fmt.Sprint(p.Peer.Version, p.Peer.URL, p.Roles)
}

// Watch reads the lists of the registered partners that are mine, each as soon as
// it has registered and then from time to time, until ctx ends.
func (p *Puller) Watch(ctx context.Context, mine func(partner string) bool) error {
	plan := map[string]*turns{}
	busy := &sync.Map{}
	var g errgroup.Group
	g.SetLimit(pulledAtOnce)
	for p.pause(ctx, lookEvery) {
		for _, one := range p.Partners.All() {
			if one.Peer == nil || !mine(one.ID) {
				delete(plan, one.ID)
				continue
			}
			t := plan[one.ID]
			if t == nil || t.of != registration(one) {
				t = &turns{of: registration(one), since: map[string]time.Time{}}
				plan[one.ID] = t
			}
			if _, reading := busy.LoadOrStore(one.ID, true); reading {
				continue
			}
			w, due := p.due(t)
			if !due || !g.TryGo(func() error {
				defer busy.Delete(one.ID)
				p.turn(ctx, one, t, w)
				return nil
			}) {
				busy.Delete(one.ID)
			}
		}
	}
	return errors.Join(ctx.Err(), g.Wait())
}

// due returns what of a partner is due.
func (p *Puller) due(t *turns) (w wanted, due bool) {
	now := p.now()
	windowed, whole := !now.Before(t.windowed), !now.Before(t.whole)
	w.module = func(m *module) bool { return m.windowed && windowed || !m.windowed && whole }
	w.from = func(m *module) time.Time {
		if since, ok := t.since[m.id]; ok {
			return since.Add(-Overlap)
		}
		return now.Add(-FirstWindow)
	}
	return w, windowed || whole
}

// turn reads what is due, and says when it is due next.
func (p *Puller) turn(ctx context.Context, one *control.Partner, t *turns, w wanted) {
	began := p.now()
	result, err := p.pull(ctx, one, w, nil)
	if err != nil && ctx.Err() == nil {
		p.Logger.Error("pull from a partner", "partner", one.ID, "error", err)
	}
	next := map[bool]time.Duration{true: windowedEvery, false: wholeEvery}
	for _, m := range result.Modules {
		if m.Error == "" {
			t.since[m.Module] = began
		} else {
			next[windowed(m.Module)] = failedEvery
		}
		p.Logger.Info("pulled", "partner", one.ID, "module", m.Module, "read", m.Read, "new", m.New, "never_pushed", m.NeverPushed, "refused", m.Refused)
	}
	if w.module(&module{windowed: true}) {
		t.windowed = began.Add(shaken(next[true]))
	}
	if w.module(&module{windowed: false}) {
		t.whole = began.Add(shaken(next[false]))
	}
}

func windowed(id string) bool {
	return slices.ContainsFunc(modules, func(m module) bool { return m.id == id && m.windowed })
}

// shaken is a time with its jitter: partners that came back together are not
// asked together for ever.
func shaken(d time.Duration) time.Duration {
	return d + time.Duration((2*rand.Float64()-1)*jitter*float64(d))
}
