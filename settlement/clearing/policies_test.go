package clearing_test

import (
	"math"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement/clearing"
	"pgregory.net/rapid"
)

var _ pricing.Policies = clearing.Policies{}

// What two parties agreed for a charge's period goes before what the CPO registered, as
// of the control record that a price rests on.
func TestAnAgreedProfilePricesItsPeriod(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	by := clearing.Policies{Partners: d.partners, Agreements: d.agreements}
	tnm, emp, big := ocpi.NewParty("NL", "TNM"), ocpi.NewParty("DE", "EMP"), ocpi.NewParty("DE", "BIG")
	role := []control.Role{control.NewRole("CPO", "NL", "TNM")}
	if _, _, err := by.Add(t.Context(), "", control.NewPartner{Name: "TNM", Roles: role, Profile: "STEP_NONE"}); err != nil {
		t.Fatal(err)
	}
	d.mustAgree(t, "NL*TNM -", "2026-02", "zone=Europe/Amsterdam")     // record 1
	d.mustAgree(t, "NL*TNM DE*EMP", "2026-03", "profile=STEP_PER_DIM") // 2
	d.mustAgree(t, "NL*TNM DE*EMP", "2026-05", "profile=")             // 3: withdrawn
	d.mustAgree(t, "- DE*EMP", "2026-04", "profile=STEP_COMBINED")     // 4: wider than the pair's
	for _, c := range []struct {
		emsp  ocpi.Party
		at    string
		below int64
		want  string
	}{
		{emp, "2026-03-10T12:00:00Z", 0, ""},
		{emp, "2026-03-10T12:00:00Z", 2, "STEP_NONE"},
		{emp, "2026-03-10T12:00:00Z", 3, "STEP_PER_DIM"},
		{emp, "2026-02-28T22:59:59Z", 99, "STEP_NONE"},
		{emp, "2026-02-28T23:00:00Z", 99, "STEP_PER_DIM"}, // March in Amsterdam
		{emp, "2026-04-10T12:00:00Z", 99, "STEP_PER_DIM"},
		{emp, "2026-05-10T12:00:00Z", 4, "STEP_NONE"},
		{emp, "2026-05-10T12:00:00Z", 5, "STEP_COMBINED"},
		{big, "2026-05-10T12:00:00Z", 99, "STEP_NONE"},
	} {
		if got := by.Profile(tnm, c.emsp, at(t, c.at), c.below); got != c.want {
			t.Errorf("%s at %s below %d: %q, want %q", c.emsp, c.at, c.below, got, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { by.Profile(tnm, emp, *d.now, math.MaxInt64) }); n > 0 {
		t.Errorf("it takes %v allocations", n)
	}
}

// The profile a price is computed by is the one that terms of the charge's period have.
func TestAgreedProfilesAreThoseOfTheTerms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events := histories(rt)
		d := newDesk(t, logOf(t, events))
		by := clearing.Policies{Partners: d.partners, Agreements: d.agreements}
		for range 20 {
			pair := control.Pair{CPO: rapid.SampledFrom(cpos[1:]).Draw(rt, "of cpo"), EMSP: rapid.SampledFrom(emsps[1:]).Draw(rt, "of emsp")}
			booked := ocpi.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 150*48).Draw(rt, "half hours")) * 30 * time.Minute))
			below := int64(rapid.IntRange(0, len(events)).Draw(rt, "below"))
			zone := d.agreements.TermsAt(pair, booked.Month(), below).Zone
			want := d.agreements.TermsAt(pair, clearing.Belongs(booked, zone), below).Profile
			if got := by.Profile(pair.CPO, pair.EMSP, booked, below); got != want {
				rt.Fatalf("%s at %s below %d: %q, want %q", pair, booked, below, got, want)
			}
		}
	})
}
