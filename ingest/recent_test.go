package ingest

import (
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

func TestRecentCDRs(t *testing.T) {
	r := newRecent(100)
	key := func(i int) ocpi.Key { return ocpi.NewKey("GB", "DUN", fmt.Sprint(i)) }
	for i := range 250 {
		if got := r.note(key(i), []byte("first")); got != EarlierUnknown {
			t.Fatalf("CDR %d is taken for one that came before: %d", i, got)
		}
	}
	for i, want := range map[int]Earlier{249: EarlierOther, 150: EarlierOther, 10: EarlierUnknown} {
		if got := r.note(key(i), []byte("other")); got != want {
			t.Errorf("CDR %d again with other bytes: %d, want %d", i, got, want)
		}
	}
	if got := r.note(key(249), []byte("first")); got != EarlierSame {
		t.Errorf("the first copy again: %d", got)
	}
	if n := len(r.young) + len(r.old); n > 200 {
		t.Errorf("%d are remembered", n)
	}
}
