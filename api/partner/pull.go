package partner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Windows of lists that are asked for what changed.
const (
	// FirstWindow is how far back a first pull looks, and one after a restart.
	FirstWindow = 90 * 24 * time.Hour
	// Overlap is how far each pull looks back behind the one before: what is
	// updated now may carry an instant of before.
	Overlap = 48 * time.Hour
	// listWithin is how long one list may take.
	listWithin = 6 * time.Hour
)

// ErrNotRegistered says that a partner has not told us its side: there is nothing
// to read.
var ErrNotRegistered = errors.New("the partner has not registered")

// Pulled is what one pull of a partner came to.
type Pulled struct {
	Partner string         `json:"partner"`
	Modules []PulledModule `json:"modules"`
}

// PulledModule is what the pull of one list came to, in objects.
type PulledModule struct {
	Module string `json:"module"`
	Read   int    `json:"read"`
	// New are those that were not here like this, NeverPushed those of them that
	// were not here at all.
	New         int    `json:"new"`
	NeverPushed int    `json:"never_pushed"`
	Refused     int    `json:"refused"`
	Error       string `json:"error,omitempty"` // why the list was not read to its end
}

// Whole reports whether every list was read to its end.
func (p *Pulled) Whole() bool {
	for _, m := range p.Modules {
		if m.Error != "" {
			return false
		}
	}
	return true
}

// wanted says what a pull reads: which lists, and from when on.
type wanted struct {
	windowed, whole bool                 // the lists that are asked for what changed; the others
	began           time.Time            // the pull
	first           time.Time            // of lists that were not read before
	since           map[string]time.Time // of those that were
}

func (w *wanted) all() bool { return w.windowed && w.whole }

func (w *wanted) module(m *module) bool { return m.windowed && w.windowed || !m.windowed && w.whole }

func (w *wanted) from(m *module) time.Time {
	if since, ok := w.since[m.id]; ok {
		return since
	}
	return w.first
}

// pull reads a partner's lists, one after the other; a list that cannot be read
// leaves the others alone. tell, when not nil, is called with what has come so
// far. The error is that nothing could be read at all.
func (p *Puller) pull(ctx context.Context, partner *control.Partner, w wanted, tell func(Pulled)) (Pulled, error) {
	result := Pulled{Partner: partner.ID, Modules: []PulledModule{}}
	if partner.Peer == nil {
		return result, fmt.Errorf("pull from %s: %w", partner.ID, ErrNotRegistered)
	}
	token, err := p.Secrets.Open(partner.Peer.Token)
	if err != nil {
		return result, fmt.Errorf("pull from %s: %w", partner.ID, err)
	}
	for i := range modules {
		m := &modules[i]
		from := sender(partner, m)
		endpoint, offered := partner.Peer.Endpoint(m.id, ocpi.RoleSender)
		if !offered || len(from.Parties) == 0 || !w.module(m) {
			continue
		}
		one := &reading{
			taker: &taker{Puller: p, partner: partner, module: m, from: from, version: partner.Peer.Version},
			token: token, encoding: partner.Peer.Encoding, endpoint: endpoint, room: room{budget: p.Pages, who: partner.ID}, result: PulledModule{Module: m.id},
		}
		if m.windowed {
			one.since = w.from(m)
		}
		if err := one.run(ctx); err != nil {
			one.result.Error = err.Error()
			p.Logger.Warn("a partner's list was not read to its end", "partner", partner.ID, "module", m.id, "read", one.result.Read, "error", err)
		}
		result.Modules = append(result.Modules, one.result)
		if tell != nil {
			tell(result)
		}
		if ctx.Err() != nil {
			return result, fmt.Errorf("pull from %s: %w", partner.ID, ctx.Err())
		}
	}
	return result, nil
}

// sender is the partner as the owner of what a module holds.
func sender(p *control.Partner, m *module) ingest.Sender {
	switch m.object {
	case ingest.ObjectToken:
		return p.Mobility()
	case ingest.ObjectLocation, ingest.ObjectTariff:
		return p.Publishing()
	}
	return p.Charging()
}

// reading is one list of a partner being read.
type reading struct {
	*taker
	token    string
	encoding control.TokenEncoding
	endpoint string
	room     room
	since    time.Time // zero = all

	mu     sync.Mutex // guards result
	result PulledModule
}

func (r *reading) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	u, err := r.Dialer.policy.Check(r.endpoint)
	if err != nil {
		return fmt.Errorf("%s: endpoint of %s: %w", r.partner.ID, r.module.id, err)
	}
	defer r.room.leave()
	l := &listing{get: r.page, endpoint: u, from: r.since}
	return l.walk(ctx, func(items [][]byte) error { return r.all(ctx, items, r.count) })
}

func (r *reading) count(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Read++
	switch o {
	case outcomeUnheard:
		r.result.NeverPushed++
		r.result.New++
	case outcomeNew:
		r.result.New++
	case outcomeRefused:
		r.result.Refused++
	}
}

// page asks for one page, and again where it may come later.
func (r *reading) page(ctx context.Context, at string) (*Answer, error) {
	c := call{partner: r.partner.ID, method: http.MethodGet, url: at, limit: maxPage, room: &r.room}
	if r.version != ocpi.V211 { // it has no message routing
		c.from, c.to = r.Hub, r.owner()
		if len(r.from.Parties) > 1 {
			c.to = ocpi.Party{} // the list is of all of them
		}
	}
	wait := firstWait
	for tries := 0; ; tries++ {
		r.room.leave() // the page before is done with
		a, e, err := r.Dialer.do(ctx, login{r.token, r.encoding, r.version}, c)
		failed, ok := errors.AsType[*Error](err)
		if err == nil {
			r.encoding = e
		}
		if err == nil || !ok || !failed.passing() || tries == maxTries {
			return a, err
		}
		if !r.pause(ctx, max(wait, failed.wait)) {
			return nil, err
		}
		wait *= 2
	}
}

// PageBytes is how much of the pages of all partners may be held at once, as Pages
// of a Puller counts it.
const PageBytes = 256 << 20

// room is what the page of one list holds: the bytes as they came, and as much again
// of what is being read and of what is made of them.
type room struct {
	budget *api.Budget
	who    string
	held   int64
}

// Take implements [api.Room].
func (r *room) Take(n int) bool {
	n *= 3
	if r.budget == nil || !r.budget.Take(r.who, int64(n)) {
		return r.budget == nil
	}
	r.held += int64(n)
	return true
}

func (r *room) leave() {
	if r.budget != nil {
		r.budget.Give(r.who, r.held)
	}
	r.held = 0
}
