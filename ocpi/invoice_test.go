package ocpi

import (
	"fmt"
	"strings"
	"testing"
)

// The specification has the ids of CDRs as strings in one place and as objects in
// another, and makes them shorter than those of credit CDRs: all of it is read.
func TestInvoiceReconciliation(t *testing.T) {
	const head = `{"country_code":"NL","party_id":"EXW","id":"i","invoice_id":"2019/1","last_updated":"2019-01-01T00:00:00Z","cdrs":`
	credit := strings.Repeat("c", 37) + "-C"
	var d Decoder
	for cdrs, want := range map[string]string{
		`["a","b"]`:                   "[a b]",
		`[{"id":"a"},"b",{"id":"c"}]`: "[a b c]",
		`["` + credit + `"]`:          "[" + credit + "]",
		`"a"`:                         "[a] wrong_type cdrs",
		`[{"uid":"a"}]`:               "[] missing_field cdrs[0].id",
		`[null,"b"]`:                  "[b] empty_element cdrs[0]",
	} {
		r, err := d.InvoiceReconciliation(V230, []byte(head+cdrs+"}"))
		if err != nil {
			t.Errorf("%s: %v", cdrs, err)
			continue
		}
		got := fmt.Sprint(r.CDRs)
		if len(r.Findings) > 0 {
			got += " " + r.Findings[0].Code + " " + r.Findings[0].Path
		}
		if got != want {
			t.Errorf("%s: %s, want %s", cdrs, got, want)
		}
	}
	_, err := d.InvoiceReconciliation(V230, []byte(`{}`))
	checkInvalid(t, "nothing", err, "country_code", "party_id", "id")
}
