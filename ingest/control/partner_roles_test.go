package control

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// A platform with several parties has one token for all of them.
func TestRolesOfAPartner(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	ctx := t.Context()
	first, _, err := c.partners.Add(ctx, "", dundee()) // offset 0
	if err != nil {
		t.Fatal(err)
	}
	second := NewRole("cpo", "gb", "pkc")
	p, joined, err := c.partners.Join(ctx, "", NewPartner{Token: "dundee-token", Roles: []Role{second}}) // 1
	if err != nil || !joined || p.ID != first.ID || p.Version != 2 {
		t.Fatalf("joined %v: %+v, %v", joined, p, err)
	}
	p, err = c.partners.AddRoles(ctx, "", p.ID, 2, NewRole("emsp", "de", "emp")) // 2
	if err != nil {
		t.Fatal(err)
	}
	parties := []ocpi.Party{{Country: "GB", ID: "DUN"}, {Country: "GB", ID: "PKC"}}
	if diff := cmp.Diff(parties, p.Charging().Parties); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]ocpi.Party{{Country: "DE", ID: "EMP"}}, p.Mobility().Parties); diff != "" {
		t.Error(diff)
	}
	if got, ok := c.partners.Authenticate("Token dundee-token"); !ok || got != p {
		t.Errorf("its token finds %+v, %v", got, ok)
	}
	emp := ocpi.NewParty("DE", "EMP")
	if c.partners.Billable(emp, 2) || !c.partners.Billable(emp, 3) {
		t.Error("the eMSP is not billable from the record on that made it one")
	}

	_, _, err = c.partners.Add(ctx, "", NewPartner{Name: "Other", Token: "other-token", Roles: []Role{NewRole("CPO", "GB", "OTH")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, refuse := range map[string]func() (Refusal, error){
		"of another partner": func() (Refusal, error) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 0, NewRole("CPO", "GB", "OTH"))
			return RefusedConflict, err
		},
		"of another partner, with the own token": func() (Refusal, error) {
			_, _, err := c.partners.Join(ctx, "", NewPartner{Token: "dundee-token", Roles: []Role{NewRole("CPO", "GB", "OTH")}})
			return RefusedConflict, err
		},
		"it has": func() (Refusal, error) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 0, second)
			return RefusedConflict, err
		},
		"under another version": func() (Refusal, error) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 1, NewRole("CPO", "GB", "NEW"))
			return RefusedConflict, err
		},
		"with another profile": func() (Refusal, error) {
			_, _, err := c.partners.Join(ctx, "", NewPartner{Token: "dundee-token", Profile: "strict", Roles: []Role{NewRole("CPO", "GB", "NEW")}})
			return RefusedConflict, err
		},
		"with another encoding": func() (Refusal, error) {
			_, _, err := c.partners.Join(ctx, "", NewPartner{Token: "dundee-token", Encoding: EncodingRaw, Roles: []Role{NewRole("CPO", "GB", "NEW")}})
			return RefusedConflict, err
		},
		"none": func() (Refusal, error) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 0)
			return RefusedInvalid, err
		},
		"that does not exist": func() (Refusal, error) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 0, NewRole("KING", "GB", "NEW"))
			return RefusedInvalid, err
		},
		"of nobody": func() (Refusal, error) {
			_, err := c.partners.AddRoles(ctx, "", "nobody", 0, NewRole("CPO", "GB", "NEW"))
			return RefusedUnknown, err
		},
		"removed that it has not": func() (Refusal, error) {
			_, err := c.partners.RemoveRoles(ctx, "", p.ID, 0, NewRole("CPO", "GB", "NEW"))
			return RefusedUnknown, err
		},
		"removed, all of them": func() (Refusal, error) {
			_, err := c.partners.RemoveRoles(ctx, "", p.ID, 0, p.Roles...)
			return RefusedConflict, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := refuse()
			wantRefusal(t, err, want)
		})
	}

	p, err = c.partners.RemoveRoles(ctx, "", p.ID, 3, NewRole("CPO", "GB", "DUN"), NewRole("EMSP", "DE", "EMP"))
	if err != nil || p.Version != 4 || len(p.Mobility().Parties) != 0 || !cmp.Equal(p.Charging().Parties, parties[1:]) {
		t.Errorf("after the removal: %+v, %v", p, err)
	}
	if !c.partners.Billable(emp, math.MaxInt64) {
		t.Error("what was priced for a party is not payable any more")
	}
	late := start(t, log, nil)
	if diff := cmp.Diff(c.published(), late.published(), allState); diff != "" {
		t.Errorf("folded at once: %s", diff)
	}
}

// Who gave up the role that its id is made of keeps the id, and leaves the role
// to others.
func TestARoleGivenUpIsFree(t *testing.T) {
	c := start(t, ingesttest.NewLog(1), nil)
	ctx := t.Context()
	if _, _, err := c.partners.Add(ctx, "", dundee()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.partners.AddRoles(ctx, "", "gb-dun-cpo", 0, NewRole("CPO", "GB", "PKC")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.partners.RemoveRoles(ctx, "", "gb-dun-cpo", 0, NewRole("CPO", "GB", "DUN")); err != nil {
		t.Fatal(err)
	}
	n := dundee()
	n.Token = ""
	p, _, err := c.partners.Add(ctx, "", n)
	if err != nil || p.ID != "gb-dun-cpo-2" {
		t.Errorf("added %+v, %v", p, err)
	}
	if _, err := c.partners.AddRoles(ctx, "", "gb-dun-cpo", 0, NewRole("CPO", "GB", "DUN")); err == nil {
		t.Error("a role belongs to two partners")
	}
}
