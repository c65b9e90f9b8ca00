package hub

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// A partner that is a hub may ask us in that name, by OCPI-from, also while it is only
// offered; nobody else may, nor who offers a name that is another platform's.
func TestAHubAsksInItsOwnName(t *testing.T) {
	hub := control.NewRole("HUB", "NL", "HUB")
	for _, tt := range []struct {
		name    string
		granted []control.Role
		offered []control.Role
		others  []control.Role // another platform's
		from    string         // party of NL
		may     bool
	}{
		{"granted", []control.Role{hub}, nil, nil, "HUB", true},
		{"in other letters", []control.Role{hub}, nil, nil, "hub", true},
		{"offered", nil, []control.Role{hub}, nil, "HUB", true},
		{"offered, and had by another platform", nil, []control.Role{hub}, []control.Role{control.NewRole("EMSP", "NL", "HUB")}, "HUB", false},
		{"not offered", nil, nil, nil, "HUB", false},
		{"another hub", []control.Role{hub}, nil, nil, "HUX", false},
		{"its own party", []control.Role{hub}, nil, nil, "TNM", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := partners(t)
			if tt.others != nil {
				if _, _, err := p.Add(t.Context(), "", control.NewPartner{Name: "other", Roles: tt.others}); err != nil {
					t.Fatal(err)
				}
			}
			roles := append([]control.Role{control.NewRole("EMSP", "NL", "TNM")}, tt.granted...)
			one, _, err := p.Add(t.Context(), "", control.NewPartner{Name: "TNM", Roles: roles})
			if err != nil {
				t.Fatal(err)
			}
			peer := control.Peer{Version: ocpi.V221, URL: "https://tnm.example/ocpi/versions", Token: "0badc0de:c2VhbGVk", Encoding: control.EncodingBase64,
				Endpoints: []ocpi.Endpoint{{Identifier: "tokens", Role: ocpi.RoleSender, URL: "https://tnm.example/ocpi/2.2.1/tokens"}}}
			_, token, err := p.Register(t.Context(), "", one.ID, control.Registration{Peer: peer, Name: "TNM", Roles: append(roles, tt.offered...)})
			if err != nil {
				t.Fatal(err)
			}
			b := &backend{}
			h := serve(t, b, func(d *Deps) { d.Partners = p })
			resp, e := request(t, h, http.MethodGet, "/ocpi/2.2.1/sender/locations", token, "", "OCPI-from-country-code", "NL", "OCPI-from-party-id", tt.from)
			if resp.StatusCode != http.StatusOK || (e.StatusCode == 1000) != tt.may || tt.may != (len(b.of) == 1) {
				t.Errorf("a list: HTTP %d with %d %q, %d queries; want it to be answered: %t", resp.StatusCode, e.StatusCode, e.StatusMessage, len(b.of), tt.may)
			}
			body := fmt.Sprintf(`{"country_code":"NL","party_id":"TNM","uid":"U1","type":"RFID","contract_id":"C","issuer":"T","valid":true,"whitelist":"ALWAYS","last_updated":%q}`, instant)
			resp, e = request(t, h, http.MethodPut, "/ocpi/2.2.1/receiver/tokens/NL/TNM/U1", token, body, "OCPI-from-country-code", "NL", "OCPI-from-party-id", tt.from)
			if (e.StatusCode == 1000) != tt.may || tt.may != (len(b.pushes) == 1) || tt.may != (len(b.kept) == 0) {
				t.Errorf("a push: HTTP %d with %d %q, %d taken, %d kept; want it to be taken: %t", resp.StatusCode, e.StatusCode, e.StatusMessage, len(b.pushes), len(b.kept), tt.may)
			}
		})
	}
}
