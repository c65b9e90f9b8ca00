package clearing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// PeriodRequested asks for a close: it names what an attempt wrote, and what that comes
// to, and nothing of it counts until another key approves just that. The last one of a
// scope takes the place of those before.
type PeriodRequested struct {
	closeData
	By string `json:"by"`
}

// Request returns what the log has of it where somebody else is to approve it.
func (n *NewClosing) Request() PeriodRequested { return PeriodRequested{n.data(), n.By} }

// Kind implements control.Change.
func (PeriodRequested) Kind() control.Kind { return control.Kind{Name: "period.requested", Version: 1} }

// Validate implements control.Change.
func (c PeriodRequested) Validate() error { return c.validateBy(c.By) }

// content is the digest of what is asked for, and of what a close that approves it says.
func (c *closeData) content() ingest.Digest {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // it has nothing that JSON has not
	}
	return sha256.Sum256(b)
}

// request is the last request for a close of a scope.
type request struct {
	offset  int64
	by      string
	attempt Attempt
	content ingest.Digest
}

func (d *Closes) periodRequested(e control.Event, c PeriodRequested) error {
	a := c.attempt()
	if err := begins(e, a); err != nil {
		return err
	}
	if !a.Asks() {
		return control.Conflict("attempt %016x is none to ask for a close", a.ID)
	}
	if why := d.folded().refusesRequest(a); why != nil {
		return refuseClose(*why)
	}
	s := &d.state.Folded
	if r, ok := s.requests.Get(a.Scope); ok && r.attempt.ID == a.ID { // the same again
		return refuseClose(NotClosed{Why: RequestedMeanwhile, Attempt: a, Of: a.Scope, Record: r.offset})
	}
	s.requests = s.requests.With(a.Scope, request{e.Offset, c.By, a, c.content()})
	return nil
}

// refusesApproval says why a close that approves a request cannot count.
func (k known) refusesApproval(a Attempt, content ingest.Digest, of *requestedData, by string) *NotClosed {
	if why := k.closed(a); why != nil {
		return why
	}
	why := &NotClosed{Attempt: a, Record: of.Record, Of: a.Scope}
	switch r, ok := k.requests.Get(a.Scope); {
	case !ok || of.Record > r.offset:
		why.Why = NoRequest
	case of.Record < r.offset:
		why.Why, why.Record = RequestedMeanwhile, r.offset
	case of.By != r.by || content != r.content:
		why.Why = OtherRequest
	case by == r.by:
		why.Why = OwnRequest
	default:
		return k.meanwhile(a, true)
	}
	return why
}

// Request asks for a close.
type Request struct {
	NewClosing // By is who asks
	Editions
	Offset int64     // of its control record, which names it
	At     ocpi.Time // of the record
	said   PeriodRequested
}

// RequestPeriod asks for a close: what its attempt wrote is kept, and counts once another
// key approves it. The same again, as after an outcome that is not known, changes nothing
// and returns what stands. Errors as those of ClosePeriod.
func (d *Closes) RequestPeriod(ctx context.Context, n NewClosing) (*Request, error) {
	at, err := d.machine.Do(ctx, control.Command{Change: n.Request()})
	if err == nil {
		return d.request(ctx, at.Offset)
	}
	if r, ok := d.state.Current().requests.Get(n.Scope); ok && r.attempt.ID == n.ID {
		return d.request(ctx, r.offset)
	}
	return nil, err
}

// Request reads what a control record asks for, whatever became of that. The error is a
// *NotClosed where it asks for nothing.
func (d *Closes) Request(ctx context.Context, record int64) (*Request, error) {
	if err := d.machine.CatchUp(ctx); err != nil {
		return nil, err
	}
	return d.request(ctx, record)
}

func (d *Closes) request(ctx context.Context, record int64) (found *Request, err error) {
	none := &NotClosed{Why: NoRequest, Record: record}
	if record < 0 || record >= d.machine.Next() {
		return nil, none
	}
	err = d.machine.Read(ctx, one(record), func(e control.Event, change control.Change) error {
		if c, ok := change.(PeriodRequested); ok {
			found = &Request{NewClosing: c.said(c.By), Editions: c.Editions, Offset: e.Offset, At: e.At, said: c}
		}
		return nil
	})
	if err == nil && found == nil {
		err = none
	}
	return found, err
}

// RefusesApproval returns why somebody's approval of a request would be refused now, nil
// where it would not.
func (d *Closes) RefusesApproval(r *Request, by string) *NotClosed {
	return d.current().refusesApproval(r.Attempt, r.said.content(), &requestedData{r.Offset, r.By}, by)
}

// ApprovePeriod closes a period as a request asks: just what its attempt wrote counts from
// then on. Again, it changes nothing and returns what stands. Errors as those of ClosePeriod.
func (d *Closes) ApprovePeriod(ctx context.Context, r *Request, by string) (*Closing, error) {
	return d.append(ctx, r.Attempt, PeriodClosed{closeData: r.said.closeData, Requested: &requestedData{r.Offset, r.By}, By: by})
}

// Requests reads requests that can be approved, of a period (0: of all) and at most so
// many, in the order of their records, and returns how many more there are.
func (d *Closes) Requests(ctx context.Context, period ocpi.Month, most int, fn func(*Request) error) (more int, err error) {
	k := d.current()
	var open []request
	for _, r := range k.requests.All() {
		if (period.IsZero() || r.attempt.Period == period) && k.refuses(r.attempt) == nil {
			open = append(open, r)
		}
	}
	slices.SortFunc(open, func(a, b request) int { return cmp.Compare(a.offset, b.offset) })
	more = max(0, len(open)-most)
	for _, r := range open[:len(open)-more] {
		one, err := d.request(ctx, r.offset)
		if err != nil {
			return more, fmt.Errorf("read request %d: %w", r.offset, err)
		}
		if err := fn(one); err != nil {
			return more, err
		}
	}
	return more, nil
}
