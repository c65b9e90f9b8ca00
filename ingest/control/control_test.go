package control

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ocpi"
)

// start opens a Control on the log and runs it until the test ends.
func start(t *testing.T, log Log, now func() ocpi.Time) *Control {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Open(ctx, log, Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	if err := c.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return c
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
	log := controltest.NewLog()
	c := start(t, log, nil)
	ctx := t.Context()

	p, token, err := c.AddPartner(ctx, "", dundee())
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
	if got, ok := c.Authenticate("Token dundee-token"); !ok || got != p {
		t.Errorf("its token finds %v, %v", got, ok)
	}

	_, _, err = c.AddPartner(ctx, "", dundee())
	wantRefusal(t, err, RefusedConflict)
	other := dundee()
	other.Roles = append([]Role{NewRole("CPO", "GB", "PKC")}, other.Roles...)
	_, _, err = c.AddPartner(ctx, "", other)
	wantRefusal(t, err, RefusedConflict)
	sameToken := dundee()
	sameToken.Roles = []Role{NewRole("CPO", "GB", "PKC")}
	_, _, err = c.AddPartner(ctx, "", sameToken)
	wantRefusal(t, err, RefusedConflict)

	if err := c.RemovePartner(ctx, "", p.ID, 7); err == nil {
		t.Error("removed under a version that is not the partner's")
	}
	if err := c.RemovePartner(ctx, "", p.ID, p.Version); err != nil {
		t.Error(err)
	}
	if _, ok := c.Authenticate("Token dundee-token"); ok {
		t.Error("the token of a removed partner still works")
	}
	wantRefusal(t, c.RemovePartner(ctx, "", p.ID, 0), RefusedUnknown)
	if _, _, err := c.AddPartner(ctx, "", dundee()); err != nil {
		t.Errorf("add again after removal: %v", err)
	}
}

func TestDebtorKnown(t *testing.T) {
	c := start(t, controltest.NewLog(), nil)
	exw := ocpi.NewParty("NL", "EXW")
	if c.State().DebtorKnown(exw) {
		t.Error("known before it was added")
	}
	n := NewPartner{Name: "EXW", Roles: []Role{NewRole("EMSP", "NL", "EXW"), NewRole("CPO", "NL", "CPX")}}
	if _, _, err := c.AddPartner(t.Context(), "", n); err != nil {
		t.Fatal(err)
	}
	if !c.State().DebtorKnown(exw) || c.State().DebtorKnown(ocpi.NewParty("NL", "CPX")) {
		t.Error("want the eMSP role known, the CPO role not a debtor")
	}
}

func TestRepeatedCommandDoesNothing(t *testing.T) {
	log := controltest.NewLog()
	c := start(t, log, nil)
	p, _, err := c.AddPartner(t.Context(), "add-1", dundee())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.RotateToken(t.Context(), "rotate-1", p.ID, 0, "second-token"); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.RotateToken(t.Context(), "rotate-1", p.ID, 0, "third-token")
	wantRefusal(t, err, RefusedRepeat)
	if _, ok := c.Authenticate("Token third-token"); ok {
		t.Error("the repeat took effect")
	}
	if got, _ := c.State().Partner(p.ID); got.Version != 2 {
		t.Errorf("version %d after one change, want 2", got.Version)
	}
}

func TestOutcomeUnknownMayBeRepeated(t *testing.T) {
	log := controltest.NewLog()
	c := start(t, log, nil)
	log.FailNext(ingest.ErrOutcomeUnknown)
	if _, _, err := c.AddPartner(t.Context(), "add-1", dundee()); !errors.Is(err, ingest.ErrOutcomeUnknown) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := c.AddPartner(t.Context(), "add-1", dundee()); err != nil {
		t.Errorf("repeat: %v", err)
	}
}

// Two processes on one log: of two commands that contradict each other the
// first in the log wins, in both.
func TestConflictsAreDecidedByTheLog(t *testing.T) {
	log := controltest.NewLog()
	a, b := start(t, log, nil), start(t, log, nil)
	_, _, err := a.AddPartner(t.Context(), "", dundee())
	if err != nil {
		t.Fatal(err)
	}
	n := dundee()
	n.Token = "another-token"
	_, _, err = b.AddPartner(t.Context(), "", n)
	wantRefusal(t, err, RefusedConflict)
	if _, ok := b.Authenticate("Token dundee-token"); !ok {
		t.Error("the second process does not know the winner")
	}
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, controltest.NewLog(), nil)
		p, _, err := c.AddPartner(t.Context(), "", dundee())
		if err != nil {
			t.Fatal(err)
		}
		works := func(token string) bool {
			_, ok := c.Authenticate("Token " + token)
			synctest.Wait() // a confirmation, if any, is folded
			return ok
		}
		rotate := func(token string) {
			if _, _, err := c.RotateToken(t.Context(), "", p.ID, 0, token); err != nil {
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
		if got, _ := c.State().Partner(p.ID); len(got.Tokens) != 1 {
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

func TestAPIKeys(t *testing.T) {
	c := start(t, controltest.NewLog(), nil)
	ctx := t.Context()
	k, secret, err := c.AddKey(ctx, "", NewKey{Scopes: []string{ScopeFinanceRead}, Party: ocpi.NewParty("GB", "DUN")})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := c.State().Key("Bearer " + secret)
	if !ok || got != k || !got.Allows(ScopeFinanceRead) || got.Party != ocpi.NewParty("GB", "DUN") {
		t.Errorf("the key finds %+v, %v", got, ok)
	}
	for _, header := range []string{"", secret, "Token " + secret, "Bearer  " + secret, "Bearer " + secret + "x"} {
		if _, ok := c.State().Key(header); ok {
			t.Errorf("header %q is accepted", header)
		}
	}
	_, _, err = c.AddKey(ctx, "", NewKey{Scopes: []string{"everything"}})
	wantRefusal(t, err, RefusedInvalid)
	if err := c.RemoveKey(ctx, "", k.ID); err != nil {
		t.Error(err)
	}
	wantRefusal(t, c.RemoveKey(ctx, "", k.ID), RefusedUnknown)
	if _, ok := c.State().Key("Bearer " + secret); ok {
		t.Error("a removed key still works")
	}
}

func TestCommandsBeforeTheLogIsFolded(t *testing.T) {
	log := controltest.NewLog()
	if _, _, err := start(t, log, nil).AddPartner(t.Context(), "", dundee()); err != nil {
		t.Fatal(err)
	}
	c, err := Open(t.Context(), log, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Ready() {
		t.Error("ready before Run")
	}
	if _, _, err := c.AddPartner(t.Context(), "", dundee()); !errors.Is(err, ErrNotReady) {
		t.Errorf("got %v", err)
	}
}

func TestRunStops(t *testing.T) {
	good := func(t *testing.T, log *controltest.Log) {
		if _, _, err := start(t, log, nil).AddPartner(t.Context(), "", dundee()); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		damage func(r []ingest.Record)
		want   string
	}{
		"unknown event": {func(r []ingest.Record) {
			r[0].Body = []byte(`{"type":"moon.landed","v":1,"command":"x","at":1,"data":{}}`)
		}, `"moon.landed" version 1 is unknown`},
		"newer version": {func(r []ingest.Record) {
			r[0].Body = []byte(`{"type":"partner.removed","v":2,"command":"x","at":1,"data":{}}`)
		}, `"partner.removed" version 2 is unknown`},
		"unknown member": {func(r []ingest.Record) {
			r[0].Body = []byte(`{"type":"partner.removed","v":1,"command":"x","at":1,"data":{"id":"x","why":1}}`)
		}, `unknown field "why"`},
		"not JSON":       {func(r []ingest.Record) { r[0].Body = []byte(`{`) }, "control record 0"},
		"two values":     {func(r []ingest.Record) { r[0].Body = append(r[0].Body, "{}"...) }, "bytes after"},
		"offset missing": {func(r []ingest.Record) { r[0].Offset = 3 }, "records are missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			log := controltest.NewLog()
			good(t, log)
			log.Damage(tt.damage)
			c, err := Open(t.Context(), log, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestOpenRefusesATrimmedLog(t *testing.T) {
	log := controltest.NewLog()
	log.Start = 5
	if _, err := Open(t.Context(), log, Options{}); err == nil || !strings.Contains(err.Error(), "begins at offset 5") {
		t.Errorf("got %v", err)
	}
}
