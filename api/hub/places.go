package hub

import (
	"runtime"
	"sync"
	"time"

	"github.com/roamclear/roamclear/api"
)

// Bounds of what requests hold at once, in all. Of each a partner, known by its
// token before anything else is read, may hold a quarter; what is over is
// refused with 503 before work is done, to that partner alone.
const (
	bodyBytes = 64 << 20 // of bodies being read or worked on: what came of them
	listPages = 64       // of lists being read or written, each settlement.PageBytes
)

// places are what requests hold until their answer is written.
type places struct {
	all      *api.Limiter // requests, whoever sends them
	requests *api.Budget  // by partner
	bodies   *api.Budget
	lists    *api.Budget

	handshakes handshakes
	turns      *api.Turns // of pushes whose bodies are there
	reads      *api.Turns // of pages that the store is asked for
}

// turnWait is how long a push waits for its turn at most: longer than it takes
// unless the log hangs, and less than clients wait for an answer.
const turnWait = 10 * time.Second

// DefaultTurns is how many pushes are worked on at once: what keeps the log's
// group commit busy, and not so many that who opens more connections is worked
// on more.
func DefaultTurns() int { return 128 * runtime.GOMAXPROCS(0) }

// NewTurns returns the Turns of a Server, for whoever wants to set their limit.
func NewTurns() *api.Turns { return api.NewTurns(DefaultTurns(), turnWait) }

// readTurns is how many pages the store is asked for at once: it answers that
// many as soon as more, and who prices and stores needs it too.
func readTurns() int { return runtime.GOMAXPROCS(0) }

func newPlaces(inFlight int, turns *api.Turns) places {
	if turns == nil {
		turns = NewTurns()
	}
	return places{
		turns: turns, reads: api.NewTurns(readTurns(), turnWait),
		all: api.NewLimiter(inFlight), requests: api.NewBudget(int64(inFlight)),
		bodies: api.NewBudget(bodyBytes), lists: api.NewBudget(listPages),
	}
}

// handshakes are the partners whose own interface is waited for: of each one at a
// time, and of all as many as there are, since a wait holds nothing but itself. So
// slow ones hold up nobody else.
type handshakes struct {
	mu sync.Mutex // guards of
	of map[string]*handshake
}

// handshake is what is known of one partner's.
type handshake struct {
	underWay bool     // guarded by handshakes.mu
	rate     api.Rate // of those that were good
}

// How often a partner may register or change what it has registered: each time is an
// event in the control log, which is kept for ever and has room for all of them.
const (
	handshakeEvery   = 10 * time.Minute
	handshakesAtOnce = 10
)

// enter begins a partner's handshake; nil must be followed by one leave.
func (h *handshakes) enter(partner string, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.of[partner]
	if one == nil {
		one = &handshake{rate: api.Rate{Every: handshakeEvery, Burst: handshakesAtOnce}}
		if h.of == nil {
			h.of = map[string]*handshake{}
		}
		h.of[partner] = one
	}
	if one.underWay {
		return api.ErrBusy
	}
	if wait := one.rate.Wait(now); wait > 0 {
		return &api.TooOftenError{Wait: wait}
	}
	one.underWay = true
	return nil
}

// count counts the handshake that is under way: it is about to take effect.
func (h *handshakes) count(partner string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[partner].rate.Take(now) // entered: there is room for it
}

func (h *handshakes) leave(partner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[partner].underWay = false
}

// held is what one exchange holds.
type held struct {
	request, list bool
	bytes         int64
	refused       bool    // for what its partner has under way already
	rooms         []*room // of what was forwarded, and answered
}

// enter takes the partner's place.
func (x *exchange) enter() error {
	x.held.request = x.s.places.requests.Take(x.partner.ID, 1)
	if !x.held.request {
		x.held.refused = true
		return api.ErrBusy
	}
	return nil
}

// hold keeps a refused request for a while before it is answered: one that sends
// again at once, on hundreds of connections, would keep us busy with saying no.
// It holds nothing that others need meanwhile.
func (x *exchange) hold() {
	timer := time.NewTimer(x.s.Hold)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.r.Context().Done():
	}
}

// enterList takes a place for a page of a list.
func (x *exchange) enterList() error {
	x.held.list = x.s.places.lists.Take(x.partner.ID, 1)
	if !x.held.list {
		return api.ErrBusy
	}
	return nil
}

// leave gives back what the exchange holds.
func (x *exchange) leave() {
	p := &x.s.places
	if x.held.list {
		p.lists.Give(x.partner.ID, 1)
	}
	if x.held.bytes > 0 {
		p.bodies.Give(x.partner.ID, x.held.bytes)
	}
	if x.held.request {
		p.requests.Give(x.partner.ID, 1)
	}
	for _, r := range x.held.rooms {
		r.give()
	}
	x.held = held{}
}
