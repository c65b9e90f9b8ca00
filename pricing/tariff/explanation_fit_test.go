package tariff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/ocpi"
)

// fits holds an explanation to a number of bytes and checks that what is left of
// it is whole: it sums to the total, reads back, and counts what it leaves out.
func fits(t interface{ Fatalf(string, ...any) }, x *Explanation, limit int) *Explanation {
	lines, misses := len(x.Lines), missesOf(x)+x.MissesLeftOut
	stored := x.AppendWithin(nil, limit)
	if len(stored) > limit {
		t.Fatalf("%d bytes, want at most %d", len(stored), limit)
	}
	if !bytes.Equal(stored, x.AppendJSON(nil)) {
		t.Fatalf("the explanation does not say what it stored")
	}
	checkSum(t, x)
	checkRoundTrip(t, x)
	if got := len(x.Lines) + x.More.Lines; got != lines {
		t.Fatalf("%d lines and %d more, of %d", len(x.Lines), x.More.Lines, lines)
	}
	if x.More.Lines == 0 && len(x.Unpriced) == 0 && missesOf(x)+x.MissesLeftOut != misses {
		t.Fatalf("%d reasons and %d left out, of %d", missesOf(x), x.MissesLeftOut, misses)
	}
	if x.More.Lines > 0 && missesOf(x) > 0 {
		t.Fatalf("lines are left out before reasons")
	}
	if err := x.Text(discard{}); err != nil {
		t.Fatalf("%v", err)
	}
	return x
}

func missesOf(x *Explanation) (n int) {
	for _, lines := range [...][]Line{x.Lines, x.Unpriced} {
		for i := range lines {
			for _, s := range lines[i].Segments {
				n += len(s.Missed)
			}
		}
	}
	return n
}

// least is what an explanation takes that names tariffs and totals and nothing else.
func least(x *Explanation) int {
	bare := *x
	bare.Lines, bare.Tariffs = nil, append([]TariffRef(nil), x.Tariffs...)
	for i := range bare.Tariffs {
		bare.Tariffs[i].Elements = nil
	}
	return len(bare.AppendJSON(nil)) + 2*leaveOutFrame
}

func TestExplanationFitsAnyLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		cdr := r.cdr(anyVersion(r))
		cdr.Credit = r.chance(10)
		in := &Input{CDR: cdr, Zone: amsterdam, Profile: pick(r, Profiles()...)}
		e, out := NewEngine(), &Result{}
		e.Price(in, out)
		x := e.Explain(in, out)
		if x.Reason != "" {
			t.Skip(x.Reason)
		}
		whole := len(x.AppendJSON(nil))
		low := least(x)
		if low >= whole {
			t.Skip("nothing to leave out")
		}
		fits(t, x, rapid.IntRange(low, whole+10).Draw(t, "limit"))
	})
}

// What is stored of a CDR's explanation stays within a multiple of its body,
// however it is built.
func TestExplanationOfHostileFits(t *testing.T) {
	for _, size := range []int{3 << 10, 8 << 10, 16 << 10, 64 << 10, 1 << 20} {
		for _, h := range append(hostiles, wordy...) {
			if h.name == "tariffs" && size < 64<<10 {
				continue // its hundred tariffs are larger
			}
			in, body := hostileInput(t, h, size)
			e, out := NewEngine(), &Result{}
			if e.Price(in, out); !out.OK {
				continue
			}
			fits(t, e.Explain(in, out), ExplanationLimit(body))
			// As if its tariffs had come by themselves, and it were hardly anything.
			x := e.Explain(in, out)
			fits(t, x, max(ExplanationLimit(0), least(x)))
		}
	}
}

// wordy are CDRs of which there is much to say.
var wordy = []hostile{
	// Each period has a line of its own, for which all earlier elements are no reason.
	{"misses", func(size int) string {
		return hostileCDR(size, 0.5, func(i int) string {
			return fmt.Sprintf(`{"price_components":[%s],"restrictions":{"min_duration":%d,"max_duration":%d,"day_of_week":["SUNDAY","MONDAY","TUESDAY","WEDNESDAY","THURSDAY","FRIDAY","SATURDAY"]}}`,
				fourComponents, 3600*i, 3600*i+3600)
		}, func(i int) string {
			return fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":1},{"type":"TIME","volume":1},{"type":"PARKING_TIME","volume":0}]}`, hostileTime(i, 3600e9))
		})
	}},
	// As many lines as a body has room for.
	{"lines", func(size int) string {
		return hostileCDR(size, 0.45, func(i int) string {
			return fmt.Sprintf(`{"price_components":[%s],"restrictions":{"min_kwh":%d}}`, fourComponents, 1_000_000-i)
		}, func(i int) string {
			volume := 1
			if i == 0 {
				volume = 1_000_000 - MaxElements
			}
			return fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":%d},{"type":"TIME","volume":0},{"type":"PARKING_TIME","volume":0}]}`, hostileTime(i, 1e9), volume)
		})
	}},
}

// What was left out is said where the explanation is read.
func TestTextOfWhatIsLeftOut(t *testing.T) {
	text := "zone: Europe/Amsterdam\ntariff: inline id=T currency=EUR"
	for i := range 40 {
		text += fmt.Sprintf("\nelement: ENERGY 0.%d vat 10 | min_duration %d, max_duration %d", 20+i, 60*i, 60*i+60)
	}
	for i := range 40 {
		text += fmt.Sprintf("\nperiod: 2025-07-01T02:%02d:00Z ENERGY 0.5", i)
	}
	v := parseVector(t, text+"\nend: 2025-07-01T02:40:00Z")
	e, out := NewEngine(), &Result{}
	e.Price(&v.in, out)
	for _, c := range []struct {
		limit int
		want  []string
	}{
		{64 << 10, nil},
		{14 << 10, []string{"40. Energy", "Left out: why earlier elements did not apply, "}},
		{4 << 10, []string{"and ", " more lines  ", "Left out: why earlier elements did not apply, 780 times."}},
	} {
		var back Explanation
		if err := json.Unmarshal(fits(t, e.Explain(&v.in, out), c.limit).AppendJSON(nil), &back); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := back.Text(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("within %d bytes the text lacks %q:\n%s", c.limit, want, b.String())
			}
		}
		if c.want == nil && strings.Contains(b.String(), "more") {
			t.Errorf("something is left out where all fits:\n%s", b.String())
		}
	}
}

// Lines whose sum has more digits than a number are not summed up.
func TestSumOfLines(t *testing.T) {
	line := func(coef int64) Line {
		n := ocpi.NewNumber(coef, 4)
		return Line{Amount: Money{n, n}}
	}
	if _, ok := sumOf([]Line{line(maxCoefficient), line(maxCoefficient)}); ok {
		t.Error("a sum of 19 digits passed")
	}
	more, ok := sumOf([]Line{line(maxCoefficient), line(maxCoefficient), line(-maxCoefficient), {Amount: Money{Excl: ocpi.NewNumber(-1, 4)}}})
	if !ok || more.Lines != 4 || more.Amount.Incl.IsSet() || more.Amount.Excl.Coef() != maxCoefficient-1 {
		t.Errorf("%+v %t", more, ok)
	}
}
