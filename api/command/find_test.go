package command_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// What is open is read of the store once, whichever partitions come and go; the Sessions of a
// partition's charges once as well, page by page, however many there are.
func TestPartitionsThatComeAndGo(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		w.now(e)
		w.restart(false)
		w.session(abc, "S9", nil)
		w.keep()
		w.others = 12_000
		w.restart(true)
		if c := w.now(e); c.Session == nil {
			t.Fatal("it is not linked")
		}
		two := w.starting(abc, objects.CommandLimits{})
		w.now(two)
		for range 5 {
			w.rebalance()
		}
		if opened, pages := w.office.opened.Load(), w.office.pages.Load(); opened != 1 || pages != 3 {
			t.Errorf("what is open was read %d times, pages of Sessions %d", opened, pages)
		}
	})
}

// Where so many Sessions change that not all are kept, those of the store are looked at, once.
func TestMoreSessionsThanAreKept(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		w.now(e)
		w.hold = make(chan struct{})
		w.restart(true) // what is open is not known for a while
		w.session(abc, "S9", nil)
		w.keep()
		w.others = 6000
		for n := range 200_001 {
			w.office.SessionSeen(&ingest.ObjectState{Key: ocpi.NewKey("SE", "XYZ", fmt.Sprint("X", n))})
		}
		synctest.Wait()
		close(w.hold)
		if c := w.now(e); c.Session == nil {
			t.Error("it is not linked")
		}
		if pages := w.office.pages.Load(); pages > 4 {
			t.Errorf("%d pages of Sessions", pages)
		}
	})
}

// A Session is read only at CPOs where somebody has asked for a charge.
func TestSessionsOfOtherCPOsAreNotRead(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		w.now(e)
		for n := range 10 {
			w.session(old, fmt.Sprint("S", n), nil)
		}
		if n := w.office.sessions.Load(); n != 0 {
			t.Errorf("%d Sessions of another CPO were read", n)
		}
		w.session(abc, "S9", nil)
		if c := w.now(e); c.Session == nil || w.office.sessions.Load() == 0 {
			t.Errorf("linked to %+v", c.Session)
		}
	})
}
