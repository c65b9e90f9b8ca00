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
		all.Go(func() { tally.Note("a", "/x", 1, raw) })
	}
	all.Wait()
	tally.Note("a", "/y", 2, raw)
	tally.Note("a", "/z", 3, slash)
	tally.Note("b", "/z", 4, slash)
	want := []Found{{slash, "/z", 1, 3, 3}, {raw, "/y", 11, 1, 2}}
	if diff := cmp.Diff(want, tally.With("a", nil)); diff != "" {
		t.Error(diff)
	}
	if got := tally.With("c", nil); len(got) > 0 {
		t.Errorf("of who sent nothing: %+v", got)
	}
	var none *Tally
	none.Note("a", "", 1, raw)
	if none.With("a", nil) != nil {
		t.Error("no tally keeps something")
	}
}

// What is noted is counted once, whether it was found here, before, or by others; where
// it was found here last is told.
func TestTallyWithWhatIsNoted(t *testing.T) {
	var tally Tally
	raw, slash, other := ocpi.Finding{Code: "raw_token", Path: "Authorization"}, ocpi.Finding{Code: "a_slash"}, ocpi.Finding{Code: "other"}
	for i := range 5 {
		tally.Note("a", "/x", ocpi.Time(10+i), raw)
	}
	tally.Note("a", "/z", 20, slash)
	unnoted := tally.Unnoted()
	if n := len(unnoted); n != 2 || unnoted[0].Partner != "a" || unnoted[0].Count+unnoted[1].Count != 6 {
		t.Errorf("not noted: %+v", unnoted)
	}
	tally.MarkNoted(unnoted)
	if left := tally.Unnoted(); len(left) > 0 {
		t.Errorf("noted, and still to be: %+v", left)
	}
	tally.Note("a", "/y", 30, raw)
	noted := []Found{{Finding: other, Count: 7, First: 1, Last: 2}, {Finding: ocpi.Finding{Code: "raw_token"}, Count: 105, First: 1, Last: 15}}
	want := []Found{{slash, "/z", 0, 20, 20}, {other, "", 7, 1, 2}, {raw, "/y", 106, 1, 30}}
	if diff := cmp.Diff(want, tally.With("a", noted)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(noted, (*Tally)(nil).With("a", noted)); diff != "" {
		t.Error(diff)
	}
}
