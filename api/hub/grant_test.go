package hub

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// An SCSP reads the Sessions of the CPOs that grant it, from OCPI 2.2.1 on: without
// a grant its list is there, and empty.
func TestAnSCSPReadsGrantedSessions(t *testing.T) {
	const smaToken = "sma-token"
	p := partners(t)
	sma, dun, exw := ocpi.NewParty("NL", "SMA"), ocpi.NewParty("GB", "DUN"), ocpi.NewParty("NL", "EXW")
	if _, _, err := p.Add(t.Context(), "", control.NewPartner{Name: "SMA", Token: smaToken, Roles: []control.Role{control.NewRole("SCSP", "NL", "SMA")}}); err != nil {
		t.Fatal(err)
	}
	own := func(p ocpi.Party) []settlement.ListPart {
		return []settlement.ListPart{{ObjectList: settlement.ObjectList{Kind: settlement.ListOwn, Party: p}}}
	}
	with := []settlement.ListPart{{ObjectList: settlement.ObjectList{Kind: settlement.ListWith, Party: exw}}}
	grant := control.Grant{CPO: dun, SCSP: sma}
	const sessions, from = "/sender/sessions", "?date_from=2019-01-01T00:00:00Z"
	for _, tt := range []struct {
		name, path, token string
		change            func(context.Context, string, control.Grant) error
		status, code      int
		want              []settlement.ListPart // what the store is asked for; none: nothing
	}{
		{"without a grant it is empty", "/2.2.1" + sessions + from, smaToken, nil, 200, 1000, nil},
		{"without date_from it is none", "/2.2.1" + sessions, smaToken, nil, 200, 2001, nil},
		{"granted", "/2.2.1" + sessions + from, smaToken, p.AddGrant, 200, 1000, own(dun)},
		{"in the next version too", "/2.3.0" + sessions + from, smaToken, nil, 200, 1000, own(dun)},
		{"in 2.1.1 there is no SCSP", "/cpo/2.1.1/sessions" + from, smaToken, nil, 404, 2000, nil},
		{"a Session by itself is its owner's", "/2.2.1/receiver/sessions/GB/DUN/S1", smaToken, nil, 404, 2000, nil},
		{"CDRs are not granted", "/2.2.1/sender/cdrs", smaToken, nil, 404, 2000, nil},
		{"others see what they saw", "/2.2.1" + sessions + from, exwToken, nil, 200, 1000, with},
		{"taken back", "/2.2.1" + sessions + from, smaToken, p.RemoveGrant, 200, 1000, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.change != nil {
				if err := tt.change(t.Context(), "", grant); err != nil {
					t.Fatal(err)
				}
			}
			b := &backend{}
			resp, e := request(t, serve(t, b, func(d *Deps) { d.Partners = p }), "GET", Prefix+tt.path, tt.token, "")
			if resp.StatusCode != tt.status || e.StatusCode != tt.code {
				t.Errorf("HTTP %d with %d %s, want %d with %d", resp.StatusCode, e.StatusCode, e.StatusMessage, tt.status, tt.code)
			}
			if tt.code == 1000 && string(e.Data) != "[]" {
				t.Errorf("data %s", e.Data)
			}
			var lists []settlement.ListPart
			for _, q := range b.of {
				lists = append(lists, q.Lists...)
			}
			if diff := cmp.Diff(tt.want, lists); diff != "" {
				t.Error(diff)
			}
		})
	}
}
