package clearing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// What belongs before a begin is settled elsewhere; a wrong one is put right by the
// next one, until the scope has closed something.
func TestSettlementBegins(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1)) // in June 2026
	for _, c := range []struct{ scope, month, want string }{
		{"house", "2026-03", ""},
		{"house", "2026-03", "the house begins with 2026-03 already"},
		{"house", "2026-01", ""}, // put right
		{"house", "2027-07", "2027-07 is more than 12 months ahead: begin with 2027-06 or before"},
		{"NL*TNM DE*EMP", "2025-12", "the house begins with 2026-01 already, and with it NL*TNM → DE*EMP"},
		{"NL*TNM DE*EMP", "2026-04", ""},
		{"NL*TNM -", "2026-05", ""}, // wider than the pair, and later
		{"NL*TNM DE*EMP", "2026-05", "NL*TNM as CPO begins with 2026-05 already, and with it NL*TNM → DE*EMP"},
		{"- DE*EMP", "2026-02", ""},
	} {
		err := d.closes.Begin(t.Context(), "", clearing.NewBegin{Scope: scope(t, c.scope), Month: month(t, c.month), By: clearing.ByLocal})
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("%s begins with %s: %v, want %q", c.scope, c.month, err, c.want)
		}
	}
	// Records: the house is begun by 0 and, put right, by 2; the pair by 5, its CPO by 6.
	for _, tc := range []struct {
		pair  string
		below int64
		want  ocpi.Month
	}{
		{"NL*TNM DE*EMP", 0, 0},
		{"NL*TNM DE*EMP", 1, 202602},
		{"NL*TNM DE*EMP", 3, 202512},
		{"NL*TNM DE*EMP", 6, 202603},
		{"NL*TNM DE*EMP", 99, 202604},
		{"NL*TNM DE*BIG", 99, 202604},
		{"GB*DUN DE*EMP", 99, 202601},
		{"GB*DUN DE*BIG", 99, 202512},
	} {
		if got := d.closes.ClosedThroughAt(pairOf(t, tc.pair), tc.below); got != tc.want {
			t.Errorf("%s below %d: closed through %s, want %s", tc.pair, tc.below, got, tc.want)
		}
	}
	var begins []string
	for _, b := range d.closes.Begins() {
		begins = append(begins, fmt.Sprintf("%s %s by %s", b.Scope, b.Month, b.By))
	}
	if got, want := strings.Join(begins, ", "), "the house 2026-01 by local, DE*EMP as eMSP 2026-02 by local, NL*TNM as CPO 2026-05 by local, NL*TNM → DE*EMP 2026-04 by local"; got != want {
		t.Errorf("begins are %s, want %s", got, want)
	}
	for _, tc := range []struct {
		scope string
		month ocpi.Month
		want  bool
	}{
		{"NL*TNM DE*EMP", 202604, true}, // its CPO's
		{"NL*TNM DE*EMP", 202605, false},
		{"GB*DUN DE*EMP", 202601, true}, // its eMSP's
		{"GB*DUN DE*EMP", 202602, false},
		{"GB*DUN DE*BIG", 202512, true}, // the house's
		{"GB*DUN DE*BIG", 202601, false},
	} {
		if at := d.closes.ElsewhereSince(clearing.ScopeOf(pairOf(t, tc.scope)), tc.month); at.IsSet() != tc.want {
			t.Errorf("%s: %s is settled elsewhere since %s, want %t", tc.scope, tc.month, at, tc.want)
		}
	}
	if len(d.closes.Months()) > 0 {
		t.Error("a begin closes a month")
	}
}

// A month that was closed before there were begins means that settlement begins after
// it, whatever was not closed before.
func TestAClosedMonthIsABegin(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	pair := pairOf(t, "NL*TNM DE*EMP")
	if got := d.closes.ClosedThrough(pair); !got.IsZero() {
		t.Errorf("closed through %s from the start", got)
	}
	for _, m := range []ocpi.Month{202603, 202601} {
		if err := d.closes.Close(t.Context(), "", m); err != nil {
			t.Fatal(err)
		}
		if got := d.closes.ClosedThrough(pair); got != 202603 {
			t.Errorf("%s closed: closed through %s, want 2026-03", m, got)
		}
	}
	for below, want := range map[int64]ocpi.Month{0: 0, 1: 202603, 2: 202603} {
		if got := d.closes.ClosedThroughAt(pair, below); got != want {
			t.Errorf("below %d: closed through %s, want %s", below, got, want)
		}
	}
	for m, want := range map[ocpi.Month]string{202603: "2026-03 is closed, and nothing begins before its end: begin with 2026-04 or later", 202604: "<nil>"} {
		if err := d.closes.Begin(t.Context(), "", clearing.NewBegin{Month: m, By: clearing.ByLocal}); fmt.Sprint(err) != want {
			t.Errorf("begin with %s: %v, want %s", m, err, want)
		}
	}
}
