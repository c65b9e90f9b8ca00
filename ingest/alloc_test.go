//go:build !race

// Under the race detector sync.Pool drops what it is given at random, so
// allocations cannot be counted there.

package ingest_test

import (
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// For a CDR that shows nothing odd the envelope is made, and its id where it has small
// letters, and those of its Session and Location; for one that shows more, what is
// found and where it was.
func TestPushAllocations(t *testing.T) {
	s, bodies := intake(t)
	for name, most := range map[string]float64{"CDR": 4, "CDR before its Session and Location": 5, "CDR with habits": 8} {
		body := []byte(bodies[name])
		n := testing.AllocsPerRun(200, func() {
			if _, err := s.CDR(t.Context(), dundee, ocpi.V221, body); err != nil {
				t.Fatal(err)
			}
		})
		if n > most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, most)
		}
	}
}
