package partner

import (
	"context"
	"log/slog"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Partners are those who may be pulled from: a control.Partners.
type Partners interface {
	Find(id string) (*control.Partner, bool)
	All() []*control.Partner
	// Hub returns the hub that a partner is, if it is one, and none of us.
	Hub(p *control.Partner, ours ocpi.Party) (hub ocpi.Party, ok bool)
}

// Secrets opens the tokens that partners gave us: a control.Sealer.
type Secrets interface {
	Open(t control.SealedToken) (string, error)
}

// Intake takes what is pulled, as if it had been pushed: an ingest.Service.
type Intake interface {
	CDR(ctx context.Context, from ingest.Sender, v ocpi.Version, body []byte) (ingest.Receipt, error)
	Put(ctx context.Context, from ingest.Sender, v ocpi.Version, t ingest.Target, body []byte) (ingest.Receipt, error)
	Refuse(ctx context.Context, from ingest.Sender, v ocpi.Version, m ingest.Method, t ingest.Target, body []byte, reason error) error
}

// Objects are the client-owned objects as they stand: an objects.Follower.
type Objects interface {
	Peek(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
}

// Puller reads the lists of registered partners. It is safe for concurrent use.
// What is set is set before use.
type Puller struct {
	Dialer   *Dialer
	Partners Partners
	Secrets  Secrets
	Intake   Intake
	Objects  Objects
	// FirstCDR returns the copy of a CDR that counts, so far as the store has it.
	FirstCDR func(ctx context.Context, key ocpi.Key) (raw []byte, ok bool, err error)
	Notes    Notes         // nil = nothing is noted
	Held     Held          // nil = nobody asks what complete lists lack
	Metrics  *Metrics      // nil = nothing is counted
	Pages    *api.Budget   // what pages may hold; nil = no bound
	Sights   *api.Budget   // what may be remembered of lists; nil = no bound
	Limits   ingest.Limits // of bodies, as for pushes
	Hub      ocpi.Party    // our own
	Logger   *slog.Logger
	Now      func() time.Time // nil = the system clock
	// Wait waits, and reports whether ctx still stands; nil = by the clock.
	Wait func(ctx context.Context, d time.Duration) bool

	memory memory
	visits visits
}

func (p *Puller) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

func (p *Puller) pause(ctx context.Context, d time.Duration) bool {
	if p.Wait != nil {
		return p.Wait(ctx, d)
	}
	return ingest.Pause(ctx, d)
}
