package control

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// house is a machine with the domains of this package.
type house struct {
	*Machine
	installation *Installation
	partners     *Partners
	keys         *Keys
}

func open(t testing.TB, log Log, o Options) house {
	t.Helper()
	m, err := Open(t.Context(), log, o)
	if err != nil {
		t.Fatal(err)
	}
	return house{m, NewInstallation(m), NewPartners(m), NewKeys(m)}
}

// start opens a machine on the log and runs it until the test ends.
func start(t testing.TB, log Log, now func() ocpi.Time) house {
	t.Helper()
	h := open(t, log, Options{Now: now})
	controltest.Run(t, h)
	if err := h.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

func dundee() NewPartner {
	return NewPartner{Name: "Dundee City Council", Roles: []Role{NewRole("cpo", "gb", "dun")}, Token: "dundee-token"}
}

func wantRefusal(t *testing.T, err error, want Refusal) {
	t.Helper()
	refused, ok := errors.AsType[*Refused](err)
	if !ok || refused.Kind != want {
		t.Errorf("got error %v, want a refusal of kind %d", err, want)
	}
}

func TestPartnerLife(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	ctx := t.Context()

	p, token, err := c.partners.Add(ctx, "", dundee())
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != "gb-dun-cpo" || token != "dundee-token" {
		t.Errorf("got partner %q with token %q", p.ID, token)
	}
	want := ingest.Sender{ID: "gb-dun-cpo", Parties: []ocpi.Party{{Country: "GB", ID: "DUN"}}}
	if diff := cmp.Diff(want, p.Charging()); diff != "" {
		t.Error(diff)
	}
	if len(p.Mobility().Parties) != 0 {
		t.Errorf("a CPO can send as eMSP: %v", p.Mobility())
	}
	if got, ok := c.partners.Authenticate("Token dundee-token"); !ok || got != p {
		t.Errorf("its token finds %v, %v", got, ok)
	}

	_, _, err = c.partners.Add(ctx, "", dundee())
	wantRefusal(t, err, RefusedConflict)
	other := dundee()
	other.Roles = append([]Role{NewRole("CPO", "GB", "PKC")}, other.Roles...)
	_, _, err = c.partners.Add(ctx, "", other)
	wantRefusal(t, err, RefusedConflict)
	sameToken := dundee()
	sameToken.Roles = []Role{NewRole("CPO", "GB", "PKC")}
	_, _, err = c.partners.Add(ctx, "", sameToken)
	wantRefusal(t, err, RefusedConflict)

	if err := c.partners.Remove(ctx, "", p.ID, 7); err == nil {
		t.Error("removed under a version that is not the partner's")
	}
	if err := c.partners.Remove(ctx, "", p.ID, p.Version); err != nil {
		t.Error(err)
	}
	if _, ok := c.partners.Authenticate("Token dundee-token"); ok {
		t.Error("the token of a removed partner still works")
	}
	wantRefusal(t, c.partners.Remove(ctx, "", p.ID, 0), RefusedUnknown)
	if _, _, err := c.partners.Add(ctx, "", dundee()); err != nil {
		t.Errorf("add again after removal: %v", err)
	}
}

// What a price depends on is asked for as of an offset: what comes later, a
// removal too, changes no answer about before it.
func TestPoliciesAsOfAnOffset(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	exw, cpx := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("NL", "CPX")
	add := func(profile string) {
		n := NewPartner{Name: "EXW", Roles: []Role{NewRole("EMSP", "NL", "EXW"), NewRole("CPO", "NL", "CPX")}, Profile: profile}
		if _, _, err := c.partners.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	remove := func() {
		if err := c.partners.Remove(t.Context(), "", "nl-exw-emsp", 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.partners.Add(t.Context(), "", dundee()); err != nil { // offset 0
		t.Fatal(err)
	}
	add("FIRST")  // 1
	remove()      // 2
	add("SECOND") // 3
	remove()      // 4
	add("")       // 5
	remove()      // 6

	late := start(t, log, nil) // has folded all of it at once
	for _, tt := range []struct {
		below    int64
		billable bool
		profile  string
	}{
		{-1, false, ""}, {0, false, ""}, {1, false, ""}, {2, true, "FIRST"}, {3, true, "FIRST"},
		{4, true, "SECOND"}, {5, true, "SECOND"}, {6, true, ""}, {7, true, ""}, {math.MaxInt64, true, ""},
	} {
		for _, h := range []house{c, late} {
			if got := h.partners.Billable(exw, tt.below); got != tt.billable {
				t.Errorf("below %d billable is %v", tt.below, got)
			}
			if got := h.partners.Profile(cpx, tt.below); got != tt.profile {
				t.Errorf("below %d the profile is %q, want %q", tt.below, got, tt.profile)
			}
		}
	}
	if c.partners.Billable(cpx, math.MaxInt64) || c.partners.Billable(ocpi.NewParty("GB", "DUN"), math.MaxInt64) {
		t.Error("a CPO is billable")
	}
}

func TestRepeatedCommandDoesNothing(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	p, _, err := c.partners.Add(t.Context(), "add-1", dundee())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.partners.Rotate(t.Context(), "rotate-1", p.ID, 0, Rotation{Token: "second-token"}); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.partners.Rotate(t.Context(), "rotate-1", p.ID, 0, Rotation{Token: "third-token"})
	wantRefusal(t, err, RefusedRepeat)
	if _, ok := c.partners.Authenticate("Token third-token"); ok {
		t.Error("the repeat took effect")
	}
	if got, _ := c.partners.Find(p.ID); got.Version != 2 {
		t.Errorf("version %d after one change, want 2", got.Version)
	}
}

func TestOutcomeUnknownMayBeRepeated(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	log.FailNext(ingest.ErrOutcomeUnknown)
	if _, _, err := c.partners.Add(t.Context(), "add-1", dundee()); !errors.Is(err, ingest.ErrOutcomeUnknown) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := c.partners.Add(t.Context(), "add-1", dundee()); err != nil {
		t.Errorf("repeat: %v", err)
	}
}

// Two processes on one log: of two commands that contradict each other the
// first in the log wins, in both.
func TestConflictsAreDecidedByTheLog(t *testing.T) {
	log := ingesttest.NewLog(1)
	a, b := start(t, log, nil), start(t, log, nil)
	_, _, err := a.partners.Add(t.Context(), "", dundee())
	if err != nil {
		t.Fatal(err)
	}
	n := dundee()
	n.Token = "another-token"
	_, _, err = b.partners.Add(t.Context(), "", n)
	wantRefusal(t, err, RefusedConflict)
	if _, ok := b.partners.Authenticate("Token dundee-token"); !ok {
		t.Error("the second process does not know the winner")
	}
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, ingesttest.NewLog(1), nil)
		p, _, err := c.partners.Add(t.Context(), "", dundee())
		if err != nil {
			t.Fatal(err)
		}
		works := func(token string) bool {
			_, ok := c.partners.Authenticate("Token " + token)
			synctest.Wait() // a confirmation, if any, is folded
			return ok
		}
		rotate := func(token string) {
			if _, _, err := c.partners.Rotate(t.Context(), "", p.ID, 0, Rotation{Token: token}); err != nil {
				t.Fatal(err)
			}
		}
		rotate("second-token")
		if !works("dundee-token") {
			t.Error("old token refused before the new one was used")
		}
		if !works("second-token") || works("dundee-token") {
			t.Error("want the new token accepted, and the old one refused from then on")
		}
		if got, _ := c.partners.Find(p.ID); len(got.Tokens) != 1 {
			t.Errorf("%d tokens after the rotation", len(got.Tokens))
		}

		// The answer with the third token is lost and the partner rotates
		// again: it still has the second.
		rotate("third-token")
		rotate("fourth-token")
		if !works("second-token") || works("third-token") {
			t.Error("want the token in use accepted, the one never used refused")
		}
		time.Sleep(RotationGrace + time.Second)
		if works("second-token") {
			t.Error("old token accepted after the grace")
		}
		rotate("fifth-token")
		if !works("fourth-token") || !works("fifth-token") {
			t.Error("want the two newest tokens accepted")
		}
	})
}

// A rotation to a token that the partner had before is confirmed as any other:
// one record, not one a request.
func TestRotationBackToAnEarlierToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, ingesttest.NewLog(1), nil)
		p, _, err := c.partners.Add(t.Context(), "", dundee())
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{"second-token", "dundee-token", "second-token"} {
			if _, _, err := c.partners.Rotate(t.Context(), "", p.ID, 0, Rotation{Token: token}); err != nil {
				t.Fatal(err)
			}
			before := c.Next()
			for range 5 {
				if _, ok := c.partners.Authenticate("Token " + token); !ok {
					t.Errorf("%s is refused", token)
				}
				synctest.Wait()
			}
			if got, _ := c.partners.Find(p.ID); len(got.Tokens) != 1 || c.Next() != before+1 {
				t.Errorf("%s: %d tokens and %d records after five requests, want one and one", token, len(got.Tokens), c.Next()-before)
			}
		}
	})
}

// A leaked secret ends at once, whichever of the two tokens of a rotation it
// is, and by any clock.
func TestRotationNow(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	slow := start(t, log, func() ocpi.Time { return 2 })
	p, _, err := c.partners.Add(t.Context(), "", dundee())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Rotation{{Token: "second-token"}, {Token: "third-token", Now: true}} {
		if p, _, err = c.partners.Rotate(t.Context(), "", p.ID, 0, r); err != nil {
			t.Fatal(err)
		}
	}
	if until, ok := p.RotationUntil(); ok {
		t.Errorf("an old token works until %s", until)
	}
	if err := slow.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, h := range []house{c, slow} {
		for token, want := range map[string]bool{"dundee-token": false, "second-token": false, "third-token": true} {
			if _, ok := h.partners.Authenticate("Token " + token); ok != want {
				t.Errorf("%s is accepted: %v", token, ok)
			}
		}
	}
}

func TestCommandsBeforeTheLogIsFolded(t *testing.T) {
	log := ingesttest.NewLog(1)
	if _, _, err := start(t, log, nil).partners.Add(t.Context(), "", dundee()); err != nil {
		t.Fatal(err)
	}
	c := open(t, log, Options{})
	if err := c.Ready(); !errors.Is(err, ErrNotReady) {
		t.Errorf("before Run ready says %v", err)
	}
	if _, _, err := c.partners.Add(t.Context(), "", dundee()); !errors.Is(err, ErrNotReady) {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefusesATrimmedLog(t *testing.T) {
	log := ingesttest.NewLog(1)
	log.Trim(log.Partitions(ingest.TopicControl)[0], 5)
	if _, err := Open(t.Context(), log, Options{}); err == nil || !strings.Contains(err.Error(), "begins at offset 5") {
		t.Errorf("got %v", err)
	}
}
