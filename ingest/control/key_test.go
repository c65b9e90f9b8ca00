package control

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

func TestAPIKeys(t *testing.T) {
	c := start(t, ingesttest.NewLog(1), nil)
	ctx := t.Context()
	k, secret, err := c.keys.Add(ctx, "", NewKey{Scopes: []string{ScopeFinanceRead}, Party: ocpi.NewParty("GB", "DUN")})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := c.keys.Find("Bearer " + secret)
	if !ok || got != k || !got.Allows(ScopeFinanceRead) || got.Party != ocpi.NewParty("GB", "DUN") {
		t.Errorf("the key finds %+v, %v", got, ok)
	}
	for _, header := range []string{"", secret, "Token " + secret, "Bearer  " + secret, "Bearer " + secret + "x"} {
		if _, ok := c.keys.Find(header); ok {
			t.Errorf("header %q is accepted", header)
		}
	}
	_, _, err = c.keys.Add(ctx, "", NewKey{Scopes: []string{"everything"}})
	wantRefusal(t, err, RefusedInvalid)
	if err := c.keys.Remove(ctx, "", k.ID); err != nil {
		t.Error(err)
	}
	wantRefusal(t, c.keys.Remove(ctx, "", k.ID), RefusedUnknown)
	if _, ok := c.keys.Find("Bearer " + secret); ok {
		t.Error("a removed key still works")
	}
}

// clock is one that a test sets.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(1_800_000_000 * int64(time.Second))
	return c
}

func (c *clock) now() ocpi.Time { return ocpi.Time(c.at.Load()) }

func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

// works reports which of some secrets of keys work.
func (h house) works(secrets ...string) (which string) {
	for _, s := range secrets {
		if _, ok := h.keys.Find("Bearer " + s); ok {
			which += "1"
		} else {
			which += "0"
		}
	}
	return which
}

func TestAKeyEnds(t *testing.T) {
	at := newClock()
	c := start(t, ingesttest.NewLog(1), at.now)
	end := at.now() + ocpi.Time(90*24*time.Hour)
	k, secret, err := c.keys.Add(t.Context(), "", NewKey{Scopes: []string{ScopeApp}, Party: ocpi.NewParty("SE", "EMP"), Expires: end})
	if err != nil {
		t.Fatal(err)
	}
	at.pass(90 * 24 * time.Hour)
	if c.works(secret) != "1" || k.Expires != end {
		t.Errorf("at its last instant: %s, %+v", c.works(secret), k)
	}
	at.pass(1)
	if c.works(secret) != "0" {
		t.Error("a key works after its end")
	}
	if list := c.keys.All(); len(list) != 1 || !list[0].Expired(at.now()) {
		t.Errorf("keys %+v: want the one that has ended", list)
	}
	_, _, err = c.keys.Rotate(t.Context(), "", k.ID, KeyRotation{})
	wantRefusal(t, err, RefusedConflict)
	_, _, err = c.keys.Rotate(t.Context(), "", k.ID, KeyRotation{Expires: end})
	wantRefusal(t, err, RefusedInvalid)
	_, next, err := c.keys.Rotate(t.Context(), "", k.ID, KeyRotation{Expires: at.now() + 10})
	if err != nil || c.works(secret, next) != "01" {
		t.Errorf("a new secret with a new end: %v, %s, want that one alone to work", err, c.works(secret, next))
	}
	_, _, err = c.keys.Add(t.Context(), "", NewKey{Scopes: []string{ScopeHelpdesk}, Expires: at.now()})
	wantRefusal(t, err, RefusedInvalid)
}

// The old secret of a rotation works beside the new one for a week, and no longer than
// the key would have; an older one ends.
func TestKeyRotation(t *testing.T) {
	at := newClock()
	c := start(t, ingesttest.NewLog(1), at.now)
	rotate := func(id string, r KeyRotation) (*APIKey, string) {
		t.Helper()
		k, secret, err := c.keys.Rotate(t.Context(), "", id, r)
		if err != nil {
			t.Fatal(err)
		}
		return k, secret
	}
	k, first, err := c.keys.Add(t.Context(), "", NewKey{Scopes: []string{ScopeHelpdesk}})
	if err != nil {
		t.Fatal(err)
	}
	rotated, second := rotate(k.ID, KeyRotation{})
	if until, ok := rotated.RotationUntil(at.now()); c.works(first, second) != "11" || !ok || until != at.now()+ocpi.Time(KeyGrace) || rotated.ID != k.ID {
		t.Errorf("beside the new one: %s, until %s", c.works(first, second), until)
	}
	if c.works(second, first) != "11" {
		t.Error("the first use of the new one ends the old one")
	}
	_, third := rotate(k.ID, KeyRotation{})
	if got := c.works(first, second, third); got != "011" {
		t.Errorf("after another rotation %s, want the last two", got)
	}
	at.pass(KeyGrace)
	if got := c.works(second, third); got != "11" {
		t.Errorf("at the end of the grace time: %s", got)
	}
	at.pass(1)
	if got := c.works(second, third); got != "01" {
		t.Errorf("after the grace time: %s", got)
	}
	_, fourth := rotate(k.ID, KeyRotation{Now: true})
	if got := c.works(third, fourth); got != "01" {
		t.Errorf("a leaked secret: %s", got)
	}
	if k, _ := c.keys.ByID(k.ID); k.Old != (Token{}) {
		t.Errorf("what is left of it: %+v", k.Old)
	}

	brief := at.now() + ocpi.Time(time.Hour)
	k, first, err = c.keys.Add(t.Context(), "", NewKey{Scopes: []string{ScopeHelpdesk}, Expires: brief})
	if err != nil {
		t.Fatal(err)
	}
	_, second = rotate(k.ID, KeyRotation{Expires: brief + ocpi.Time(time.Hour)})
	at.pass(time.Hour + 1)
	if got := c.works(first, second); got != "01" {
		t.Errorf("the old secret outlives the end that it had: %s", got)
	}
	_, _, err = c.keys.Rotate(t.Context(), "", "key-none", KeyRotation{})
	wantRefusal(t, err, RefusedUnknown)
}

// A key that acts as a party is bound to one.
func TestScopesThatNeedAParty(t *testing.T) {
	c := start(t, ingesttest.NewLog(1), nil)
	for _, scopes := range [][]string{{ScopeApp}, {ScopeCPO}, {ScopeFinanceRead, ScopeApp}} {
		_, _, err := c.keys.Add(t.Context(), "", NewKey{Scopes: scopes})
		wantRefusal(t, err, RefusedInvalid)
	}
	for _, wrong := range [][]string{nil, {ScopeHelpdesk, ScopeHelpdesk}, {"admin"}, {""}} {
		_, _, err := c.keys.Add(t.Context(), "", NewKey{Scopes: wrong, Party: ocpi.NewParty("SE", "EMP")})
		wantRefusal(t, err, RefusedInvalid)
	}
	for _, scopes := range [][]string{{ScopeHelpdesk}, {ScopeFinanceRead, ScopeHelpdesk}} {
		if _, _, err := c.keys.Add(t.Context(), "", NewKey{Scopes: scopes}); err != nil {
			t.Errorf("%v: %v", scopes, err)
		}
	}
}

// What earlier versions know is written as they do; the rest is a version of its own,
// at which they stop rather than take it for nothing.
func TestKeysOfEarlierVersions(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	for _, n := range []NewKey{
		{Scopes: []string{ScopeFinanceRead}},
		{Scopes: []string{ScopeFinanceRead}, Expires: c.Now() + ocpi.Time(time.Hour)},
		{Scopes: []string{ScopeFinanceRead, ScopeHelpdesk}},
	} {
		if _, _, err := c.keys.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	var versions []string
	records, err := log.Read(t.Context(), log.Partitions(ingest.TopicControl)[0], 0, 10)
	for _, r := range records {
		_, version, _ := strings.Cut(string(r.Body), `"v":`)
		versions = append(versions, version[:1])
	}
	if got := strings.Join(versions, " "); got != "1 2 2" {
		t.Errorf("versions %s (%v), want 1 2 2", got, err)
	}
	if err := (ReportKeyAdded{ID: "k", Name: "n", Scopes: []string{ScopeApp}, Country: "SE", PartyID: "EMP"}).Validate(); err == nil {
		t.Error("a scope that version 1 does not have is taken in it")
	}
}
