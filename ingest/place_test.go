package ingest

import (
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// The vectors are frozen: a change tears the copies of an object apart. They
// were computed with an independent FNV-1a (Python).
func TestPlaceVectors(t *testing.T) {
	f := func(country, party, id string, want4, want6, want7 int32) {
		t.Helper()
		key := ocpi.NewKey(country, party, id)
		for n, want := range map[int]int32{1: 0, 4: want4, 6: want6, 7: want7} {
			if got := Place(key, n); got != want {
				t.Errorf("Place(%s, %d) = %d, want %d", key, n, got, want)
			}
		}
	}
	f("GB", "DUN", "CDR-1", 2, 0, 6)
	f("GB", "DUN", "cdr-2", 3, 5, 3)
	f("NL", "EXW", "9f1c", 0, 2, 2)
	f("FR", "PAR", "é/ß*1", 0, 4, 0)
	f("", "", "", 1, 1, 5)
	f("GB", "DU", "NCDR-1", 2, 0, 1)
}

func TestPlaceSpreads(t *testing.T) {
	const n, each = 6, 1000
	var counts [n]int
	for i := range n * each {
		counts[Place(ocpi.NewKey("GB", "DUN", fmt.Sprintf("CDR-%06d", i)), n)]++
	}
	for p, c := range counts {
		if c < each*8/10 || c > each*12/10 {
			t.Errorf("partition %d of %d has %d of %d keys", p, n, c, n*each)
		}
	}
}
