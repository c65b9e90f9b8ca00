package control

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// While we were away nobody could be heard of: whoever was connected is so when we are
// back, and for as long after as anybody may be quiet; who was gone before stays gone,
// since when it was.
func TestOurOwnSilenceIsNobodysElse(t *testing.T) {
	log := ingesttest.NewLog(1)
	var now atomic.Int64
	clock := func() ocpi.Time { return ocpi.Time(now.Load()) }
	now.Store(int64(1000 * hour))
	h := start(t, log, clock)
	for _, n := range []NewPartner{dundee(), {Name: "Volt", Roles: []Role{NewRole("EMSP", "DE", "VOL")}, Token: "volt-token"}} {
		if _, _, err := h.partners.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	note := func() {
		t.Helper()
		if err := errors.Join(h.partners.noteContact(t.Context()), h.partners.noteWatched(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	run := func(from, to ocpi.Time, calls string) { // a process that runs, and who calls it all the time
		t.Helper()
		for at := from; at <= to; at++ {
			now.Store(int64(at * hour))
			if calls != "" {
				h.partners.Authenticate("Token " + calls)
			}
			note()
		}
	}
	check := func(name string, at ocpi.Time, dundee, volt Presence) {
		t.Helper()
		now.Store(int64(at * hour))
		for id, want := range map[string]Presence{"gb-dun-cpo": dundee, "de-vol-emsp": volt} {
			p, _ := h.partners.Find(id)
			if got := h.partners.Presence(p, clock()); got != want {
				t.Errorf("%s: %s is %v, want %v", name, id, got, want)
			}
		}
	}
	here := Presence{ocpi.Connected, 1000 * hour}
	h.partners.Authenticate("Token volt-token")
	run(1000, 1040, "dundee-token")
	gone := Presence{ocpi.Offline, 1027 * hour}
	check("before", 1040, here, gone)
	check("we have been away, and have noted nothing", 1100, here, gone)
	note()
	check("we are back", 1100, here, gone)
	run(1101, 1126, "")
	check("as long as anybody may be quiet, but for our outage", 1126, here, gone)
	run(1127, 1128, "")
	check("longer", 1128, Presence{ocpi.Offline, 1127 * hour}, gone)
	run(1129, 1130, "volt-token")
	check("one comes back", 1130, Presence{ocpi.Offline, 1127 * hour}, Presence{ocpi.Connected, 1129 * hour})
	// After a restart the log says the same.
	h = start(t, log, clock)
	check("another process", 1130, Presence{ocpi.Offline, 1127 * hour}, Presence{ocpi.Connected, 1129 * hour})
}

// Where nobody calls, a process notes eight times a day that it is there.
func TestWhatWatchingCosts(t *testing.T) {
	var now atomic.Int64
	now.Store(int64(1000 * hour))
	h := start(t, ingesttest.NewLog(1), func() ocpi.Time { return ocpi.Time(now.Load()) })
	before := h.Next()
	for range 24 * 12 {
		now.Add(int64(hour / 12))
		if err := h.partners.noteWatched(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.Next() - before; n < 7 || n > 9 {
		t.Errorf("%d events in a day", n)
	}
	for range 3 * maxOutages {
		now.Add(int64(100 * hour))
		if err := h.partners.noteWatched(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.partners.state.Current().outages); n != maxOutages {
		t.Errorf("%d outages are kept", n)
	}
}
