package objects

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
)

// What is stored at once is counted whole: a state is more than its body.
func TestAtOnceCountsAllThatIsStored(t *testing.T) {
	recs := make([]ingest.Record, 1000)
	changes := make([]ingest.Change, ingest.MaxChanges)
	for i := range changes {
		changes[i].Contract = strings.Repeat("c", 200)
	}
	for _, tc := range []struct {
		name     string
		state    ingest.ObjectState
		from, to int
	}{
		{"nothing", ingest.ObjectState{}, 1000, 1000},
		{"bodies", ingest.ObjectState{Body: make([]byte, 320<<10)}, 90, 110},
		{"changes", ingest.ObjectState{Changes: changes}, 50, 70},
		{"contracts", ingest.ObjectState{Contract: strings.Repeat("c", 320<<10)}, 90, 110},
	} {
		states := make([]ingest.ObjectState, len(recs))
		for i := range states {
			states[i] = tc.state
		}
		if n := atOnce(recs, states); n < tc.from || n > tc.to {
			t.Errorf("%s: %d at once, want %d to %d", tc.name, n, tc.from, tc.to)
		}
	}
}
