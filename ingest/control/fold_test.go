package control

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ocpi"
	"pgregory.net/rapid"
)

var allState = cmp.Options{
	cmp.AllowUnexported(State{}, Partner{}, recentCommands{}),
	cmpopts.EquateEmpty(),
}

// events draws a history over few ids and tokens, so that conflicts, repeats
// and removals happen often.
func events(t *rapid.T) []Event {
	one := func(prefix string, n int) string { return fmt.Sprint(prefix, rapid.IntRange(1, n).Draw(t, prefix)) }
	party := func() string { return fmt.Sprint("P", rapid.IntRange(1, 4).Draw(t, "party")) }
	hash := func() TokenHash { return HashToken(one("token", 6)) }
	draw := func() Change {
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			return InstallationCreated{ID: one("inst", 2)}
		case 1:
			return TopicRegistered{Topic: ingest.TopicCDRs, Epoch: uint8(rapid.IntRange(0, 3).Draw(t, "epoch")), Partitions: rapid.IntRange(0, 4).Draw(t, "partitions")}
		case 2:
			return PartnerAdded{ID: one("p", 4), Name: "n", Roles: []Role{NewRole(RoleCPO, "GB", party()), NewRole(RoleEMSP, "NL", party())}, TokenHash: hash(), Encoding: EncodingAuto}
		case 3:
			return PartnerRemoved{ID: one("p", 4)}
		case 4:
			return TokenRotated{ID: one("p", 4), TokenHash: hash(), Until: ocpi.Time(rapid.IntRange(0, 100).Draw(t, "until"))}
		case 5:
			return TokenConfirmed{ID: one("p", 4), TokenHash: hash()}
		case 6:
			return KeyAdded{ID: one("k", 3), Name: "n", Hash: hash(), Scopes: []string{ScopeFinanceRead}}
		case 7:
			return PeriodClosed{Month: ocpi.MonthOf(1969, time.Month(rapid.IntRange(11, 12).Draw(t, "month")))}
		}
		return KeyRemoved{ID: one("k", 3)}
	}
	list := make([]Event, rapid.IntRange(0, 60).Draw(t, "length"))
	for i := range list {
		list[i] = Event{
			Command: one("c", 40), Expect: uint64(rapid.IntRange(0, 2).Draw(t, "expect")),
			At: ocpi.Time(i + 1), Change: draw(),
		}
	}
	return list
}

// foldAll folds a history written to the log and read back, as Run does, cut
// into batches by the sizes given.
func foldAll(t *rapid.T, history []Event, sizes func() int) *State {
	c, err := Open(t.Context(), controltest.NewLog(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(history); {
		var batch []ingest.Record
		for n := sizes(); n > 0 && i < len(history); n-- {
			body, err := history[i].Encode()
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, ingest.Record{Position: ingest.Position{Offset: int64(i)}, Body: body})
			i++
		}
		if err := c.foldBatch(batch); err != nil {
			t.Fatal(err)
		}
	}
	return c.fold
}

func TestFoldIsTheSameForAnyBatching(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := events(t)
		whole := foldAll(t, history, func() int { return len(history) })
		cut := foldAll(t, history, func() int { return rapid.IntRange(1, 5).Draw(t, "batch") })
		if diff := cmp.Diff(whole, cut, allState); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFoldIgnoresRepeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := events(t)
		s := NewState()
		for _, e := range history {
			first := s.Fold(e)
			before := s.published()
			again := s.Fold(e)
			if first == nil && again == nil {
				t.Fatalf("%+v took effect twice", e)
			}
			if diff := cmp.Diff(before, s.published(), allState); diff != "" {
				t.Fatalf("repeat of %+v changed the state: %s", e, diff)
			}
		}
	})
}

// Whatever happens, the indexes say the same as the partners, and a published
// state does not change under later events.
func TestFoldKeepsIndexes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, upToThen := NewState(), NewState()
		earlier := s.published()
		for i, e := range events(t) {
			_ = s.Fold(e) // refusals are part of the history
			if i < 10 {
				_ = upToThen.Fold(e)
				earlier = s.published()
			}
			roles, tokens := map[Role]*Partner{}, map[TokenHash]*Partner{}
			for _, p := range s.partners {
				if len(p.Tokens) < 1 || len(p.Tokens) > 2 || p.Tokens[0].Until.IsSet() {
					t.Fatalf("partner %s has tokens %+v", p.ID, p.Tokens)
				}
				for _, r := range p.Roles {
					roles[r] = p
				}
				for _, tok := range p.Tokens {
					tokens[tok.Hash] = p
				}
			}
			if diff := cmp.Diff(roles, s.roles, allState); diff != "" {
				t.Fatalf("roles after %+v: %s", e, diff)
			}
			if diff := cmp.Diff(tokens, s.tokens, allState); diff != "" {
				t.Fatalf("tokens after %+v: %s", e, diff)
			}
		}
		if diff := cmp.Diff(upToThen.published(), earlier, allState); diff != "" {
			t.Errorf("a published state changed: %s", diff)
		}
	})
}

func TestCommandMemoryIsBounded(t *testing.T) {
	r := recentCommands{seen: map[string]struct{}{}}
	for i := range 3 * maxCommands {
		if !r.add(fmt.Sprint(i)) {
			t.Fatalf("command %d taken for a repeat", i)
		}
	}
	if len(r.seen) != maxCommands || len(r.ring) != maxCommands {
		t.Errorf("remembers %d in %d places", len(r.seen), len(r.ring))
	}
	if r.add(fmt.Sprint(2 * maxCommands)) {
		t.Error("the oldest remembered command is taken for new")
	}
	if !r.add(fmt.Sprint(2*maxCommands - 1)) {
		t.Error("a forgotten command is taken for a repeat")
	}
}

// The log keeps these bytes for ever: a change here must be a new version.
func TestEventsAreFrozen(t *testing.T) {
	hash := HashToken("dundee-token")
	all := []Change{
		InstallationCreated{ID: "inst"},
		TopicRegistered{Topic: ingest.TopicCDRs, Epoch: 1, Partitions: 4},
		PartnerAdded{ID: "gb-dun-cpo", Name: "Dundee", Roles: []Role{NewRole(RoleCPO, "GB", "DUN")}, TokenHash: hash, Encoding: EncodingAuto, Profile: "strict"},
		PartnerRemoved{ID: "gb-dun-cpo"},
		TokenRotated{ID: "gb-dun-cpo", TokenHash: hash, Until: 42},
		TokenConfirmed{ID: "gb-dun-cpo", TokenHash: hash},
		KeyAdded{ID: "key-1", Name: "finance", Hash: hash, Scopes: []string{ScopeFinanceRead}, Country: "GB", PartyID: "DUN"},
		KeyRemoved{ID: "key-1"},
		PeriodClosed{Month: ocpi.MonthOf(2018, time.November)},
	}
	if len(all) != len(kinds) {
		t.Fatalf("%d changes for %d kinds", len(all), len(kinds))
	}
	var got []byte
	for _, change := range all {
		e := Event{Command: "c1", Expect: 2, At: 1545782400000000000, Change: change}
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeEvent(body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Error(diff)
		}
		got = append(append(got, body...), '\n')
	}
	want, err := os.ReadFile("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s\n%s", diff, got)
	}
}
