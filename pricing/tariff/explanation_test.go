package tariff

import (
	"encoding/json"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roamclear/roamclear/ocpi"
)

// checkRoundTrip holds that what is stored is valid JSON and loses nothing:
// read back, it stores the same bytes and says the same.
func checkRoundTrip(t interface{ Fatalf(string, ...any) }, x *Explanation) {
	stored := x.AppendJSON(nil)
	if !json.Valid(stored) {
		t.Fatalf("not JSON: %s", stored)
	}
	var back Explanation
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatalf("%v: %s", err, stored)
	}
	if again := back.AppendJSON(nil); string(again) != string(stored) {
		t.Fatalf("stored %s\nread back as %s", stored, again)
	}
	number := cmp.Comparer(func(a, b ocpi.Number) bool { return a.IsSet() == b.IsSet() && a.Cmp(b) == 0 })
	if x.Reason == "" {
		if d := cmp.Diff(x, &back, number, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(TariffRef{}, ElementRef{}), cmpopts.IgnoreFields(Explanation{}, "Limit", "Rounding")); d != "" {
			t.Fatalf("read back differs (-was +is):\n%s", d)
		}
	}
}
