package rest_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// instance runs one of several instances on a control log.
func instance(t *testing.T, log *ingesttest.Log) *control.Keys {
	t.Helper()
	m, err := control.Open(t.Context(), log, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys := control.NewKeys(m)
	controltest.Run(t, m)
	if err := m.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return keys
}

// plain is a request over a connection without certificates.
var plain = httptest.NewRequest("GET", "/", nil)

func TestSession(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := instance(t, log)
	party := ocpi.NewParty("GB", "DUN")
	k, secret, err := c.Add(t.Context(), "", control.NewKey{Name: "books", Scopes: []string{rest.ScopeRead}, Party: party})
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := c.Add(t.Context(), "", control.NewKey{Name: "other", Scopes: []string{rest.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	keys, now := rest.Keys{Known: c}, time.Unix(1_800_000_000, 0)
	session, key, err := keys.SignIn(plain, secret, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := rest.Key{ID: k.ID, Name: "books", Scopes: []string{rest.ScopeRead}, Party: party}
	if diff := cmp.Diff(want, key); diff != "" {
		t.Error(diff)
	}
	if again, _, _ := keys.SignIn(plain, secret, now.Add(time.Hour)); again == session || strings.Contains(session, secret) {
		t.Errorf("session %q, another %q of key %q", session, again, secret)
	}
	otherSession, _, err := keys.SignIn(plain, other, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}

	// Another instance knows it, and lets it end.
	replica := rest.Keys{Known: instance(t, log)}
	if got, err := replica.Session(plain, session, now.Add(time.Hour-time.Second)); err != nil || !cmp.Equal(got, want) {
		t.Errorf("another instance: %+v, %v", got, err)
	}
	part, otherPart := strings.Split(session, "."), strings.Split(otherSession, ".")
	for name, wrong := range map[string]string{
		"nothing": "", "the key itself": secret, "no seal": strings.Join(part[:3], "."), "an empty seal": strings.Join(part[:3], ".") + ".",
		"a longer life":    strings.Join([]string{part[0], "1900000000", part[2], part[3]}, "."),
		"another's rights": strings.Join([]string{otherPart[0], part[1], part[2], part[3]}, "."),
		"another's seal":   strings.Join([]string{part[0], part[1], part[2], otherPart[3]}, "."),
		"more parts":       "x." + session,
	} {
		if _, err := keys.Session(plain, wrong, now); !errors.Is(err, rest.ErrNoKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keys.Session(plain, session, now.Add(time.Hour)); !errors.Is(err, rest.ErrNoKey) {
		t.Errorf("after its end: %v", err)
	}
	if err := c.Remove(t.Context(), "", k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Session(plain, session, now); !errors.Is(err, rest.ErrNoKey) {
		t.Errorf("after its key was removed: %v", err)
	}
}

// A session ends with the secret that it was signed in with, and with its key.
func TestSessionsOfARotatedKey(t *testing.T) {
	c := instance(t, ingesttest.NewLog(1))
	keys, now := rest.Keys{Known: c}, c.Now().Go()
	end := c.Now() + ocpi.Time(time.Hour)
	k, secret, err := c.Add(t.Context(), "", control.NewKey{Scopes: []string{rest.ScopeRead}, Expires: end})
	if err != nil {
		t.Fatal(err)
	}
	signIn := func(secret string) string {
		t.Helper()
		session, _, err := keys.SignIn(plain, secret, now.Add(2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	holds := func(session string, at time.Time) bool {
		_, err := keys.Session(plain, session, at)
		return err == nil
	}
	before := signIn(secret)
	_, second, err := c.Rotate(t.Context(), "", k.ID, control.KeyRotation{})
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := signIn(secret), signIn(second)
	if !holds(before, now) || !holds(old, now) || !holds(fresh, now) {
		t.Error("in the grace time of a rotation a session has ended")
	}
	if holds(fresh, end.Go().Add(1)) {
		t.Error("a session outlives its key")
	}
	if _, _, err := c.Rotate(t.Context(), "", k.ID, control.KeyRotation{Now: true}); err != nil {
		t.Fatal(err)
	}
	if holds(before, now) || holds(old, now) || holds(fresh, now) {
		t.Error("a session outlives a secret that has leaked")
	}
}

func TestAKeyThatHasEndedIsNone(t *testing.T) {
	c := instance(t, ingesttest.NewLog(1))
	keys := rest.Keys{Known: c}
	_, secret, err := c.Add(t.Context(), "", control.NewKey{Scopes: []string{control.ScopeApp}, Party: ocpi.NewParty("SE", "EMP"), Expires: c.Now() + ocpi.Time(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/locations", nil)
	if _, err := keys.Authenticate(r); !errors.Is(err, rest.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	key, err := keys.Authenticate(r)
	if err != nil || !key.Allows(control.ScopeApp) || key.Party != ocpi.NewParty("SE", "EMP") || !key.Expires.IsSet() {
		t.Errorf("key %+v, %v", key, err)
	}
}

func TestSignInNeedsAKey(t *testing.T) {
	c := instance(t, ingesttest.NewLog(1))
	if _, _, err := (rest.Keys{Known: c}).SignIn(plain, "", time.Unix(1, 0)); !errors.Is(err, rest.ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
}
