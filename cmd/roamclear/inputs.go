package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// inputs is what CDRs are priced from, for a command that prices some again.
type inputs struct {
	owned     owned
	decisions *decisions
	at        pricing.AsOf // up to where both are folded
	close     func()
}

// followInputs folds tariffs, locations, partners and closes up to the present
// ends of their topics. close ends what goes on following.
func followInputs(ctx context.Context, b *backends, issuers ocpi.Issuers) (_ *inputs, err error) {
	d, err := openDecisions(ctx, b.log, nil)
	if err != nil {
		return nil, err
	}
	if err := d.fold(ctx); err != nil {
		return nil, fmt.Errorf("read partners: %w", err)
	}
	if err := d.place(b.log); err != nil {
		return nil, err
	}
	in := &inputs{owned: newOwned(b, issuers, objects.Options{Registerer: prometheus.NewRegistry()}), decisions: d}
	follow, stop := context.WithCancel(ctx)
	objectsDone, decisionsDone := make(chan error, 1), make(chan error, 1)
	go func() { objectsDone <- in.owned.Run(follow) }()
	go func() { decisionsDone <- d.machine.Run(follow) }()
	in.close = func() { stop(); <-objectsDone; <-decisionsDone }
	err = firstOf(objectsDone, func() (err error) {
		in.at, err = gate{b.log, in.owned, d.machine}.CatchUp(ctx)
		return err
	})
	if err != nil {
		in.close()
		return nil, fmt.Errorf("read tariffs and locations: %w", err)
	}
	return in, nil
}

// firstOf waits for ready, or for the follower it waits on to end.
func firstOf(done chan error, ready func() error) error {
	caught := make(chan error, 1)
	go func() { caught <- ready() }()
	select {
	case err := <-caught:
		return err
	case err := <-done:
		done <- err
		return errors.Join(err, errFollowerEnded)
	}
}

// errFollowerEnded stands where a follower ends before it is waited for, be it
// without an error of its own.
var errFollowerEnded = errors.New("the follower has ended")
