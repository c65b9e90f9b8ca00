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
	for name, refuse := range map[string]func() (error, Refusal){
		"of another partner": func() (error, Refusal) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 0, NewRole("CPO", "GB", "OTH"))
			return err, RefusedConflict
		},
		"of another partner, with the own token": func() (error, Refusal) {
			_, _, err := c.partners.Join(ctx, "", NewPartner{Token: "dundee-token", Roles: []Role{NewRole("CPO", "GB", "OTH")}})
			return err, RefusedConflict
		},
		"it has": func() (error, Refusal) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 0, second)
			return err, RefusedConflict
		},
		"under another version": func() (error, Refusal) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 1, NewRole("CPO", "GB", "NEW"))
			return err, RefusedConflict
		},
		"with another profile": func() (error, Refusal) {
			_, _, err := c.partners.Join(ctx, "", NewPartner{Token: "dundee-token", Profile: "strict", Roles: []Role{NewRole("CPO", "GB", "NEW")}})
			return err, RefusedConflict
		},
		"with another encoding": func() (error, Refusal) {
			_, _, err := c.partners.Join(ctx, "", NewPartner{Token: "dundee-token", Encoding: EncodingRaw, Roles: []Role{NewRole("CPO", "GB", "NEW")}})
			return err, RefusedConflict
		},
		"none": func() (error, Refusal) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 0)
			return err, RefusedInvalid
		},
		"that does not exist": func() (error, Refusal) {
			_, err := c.partners.AddRoles(ctx, "", p.ID, 0, NewRole("KING", "GB", "NEW"))
			return err, RefusedInvalid
		},
		"of nobody": func() (error, Refusal) {
			_, err := c.partners.AddRoles(ctx, "", "nobody", 0, NewRole("CPO", "GB", "NEW"))
			return err, RefusedUnknown
		},
		"removed that it has not": func() (error, Refusal) {
			_, err := c.partners.RemoveRoles(ctx, "", p.ID, 0, NewRole("CPO", "GB", "NEW"))
			return err, RefusedUnknown
		},
		"removed, all of them": func() (error, Refusal) {
			_, err := c.partners.RemoveRoles(ctx, "", p.ID, 0, p.Roles...)
			return err, RefusedConflict
		},
	} {
		t.Run(name, func(t *testing.T) {
			err, want := refuse()
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
