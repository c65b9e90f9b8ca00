package objects

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// UnnamedStore reads the Sessions of which nobody is known to pay.
type UnnamedStore interface {
	// UnnamedSessions returns a page of those in a partition, with no more than
	// identity and contract; next is "" at the end.
	UnnamedSessions(ctx context.Context, p ingest.Partition, after string, limit int) (unnamed []ingest.ObjectState, next string, err error)
}

// Payers finds who pays for Sessions whose tokens named nobody known when they came:
// their Token comes later. What it finds becomes a record of theirs, so that every
// process folds the same, they come on the list of the eMSP, and stay there.
type Payers struct {
	Store   UnnamedStore
	Objects *Follower
	Log     ingest.Appender
	// Payer returns who pays for a contract in a charge that began at start.
	Payer func(contractID string, start ocpi.Time) (ocpi.Party, bool)
	// Causes counts what may make somebody known.
	Causes func() uint64
	Logger *slog.Logger
}

const (
	payersPage   = 1000
	payersAtOnce = 32 // records that are appended
)

// Run sweeps the Sessions of a partition until ctx ends.
func (s *Payers) Run(ctx context.Context, p ingest.Partition) error {
	ingest.Sweep(ctx, s.Causes, func(ctx context.Context) error { return s.Look(ctx, p) }, func(err error) {
		s.Logger.Warn("look for who pays for Sessions", "partition", p.String(), "error", err)
	})
	return nil
}

// Look looks once at the Sessions of a partition that are stored.
func (s *Payers) Look(ctx context.Context, p ingest.Partition) error {
	for after := ""; ; {
		unnamed, next, err := s.Store.UnnamedSessions(ctx, p, after, payersPage)
		if err != nil {
			return fmt.Errorf("read Sessions of nobody in %s: %w", p, err)
		}
		g, appending := errgroup.WithContext(ctx)
		g.SetLimit(payersAtOnce)
		for i := range unnamed {
			if _, known := s.Payer(unnamed[i].Contract, 0); known { // whenever it began
				g.Go(func() error { return s.name(appending, unnamed[i].Identity()) })
			}
		}
		if err := g.Wait(); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// name appends who pays for a Session, unless somebody is known by now.
func (s *Payers) name(ctx context.Context, id ingest.Identity) error {
	state, ok, err := s.Objects.Get(ctx, ingest.Target{Object: id.Object, Key: id.Key})
	if err != nil {
		return fmt.Errorf("read %s: %w", id, err)
	}
	if !ok || !state.With.IsZero() || state.Contract == "" {
		return nil
	}
	var start ocpi.Time
	err = Decode(func(d *ocpi.Decoder) error {
		session, err := d.Session(state.Version, state.Body)
		if err == nil {
			start = session.Start
		}
		return err
	})
	if err != nil {
		return nil // of a state that an older decoder could read
	}
	payer, ok := s.Payer(state.Contract, start)
	if !ok {
		return nil
	}
	e := ingest.Envelope{Object: id.Object, Method: ingest.MethodPatch, Version: state.Version, Sender: state.Sender, Key: id.Key,
		Path: ingest.PayerPath(payer, state.Contract), Received: ocpi.TimeOf(time.Now())}
	at, err := s.Log.Append(ctx, id.Object.Topic(), &e, nil)
	if err != nil {
		return fmt.Errorf("append who pays for %s: %w", id, err)
	}
	return s.Objects.Wait(ctx, id.Object.Topic(), at)
}
