package clearing_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

func (d desk) name(t testing.TB, party string, from ocpi.Month, values map[string]string) error {
	t.Helper()
	p, ok := ocpi.ParseParty(party)
	if !ok {
		t.Fatalf("party %q", party)
	}
	_, _, err := d.parties.Set(t.Context(), "", clearing.NewParty{Party: p, From: from, Values: values, By: clearing.ByLocal})
	return err
}

// A statement of a period is headed by what its parties were called in it; after a
// merger it goes to whom the party was merged into, and stays the party's.
func TestPartiesAreCalledAsInThePeriod(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	tnm, shell, big := ocpi.NewParty("NL", "TNM"), ocpi.NewParty("NL", "SHR"), ocpi.NewParty("GB", "BIG")
	for _, s := range []struct {
		party  string
		from   ocpi.Month
		values map[string]string
	}{
		{"NL*TNM", 202601, map[string]string{"name": " The New Motion B.V. ", "address": "Rigakade 20\r\nAmsterdam", "vat_id": "nl 8181.61.000 B01"}},
		{"NL*TNM", 202603, map[string]string{"address": "Elsewhere 1"}},
		{"NL*TNM", 202604, map[string]string{"vat_id": "", "addressee": "nl/shr"}},
		{"NL*SHR", 202601, map[string]string{"name": "Shell Recharge"}},
		{"NL*SHR", 202605, map[string]string{"addressee": "GB*BIG"}},
	} {
		if err := d.name(t, s.party, s.from, s.values); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		period    ocpi.Month
		names     clearing.Names
		addressee ocpi.Party
		called    string
	}{
		{202512, clearing.Names{}, tnm, ""},
		{202601, clearing.Names{Name: "The New Motion B.V.", Address: "Rigakade 20\nAmsterdam", VATID: "NL818161000B01"}, tnm, "The New Motion B.V."},
		{202603, clearing.Names{Name: "The New Motion B.V.", Address: "Elsewhere 1", VATID: "NL818161000B01"}, tnm, "The New Motion B.V."},
		{202604, clearing.Names{Name: "The New Motion B.V.", Address: "Elsewhere 1", Addressee: shell}, shell, "Shell Recharge"},
		{202605, clearing.Names{Name: "The New Motion B.V.", Address: "Elsewhere 1", Addressee: shell}, big, ""},
	} {
		if diff := cmp.Diff(tc.names, d.parties.Names(tnm, tc.period)); diff != "" {
			t.Errorf("%s: %s", tc.period, diff)
		}
		if to, names := d.parties.Addressee(tnm, tc.period, math.MaxInt64); to != tc.addressee || names.Name != tc.called {
			t.Errorf("%s: statements go to %s, %q", tc.period, to, names.Name)
		}
	}
	if got := d.parties.NamesAt(tnm, 202603, 1).Address; got != "Rigakade 20\nAmsterdam" {
		t.Errorf("as of the first record the address is %q", got)
	}
	if !d.parties.Known(tnm) || d.parties.Known(big) {
		t.Error("a party is known that nothing was said of, or not")
	}
	if got := len(d.parties.Settings(shell)); got != 2 {
		t.Errorf("%d settings of %s", got, shell)
	}
}

// What cannot be said of a party.
func TestPartyValuesThatThereAreNot(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	if err := d.name(t, "NL*SHR", 202601, map[string]string{"addressee": "NL*TNM"}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ key, value, want string }{
		{"iban", "NL00", "iban: there is no such key; known are name, address, vat_id, addressee"},
		{"name", "two\nlines", "want one line"},
		{"name", "\x1b[31m", "control characters"},
		{"name", strings.Repeat("x", 501), "want 1 to 500 bytes"},
		{"vat_id", "none at all!", "want 2 to 20 letters and digits"},
		{"addressee", "nobody", "want a party such as NL*NEW"},
		{"addressee", "NL*TNM", "the statements of NL*TNM cannot go to NL*TNM: those of NL*TNM go to NL*TNM"},
		{"addressee", "NL*SHR", "the statements of NL*TNM cannot go to NL*SHR: those of NL*SHR go to NL*TNM"},
	} {
		err := d.name(t, "NL*TNM", 202601, map[string]string{tc.key: tc.value})
		_, value := errors.AsType[*clearing.ValueError](err)
		_, refused := errors.AsType[*control.Refused](err)
		if err == nil || !strings.Contains(err.Error(), tc.want) || value == refused {
			t.Errorf("%s=%q: %v, want %q", tc.key, tc.value, err, tc.want)
		}
	}
}
