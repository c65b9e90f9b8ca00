package batch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/pricing/batch"
)

// A line whose claim differs says why, as the same CDR does when it is looked at
// alone; --no-cause leaves that out, and a line that agrees has nothing to say.
func TestLineSaysWhy(t *testing.T) {
	cdr := func(total string) []byte {
		return bytes.ReplaceAll(fmt.Appendf(nil, energyCDR, total), []byte("\n"), nil)
	}
	line := func(defaults batch.Defaults, total string) (a struct{ Cause json.RawMessage }) {
		t.Helper()
		answer, _ := batch.NewPricer(defaults).Line(nil, fmt.Appendf(nil, `{"id":1,"cdr":%s}`, cdr(total)), 1)
		if err := json.Unmarshal(answer, &a); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		return a
	}
	const forgotten = `{"excl_vat":5,"incl_vat":5}`
	const want = `{"verdict":"found","readings":[{"code":"vat_forgotten","detail":"the amount after tax is the one before it: VAT was not added",` +
		`"total_cost":{"excl_vat":"5.0000","incl_vat":"5.0000"}}],"difference":{"excl_vat":"0.0000","incl_vat":"-0.5000"},"dimensions":[]}`
	if got := string(line(batch.Defaults{Scale: 4}, forgotten).Cause); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := line(batch.Defaults{Scale: 4, NoCause: true}, forgotten).Cause; got != nil {
		t.Errorf("--no-cause: %s", got)
	}
	if got := line(batch.Defaults{Scale: 4}, `{"excl_vat":5,"incl_vat":5.5}`).Cause; got != nil {
		t.Errorf("it agrees: %s", got)
	}
	for _, total := range []string{forgotten, `{"excl_vat":6,"incl_vat":6.6}`, `{"excl_vat":5.55,"incl_vat":6.11}`} {
		for _, scale := range []uint8{0, 2, 4} {
			defaults := batch.Defaults{Scale: scale}
			var text bytes.Buffer
			if _, err := batch.NewPricer(defaults).WriteJSON(&text, &batch.Request{CDR: cdr(total)}); err != nil {
				t.Fatal(err)
			}
			var one struct{ Reconciliation json.RawMessage }
			if err := json.Unmarshal(text.Bytes(), &one); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(one.Reconciliation), string(line(defaults, total).Cause)); diff != "" {
				t.Errorf("%s at scale %d, -alone +in a file:\n%s", total, scale, diff)
			}
		}
	}
}
