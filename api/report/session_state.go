package report

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// What a Session comes to that its owner left open: beside its own status, which no
// one else may change.
const (
	completedByCDR = "completed_by_cdr" // a CDR of it has come
	stale          = "stale"            // nothing was heard of it for days
)

// staleAfter is how long a Session may be open without a change: cars stand over a
// weekend, and whoever tells of them at all does so more often.
const staleAfter = 48 * time.Hour

// Billed reports whether a CDR of a CPO is of a Session, by its id in any case: what
// the store has. OCPI 2.1.1 does not say of which Session a CDR is.
type Billed func(ctx context.Context, cpo ocpi.Party, session string) (bool, error)

// left returns what a Session comes to that was left open; nil where its own status
// says all there is to say.
func (s *server) left(ctx context.Context, status string, state *ingest.ObjectState) (*string, error) {
	switch strings.ToUpper(status) {
	case "COMPLETED", "INVALID":
		return nil, nil
	}
	is := stale
	if s.billed != nil {
		billed, err := s.billed(ctx, state.Key.Party, state.Key.ID)
		if err != nil {
			return nil, fmt.Errorf("find a CDR of session %s: %w", state.Key, err)
		}
		if billed {
			is = completedByCDR
		}
	}
	if is == stale && s.now().Sub(state.LastUpdated.Go()) < staleAfter {
		return nil, nil
	}
	return &is, nil
}
