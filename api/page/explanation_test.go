package page

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Lines that were left out stand in one, so that the table still sums up.
func TestExplanationOfMoreLines(t *testing.T) {
	euro := func(s string) tariff.Money { return tariff.Money{Excl: ocpi.MustNumber(s), Incl: ocpi.MustNumber(s)} }
	x := &tariff.Explanation{
		Currency: "EUR", Tariffs: []tariff.TariffRef{{ID: "T"}},
		Lines: []tariff.Line{{Kind: ocpi.ComponentFlat, Price: ocpi.MustNumber("1.00"), Amount: euro("1.0000")}},
		More:  tariff.More{Lines: 12, Amount: euro("11.0000")}, Total: euro("12.0000"), MissesLeftOut: 7,
	}
	e := newExplanation(x)
	var got []string
	for _, l := range e.Lines {
		got = append(got, l.Name+" "+l.Excl.Text)
	}
	if want := "Fixed fee 1.00, and 12 more lines 11.00, Total 12.00"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, want := range []string{"and 12 more lines", "did not apply, 7 times"} {
		if !strings.Contains(e.Words, want) {
			t.Errorf("the words lack %q:\n%s", want, e.Words)
		}
	}
}
