package hub

import (
	"context"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// An invoice is for whom OCPI-to names, else for the other party of the CDRs that
// it lists, whichever of the two its owner is; its CDRs may be strings or, as the
// specification's diagrams have them, objects.
func TestWhomAnInvoiceIsFor(t *testing.T) {
	const base = "/ocpi/2.3.0/receiver/invoicereconciliation"
	record := func(owner, cdrs string) string {
		country, party, _ := strings.Cut(owner, "/")
		return `{"country_code":"` + country + `","party_id":"` + party + `","id":"inv-1","invoice_id":"2019/1","cdrs":` + cdrs + `,"last_updated":"2019-02-01T00:00:00Z"}`
	}
	for _, tt := range []struct {
		name, method, path, token, to, body string
		created                             bool
		http, code                          int
		want                                string // whom it is for
	}{
		{"the CDRs' debtor", "POST", "", dundeeToken, "", record("GB/DUN", `["none","C1"]`), true, 201, 1000, "NL*EXW"},
		{"a repeat", "POST", "/", dundeeToken, "", record("GB/DUN", `["C1"]`), false, 200, 1000, "NL*EXW"},
		{"CDRs as objects", "POST", "", dundeeToken, "", record("GB/DUN", `[{"id":"c1"}]`), true, 201, 1000, "NL*EXW"},
		{"who is named", "POST", "", dundeeToken, "DE/BOT", record("GB/DUN", `["C1"]`), true, 201, 1000, "DE*BOT"},
		{"us: nobody is named", "POST", "", dundeeToken, "ZZ/RCH", record("GB/DUN", `["C1"]`), true, 201, 1000, "NL*EXW"},
		{"reverse billing: the CDRs' CPO", "POST", "", exwToken, "", record("NL/EXW", `["C1"]`), true, 201, 1000, "GB*DUN"},
		{"nobody knows", "POST", "", dundeeToken, "", record("GB/DUN", `["none"]`), true, 200, 2001, ""},
		{"who is named is nobody", "POST", "", dundeeToken, "US/BOU", record("GB/DUN", `["C1"]`), true, 200, 4001, ""},
		{"another's", "POST", "", dundeeToken, "", record("NL/EXW", `["C1"]`), true, 200, 2001, ""},
		{"PUT", "PUT", "/GB/DUN/inv-1", dundeeToken, "", record("GB/DUN", `["C1"]`), false, 200, 1000, "NL*EXW"},
		{"PUT of what is no record", "PUT", "/GB/DUN/inv-1", dundeeToken, "", "{}", false, 200, 2001, ""},
		{"PATCH", "PATCH", "/GB/DUN/inv-1", dundeeToken, "", "{}", false, 405, 2000, ""},
	} {
		b := &backend{receipt: ingest.Receipt{Created: tt.created}, cdr: func(_ context.Context, k ocpi.Key) ([]byte, ocpi.Version, error) {
			if k != ocpi.NewKey("GB", "DUN", "C1") {
				return nil, 0, settlement.ErrNotFound
			}
			return []byte(invoicedCDR), ocpi.V230, nil
		}}
		country, party, _ := strings.Cut(tt.to, "/")
		resp, e := request(t, serve(t, b, nil), tt.method, base+tt.path, tt.token, tt.body, "OCPI-to-country-code", country, "OCPI-to-party-id", party)
		if resp.StatusCode != tt.http || e.StatusCode != tt.code {
			t.Errorf("%s: HTTP %d with %d %q, want %d with %d", tt.name, resp.StatusCode, e.StatusCode, e.StatusMessage, tt.http, tt.code)
		}
		switch {
		case tt.want == "" && len(b.pushes) > 0:
			t.Errorf("%s: it reached the intake: %+v", tt.name, b.pushes)
		case tt.want == "" && tt.code != 2000 && len(b.kept) != 1:
			t.Errorf("%s: kept %+v, want the body", tt.name, b.kept)
		case tt.want != "" && (len(b.pushes) != 1 || b.pushes[0].Target.Path != tt.want || b.pushes[0].Target.Key.ID != "INV-1" || b.pushes[0].Body != tt.body):
			t.Errorf("%s: pushed %+v, want it for %s", tt.name, b.pushes, tt.want)
		}
	}
}
