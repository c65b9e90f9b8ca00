package pricing

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Checker finds in a CDR, before it is accepted, what its price would have for
// findings: for partners with whom it is agreed that some are refused. It is safe
// for concurrent use.
type Checker struct {
	gate     Gate
	inputs   Inputs
	policies Policies
	places   chan struct{} // a price keeps a processor busy
}

// checkWithin is how long a CDR may wait to be checked: its sender waits too.
const checkWithin = 10 * time.Second

// NewChecker returns a Checker.
func NewChecker(g Gate, in Inputs, p Policies) *Checker {
	return &Checker{gate: g, inputs: in, policies: p, places: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// Check prices a CDR by all that was in the log when it was called, and returns
// what is found. The error is that of the gate or the store.
func (c *Checker) Check(ctx context.Context, e *ingest.Envelope, body []byte) ([]ocpi.Finding, error) {
	row, err := c.price(ctx, e, body, true) // what is refused may be found where no room is left to say so
	if err != nil {
		return nil, err
	}
	return row.Outcome.Findings, nil
}

// Price is Check with all of the price, as it would be stored if the CDR came now.
func (c *Checker) Price(ctx context.Context, e *ingest.Envelope, body []byte) (*Row, error) {
	return c.price(ctx, e, body, false)
}

func (c *Checker) price(ctx context.Context, e *ingest.Envelope, body []byte, unbound bool) (*Row, error) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	at, err := c.gate.CatchUp(ctx)
	if err != nil {
		return nil, fmt.Errorf("wait for tariffs, locations and partners: %w", err)
	}
	inputs := Own(c.inputs)
	pricer := NewPricer(inputs, c.policies)
	pricer.unbound = unbound
	record, row := ingest.Record{Envelope: *e, Body: body}, &Row{}
	err = Gather(ctx, inputs, 1, func(int) bool {
		pricer.Price(&record, row, at)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read old versions of tariffs: %w", err)
	}
	return row, nil
}
