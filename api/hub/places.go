package hub

import (
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
}

func newPlaces(inFlight int) places {
	return places{
		all: api.NewLimiter(inFlight), requests: api.NewBudget(int64(inFlight)),
		bodies: api.NewBudget(bodyBytes), lists: api.NewBudget(listPages),
	}
}

// held is what one exchange holds.
type held struct {
	request, list bool
	bytes         int64
}

// enter takes the partner's place.
func (x *exchange) enter() error {
	x.held.request = x.s.places.requests.Take(x.partner.ID, 1)
	if !x.held.request {
		return api.ErrBusy
	}
	return nil
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
	x.held = held{}
}
