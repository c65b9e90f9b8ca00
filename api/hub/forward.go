package hub

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
)

// Forwarder calls modules of registered partners: a partner.Forwarder. Errors:
// partner.ErrNotRegistered, partner.ErrNoEndpoint, else a *partner.Error.
type Forwarder interface {
	Send(ctx context.Context, r partner.Request) (*partner.Answer, error)
}

// forwardWithin is how long a partner may take to answer what another one sent it:
// as long as who sent it is likely to wait.
const forwardWithin = 10 * time.Second

// Bounds of what waits for the answers of partners: of either a quarter may wait for
// one of them, so that who is slow takes nothing from those that others are sent to.
const (
	forwardShare = 4        // of the requests under way one in so many waits
	forwardBytes = 64 << 20 // of bodies that are sent, and of answers
)

// waiting bounds what waits for the answers of partners.
type waiting struct{ requests, bytes *lane }

func newWaiting(inFlight int) *waiting {
	return &waiting{requests: newLane(int64(max(inFlight/forwardShare, 1))), bytes: newLane(forwardBytes)}
}

// lane bounds what waits by whom it waits for, and of that one's share by who sent it: a
// quarter, so that one sender does not take a receiver from the others.
type lane struct {
	all   *api.Budget
	share int64 // of one sender to one receiver

	mu sync.Mutex // guards of
	of map[pair]int64
}

// pair are partners of whom one sends to the other.
type pair struct{ from, to string }

func newLane(all int64) *lane {
	return &lane{all: api.NewBudget(all), share: max(1, all/16), of: map[pair]int64{}}
}

// take reports whether a pair may hold n more; every true must be followed by one give.
func (l *lane) take(p pair, n int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[p]+n > l.share || !l.all.Take(p.to, n) {
		return false
	}
	l.of[p] += n
	return true
}

// give ends what take gave. Pairs that hold nothing are forgotten: there are many.
func (l *lane) give(p pair, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Give(p.to, n)
	if l.of[p] -= n; l.of[p] == 0 {
		delete(l.of, p)
	}
}

// room is what of waiting.bytes one request takes.
type room struct {
	of   *lane
	pair pair
	held int64
}

// Take implements [api.Room].
func (r *room) Take(n int) bool {
	if !r.of.take(r.pair, int64(n)) {
		return false
	}
	r.held += int64(n)
	return true
}

func (r *room) give() { r.of.give(r.pair, r.held) }

// routeError says why a message did not come to whom it was for, or that the answer
// cannot be used, as OCPI's codes of hubs have it (2.2.1 status_codes, 4xxx). It is an
// [api.ErrPeer]: the partner's matter.
type routeError struct {
	status ocpi.Status
	text   string // for who sent the message
	err    error  // for us
}

// Error implements error.
func (e *routeError) Error() string { return e.text }

// Unwrap returns api.ErrPeer and the cause.
func (e *routeError) Unwrap() []error {
	if e.err == nil {
		return []error{api.ErrPeer}
	}
	return []error{api.ErrPeer, e.err}
}

// notConnected says that a party cannot be asked.
func notConnected(to ocpi.Party, err error) error {
	return &routeError{ocpi.StatusNotConnected, fmt.Sprintf("%s is not connected", to), err}
}

// destination finds the partner that has a party in one of some roles.
func (x *exchange) destination(to ocpi.Party, roles []string) (*control.Partner, bool) {
	for _, role := range roles {
		if p, ok := x.s.Partners.Holder(control.Role{Role: role, Country: to.Country, PartyID: to.ID}); ok {
			return p, true
		}
	}
	return nil, false
}

// reachable reports whether a partner has told us where it takes requests to a side of
// a module.
func reachable(p *control.Partner, module string, side ocpi.InterfaceRole) bool {
	if p.Peer == nil {
		return false
	}
	_, ok := p.Peer.Endpoint(module, side)
	return ok
}

// message is what is forwarded to a partner.
type message struct {
	to     *control.Partner
	from   ocpi.Party // who sent it
	party  ocpi.Party // of the partner, whom it is for
	module string
	side   ocpi.InterfaceRole // the partner's
	since  ocpi.Version       // that has it
	method string
	path   []string
	query  url.Values
	page   string // in place of path and query: of a page that a link led to
	body   []byte
	within time.Duration
	limit  int  // of the answer, in bytes; 0 = 1 MiB
	prompt bool // somebody stands and waits: it does not wait behind what does not say so
}

// forward sends a message on and returns the answer of whom it is for, its own no
// among them. Whatever else comes of it is a *routeError: that nobody answered, or that
// what came is no answer to who sent it. A partner's 401 and 403 are about our token,
// and never about the sender's.
func (x *exchange) forward(m *message) (*partner.Answer, error) {
	if x.s.Forwarder == nil {
		return nil, notConnected(m.party, errors.New("nothing is forwarded here"))
	}
	waiting, between := x.s.waiting, pair{x.partner.ID, m.to.ID}
	if m.prompt {
		waiting = x.s.prompt
	}
	answers := &room{of: waiting.bytes, pair: between}
	x.held.rooms = append(x.held.rooms, answers) // until our answer is written
	if !waiting.requests.take(between, 1) {
		return nil, tooManyWait(m)
	}
	defer waiting.requests.give(between, 1)
	if len(m.body) > 0 && !answers.Take(len(m.body)) {
		return nil, tooManyWait(m)
	}
	if err := x.mayTakeLong(); err != nil {
		return nil, err
	}
	var held messages.Place
	if len(m.body) > 0 && len(m.body) == len(x.body) && &m.body[0] == &x.body[0] {
		held = messages.Place{Topic: x.trace.Topic, Position: x.trace.At}
	}
	body := bytes.Clone(m.body) // net/http may read on when it has returned, and ours is used again by then
	a, err := x.s.Forwarder.Send(x.r.Context(), partner.Request{
		To: m.to, Module: m.module, Side: m.side, Since: m.since, Method: m.method, Path: m.path, Query: m.query, Page: m.page, Body: body, Held: held,
		From: m.from, For: m.party, Correlation: x.correlation(), Within: cmp.Or(m.within, forwardWithin), Limit: m.limit, Room: answers, Prompt: m.prompt,
	})
	if err != nil {
		a, err = judged(m, err)
	}
	if a != nil {
		x.s.Partners.NoteHeard(m.to.ID)
	}
	if failed, ok := errors.AsType[*routeError](err); ok && failed.err != nil {
		x.s.Logger.Warn("a message could not be forwarded", "from", x.partner.ID, "to", m.to.ID, "module", m.module, "method", m.method, "status", int(failed.status), "error", failed.err)
	}
	return a, err
}

func tooManyWait(m *message) error {
	return &routeError{ocpi.StatusNotConnected, fmt.Sprintf("%s is not asked: too many messages wait for its answers", m.party), api.ErrBusy}
}

// judged says what came of a request that was not answered with success.
func judged(m *message, err error) (*partner.Answer, error) {
	failed, called := errors.AsType[*partner.Error](err)
	switch {
	case errors.Is(err, api.ErrBusy): // there is no room for its answer
		return nil, tooManyWait(m)
	case !called:
		return nil, notConnected(m.party, err)
	case failed.TimedOut():
		return nil, &routeError{ocpi.StatusTimeout, fmt.Sprintf("%s did not answer in time", m.party), err}
	case failed.HTTP == http.StatusUnauthorized, failed.HTTP == http.StatusForbidden:
		return nil, &routeError{ocpi.StatusNotConnected, fmt.Sprintf("%s is not connected: it does not let us in", m.party), err}
	case failed.HTTP >= http.StatusInternalServerError:
		return nil, &routeError{ocpi.StatusHubError, fmt.Sprintf("%s answered HTTP %d", m.party, failed.HTTP), err}
	case failed.Answer != nil && failed.Answer.Status >= ocpi.StatusClientError:
		return failed.Answer, nil
	case failed.HTTP == 0 && failed.Sent: // it may have taken it: that is no want of a connection
		return nil, &routeError{ocpi.StatusTimeout, fmt.Sprintf("%s did not answer: the connection broke off, and nobody knows whether it took it", m.party), err}
	case failed.HTTP == 0:
		return nil, notConnected(m.party, err)
	}
	return nil, &routeError{ocpi.StatusHubError, fmt.Sprintf("%s answered what cannot be read", m.party), err}
}

// correlation is the correlation id of the request, which stays on every leg of its
// way (OCPI 2.2.1 transport, "Unique message IDs"). A request that came without one is
// given one, which the answer has too.
func (x *exchange) correlation() string {
	if id := header(x.r, ocpi.HeaderCorrelationID); id != "" {
		return id
	}
	id := api.NewRequestID()
	x.r.Header.Set(ocpi.HeaderCorrelationID, id)
	return id
}

// acting is the party of the partner that a request is from: whom OCPI-from names of
// those in some roles, else the first of these.
func (x *exchange) acting(roles ...string) (ocpi.Party, bool) {
	named := x.from()
	var first ocpi.Party
	for _, r := range x.partner.Roles {
		if !slices.Contains(roles, r.Role) {
			continue
		}
		if x.route.version != ocpi.V211 && r.Party() == named {
			return named, true
		}
		if first.IsZero() {
			first = r.Party()
		}
	}
	return first, !first.IsZero()
}
