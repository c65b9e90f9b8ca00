package control

import (
	"slices"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// An SCSP is no party of a Session: it reads what CPOs granted, of Sessions alone.
func TestAGrantOpensSessionsOfOneCPO(t *testing.T) {
	c := world(t)
	ctx := t.Context()
	tnm, scs := ocpi.NewParty("NL", "TNM"), ocpi.NewParty("NO", "SCS")
	grant := Grant{CPO: tnm, SCSP: scs}
	sees := func(viewer string, what ingest.Object, owner, other ocpi.Party, want bool) {
		t.Helper()
		p, _ := c.partners.Find(viewers[viewer])
		s := c.partners.Scope(p, what)
		if got := s.Holds(owner, other); got != want || s.Empty() && want {
			t.Errorf("%s sees the %s of %s for %q: %t, empty %t", viewer, what, owner, other, got, s.Empty())
		}
	}
	emp, dun := ocpi.NewParty("DE", "EMP"), ocpi.NewParty("GB", "DUN")
	sees("scs", ingest.ObjectSession, tnm, emp, false)
	if err := c.partners.AddGrant(ctx, "", grant); err != nil {
		t.Fatal(err)
	}
	sees("scs", ingest.ObjectSession, tnm, emp, true)
	sees("scs", ingest.ObjectSession, tnm, ocpi.Party{}, true) // names no eMSP
	sees("scs", ingest.ObjectSession, dun, emp, false)
	for _, other := range []ingest.Object{ingest.ObjectCDR, ingest.ObjectTariff, ingest.ObjectLocation, ingest.ObjectToken, ingest.ObjectInvoice} {
		sees("scs", other, tnm, emp, false)
	}
	sees("exw", ingest.ObjectSession, tnm, emp, false)
	sees("tnm", ingest.ObjectSession, tnm, emp, true)
	if got := c.partners.Grants(); !slices.Equal(got, []Grant{grant}) {
		t.Errorf("grants %v", got)
	}
	wantRefusal(t, c.partners.AddGrant(ctx, "", grant), RefusedConflict)
	wantRefusal(t, c.partners.AddGrant(ctx, "", Grant{ocpi.NewParty("NLD", "TNM"), scs}), RefusedInvalid)
	if err := c.partners.RemoveGrant(ctx, "", grant); err != nil {
		t.Error(err)
	}
	sees("scs", ingest.ObjectSession, tnm, emp, false)
	wantRefusal(t, c.partners.RemoveGrant(ctx, "", grant), RefusedUnknown)
}
