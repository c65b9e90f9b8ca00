package objects

import (
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

func numbered(name string, n int) ingest.Identity {
	return ingest.Identity{Object: ingest.ObjectSession, Key: ocpi.NewKey("GB", "DUN", fmt.Sprintf("%s-%d", name, n))}
}

// No object that was added is ever ruled out, through several layers; of others
// nearly all are, but only once all that the store holds has been added.
func TestFilter(t *testing.T) {
	const n = 400_000 // three layers
	f := newFilter()
	for i := range n {
		f.add(numbered("there", i))
		f.add(numbered("there", i/2)) // takes no more room
	}
	if f.rulesOut(numbered("absent", 0)) {
		t.Error("something was ruled out before all was known")
	}
	f.complete()
	passed := 0
	for i := range n {
		if f.rulesOut(numbered("there", i)) {
			t.Fatalf("the %d. object was ruled out", i)
		}
		if !f.rulesOut(numbered("absent", i)) {
			passed++
		}
	}
	if passed > n/100 || len(f.layers) != 3 {
		t.Errorf("%d of %d absent objects passed %d layers", passed, n, len(f.layers))
	}
}
