package hub

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// With which Token a charge was made is told only to who sees its payer's Tokens: who
// names a contract of an eMSP that it is not paired with does not learn the uid.
func TestATokenIsToldToWhoSeesIt(t *testing.T) {
	const exw = "NL/EXW"
	for _, open := range []bool{true, false} {
		w := newWhole(t, func(d *Deps) {
			if !open {
				d.Partners.(*control.Partners).PairsOnly()
			}
			d.Known.Charges = func(_ context.Context, charges []*settlement.Charge) error {
				for _, c := range charges {
					c.Token = ocpi.CDRToken{CountryCode: "NL", PartyID: "EXW", UID: "SECRET", Type: "APP_USER", ContractID: c.Contract}
				}
				return nil
			}
		})
		if err := w.partners.AddPair(t.Context(), "", control.Pair{CPO: ocpi.NewParty("FR", "BEL"), EMSP: ocpi.NewParty("NL", "EXW")}); err != nil {
			t.Fatal(err)
		}
		for _, cpo := range []struct {
			token, party string
			told         bool
		}{{dundeeToken, "GB/DUN", open}, {belToken, "FR/BEL", true}} {
			country, id, _ := strings.Cut(cpo.party, "/")
			from := []string{"OCPI-from-country-code", country, "OCPI-from-party-id", id}
			w.do(t, cpo.token, http.MethodPost, "/emsp/2.1.1/cdrs", thing{"cdrs", cpo.party, exw, "C1"}.in(ocpi.V211), from...)
			w.do(t, cpo.token, http.MethodPut, "/emsp/2.1.1/sessions/"+cpo.party+"/C1", thing{"sessions", cpo.party, exw, "C1"}.in(ocpi.V211), from...)
			for _, path := range []string{"cdrs/" + cpo.party + "/C1", "sessions/" + cpo.party + "/C1"} {
				resp, e := request(t, w.engine, http.MethodGet, Prefix+"/2.2.1/receiver/"+path, cpo.token, "")
				body := string(e.Data)
				if e.StatusCode != 1000 || strings.Contains(body, `"SECRET","type":"APP_USER"`) != cpo.told || strings.Contains(body, `"#NA","type":"OTHER"`) == cpo.told ||
					strings.Contains(resp.Header.Get(lostHeader), "cdr_token.uid") == cpo.told {
					t.Errorf("%s, open %t: %d %s, lost %q: %s", path, open, e.StatusCode, e.StatusMessage, resp.Header.Get(lostHeader), body)
				}
			}
		}
	}
}
