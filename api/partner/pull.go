package partner

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// errChanged says that a partner has registered otherwise, or no more, since its
// lists were begun.
var errChanged = errors.New("the partner's registration has changed meanwhile")

// ErrNotRegistered says that a partner has not told us its side: there is nothing
// to read.
var ErrNotRegistered = errors.New("the partner has not registered")

// Pulled is what one pull of a partner came to.
type Pulled struct {
	Partner string         `json:"partner"`
	Modules []PulledModule `json:"modules"`
	Pages   int            `json:"pages"` // of all lists
}

// PulledModule is what the pull of one list came to, in objects.
type PulledModule struct {
	Module string `json:"module"`
	Read   int    `json:"read"`
	// New are those that were not here like this, NeverPushed those of them that
	// were not here at all.
	New         int `json:"new"`
	NeverPushed int `json:"never_pushed"`
	Refused     int `json:"refused"`
	// Anothers are those that a hub showed of parties that are not granted to it:
	// nothing is kept of them.
	Anothers int `json:"anothers,omitempty"`
	// Absent are those that we hold and a list lacked that was read to its end, and
	// whole by all that the partner said; nil where nobody can tell.
	Absent *int   `json:"absent,omitempty"`
	Error  string `json:"error,omitempty"` // why the list was not read to its end
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

// absent is Absent for a line of a log.
func (m *PulledModule) absent() any {
	if m.Absent == nil {
		return "unknown"
	}
	return *m.Absent
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
	defer p.Metrics.pulling()()
	if partner.Peer == nil {
		return result, fmt.Errorf("pull from %s: %w", partner.ID, ErrNotRegistered)
	}
	if _, err := p.Secrets.Open(partner.Peer.Token); err != nil {
		return result, fmt.Errorf("pull from %s: %w", partner.ID, err)
	}
	for i := range modules {
		if !w.module(&modules[i]) {
			continue
		}
		one, offered := p.reading(partner, &modules[i], &w)
		if !offered {
			p.noLonger(ctx, partner, &modules[i])
			continue
		}
		if tell != nil {
			one.tell = func(m PulledModule, pages int) {
				tell(Pulled{Partner: partner.ID, Modules: append(slices.Clip(result.Modules), m), Pages: result.Pages + pages})
			}
		}
		err := one.run(ctx)
		if err != nil {
			one.result.Error = err.Error()
			p.Logger.Warn("a partner's list was not read to its end", "partner", partner.ID, "module", one.module.id, "read", one.result.Read, "error", err)
		}
		p.Metrics.list(one.module.id, err)
		result.Modules, result.Pages = append(result.Modules, one.result), result.Pages+one.pages
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if ctx.Err() != nil || errors.Is(err, errChanged) {
			return result, fmt.Errorf("pull from %s: %w", partner.ID, err)
		}
	}
	return result, nil
}

// reading is a list of the partner's that is about to be read, if it offers one.
func (p *Puller) reading(partner *control.Partner, m *module, w *wanted) (one *reading, offered bool) {
	from := sender(partner, m)
	endpoint, offered := partner.Peer.Endpoint(m.id, ocpi.RoleSender)
	if !offered || len(from.Parties) == 0 {
		return nil, false
	}
	one = &reading{
		taker:    &taker{Puller: p, partner: partner, module: m, from: from, version: partner.Peer.Version},
		endpoint: endpoint, began: p.now(), room: room{budget: p.Pages, who: partner.ID}, result: PulledModule{Module: m.id},
	}
	one.hub, _ = p.Partners.Hub(partner, p.Hub)
	if m.windowed {
		one.since = w.from(m)
	}
	return one, true
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
