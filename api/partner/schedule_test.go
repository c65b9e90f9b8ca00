package partner

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// oneOf are partners of which there is one.
type oneOf struct{ *control.Partner }

func (o oneOf) Find(string) (*control.Partner, bool) { return o.Partner, true }
func (o oneOf) All() []*control.Partner              { return []*control.Partner{o.Partner} }

// A day of looking every five seconds, in no time.
func TestListsAreReadByThemselves(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/tariffs": ok(), "/cdrs": ok()}))
	p := testPuller(t, newIntake())
	began := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	now := began
	p.Now = func() time.Time { return now }
	partner := registered(t, ocpi.V221, s.URL, "tariffs", "cdrs")
	p.Partners = oneOf{partner}
	plan := &turns{of: registration(partner), since: map[string]time.Time{}}
	type asked struct {
		at   time.Duration
		line string
	}
	var all []asked
	for ; now.Sub(began) < 30*time.Hour; now = now.Add(5 * time.Minute) {
		if w, due := p.due(plan); due {
			before := len(s.were())
			p.turn(t.Context(), partner, plan, w)
			for _, line := range s.were()[before:] {
				all = append(all, asked{now.Sub(began), line})
			}
		}
	}
	var tariffs, cdrs []asked
	for _, a := range all {
		if strings.Contains(a.line, "/tariffs") {
			tariffs = append(tariffs, a)
		} else {
			cdrs = append(cdrs, a)
		}
	}
	if len(tariffs) != 2 || tariffs[0].at != 0 || tariffs[1].at < 19*time.Hour || tariffs[1].at > 29*time.Hour {
		t.Errorf("tariffs were read at %v", tariffs)
	}
	if len(cdrs) < 7 || len(cdrs) > 10 || cdrs[0].at != 0 {
		t.Errorf("CDRs were read at %v", cdrs)
	}
	if !strings.Contains(cdrs[0].line, "date_from=2026-08-31T00%3A00%3A00Z") {
		t.Errorf("the first window is %s, want 90 days", cdrs[0].line)
	}
	since := began.Add(cdrs[0].at - Overlap).Format("2006-01-02")
	if !strings.Contains(cdrs[1].line, "date_from="+since) {
		t.Errorf("the second window is %s, want 48 hours before the first pull", cdrs[1].line)
	}
}

// What was not read to its end is read again soon, from where it was.
func TestWhatFailedIsReadAgainSoon(t *testing.T) {
	s := newDesk(t, pages(nil))
	p := testPuller(t, newIntake())
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	p.Now = func() time.Time { return now }
	partner := registered(t, ocpi.V221, s.URL, "cdrs")
	plan := &turns{of: registration(partner), since: map[string]time.Time{}}
	w, _ := p.due(plan)
	p.turn(t.Context(), partner, plan, w)
	now = now.Add(time.Hour)
	w, due := p.due(plan)
	if !due {
		t.Fatal("not due after an hour")
	}
	if from := w.from(&module{id: "cdrs", windowed: true}); from != now.Add(-FirstWindow) {
		t.Errorf("from %v", from)
	}
}

// Watch reads what is its own, once, and ends with its context.
func TestWatchReadsItsOwn(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/tariffs": ok(), "/cdrs": ok()}))
	p := testPuller(t, newIntake())
	p.Partners = oneOf{registered(t, ocpi.V221, s.URL, "tariffs", "cdrs")}
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	p.Wait = func(ctx context.Context, _ time.Duration) bool {
		if looks++; looks > 3 && len(s.were()) >= 2 || looks > 1_000_000 {
			cancel()
		}
		return ctx.Err() == nil
	}
	if err := p.Watch(ctx, func(string) bool { return true }); err == nil {
		t.Error("it ended by itself")
	}
	if asked := s.were(); len(asked) != 2 {
		t.Errorf("asked %q", asked)
	}
	p.Wait = func(context.Context, time.Duration) bool {
		looks--
		return looks > 0
	}
	looks = 3
	if err := p.Watch(t.Context(), func(string) bool { return false }); err != nil || len(s.were()) != 2 {
		t.Errorf("another's partner was read: %v, %q", err, s.were())
	}
}
