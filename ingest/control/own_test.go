package control

import (
	"context"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

func TestOurCredentials(t *testing.T) {
	c := world(t)
	self := Self{Party: ocpi.NewParty("ZZ", "RCH"), Name: "roamclear"}
	for _, tt := range []struct {
		viewer  string
		version ocpi.Version
		want    string
	}{
		{"tnm", ocpi.V221, "HUB ZZ*RCH roamclear"},
		{"scs", ocpi.V221, "HUB ZZ*RCH roamclear"},
		{"scs", ocpi.V230, "OTHER ZZ*RCH roamclear"},
		// IT*ONE is only invited.
		{"tnm", ocpi.V230, "EMSP BE*TWO BE*TWO, EMSP DE*EMP DE*EMP, NSP DE*NSP DE*NSP, NAP FR*NAP FR*NAP, EMSP NL*EXW NL*EXW, OTHER SE*OTH SE*OTH"},
		{"tnm", ocpi.V211, " ZZ*RCH roamclear"},
		{"one-cpo", ocpi.V211, " DE*EMP DE*EMP"},
	} {
		p, _ := c.partners.Find(viewers[tt.viewer])
		got := c.partners.Credentials(p, tt.version, self, "t0ken-of-theirs", "https://roam.example/ocpi/versions")
		var roles []string
		for _, r := range got.Roles {
			roles = append(roles, r.Role+" "+r.Party.String()+" "+r.Name)
		}
		if list := strings.Join(roles, ", "); list != tt.want || got.Hub != self.Party || got.Token != "t0ken-of-theirs" || !strings.HasSuffix(got.URL, "/ocpi/versions") {
			t.Errorf("%s in %s: %s, want %s", tt.viewer, tt.version, list, tt.want)
		}
		if _, err := got.Encode(tt.version); err != nil {
			t.Error(err)
		}
	}
}

// What a partner was shown is held against what it would be shown now: what does
// not concern it is no news.
func TestWhatAPartnerWasTold(t *testing.T) {
	c := world(t)
	ctx := t.Context()
	self := Self{Party: ocpi.NewParty("ZZ", "RCH"), Name: "roamclear"}
	peer := *somePeer()
	peer.Version = ocpi.V230
	register := func(change func(context.Context, string, string, Registration) (*Partner, string, error)) {
		t.Helper()
		p, _ := c.partners.Find(viewers["tnm"])
		own := c.partners.Credentials(p, ocpi.V230, self, "", "")
		if _, _, err := change(ctx, "", p.ID, Registration{Peer: peer, Told: Told(own)}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, outdated, updated bool) {
		t.Helper()
		p, _ := c.partners.Find(viewers["tnm"])
		_, at, got := c.partners.Outdated(p, self)
		if got != outdated || at.IsSet() != updated {
			t.Errorf("%s: outdated %t, updated at %s", when, got, at)
		}
	}
	add := func(role, id string) {
		t.Helper()
		if _, _, err := c.partners.Add(ctx, "", NewPartner{Name: id, Roles: []Role{NewRole(role, "NL", id)}}); err != nil {
			t.Fatal(err)
		}
	}
	check("not registered", false, false)
	register(c.partners.Register)
	check("registered", false, false)
	add("CPO", "NEW")
	check("another CPO", false, false)
	add("EMSP", "NEX")
	check("another eMSP", true, false)
	register(c.partners.Update)
	check("told", false, true)
	if err := c.partners.Remove(ctx, "", "nl-nex-emsp", 0); err != nil {
		t.Fatal(err)
	}
	check("the eMSP is gone", true, true)
}
