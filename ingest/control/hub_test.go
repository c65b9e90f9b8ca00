package control

import (
	"errors"
	"testing"

	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// A hub is believed that was granted; one that is only offered where nobody else is that
// party, nor offered it before, nor we are it.
func TestWhichHubIsBelieved(t *testing.T) {
	ours := ocpi.NewParty("ZZ", "RCH")
	c := start(t, ingesttest.NewLog(1), nil)
	peerAt := func(party string) Peer {
		at := *somePeer()
		at.URL = "https://" + party[:1] + ".example/ocpi/versions" // a platform has what begins alike
		return at
	}
	registers := func(role, country, party string, offered ...Role) string {
		t.Helper()
		p, _, err := c.partners.Invite(t.Context(), "", NewInvitation{Name: party, Roles: []Role{NewRole(role, country, party)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = c.partners.Register(t.Context(), "", p.ID, Registration{Peer: peerAt(party), Roles: offered}); err != nil {
			t.Fatal(err)
		}
		return p.ID
	}
	hub := func(id string) string {
		p, _ := c.partners.Find(id)
		if party, ok := c.partners.Hub(p, ours); ok {
			return party.String()
		}
		return ""
	}
	registers("EMSP", "DE", "RIV")
	names := map[string]string{}
	for _, one := range []struct {
		party   string
		role    string
		offered []Role
		want    string
	}{
		{"AAA", "CPO", []Role{NewRole("HUB", "DE", "RIV")}, ""},
		{"BBB", "CPO", []Role{NewRole("HUB", "ZZ", "RCH")}, ""},
		{"CCC", "CPO", []Role{NewRole("HUB", "NL", "HUB")}, "NL*HUB"},
		{"DDD", "CPO", []Role{NewRole("HUB", "NL", "HUB")}, ""},
		{"EEE", "CPO", []Role{NewRole("HUB", "NL", "HUB"), NewRole("HUB", "NL", "EE2")}, "NL*EE2"},
		{"CC2", "CPO", []Role{NewRole("HUB", "NL", "HUB")}, "NL*HUB"}, // the platform of CCC
		{"FFF", "CPO", []Role{NewRole("HUB", "NL", "FFF")}, "NL*FFF"},
		{"GGG", "HUB", nil, "NL*GGG"},
		{"HHH", "CPO", []Role{NewRole("CPO", "NL", "HH2")}, ""},
		{"III", "CPO", []Role{NewRole("HUB", "NL", "HH2")}, ""},
	} {
		names[one.party] = registers(one.role, "NL", one.party, one.offered...)
		if got := hub(names[one.party]); got != one.want {
			t.Errorf("%s, which offers %v: %q, want %q", one.party, one.offered, got, one.want)
		}
	}
	if _, _, err := c.partners.Update(t.Context(), "", names["CCC"], Registration{Peer: peerAt("CCC"), Roles: []Role{NewRole("HUB", "NL", "HUB")}}); err != nil || hub(names["CCC"]) != "NL*HUB" || hub(names["DDD"]) != "" {
		t.Errorf("registered again: %q and %q, %v", hub(names["CCC"]), hub(names["DDD"]), err)
	}
	if err := errors.Join(c.partners.Remove(t.Context(), "", names["CCC"], 0), c.partners.Remove(t.Context(), "", names["CC2"], 0)); err != nil || hub(names["DDD"]) != "NL*HUB" {
		t.Errorf("the first is removed: %q, %v", hub(names["DDD"]), err)
	}
	if _, err := c.partners.AddRoles(t.Context(), "", names["EEE"], 0, NewRole("HUB", "NL", "HUB")); err != nil || hub(names["EEE"]) != "NL*HUB" || hub(names["DDD"]) != "" {
		t.Errorf("granted: %q and %q, %v", hub(names["EEE"]), hub(names["DDD"]), err)
	}
}
