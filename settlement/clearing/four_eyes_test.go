package clearing_test

import (
	"testing"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
)

// A close takes all open periods before its own with it, so four eyes that are agreed for one
// of these are asked for, too.
func TestFourEyesOfAPeriodThatIsClosedAlong(t *testing.T) {
	ctx := t.Context()
	d := newDesk(t, ingesttest.NewLog(1)) // in June 2026
	d.mustAgree(t, "house", "2026-02", "four_eyes=true")
	d.mustAgree(t, "house", "2026-04", "four_eyes=false")
	if _, err := d.closes.ClosePeriod(ctx, closing(t, 100, "house", "2026-02", d.Next(), "")); err == nil {
		t.Fatal("2026-02 is closed by one alone")
	}
	if _, err := d.closes.ClosePeriod(ctx, closing(t, 102, "house", "2026-04", d.Next(), "")); err == nil {
		t.Errorf("2026-02 and 2026-03 are closed with 2026-04, by one alone: through %s", d.closes.ClosedThrough(control.Pair{}))
	}
}
