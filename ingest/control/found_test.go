package control

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// What is found survives whoever counted it, costs as many events as its count has
// binary digits, and is counted once by however many processes.
func TestFindingsAreNoted(t *testing.T) {
	log := ingesttest.NewLog(1)
	var tallies [2]ingest.Tally
	var houses [2]house
	for i := range houses {
		houses[i] = open(t, log, Options{})
		houses[i].partners.Counts(&tallies[i])
		controltest.Run(t, houses[i])
	}
	c, other := houses[0], houses[1]
	if _, _, err := c.partners.Add(t.Context(), "", dundee()); err != nil {
		t.Fatal(err)
	}
	before := c.Next()
	slash := ocpi.Finding{Code: "trailing_slash", Detail: "a slash more"}
	for i := range 1000 {
		tallies[0].Note("gb-dun-cpo", "/x", ocpi.Time(i+1), slash)
		tallies[0].Note("nobody", "/x", ocpi.Time(i+1), slash)
		if err := c.partners.noteFindings(t.Context(), c.partners.doubled); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.Next() - before; n > 11 || len(c.partners.Noted("nobody")) > 0 {
		t.Errorf("%d events", n)
	}
	if err := other.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	tallies[1].Note("gb-dun-cpo", "/y", 2000, slash)
	count := func(tally *ingest.Tally, h house) int64 {
		t.Helper()
		if err := h.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		found := tally.With("gb-dun-cpo", h.partners.Noted("gb-dun-cpo"))
		if len(found) != 1 || found[0].First != 1 {
			t.Fatalf("%+v", found)
		}
		return found[0].Count
	}
	if n := count(&tallies[0], c); n != 1000 {
		t.Errorf("the process counts %d", n)
	}
	if n := count(nil, c); n < 500 {
		t.Errorf("%d of 1000 are noted", n)
	}
	for _, h := range houses { // they stop
		if err := h.partners.NoteNow(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	later := start(t, log, nil)
	for name, n := range map[string]int64{"the process": count(&tallies[0], c), "another": count(&tallies[1], other), "one that starts later": count(nil, later)} {
		if n != 1001 {
			t.Errorf("%s counts %d", name, n)
		}
	}
	if err := c.partners.Remove(t.Context(), "", "gb-dun-cpo", 0); err != nil || len(c.partners.Noted("gb-dun-cpo")) > 0 {
		t.Errorf("what is noted of a partner that is removed stays: %v", err)
	}
	if diff := cmp.Diff(c.published(), start(t, log, nil).published(), allState); diff != "" {
		t.Errorf("folded again: %s", diff)
	}
}
