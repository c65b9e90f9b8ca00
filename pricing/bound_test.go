package pricing

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"pgregory.net/rapid"
)

// Whatever an audit finds, what is stored of it stays within the bound, in its
// order, with the serious ones kept first and the rest counted.
func TestFindingsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab<\"\\\x01\u2028é€")), 0, -1, rapid.IntRange(0, 3000).Draw(t, "length"))
		var list []ocpi.Finding
		for i := range rapid.IntRange(0, 400).Draw(t, "count") {
			list = append(list, ocpi.Finding{Code: fmt.Sprint("code_", i), Severity: rapid.SampledFrom([]ocpi.Severity{ocpi.Info, ocpi.Warning, ocpi.Serious}).Draw(t, "severity"),
				Path: "charging_periods[3]"})
		}
		for i := 0; i < len(list); i += 7 {
			list[i].Detail = text.Draw(t, "text")
		}
		got := boundFindings(list)
		b, err := json.Marshal(got)
		if err != nil || len(b) > maxFindingsBytes || len(got) > maxFindings {
			t.Fatalf("%d findings of %d in %d bytes, error %v", len(got), len(list), len(b), err)
		}
		left := 0
		at := 0
		for i := range list {
			if at < len(got) && got[at].Code == list[i].Code {
				at++
			} else {
				left++
			}
		}
		if left == 0 && at == len(got) {
			return
		}
		if last := got[len(got)-1]; at != len(got)-1 || last.Code != "findings_left_out" || !strings.HasPrefix(last.Detail, fmt.Sprint(left, " more")) {
			t.Fatalf("%d left out, the last finding is %+v", left, last)
		}
	})
}

func TestSeriousFindingsStay(t *testing.T) {
	var list []ocpi.Finding
	for i := range 3 * maxFindings {
		list = append(list, ocpi.Finding{Code: fmt.Sprint(i), Severity: ocpi.Severity(i % 3)})
	}
	for _, f := range boundFindings(list)[:maxFindings-1] {
		if f.Severity != ocpi.Serious {
			t.Fatalf("%+v is kept although serious ones are not", f)
		}
	}
}

func TestCutText(t *testing.T) {
	for _, c := range []struct{ text, want string }{{"abcdef", "abcdef"}, {"abcdefg", "abc…"}, {"ab€€€", "ab…"}} {
		if got := cutText(c.text, 6); got != c.want {
			t.Errorf("%q became %q, want %q", c.text, got, c.want)
		}
	}
}
