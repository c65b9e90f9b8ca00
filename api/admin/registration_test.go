package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// peers fake the other sides of partners.
type peers struct {
	noPeers
	partners *control.Partners
	err      error
	told     []string // ids
}

func (p *peers) Rotate(ctx context.Context, partner *control.Partner, token string, now bool) (*control.Partner, error) {
	if p.err != nil {
		return nil, p.err
	}
	changed, _, err := p.partners.Update(ctx, "", partner.ID, control.Registration{Peer: *partner.Peer, Token: token, Now: now})
	return changed, err
}

func (p *peers) Unregister(_ context.Context, partner *control.Partner) error {
	p.told = append(p.told, partner.ID)
	return p.err
}

const inviteTNM = `{"name":"TNM","roles":[{"role":"cpo","country_code":"nl","party_id":"tnm"}],"ocpi_version":"2.1.1","counterparty":"DE/EMP"}`

// registered has TNM invited and registered.
func (a *admin) registered() {
	a.t.Helper()
	var invited PartnerToken
	a.do("POST", "/invitations", inviteTNM, 201, &invited)
	r := control.Registration{
		Peer: control.Peer{
			Version: ocpi.V211, URL: "https://tnm.example/versions", Token: "0badc0de:c2VhbGVk", Encoding: control.EncodingRaw,
			Endpoints: []ocpi.Endpoint{{Identifier: "cdrs", URL: "https://tnm.example/cdrs"}},
		},
		Roles: []control.Role{control.NewRole("EMSP", "NL", "TNM")},
	}
	if _, _, err := a.deps.Partners.Register(a.t.Context(), "", invited.Partner.ID, r); err != nil {
		a.t.Fatal(err)
	}
}

func TestAdminShowsRegistration(t *testing.T) {
	a := newAdmin(t)
	var invited PartnerToken
	a.do("POST", "/invitations", inviteTNM, 201, &invited)
	p := invited.Partner
	if p.ID != "nl-tnm-cpo" || p.Stage != control.StageInvited || p.InvitedUntil == "" || p.Counterparty != "DE*EMP" || len(invited.Token) < 32 {
		t.Errorf("invited %+v", invited)
	}
	a.registered()
	a.do("PUT", "/partners/nl-tnm-cpo/policies/too_long", `{"policy":"refuse"}`, 200, &p)
	a.do("PUT", "/partners/nl-tnm-cpo/list_by", `{"list_by":"received"}`, 200, &p)
	want := Partner{
		ID: "nl-tnm-cpo", Name: "TNM", Stage: control.StageRegistered, Roles: []control.Role{control.NewRole("CPO", "NL", "TNM")}, Encoding: "auto",
		Version: 5, ListBy: "received", Pending: []control.Role{control.NewRole("EMSP", "NL", "TNM")}, Counterparty: "DE*EMP", Refuses: []string{"too_long"},
		Peer: &Peer{Version: "2.1.1", VersionsURL: "https://tnm.example/versions", Endpoints: []Endpoint{{Module: "cdrs", URL: "https://tnm.example/cdrs"}}},
	}
	p.InvitedUntil = ""
	var shown Partner
	a.do("GET", "/partners/nl-tnm-cpo", "", 200, &shown)
	if shown.LastContact == "" {
		t.Error("who has registered was never heard of")
	}
	shown.LastContact = ""
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
	for field, body := range map[string]string{
		"counterparty":          `{"name":"x","roles":[{"role":"cpo","country_code":"nl","party_id":"x"}],"counterparty":"DE/EMP"}`,
		"roles[0].country_code": `{"name":"x","roles":[{"role":"cpo","country_code":"qq","party_id":"x"}]}`,
		"profile":               `{"name":"x","roles":[{"role":"cpo","country_code":"nl","party_id":"x"}],"profile":"NONE_SUCH"}`,
		"ocpi_version":          `{"name":"x","roles":[],"ocpi_version":"2.2"}`,
	} {
		var failure struct{ Error rest.Error }
		a.do("POST", "/invitations", body, 400, &failure)
		if failure.Error.Field != field {
			t.Errorf("%s: %+v", body, failure.Error)
		}
	}
	if strings.Contains(a.logged.String(), invited.Token) || strings.Contains(a.logged.String(), "c2VhbGVk") {
		t.Errorf("a secret was logged: %s", a.logged)
	}
}

// A registered partner gets its new token over OCPI; who has leaked his loses it
// whether he can be told or not.
func TestRotationOfARegisteredPartner(t *testing.T) {
	unreachable := fmt.Errorf("%w: PUT /credentials: HTTP 500", api.ErrPeer)
	for _, tt := range []struct {
		name, body string
		err        error
		http       int
		token      bool
		problem    string
	}{
		{"reached", "", nil, 200, false, ""},
		{"reached, with a token", `{"token":"chosen-token"}`, nil, 200, false, ""},
		{"leaked", `{"now":true}`, nil, 200, false, ""},
		{"not reached", "", unreachable, 502, false, "PUT /credentials: HTTP 500"},
		{"leaked and not reached", `{"now":true}`, unreachable, 200, true, "PUT /credentials: HTTP 500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAdmin(t)
			a.remount(&peers{partners: a.deps.Partners, err: tt.err})
			a.registered()
			before, _ := a.deps.Partners.Find("nl-tnm-cpo")
			var answer struct {
				PartnerToken
				Error rest.Error
			}
			a.do("POST", "/partners/nl-tnm-cpo/rotate", tt.body, tt.http, &answer)
			if (answer.Token != "") != tt.token || !strings.Contains(answer.Problem+answer.Error.Message, tt.problem) {
				t.Errorf("answer %+v", answer)
			}
			after, _ := a.deps.Partners.Find("nl-tnm-cpo")
			if (after.Tokens[0].Hash == before.Tokens[0].Hash) != (tt.http == 502) {
				t.Errorf("tokens %v became %v", before.Tokens, after.Tokens)
			}
			if _, works := after.RotationUntil(); strings.Contains(tt.body, "now") && works {
				t.Error("the token that leaked still works")
			}
		})
	}
}

func TestRemovalOfARegisteredPartner(t *testing.T) {
	for _, err := range []error{nil, fmt.Errorf("%w: DELETE /credentials: HTTP 500", api.ErrPeer)} {
		a := newAdmin(t)
		fake := &peers{partners: a.deps.Partners, err: err}
		a.remount(fake)
		a.registered()
		var answer Removal
		a.do("DELETE", "/partners/nl-tnm-cpo", "", 200, &answer)
		if answer.Told != (err == nil) || (answer.Problem == "") != (err == nil) || !cmp.Equal(fake.told, []string{"nl-tnm-cpo"}) {
			t.Errorf("%v: %+v, told %v", err, answer, fake.told)
		}
		if _, ok := a.deps.Partners.Find("nl-tnm-cpo"); ok {
			t.Error("the partner is still there")
		}
	}
	// Where nobody can be called, that is said.
	a := newAdmin(t)
	a.registered()
	var answer Removal
	a.do("DELETE", "/partners/nl-tnm-cpo", "", 200, &answer)
	if answer.Told || answer.Problem != errNoPeers.Error() {
		t.Errorf("without peers: %+v", answer)
	}
}

// remount serves the interface anew, with other sides of partners.
func (a *admin) remount(p Peers) {
	a.deps.Peers = p
	e := api.NewEngine(a.deps.Logger, rest.Fallback("", a.deps.Logger))
	Mount(e, a.deps)
	a.handler = http.Handler(e)
}
