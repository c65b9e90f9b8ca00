package ingest

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

// What is found is counted by partner and code, with the last place of each.
func TestTally(t *testing.T) {
	var tally Tally
	raw, slash := ocpi.Finding{Code: "raw_token", Path: "Authorization"}, ocpi.Finding{Code: "a_slash"}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { tally.Note("a", "/x", 1, &raw) })
	}
	all.Wait()
	tally.Note("a", "/y", 2, &raw)
	tally.Note("a", "/z", 3, &slash)
	tally.Note("b", "/z", 4, &slash)
	want := []Found{{slash, "/z", 1, 3, 3}, {raw, "/y", 11, 1, 2}}
	if diff := cmp.Diff(want, tally.Of("a")); diff != "" {
		t.Error(diff)
	}
	if got := tally.Of("c"); len(got) > 0 {
		t.Errorf("of who sent nothing: %+v", got)
	}
	var none *Tally
	none.Note("a", "", 1, &raw)
	if none.Of("a") != nil {
		t.Error("no tally keeps something")
	}
}
