package control

import (
	"slices"
	"strings"
	"testing"

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
				if s := c.partners.Scope(p, tt.what); s.Empty() && slices.Contains(want, name) {
					t.Errorf("pairs only %t: %s sees no %s at all", pairsOnly, name, tt.what)
				}
			}
		}
	}
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
