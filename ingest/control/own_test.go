package control

import (
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
