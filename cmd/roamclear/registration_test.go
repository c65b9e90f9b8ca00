package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

func TestInvitationCommands(t *testing.T) {
	data, d := runningService(t)
	out, err := run(t, newPartnerCmd(), "invite", "--role", "CPO", "--country", "NL", "--party", "TNM", "--version", "2.1.1", "--counterparty", "DE/EMP", "--data", data)
	token := strings.TrimSuffix(out, "\n")
	if err != nil || strings.ContainsAny(token, " \n") {
		t.Fatalf("invite: %v, output %q", err, out)
	}
	p, ok := d.partners.Authenticate("Token " + token)
	if !ok || !p.Invited() || p.ID != "nl-tnm-cpo" || p.Invitation.Version != ocpi.V211 || p.Counterparty != ocpi.NewParty("DE", "EMP") || p.Name != "NL*TNM" {
		t.Errorf("the printed token finds %+v", p)
	}
	out, err = run(t, newPartnerCmd(), "list", "--data", data)
	if err != nil || !strings.Contains(out, "invited until 2") || !strings.Contains(out, "with DE*EMP") {
		t.Errorf("list: %v\n%s", err, out)
	}
	r := control.Registration{
		Peer: control.Peer{
			Version: ocpi.V211, URL: "https://tnm.example/versions", Token: "0badc0de:c2VhbGVk", Encoding: control.EncodingRaw,
			Endpoints: []ocpi.Endpoint{{Identifier: "cdrs", URL: "https://tnm.example/cdrs"}},
		},
		Roles: []control.Role{control.NewRole("EMSP", "NL", "TNM")},
	}
	if _, _, err := d.partners.Register(t.Context(), "", p.ID, r); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, newPartnerCmd(), "policy", "set", p.ID, "too_long", "refuse", "--data", data); err != nil {
		t.Error(err)
	}
	out, err = run(t, newPartnerCmd(), "list", "--data", data, "--format", "json")
	var list admin.PartnerList
	if err != nil || json.Unmarshal([]byte(out), &list) != nil || len(list.Partners) != 1 {
		t.Fatalf("list: %v\n%s", err, out)
	}
	if one := list.Partners[0]; one.Stage != control.StageRegistered || one.Peer.Version != "2.1.1" || roleList(one.Pending) != "EMSP NL*TNM" || len(one.Refuses) != 1 {
		t.Errorf("list: %+v", one)
	}
	out, err = run(t, newPartnerCmd(), "list", "--data", data)
	if err != nil || !strings.Contains(out, "OCPI 2.1.1 with DE*EMP") || !strings.Contains(out, "EMSP NL*TNM") || !strings.Contains(out, "too_long") {
		t.Errorf("list: %v\n%s", err, out)
	}
	if _, err := run(t, newPartnerCmd(), "role", "add", p.ID, "--role", "EMSP", "--country", "NL", "--party", "TNM", "--data", data); err != nil {
		t.Error(err)
	}
	if p, _ = d.partners.Find(p.ID); len(p.Pending) > 0 || len(p.Roles) != 2 {
		t.Errorf("granted: %+v", p)
	}
	if _, err := run(t, newPartnerCmd(), "rotate", p.ID, "--data", data); err == nil || !strings.Contains(err.Error(), "calls no partners") {
		t.Errorf("rotate without a way to call the partner: %v", err)
	}
	if _, err := run(t, newPartnerCmd(), "policy", "set", p.ID, "too_long", "accept", "--data", data); err != nil {
		t.Error(err)
	}
	if p, _ = d.partners.Find(p.ID); len(p.Refuses) > 0 {
		t.Errorf("policies %v", p.Refuses)
	}
	for _, by := range []string{"received", "last_updated"} {
		if _, err := run(t, newPartnerCmd(), "list-by", p.ID, by, "--data", data); err != nil {
			t.Error(err)
		}
		if p, _ = d.partners.Find(p.ID); p.ListBy() != by {
			t.Errorf("lists are by %s, want %s", p.ListBy(), by)
		}
	}
	for want, args := range map[string][]string{
		"want last_updated or received":          {"list-by", p.ID, "created"},
		"want accept or refuse":                  {"policy", "set", p.ID, "too_long", "ignore"},
		"want the code of a finding":             {"policy", "set", p.ID, "Too long", "refuse"},
		"want one of ambiguous_tariff,":          {"policy", "set", p.ID, "too_longer", "refuse"},
		"session_billed_twice cannot be refused": {"policy", "set", p.ID, "session_billed_twice", "refuse"},
		"there is no partner nobody":             {"policy", "set", "nobody", "too_long", "refuse"},
		"accepts 3 arg(s)":                       {"policy", "set", p.ID, "too_long"},
		"--counterparty is given 2 times":        {"invite", "--role", "EMSP", "--country", "NL", "--party", "NEW", "--counterparty", "DE/EMP", "--counterparty", "DE/TNM"},
		"goes with ocpi_version 2.1.1":           {"invite", "--role", "CPO", "--country", "NL", "--party", "NEW", "--version", "2.2.1", "--counterparty", "DE/EMP"},
		"want 2.1.1, 2.2.1 or 2.3.0":             {"invite", "--role", "CPO", "--country", "NL", "--party", "NEW", "--version", "2.0"},
		"no country of ISO 3166":                 {"invite", "--role", "CPO", "--country", "QQ", "--party", "NEW"},
		"partner nl-tnm-cpo is registered":       {"invite", "--role", "CPO", "--country", "NL", "--party", "TNM"},
		`required flag(s) "party"`:               {"invite", "--role", "CPO", "--country", "NL"},
		"want one of CPO, EMSP, HUB, NAP, NSP, ": {"invite", "--role", "KING", "--country", "NL", "--party", "NEW"},
	} {
		if _, err := run(t, newPartnerCmd(), append(args, "--data", data)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

func TestPairCommands(t *testing.T) {
	data, d := runningService(t)
	pair := func(args ...string) (string, error) { return run(t, newPairCmd(), append(args, "--data", data)...) }
	if _, err := pair("add", "--cpo", "nl/tnm", "--emsp", "DE/EMP"); err != nil {
		t.Fatal(err)
	}
	if got := d.partners.Pairs(); len(got) != 1 || got[0].String() != "NL*TNM and DE*EMP" {
		t.Errorf("pairs %v", got)
	}
	out, err := pair("list")
	if want := []string{"CPO", "EMSP", "NL*TNM", "DE*EMP"}; err != nil || strings.Join(strings.Fields(out), " ") != strings.Join(want, " ") {
		t.Errorf("list: %v\n%s", err, out)
	}
	if out, err = pair("list", "--format", "json"); err != nil || !strings.Contains(out, `"cpo": "NL*TNM"`) {
		t.Errorf("list: %v\n%s", err, out)
	}
	for want, args := range map[string][]string{
		"roam with each other already":     {"add", "--cpo", "NL/TNM", "--emsp", "DE/EMP"},
		"want country and party id":        {"add", "--cpo", "TNM", "--emsp", "DE/EMP"},
		"there is no pair of NL*TNM and D": {"remove", "--cpo", "NL/TNM", "--emsp", "DE/OTH"},
		`required flag(s) "emsp"`:          {"add", "--cpo", "NL/TNM"},
	} {
		if _, err := pair(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	if _, err := pair("grant", "--cpo", "NL/TNM", "--scsp", "NL/SMA"); err != nil || len(d.partners.Grants()) != 1 {
		t.Errorf("grant: %v", err)
	}
	if out, err = pair("grants"); err != nil || strings.Join(strings.Fields(out), " ") != "CPO SCSP NL*TNM NL*SMA" {
		t.Errorf("grants: %v\n%s", err, out)
	}
	if _, err := pair("revoke", "--cpo", "nl/tnm", "--scsp", "NL*SMA"); err != nil || len(d.partners.Grants()) != 0 {
		t.Errorf("revoke: %v", err)
	}
	if _, err := pair("remove", "--cpo", "NL*TNM", "--emsp", "de/emp"); err != nil || len(d.partners.Pairs()) != 0 {
		t.Errorf("remove: %v", err)
	}
}
