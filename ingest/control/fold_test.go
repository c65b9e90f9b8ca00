package control

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
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
	OfCPO        map[ocpi.Party][]ocpi.Party
	OfEMSP       map[ocpi.Party][]ocpi.Party
	Granted      map[ocpi.Party][]ocpi.Party
	GrantedTo    map[ocpi.Party][]ocpi.Party
	Vacant       map[Role]struct{}
	Absences     map[string][]Absence
	Findings     map[string][]ingest.Found
	Contacts     map[string]contact
	Contacted    ocpi.Time
	Watched      ocpi.Time
	Outages      []outage
	Pins         map[Pin][]string
}

// look collects what installation, partners and keys say of a state.
func look(i *installation, p *partners, k *keys) seen {
	return seen{
		i.id, maps.Collect(i.topics.All()),
		maps.Collect(p.byID.All()), maps.Collect(p.byRole.All()), maps.Collect(p.byToken.All()),
		maps.Collect(k.byID.All()), maps.Collect(k.byHash.All()),
		maps.Collect(p.billable.All()), maps.Collect(p.profiles.All()),
		maps.Collect(p.pairs.ofCPO.All()), maps.Collect(p.pairs.ofEMSP.All()),
		maps.Collect(p.grants.ofCPO.All()), maps.Collect(p.grants.ofEMSP.All()),
		maps.Collect(p.vacant.All()),
		maps.Collect(p.absences.All()), maps.Collect(p.findings.All()), maps.Collect(p.contacts.All()), p.contacted, p.watched, p.outages,
		maps.Collect(p.byPin.All()),
	}
}

// folded is what the folds have, published what others see.
func (h house) folded() seen {
	return look(&h.installation.state.Folded, &h.partners.state.Folded, &h.keys.state.Folded)
}

func (h house) published() seen {
	return look(h.installation.state.Current(), h.partners.state.Current(), h.keys.state.Current())
}

// allState compares all that is folded; when a partner was last heard of is not.
var allState = cmp.Options{cmp.AllowUnexported(Partner{}, profileNaming{}, told{}, contact{}, outage{}), cmpopts.IgnoreFields(Partner{}, "contact"), cmpopts.EquateEmpty()}

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
	until := func() ocpi.Time { return ocpi.Time(rapid.IntRange(0, 100).Draw(t, "until")) }
	pair := func() pairData {
		return pairData{newPartyData(ocpi.NewParty("GB", party())), newPartyData(ocpi.NewParty("NL", party()))}
	}
	registration := func() registrationData {
		offered := []Role{NewRole(RoleCPO, "GB", party()), NewRole(RoleNSP, "NL", party())}
		return registrationData{ID: one("p", 4), Name: "New", Roles: offered, TokenHash: hash(), Until: until(), Peer: somePeer().data()}
	}
	draw := func() Change {
		switch rapid.IntRange(0, 33).Draw(t, "kind") {
		case 0:
			return InstallationCreated{ID: one("inst", 2)}
		case 1:
			return TopicRegistered{Topic: ingest.TopicCDRs, Epoch: uint8(rapid.IntRange(0, 3).Draw(t, "epoch")), Partitions: rapid.IntRange(0, 4).Draw(t, "partitions")}
		case 2:
			return PartnerAdded{ID: one("p", 4), Name: "n", Roles: []Role{NewRole(RoleCPO, "GB", party()), NewRole(RoleEMSP, "NL", party())}, TokenHash: hash(), Encoding: EncodingAuto}
		case 3:
			return PartnerRemoved{ID: one("p", 4)}
		case 4:
			return TokenRotated{ID: one("p", 4), TokenHash: hash(), Until: until()}
		case 5:
			return TokenConfirmed{ID: one("p", 4), TokenHash: hash()}
		case 6:
			return ReportKeyAdded{ID: one("k", 3), Name: "n", Hash: hash(), Scopes: []string{ScopeFinanceRead}}
		case 7:
			return RolesAdded{ID: one("p", 4), Roles: []Role{NewRole(RoleCPO, "GB", party())}}
		case 8:
			return RolesRemoved{ID: one("p", 4), Roles: []Role{NewRole(RoleCPO, "GB", party())}}
		case 9:
			return PartnerInvited{ID: one("p", 4), Name: "n", Roles: []Role{NewRole(RoleCPO, "GB", party())}, TokenHash: hash(), Until: until()}
		case 10, 11:
			return PartnerRegistered(registration())
		case 12:
			return PartnerUpdated(registration())
		case 13:
			return PartnerUnregistered{ID: one("p", 4)}
		case 14:
			return TokenOffered{ID: one("p", 4), TokenHash: hash(), Until: until()}
		case 15:
			return PartnerPolicy{ID: one("p", 4), Code: one("too_long_", 2), Policy: rapid.SampledFrom([]string{PolicyAccept, PolicyRefuse}).Draw(t, "policy")}
		case 16:
			return PairAdded(pair())
		case 17:
			return PairRemoved(pair())
		case 18:
			return GrantAdded(grantData{pair().CPO, pair().EMSP})
		case 19:
			return GrantRemoved(grantData{pair().CPO, pair().EMSP})
		case 20:
			return PartnerListBy{ID: one("p", 4), ListBy: rapid.SampledFrom([]string{ListByUpdated, ListByReceived}).Draw(t, "by")}
		case 21:
			return PartnerAbsent{ID: one("p", 4), Module: one("module", 3), Count: rapid.IntRange(0, 2).Draw(t, "count")}
		case 22:
			return PartnersHeard{[]Contact{{one("p", 5), ocpi.Time(rapid.IntRange(1, 100).Draw(t, "at"))}, {one("p", 5), until()}}}
		case 23:
			return FindingsCounted{[]Counted{{ID: one("p", 5), Code: one("code", 3), Count: 1, First: until(), Last: until()}}}
		case 24:
			return KeyAdded{ID: one("k", 3), Name: "n", Hash: hash(), Scopes: []string{ScopeHelpdesk}, Expires: until()}
		case 25, 26:
			return KeyRotated{ID: one("k", 3), Hash: hash(), Until: until(), Expires: until() / 50 * 50}
		case 27:
			return PartnersWatched{}
		case 28:
			return certOf(one("p", 4), rapid.IntRange(1, 4).Draw(t, "cert"))
		case 29:
			return PartnerCertRemoved(certOf(one("p", 4), rapid.IntRange(1, 4).Draw(t, "cert")))
		case 30, 31:
			return PartnerCertRequired{ID: one("p", 4), Required: rapid.Bool().Draw(t, "required")}
		case 32:
			return KeyCertAdded{one("k", 3), Fingerprint(hash())}
		case 33:
			return KeyCertRemoved{one("k", 3), Fingerprint(hash())}
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

// certOf is one of a few certificates, by its fingerprint or its subject.
func certOf(id string, n int) PartnerCertAdded {
	if n%2 == 0 {
		return PartnerCertAdded{ID: id, Subject: Subject(fmt.Sprint("CN=", n))}
	}
	return PartnerCertAdded{ID: id, Fingerprint: Fingerprint{byte(n)}}
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
		had := map[Role]struct{}{}
		for i, e := range events(t) {
			_ = h.apply(e.Event, e.Change) // refusals are part of the history
			h.publish()
			if i == 10 {
				then, thenSeen = h.partners.state.Current(), h.published()
			}
			now := h.published()
			roles, tokens := map[Role]*Partner{}, map[TokenHash]*Partner{}
			for _, p := range now.Partners {
				checkPartner(t, p)
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
			for r := range roles {
				had[r] = struct{}{}
			}
			vacant := maps.Clone(had)
			maps.DeleteFunc(vacant, func(r Role, _ struct{}) bool { return roles[r] != nil })
			if diff := cmp.Diff(vacant, now.Vacant, allState); diff != "" {
				t.Fatalf("roles that nobody has any more after %+v: %s", e, diff)
			}
			if diff := cmp.Diff(tokens, now.Tokens, allState); diff != "" {
				t.Fatalf("tokens after %+v: %s", e, diff)
			}
			if diff := cmp.Diff(pinsOf(now.Partners), pinsIn(now.Pins)); diff != "" {
				t.Fatalf("certificates after %+v: %s", e, diff)
			}
			if diff := cmp.Diff(secretsOf(now.Keys), now.Hashes, allState); diff != "" {
				t.Fatalf("secrets of keys after %+v: %s", e, diff)
			}
		}
		if then != nil {
			if diff := cmp.Diff(thenSeen.Partners, maps.Collect(then.byID.All()), allState); diff != "" {
				t.Errorf("a published state changed: %s", diff)
			}
		}
	})
}

// secretsOf returns the keys by their secrets, with the old ones of rotations.
func secretsOf(all map[string]*APIKey) map[TokenHash]*APIKey {
	secrets := map[TokenHash]*APIKey{}
	for _, k := range all {
		secrets[k.Hash] = k
		if k.Old != (Token{}) {
			secrets[k.Old.Hash] = k
		}
	}
	return secrets
}

// pinsOf returns whose certificates they are, as the partners have it, and pinsIn as
// the index does.
func pinsOf(all map[string]*Partner) map[Pin]string {
	owners := map[Pin][]string{}
	for _, p := range all {
		for _, pin := range p.Pins {
			owners[pin] = append(owners[pin], p.ID)
		}
	}
	return pinsIn(owners)
}

func pinsIn(owners map[Pin][]string) map[Pin]string {
	in := map[Pin]string{}
	for pin, ids := range owners {
		in[pin] = strings.Join(slices.Sorted(slices.Values(ids)), " ")
	}
	return in
}

// checkPartner holds a partner's tokens, roles and policies against how far it has come.
func checkPartner(t *rapid.T, p *Partner) {
	most := map[Stage]int{StageAdded: 3, StageInvited: 1, StageRegistered: 3, StageUnregistered: 0}[p.Stage()]
	if len(p.Tokens) > most || len(p.Tokens) == 0 && most > 0 {
		t.Fatalf("partner %s is %s and has tokens %+v", p.ID, p.Stage(), p.Tokens)
	}
	for i, token := range p.Tokens {
		bounded := i > 0 || p.Invited()
		if token.Until.IsSet() != bounded || token.Offered && i == 0 || i == 2 && !token.Offered {
			t.Fatalf("partner %s is %s and has tokens %+v", p.ID, p.Stage(), p.Tokens)
		}
	}
	for _, r := range p.Pending {
		if slices.Contains(p.Roles, r) || p.Peer == nil {
			t.Fatalf("partner %s is %s, has roles %v, and pending %v", p.ID, p.Stage(), p.Roles, p.Pending)
		}
	}
	if p.NeedsCertificate && len(p.Pins) == 0 {
		t.Fatalf("partner %s must have a certificate and has none", p.ID)
	}
	if !slices.IsSorted(p.Refuses) || len(slices.Compact(slices.Clone(p.Refuses))) != len(p.Refuses) {
		t.Fatalf("partner %s has policies %v", p.ID, p.Refuses)
	}
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
		PartnerInvited{
			ID: "nl-tnm-cpo", Name: "TNM", Roles: []Role{NewRole(RoleCPO, "NL", "TNM")}, TokenHash: hash, Until: 42,
			Version: "2.1.1", Counterparty: &partyData{"DE", "EMP"}, Profile: "strict",
		},
		PartnerRegistered{ID: "nl-tnm-cpo", Peer: somePeer().data(), Name: "The new motion", Roles: []Role{NewRole(RoleCPO, "NL", "TNM")}, TokenHash: hash, Until: 42},
		PartnerUpdated{ID: "nl-tnm-cpo", Peer: somePeer().data(), Roles: []Role{}, TokenHash: hash, Until: 42, Told: &hash},
		PartnerUnregistered{ID: "nl-tnm-cpo"},
		TokenOffered{ID: "nl-tnm-cpo", TokenHash: hash, Until: 42},
		PartnerPolicy{ID: "nl-tnm-cpo", Code: "too_long", Policy: PolicyRefuse},
		PartnerListBy{ID: "nl-tnm-cpo", ListBy: ListByReceived},
		PairAdded{newPartyData(ocpi.NewParty("NL", "TNM")), newPartyData(ocpi.NewParty("DE", "EMP"))},
		PairRemoved{newPartyData(ocpi.NewParty("NL", "TNM")), newPartyData(ocpi.NewParty("DE", "EMP"))},
		GrantAdded{newPartyData(ocpi.NewParty("NL", "TNM")), newPartyData(ocpi.NewParty("NL", "SMA"))},
		GrantRemoved{newPartyData(ocpi.NewParty("NL", "TNM")), newPartyData(ocpi.NewParty("NL", "SMA"))},
		PartnerAbsent{ID: "nl-tnm-cpo", Module: "locations", Count: 2, IDs: []string{"NL*TNM*L1", "NL*TNM*L2"}},
		PartnersHeard{[]Contact{{"nl-tnm-cpo", 42}}},
		PartnersWatched{},
		FindingsCounted{[]Counted{{"nl-tnm-cpo", "too_long", ocpi.Warning, 7, 41, 42}}},
		ReportKeyAdded{ID: "key-1", Name: "finance", Hash: hash, Scopes: []string{ScopeFinanceRead}, Country: "GB", PartyID: "DUN"},
		KeyAdded{ID: "key-1", Name: "app", Hash: hash, Scopes: []string{ScopeApp, ScopeHelpdesk}, Country: "SE", PartyID: "EMP", Expires: 42},
		KeyRotated{ID: "key-1", Hash: hash, Until: 42, Expires: 43},
		KeyRemoved{ID: "key-1"},
		PartnerCertAdded{ID: "gb-dun-cpo", Fingerprint: Fingerprint(hash)},
		PartnerCertAdded{ID: "gb-dun-cpo", Subject: "C=GB,CN=ocpi.dundee.example,O=Dundee"},
		PartnerCertRemoved{ID: "gb-dun-cpo", Fingerprint: Fingerprint(hash)},
		PartnerCertRequired{ID: "gb-dun-cpo", Required: true},
		KeyCertAdded{ID: "key-1", Fingerprint: Fingerprint(hash)},
		KeyCertRemoved{ID: "key-1", Fingerprint: Fingerprint(hash)},
	}
	kinds := map[Kind]bool{}
	for _, change := range all {
		kinds[change.Kind()] = true
	}
	h := open(t, ingesttest.NewLog(1), Options{})
	if len(kinds) != len(h.folds) {
		t.Fatalf("changes of %d kinds, there are %d", len(kinds), len(h.folds))
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

// An event is as long as what it says: a letter is not written as six.
func TestEventsAreWrittenAsTheyAre(t *testing.T) {
	peer := peerData{Version: "2.2.1", URL: "https://a.example/?a=1&b=<c>", Endpoints: []endpointData{{"cdrs", ocpi.RoleSender, strings.Repeat("&", 1000)}}, Token: "k:t"}
	body, err := Encode(Event{Command: "c", At: 1}, PartnerUpdated{ID: "p", Peer: peer})
	if err != nil || len(body) > 1500 || body[len(body)-1] != '}' || !bytes.Contains(body, []byte("?a=1&b=<c>")) {
		t.Errorf("%d bytes, %v: %.200s", len(body), err, body)
	}
}
