package page

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

// draw draws a curve of totals made of energy alone, in Amsterdam.
func draw(t *testing.T, from, until string, totals ...string) *chart {
	t.Helper()
	zone, err := tariff.LoadZone("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	begin, end := parsed(t, from), parsed(t, until)
	c := whatif.Charge{Start: begin, Duration: time.Duration(end - begin)}
	var curve []whatif.Point
	for i, total := range totals {
		m := tariff.Money{Excl: ocpi.MustNumber(total)}
		at := begin + (end-begin)*ocpi.Time(i)/ocpi.Time(max(1, len(totals)-1))
		curve = append(curve, whatif.Point{At: at, KWh: ocpi.MustNumber("0"), Total: m, Energy: m})
	}
	return newChart(curve, &c, zone, "EUR", exclVAT)
}

func parsed(t *testing.T, s string) ocpi.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return ocpi.TimeOf(at)
}

func labels(ticks []tick) string {
	var list []string
	for _, at := range ticks {
		list = append(list, at.Label)
	}
	return strings.Join(list, " ")
}

func TestAxes(t *testing.T) {
	for _, tc := range []struct{ name, from, until, total, times, amounts string }{
		{"two hours", "2025-06-02T17:00:00Z", "2025-06-02T19:00:00Z", "7.80", "19:00 19:30 20:00 20:30 21:00", "0 2 4 6 8"},
		{"from an odd minute", "2025-06-02T17:07:13Z", "2025-06-02T17:20:00Z", "0.3", "19:10 19:15 19:20", "0.0 0.1 0.2 0.3"},
		{"past midnight", "2025-06-02T20:00:00Z", "2025-06-03T04:00:00Z", "23", "22:00 3 Jun 02:00 04:00 06:00", "0 5 10 15 20 25"},
		{"the clocks go forward", "2025-03-30T00:00:00Z", "2025-03-30T02:00:00Z", "1", "01:00 01:30 03:00 03:30 04:00", "0.0 0.2 0.4 0.6 0.8 1.0"},
		{"the clocks go back", "2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z", "1000", "02:00 02:30 02:00 02:30 03:00", "0 200 400 600 800 1 000"},
		{"weeks", "2025-06-02T00:00:00Z", "2025-06-30T00:00:00Z", "0.0001", "5 Jun 12 Jun 19 Jun 26 Jun", "0.0000 0.0001"},
		{"a second", "2025-06-02T17:00:00Z", "2025-06-02T17:00:01Z", "5", "19:00", "0 1 2 3 4 5"},
		{"nothing to pay", "2025-06-02T17:00:00Z", "2025-06-02T18:00:00Z", "0", "19:00 19:15 19:30 19:45 20:00", "0.0 0.2 0.4 0.6 0.8 1.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := draw(t, tc.from, tc.until, "0", tc.total)
			if diff := cmp.Diff(tc.times, labels(c.Ticks)); diff != "" {
				t.Errorf("times: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(tc.amounts, strings.ReplaceAll(labels(c.Levels), groupSpace, " ")); diff != "" {
				t.Errorf("amounts: -want +got\n%s", diff)
			}
		})
	}
}

// No label of an axis stands out of the picture, not where letters are largest.
func TestLabelsAreNotCut(t *testing.T) {
	for _, total := range []string{"7.80", "123.45", "9876543.21"} {
		c := draw(t, "2025-06-02T17:00:00Z", "2025-06-02T19:00:00Z", "0", total)
		for _, level := range c.Levels {
			if left := c.LevelAt() - labelWidth(level.Label); left < 0 {
				t.Errorf("%s: %s begins at %d", total, level.Label, left)
			}
		}
		for i, at := range c.Ticks {
			if last := i == len(c.Ticks)-1; at.Edge != last {
				t.Errorf("%s: the label %s at %s, last %t: edge %t", total, at.Label, at.At, last, at.Edge)
			}
		}
		if c.Phases[0].X != tenths(c.Left*10) || !strings.HasPrefix(c.Total, "M"+tenths(c.Left*10)+" ") {
			t.Errorf("%s: the plot begins at %d, phase %s, total %s", total, c.Left, c.Phases[0].X, c.Total)
		}
	}
}

// The total goes from the corner below left to where its amount stands.
func TestPath(t *testing.T) {
	c := draw(t, "2025-06-02T17:00:00Z", "2025-06-02T19:00:00Z", "0", "5", "10")
	if want := "M76 332L390 193L704 54"; c.Total != want {
		t.Errorf("total %s, want %s", c.Total, want)
	}
	if want := "M76 332L390 193L704 54L704 332L390 332L76 332Z"; len(c.Areas) != 1 || c.Areas[0].Path != want {
		t.Errorf("areas %+v, want %s", c.Areas, want)
	}
	if c.Limited || c.Beyond != "" {
		t.Error("a limit is shown where none applies")
	}
}

// A charge without length has no picture, and one that costs nothing has a
// line at zero.
func TestNothingToDraw(t *testing.T) {
	if c := draw(t, "2025-06-02T17:00:00Z", "2025-06-02T17:00:00Z", "0.50"); c != nil {
		t.Errorf("%+v", c)
	}
	if c := draw(t, "2025-06-02T17:00:00Z", "2025-06-02T18:00:00Z", "0", "0"); len(c.Areas) != 0 || c.Total != "M76 332L704 332" {
		t.Errorf("%+v", c)
	}
}
