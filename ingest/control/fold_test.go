package control

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"pgregory.net/rapid"
)

// seen is everything that the domains say.
type seen struct {
	Installation string
	Topics       map[ingest.Topic]TopicEpoch
	Partners     map[string]*Partner
	Roles        map[Role]*Partner
	Tokens       map[TokenHash]*Partner
	Keys         map[string]*APIKey
	Hashes       map[TokenHash]*APIKey
	Billable     map[ocpi.Party]int64
	Profiles     map[ocpi.Party][]profileNaming
}

// look collects what installation, partners and keys say of a state.
func look(i *installation, p *partners, k *keys) seen {
	return seen{
		i.id, maps.Collect(i.topics.All()),
		maps.Collect(p.byID.All()), maps.Collect(p.byRole.All()), maps.Collect(p.byToken.All()),
		maps.Collect(k.byID.All()), maps.Collect(k.byHash.All()),
		maps.Collect(p.billable.All()), maps.Collect(p.profiles.All()),
	}
}

// folded is what the folds have, published what others see.
func (h house) folded() seen {
	return look(&h.installation.state.Folded, &h.partners.state.Folded, &h.keys.state.Folded)
}

func (h house) published() seen {
	return look(h.installation.state.Current(), h.partners.state.Current(), h.keys.state.Current())
}

var allState = cmp.Options{cmp.AllowUnexported(Partner{}, profileNaming{}), cmpopts.EquateEmpty()}

// event is an event with its change.
type event struct {
	Event
	Change Change
}

// events draws a history over few ids and tokens, so that conflicts, repeats
// and removals happen often.
func events(t *rapid.T) []event {
	one := func(prefix string, n int) string { return fmt.Sprint(prefix, rapid.IntRange(1, n).Draw(t, prefix)) }
	party := func() string { return fmt.Sprint("P", rapid.IntRange(1, 4).Draw(t, "party")) }
	hash := func() TokenHash { return HashToken(one("token", 6)) }
	draw := func() Change {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
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
			return RolesAdded{ID: one("p", 4), Roles: []Role{NewRole(RoleCPO, "GB", party())}}
		case 8:
			return RolesRemoved{ID: one("p", 4), Roles: []Role{NewRole(RoleCPO, "GB", party())}}
		}
		return KeyRemoved{ID: one("k", 3)}
	}
	list := make([]event, rapid.IntRange(0, 60).Draw(t, "length"))
	for i := range list {
		list[i] = event{Event{
			Command: one("c", 40), Expect: uint64(rapid.IntRange(0, 2).Draw(t, "expect")),
			At: ocpi.Time(i + 1),
		}, draw()}
	}
	return list
}

// quiet is a machine with its domains that nobody runs.
func quiet(t *rapid.T) house {
	m, err := Open(t.Context(), ingesttest.NewLog(1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return house{m, NewInstallation(m), NewPartners(m), NewKeys(m)}
}

// foldAll folds a history written to the log and read back, as Run does, cut
// into batches by the sizes given.
func foldAll(t *rapid.T, history []event, sizes func() int) seen {
	h := quiet(t)
	for i := 0; i < len(history); {
		var batch []ingest.Record
		for n := sizes(); n > 0 && i < len(history); n-- {
			body, err := Encode(history[i].Event, history[i].Change)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, ingest.Record{Position: ingest.Position{Offset: int64(i)}, Body: body})
			i++
		}
		if err := h.foldBatch(batch); err != nil {
			t.Fatal(err)
		}
	}
	return h.published()
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
		h := quiet(t)
		for _, e := range events(t) {
			first := h.apply(e.Event, e.Change)
			before := h.folded()
			again := h.apply(e.Event, e.Change)
			if first == nil && again == nil {
				t.Fatalf("%+v took effect twice", e)
			}
			if diff := cmp.Diff(before, h.folded(), allState); diff != "" {
				t.Fatalf("repeat of %+v changed the state: %s", e, diff)
			}
		}
	})
}

// Whatever happens, the indexes say the same as the partners, and what was
// published does not change under later events.
func TestFoldKeepsIndexes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := quiet(t)
		var then *partners
		var thenSeen seen
		for i, e := range events(t) {
			_ = h.apply(e.Event, e.Change) // refusals are part of the history
			h.publish()
			if i == 10 {
				then, thenSeen = h.partners.state.Current(), h.published()
			}
			now := h.published()
			roles, tokens := map[Role]*Partner{}, map[TokenHash]*Partner{}
			for _, p := range now.Partners {
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
			if diff := cmp.Diff(roles, now.Roles, allState); diff != "" {
				t.Fatalf("roles after %+v: %s", e, diff)
			}
			if diff := cmp.Diff(tokens, now.Tokens, allState); diff != "" {
				t.Fatalf("tokens after %+v: %s", e, diff)
			}
		}
		if then != nil {
			if diff := cmp.Diff(thenSeen.Partners, maps.Collect(then.byID.All()), allState); diff != "" {
				t.Errorf("a published state changed: %s", diff)
			}
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
		RolesAdded{ID: "gb-dun-cpo", Roles: []Role{NewRole(RoleCPO, "GB", "PKC")}},
		RolesRemoved{ID: "gb-dun-cpo", Roles: []Role{NewRole(RoleCPO, "GB", "PKC")}},
		KeyAdded{ID: "key-1", Name: "finance", Hash: hash, Scopes: []string{ScopeFinanceRead}, Country: "GB", PartyID: "DUN"},
		KeyRemoved{ID: "key-1"},
	}
	h := open(t, ingesttest.NewLog(1), Options{})
	if len(all) != len(h.folds) {
		t.Fatalf("%d changes for %d kinds", len(all), len(h.folds))
	}
	var got []byte
	for _, change := range all {
		e := Event{Command: "c1", Expect: 2, At: 1545782400000000000}
		body, err := Encode(e, change)
		if err != nil {
			t.Fatal(err)
		}
		backEvent, backChange, err := h.decode(body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(event{e, change}, event{backEvent, backChange}); diff != "" {
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
