package control

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// world is a house with a partner for each role, and one for two of them.
func world(t *testing.T) house {
	t.Helper()
	c := start(t, ingesttest.NewLog(1), nil)
	for _, roles := range []string{"CPO NL*TNM", "CPO GB*DUN", "EMSP DE*EMP", "EMSP NL*EXW", "NAP FR*NAP", "NSP DE*NSP", "OTHER SE*OTH", "SCSP NO*SCS", "CPO BE*TWO,EMSP BE*TWO"} {
		var n NewPartner
		for role := range strings.SplitSeq(roles, ",") {
			name, party, _ := strings.Cut(role, " ")
			p, _ := ocpi.ParseParty(party)
			n.Name, n.Roles = party, append(n.Roles, NewRole(name, p.Country, p.ID))
		}
		if _, _, err := c.partners.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	// Over OCPI 2.1.1, with one counterparty each.
	for role, counterparty := range map[string]string{"CPO": "DE*EMP", "EMSP": "NL*TNM"} {
		n := NewInvitation{Name: role, Roles: []Role{NewRole(role, "IT", "ONE")}}
		n.Counterparty, _ = ocpi.ParseParty(counterparty)
		if _, _, err := c.partners.Invite(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// viewers are the partners by the names that the tables below have.
var viewers = map[string]string{
	"tnm": "nl-tnm-cpo", "dun": "gb-dun-cpo", "emp": "de-emp-emsp", "exw": "nl-exw-emsp", "nap": "fr-nap-nap", "nsp": "de-nsp-nsp",
	"oth": "se-oth-other", "scs": "no-scs-scsp", "two": "be-two-cpo", "one-cpo": "it-one-cpo", "one-emsp": "it-one-emsp",
}

func TestWhoSeesWhat(t *testing.T) {
	tests := []struct {
		what         ingest.Object
		owner, other string
		open, paired string // who sees it, where all roam and where TNM and EMP alone do
	}{
		{ingest.ObjectLocation, "NL*TNM", "", "tnm emp exw nap nsp oth two one-emsp", "tnm emp"},
		{ingest.ObjectLocation, "GB*DUN", "", "dun emp exw nap nsp oth two", "dun"},
		{ingest.ObjectLocation, "FR*NAP", "", "nap emp exw nsp oth two", "nap"},
		{ingest.ObjectLocation, "BE*TWO", "", "two emp exw nap nsp oth", "two"},
		{ingest.ObjectTariff, "NL*TNM", "", "tnm emp exw nap nsp oth two one-emsp", "tnm emp"},
		{ingest.ObjectTariff, "NL*TNM", "DE*EMP", "tnm emp", "tnm emp"},
		{ingest.ObjectTariff, "NL*TNM", "NL*EXW", "tnm exw", "tnm"},
		{ingest.ObjectTariff, "NL*TNM", "BE*TWO", "tnm two", "tnm"},
		{ingest.ObjectTariff, "NL*TNM", "GB*DUN", "tnm", "tnm"},
		{ingest.ObjectTariff, "NL*TNM", "IT*ONE", "tnm one-emsp", "tnm"},
		{ingest.ObjectTariff, "GB*DUN", "IT*ONE", "dun", "dun"},
		{ingest.ObjectToken, "DE*EMP", "", "emp tnm dun two one-cpo", "emp tnm"},
		{ingest.ObjectToken, "NL*EXW", "", "exw tnm dun two", "exw"},
		{ingest.ObjectSession, "NL*TNM", "DE*EMP", "tnm emp", "tnm emp"},
		{ingest.ObjectSession, "GB*DUN", "DE*EMP", "dun emp", "dun emp"},
		{ingest.ObjectCDR, "NL*TNM", "NL*EXW", "tnm exw", "tnm exw"},
		{ingest.ObjectCDR, "BE*TWO", "BE*TWO", "two", "two"},
		{ingest.ObjectCDR, "BE*TWO", "NO*SCS", "two", "two"},
		{ingest.ObjectCDR, "NL*TNM", "", "tnm", "tnm"},
		{ingest.ObjectCDR, "NL*TNM", "IT*ONE", "tnm one-emsp", "tnm one-emsp"},
		{ingest.ObjectCDR, "GB*DUN", "IT*ONE", "dun", "dun"},
		{ingest.ObjectCDR, "IT*ONE", "DE*EMP", "one-cpo emp", "one-cpo emp"},
		{ingest.ObjectCDR, "IT*ONE", "NL*EXW", "exw", "exw"},
	}
	for _, pairsOnly := range []bool{false, true} {
		c := world(t)
		if err := c.partners.AddPair(t.Context(), "", Pair{ocpi.NewParty("NL", "TNM"), ocpi.NewParty("DE", "EMP")}); err != nil {
			t.Fatal(err)
		}
		if pairsOnly {
			c.partners.PairsOnly()
		}
		for _, tt := range tests {
			owner, _ := ocpi.ParseParty(tt.owner)
			other, _ := ocpi.ParseParty(tt.other)
			want := strings.Fields(tt.open)
			if pairsOnly {
				want = strings.Fields(tt.paired)
			}
			for name, id := range viewers {
				p, ok := c.partners.Find(id)
				if !ok {
					t.Fatalf("there is no %s", id)
				}
				if got := c.partners.Sees(p, tt.what, owner, other); got != slices.Contains(want, name) {
					t.Errorf("pairs only %t: %s sees the %s of %s for %q: %t", pairsOnly, name, tt.what, tt.owner, tt.other, got)
				}
				s := c.partners.Scope(p, tt.what)
				if s.Empty() && slices.Contains(want, name) {
					t.Errorf("pairs only %t: %s sees no %s at all", pairsOnly, name, tt.what)
				}
				if others, all := s.Others(owner); (all || slices.Contains(others, other)) != slices.Contains(want, name) {
					t.Errorf("pairs only %t: of the %ss of %s %s sees those for %v, all %t", pairsOnly, tt.what, tt.owner, name, others, all)
				}
			}
		}
	}
}

// What a party published is seen by nobody else once nobody has it in a role that
// publishes, and again when somebody does. What two parties owe each other stays.
func TestWhoSeesWhatOfFormerPartners(t *testing.T) {
	c := world(t)
	ctx := t.Context()
	tnm, exw := ocpi.NewParty("NL", "TNM"), ocpi.NewParty("NL", "EXW")
	remove := func(id string) func() error { return func() error { return c.partners.Remove(ctx, "", id, 0) } }
	add := func(roles ...Role) func() error {
		return func() error {
			_, _, err := c.partners.Add(ctx, "", NewPartner{Name: "again", Roles: roles})
			return err
		}
	}
	steps := []struct {
		name string
		do   func() error
		gone string // what others do not see
	}{
		{"all there", func() error { return nil }, ""},
		{"a CPO is removed", remove("nl-tnm-cpo"), "location NL*TNM"},
		{"an eMSP is removed", remove("de-emp-emsp"), "location NL*TNM, token DE*EMP"},
		{"a NAP is removed", remove("fr-nap-nap"), "location FR*NAP, location NL*TNM, token DE*EMP"},
		{"the CPO comes back", add(NewRole(RoleCPO, "NL", "TNM")), "location FR*NAP, token DE*EMP"},
		{"the eMSP in another role", add(NewRole(RoleCPO, "DE", "EMP")), "location FR*NAP, token DE*EMP"},
		{"the NAP as CPO", add(NewRole(RoleCPO, "FR", "NAP")), "token DE*EMP"},
		{"one gives up one of its roles", func() error {
			_, err := c.partners.RemoveRoles(ctx, "", "be-two-cpo", 0, NewRole(RoleEMSP, "BE", "TWO"))
			return err
		}, "token BE*TWO, token DE*EMP"},
		{"and has it again", func() error {
			_, err := c.partners.AddRoles(ctx, "", "be-two-cpo", 0, NewRole(RoleEMSP, "BE", "TWO"))
			return err
		}, "token DE*EMP"},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := notSeen(t, c, step.name); got != step.gone {
			t.Errorf("%s: not seen are %q, want %q", step.name, got, step.gone)
		}
		debtor, _ := c.partners.Find(viewers["exw"])
		if !c.partners.Sees(debtor, ingest.ObjectCDR, tnm, exw) || !c.partners.Sees(debtor, ingest.ObjectSession, tnm, exw) {
			t.Errorf("%s: a CDR or a Session is not its debtor's any more", step.name)
		}
	}
	one, _ := c.partners.Find(viewers["one-emsp"]) // whose one counterparty is NL*TNM
	if err := c.partners.Remove(ctx, "", "nl-tnm-cpo", 0); err != nil {
		t.Fatal(err)
	}
	if c.partners.Sees(one, ingest.ObjectLocation, tnm, ocpi.Party{}) {
		t.Error("the one counterparty that is gone is seen")
	}
	late := start(t, c.log, nil)
	if diff := cmp.Diff(c.published(), late.published(), allState); diff != "" {
		t.Errorf("folded at once: %s", diff)
	}
}

// notSeen says whose Locations, and Tariffs with them, and whose Tokens are not seen
// by others.
func notSeen(t *testing.T, c house, when string) string {
	t.Helper()
	var list []string
	for _, tt := range []struct {
		what   ingest.Object
		viewer string
		owners []string
	}{{ingest.ObjectLocation, "exw", []string{"FR*NAP", "NL*TNM", "BE*TWO"}}, {ingest.ObjectToken, "dun", []string{"BE*TWO", "DE*EMP"}}} {
		viewer, _ := c.partners.Find(viewers[tt.viewer])
		for _, name := range tt.owners {
			owner, _ := ocpi.ParseParty(name)
			seen := c.partners.Sees(viewer, tt.what, owner, ocpi.Party{})
			if excepted := slices.Contains(c.partners.Scope(viewer, tt.what).Except, owner); excepted == seen {
				t.Errorf("%s: the %s of %s is seen: %t; excepted: %t", when, tt.what, owner, seen, excepted)
			}
			for _, recipient := range []ocpi.Party{{}, ocpi.NewParty("NL", "EXW")} {
				if tt.what == ingest.ObjectLocation && c.partners.Sees(viewer, ingest.ObjectTariff, owner, recipient) != seen {
					t.Errorf("%s: a Tariff of %s for %q is seen: %t", when, owner, recipient, !seen)
				}
			}
			if !seen {
				list = append(list, tt.what.String()+" "+name)
			}
		}
	}
	return strings.Join(list, ", ")
}

func TestPairs(t *testing.T) {
	c := world(t)
	ctx := t.Context()
	one, two := Pair{ocpi.NewParty("NL", "TNM"), ocpi.NewParty("DE", "EMP")}, Pair{ocpi.NewParty("NL", "TNM"), ocpi.NewParty("NL", "EXW")}
	c.partners.PairsOnly()
	sees := func(want ...string) {
		t.Helper()
		var got []string
		for name, id := range viewers {
			if p, _ := c.partners.Find(id); c.partners.Sees(p, ingest.ObjectLocation, one.CPO, ocpi.Party{}) {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("seen by %v, want %v", got, want)
		}
	}
	sees("tnm")
	for _, p := range []Pair{one, two} {
		if err := c.partners.AddPair(ctx, "", p); err != nil {
			t.Fatal(err)
		}
	}
	sees("emp", "exw", "tnm")
	if got := c.partners.Pairs(); !slices.Equal(got, []Pair{one, two}) {
		t.Errorf("pairs %v", got)
	}
	wantRefusal(t, c.partners.AddPair(ctx, "", one), RefusedConflict)
	if err := c.partners.RemovePair(ctx, "", one); err != nil {
		t.Error(err)
	}
	sees("exw", "tnm")
	wantRefusal(t, c.partners.RemovePair(ctx, "", one), RefusedUnknown)
	wantRefusal(t, c.partners.AddPair(ctx, "", Pair{ocpi.NewParty("NLD", "TNM"), one.EMSP}), RefusedInvalid)
}

func TestCounterparts(t *testing.T) {
	c := world(t)
	roles := func(id string) string {
		p, _ := c.partners.Find(id)
		var list []string
		for _, other := range c.partners.Counterparts(p) {
			if other.Partner.ID == id {
				t.Errorf("%s is its own counterpart", id)
			}
			list = append(list, other.Role.String())
		}
		return strings.Join(list, ", ")
	}
	check := func(want map[string]string) {
		t.Helper()
		for name, list := range want {
			if got := roles(viewers[name]); got != list {
				t.Errorf("%s reaches %q, want %q", name, got, list)
			}
		}
	}
	check(map[string]string{
		"tnm":      "EMSP BE*TWO, EMSP DE*EMP, NSP DE*NSP, NAP FR*NAP, EMSP IT*ONE, EMSP NL*EXW, OTHER SE*OTH",
		"nsp":      "CPO BE*TWO, NAP FR*NAP, CPO GB*DUN, CPO IT*ONE, CPO NL*TNM",
		"scs":      "",
		"one-cpo":  "EMSP DE*EMP",
		"one-emsp": "CPO NL*TNM",
	})
	c.partners.PairsOnly()
	check(map[string]string{"tnm": "", "emp": ""})
	if err := c.partners.AddPair(t.Context(), "", Pair{ocpi.NewParty("NL", "TNM"), ocpi.NewParty("DE", "EMP")}); err != nil {
		t.Fatal(err)
	}
	check(map[string]string{"tnm": "EMSP DE*EMP", "emp": "CPO NL*TNM", "dun": "", "nsp": ""})
}

func TestRolesOfVersions(t *testing.T) {
	for v, want := range map[ocpi.Version]string{
		ocpi.V211: "CPO EMSP", ocpi.V221: "CPO EMSP HUB NAP NSP OTHER SCSP", ocpi.V230: "CPO EMSP NAP NSP OTHER SCSP",
	} {
		if got := strings.Join(RolesIn(v), " "); got != want {
			t.Errorf("%s: %s, want %s", v, got, want)
		}
	}
}

// However many parties there were and are no more, who sees what is asked for with each
// request, and costs it nothing of them.
func TestVeryManyFormerPartners(t *testing.T) {
	c := world(t)
	const many = 10_000
	s := &c.partners.state
	change := func(fold func(p *partners)) { // as a fold does
		fold(&s.Folded)
		s.Publish()
	}
	role := func(i int) Role { return Role{RoleCPO, "ZZ", fmt.Sprintf("%03X", i)} }
	change(func(p *partners) {
		for i := range many {
			p.vacate([]Role{role(i), {RoleNAP, "ZZ", role(i).PartyID}})
		}
	})
	exw, _ := c.partners.Find("nl-exw-emsp")
	check := func(except int) {
		t.Helper()
		scope := c.partners.Scope(exw, ingest.ObjectLocation)
		if len(scope.Except) != except || !slices.IsSortedFunc(scope.Except, compareParties) {
			t.Errorf("%d parties are left out, want %d, in order", len(scope.Except), except)
		}
		if scope.Holds(role(7).Party(), ocpi.Party{}) || !scope.Holds(ocpi.NewParty("NL", "TNM"), ocpi.Party{}) {
			t.Error("another scope than its parties say")
		}
	}
	check(many)
	if n := testing.AllocsPerRun(10, func() { c.partners.Scope(exw, ingest.ObjectLocation) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
	again, _, err := c.partners.Add(t.Context(), "", NewPartner{Name: "again", Roles: []Role{role(8)}})
	if err != nil {
		t.Fatal(err)
	}
	check(many - 1)
	if err := c.partners.Remove(t.Context(), "", again.ID, 0); err != nil {
		t.Fatal(err)
	}
	check(many)
}
