package control

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

const hour = ocpi.Time(ocpi.Hour)

// Every process, and one that starts later, says the same of a partner's connection:
// what the log says.
func TestPresence(t *testing.T) {
	log := ingesttest.NewLog(1)
	var now atomic.Int64
	clock := func() ocpi.Time { return ocpi.Time(now.Load()) }
	now.Store(int64(1000 * hour))
	c, other := start(t, log, clock), start(t, log, clock)
	for _, n := range []NewPartner{dundee(), {Name: "Volt", Roles: []Role{NewRole("EMSP", "DE", "VOL")}, Token: "volt-token"}} {
		if _, _, err := c.partners.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.partners.Invite(t.Context(), "", NewInvitation{Name: "TNM", Roles: []Role{NewRole("CPO", "NL", "TNM")}}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name  string
		at    ocpi.Time // hours
		calls string    // who is heard of by the first process, which then notes it
		want  map[string]Presence
		last  ocpi.Time // contact with dundee
	}{
		{"added", 1000, "", map[string]Presence{
			"gb-dun-cpo": {ocpi.Connected, 1000 * hour}, "de-vol-emsp": {ocpi.Connected, 1000 * hour}, "nl-tnm-cpo": {ocpi.Planned, 1000 * hour}}, 0},
		{"nobody was heard of, and contacts were never noted", 1100, "", map[string]Presence{"gb-dun-cpo": {ocpi.Connected, 1000 * hour}}, 0},
		{"one calls", 1100, "dundee-token", map[string]Presence{"gb-dun-cpo": {ocpi.Connected, 1000 * hour}, "de-vol-emsp": {ocpi.Connected, 1000 * hour}}, 1100},
		{"a day later", 1126, "", map[string]Presence{"gb-dun-cpo": {ocpi.Connected, 1000 * hour}, "de-vol-emsp": {ocpi.Connected, 1000 * hour}}, 1100},
		{"the other calls", 1126, "volt-token", nil, 1100},
		{"the first one is quiet", 1128, "", map[string]Presence{"gb-dun-cpo": {ocpi.Offline, 1127 * hour}, "de-vol-emsp": {ocpi.Connected, 1000 * hour}}, 1100},
		{"it comes back", 1130, "dundee-token", map[string]Presence{"gb-dun-cpo": {ocpi.Connected, 1130 * hour}}, 1130},
		{"it stays", 1131, "dundee-token", map[string]Presence{"gb-dun-cpo": {ocpi.Connected, 1130 * hour}}, 1130},
		{"both are quiet", 1200, "", map[string]Presence{
			"gb-dun-cpo": {ocpi.Offline, 1157 * hour}, "de-vol-emsp": {ocpi.Offline, 1153 * hour}, "nl-tnm-cpo": {ocpi.Planned, 1000 * hour}}, 1130},
	} {
		now.Store(int64(step.at * hour))
		if step.calls != "" {
			if _, ok := c.partners.Authenticate("Token " + step.calls); !ok {
				t.Fatalf("%s is not known", step.calls)
			}
			if err := c.partners.noteContact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		later := start(t, log, clock)
		if err := other.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, h := range map[string]house{"the process": c, "another": other, "one that starts later": later} {
			for id, want := range step.want {
				p, _ := h.partners.Find(id)
				if got := h.partners.Presence(p, clock()); got != want {
					t.Errorf("%s: %s says of %s %v, want %v", step.name, name, id, got, want)
				}
			}
			p, _ := h.partners.Find("gb-dun-cpo")
			if got := p.LastContact(); name != "the process" && got != step.last*hour {
				t.Errorf("%s: %s last heard of it at %d h, want %d", step.name, name, got/hour, step.last)
			}
		}
	}
}

// A partner that calls all the time is noted every three hours, once by however many
// processes; nothing is noted where nobody calls.
func TestWhatContactsCost(t *testing.T) {
	log := ingesttest.NewLog(1)
	var now atomic.Int64
	clock := func() ocpi.Time { return ocpi.Time(now.Load()) }
	now.Store(int64(1000 * hour))
	c, other := start(t, log, clock), start(t, log, clock)
	if _, _, err := c.partners.Add(t.Context(), "", dundee()); err != nil {
		t.Fatal(err)
	}
	if err := other.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := c.Next()
	for range 24 * 12 {
		now.Add(int64(hour / 12))
		for _, h := range []house{c, other} {
			h.partners.Authenticate("Token dundee-token")
			if err := errors.Join(h.CatchUp(t.Context()), h.partners.noteContact(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := c.Next() - before; n < 7 || n > 9 {
		t.Errorf("%d events in a day", n)
	}
	now.Add(int64(4 * hour))
	c.partners.NoteHeard("nobody")
	before = c.Next()
	if err := c.partners.noteContact(t.Context()); err != nil || c.Next() != before {
		t.Errorf("%d events while nobody calls, %v", c.Next()-before, err)
	}
	c.partners.NoteHeard("gb-dun-cpo") // it answers
	if err := c.partners.noteContact(t.Context()); err != nil || c.Next() != before+1 {
		t.Errorf("%d events when it answers, %v", c.Next()-before, err)
	}
}

// What lists lack is noted once, stands until a later list has it, and ends with the
// partner.
func TestAbsences(t *testing.T) {
	log := ingesttest.NewLog(1)
	at := ocpi.Time(0)
	c := start(t, log, func() ocpi.Time { at++; return at })
	if _, _, err := c.partners.Add(t.Context(), "", dundee()); err != nil {
		t.Fatal(err)
	}
	note := func(module string, ids ...string) {
		t.Helper()
		if err := c.partners.NoteAbsent(t.Context(), "gb-dun-cpo", module, len(ids), ids); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...Absence) {
		t.Helper()
		if diff := cmp.Diff(want, c.partners.Absent("gb-dun-cpo")); diff != "" && len(want)+len(c.partners.Absent("gb-dun-cpo")) > 0 {
			t.Error(diff)
		}
	}
	note("tokens")
	check()
	note("tokens", "T1")
	tokens := Absence{Module: "tokens", Count: 1, IDs: []string{"T1"}, Since: 2, Last: 2}
	check(tokens)
	note("locations", "L1")
	check(Absence{Module: "locations", Count: 1, IDs: []string{"L1"}, Since: 3, Last: 3}, tokens)
	note("locations", "L1")
	note("locations", "L1", "L2")
	check(Absence{Module: "locations", Count: 2, IDs: []string{"L1", "L2"}, Since: 3, Last: 4}, tokens)
	note("locations")
	check(tokens)
	if err := c.partners.NoteAbsent(t.Context(), "nobody", "tokens", 1, nil); err == nil {
		t.Error("of nobody")
	}
	if err := c.partners.NoteAbsent(t.Context(), "gb-dun-cpo", "tariffs", 1, []string{"a", "b"}); err == nil {
		t.Error("more ids than objects")
	}
	if err := c.partners.Remove(t.Context(), "", "gb-dun-cpo", 0); err != nil {
		t.Fatal(err)
	}
	check()
	if diff := cmp.Diff(c.published(), start(t, log, nil).published(), allState); diff != "" {
		t.Errorf("folded again: %s", diff)
	}
}

// However often what a list lacks changes, and however long its ids are, it takes little
// of the control log.
func TestAbsencesAreFewAndSmall(t *testing.T) {
	now := ocpi.Time(1)
	c := start(t, ingesttest.NewLog(1), func() ocpi.Time { return now })
	if _, _, err := c.partners.Add(t.Context(), "", dundee()); err != nil {
		t.Fatal(err)
	}
	long := func(n int) (ids []string) {
		for i := range MaxAbsent {
			ids = append(ids, fmt.Sprintf("%d.%d.%s", n, i, strings.Repeat("x", 250)))
		}
		return ids
	}
	for i, step := range []struct {
		later ocpi.Time
		count int
		want  int // events
	}{
		{0, 100, 1}, {hour, 101, 0}, {hour, 150, 0}, {hour, 100, 0}, {hour, 151, 1}, {20 * hour, 100, 0}, {4 * hour, 100, 1},
		{hour, 100, 0}, {24 * hour, 100, 1}, {hour, 1000, 1}, {hour, 499, 1}, {hour, 0, 1}, {hour, 0, 0},
	} {
		now += step.later
		before := c.Next()
		if err := c.partners.NoteAbsent(t.Context(), "gb-dun-cpo", "locations", step.count, long(i)[:min(step.count, MaxAbsent)]); err != nil {
			t.Fatal(err)
		}
		if n := int(c.Next() - before); n != step.want {
			t.Errorf("step %d: %d events, want %d", i, n, step.want)
		}
		for _, a := range c.partners.Absent("gb-dun-cpo") {
			if n := len(strings.Join(a.IDs, "")); n == 0 || n > 8<<10 {
				t.Errorf("step %d: ids of %d bytes", i, n)
			}
		}
	}
}

// What a reader by windows is told changed when the log said so: it could not be read
// before, whenever the call was. Of who was paired, or got a role, since then.
func TestWhenPresenceChanges(t *testing.T) {
	log := ingesttest.NewLog(1)
	var now atomic.Int64
	c := start(t, log, func() ocpi.Time { return ocpi.Time(now.Load()) })
	at := func(h ocpi.Time) { now.Store(int64(h * hour)) }
	heard := func(when ocpi.Time) {
		t.Helper()
		if _, err := c.Do(t.Context(), Command{Change: PartnersHeard{[]Contact{{"gb-dun-cpo", when * hour}}}}); err != nil {
			t.Fatal(err)
		}
	}
	at(1000)
	volt := NewPartner{Name: "Volt", Roles: []Role{NewRole("EMSP", "DE", "VOL")}, Token: "volt-token"}
	for _, n := range []NewPartner{dundee(), volt} {
		if _, _, err := c.partners.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	heard(1000)
	for _, step := range []struct {
		call, noted ocpi.Time
		want        Presence
	}{
		{1026, 1028, Presence{ocpi.Connected, 1028 * hour}}, // it was gone at 1027
		{1060, 1061, Presence{ocpi.Connected, 1061 * hour}},
		{1062, 1063, Presence{ocpi.Connected, 1061 * hour}},
		{1064, 1100, Presence{ocpi.Offline, 1091 * hour}},
	} {
		at(step.noted)
		heard(step.call)
		p, _ := c.partners.Find("gb-dun-cpo")
		if got := c.partners.Presence(p, step.noted*hour); got != step.want {
			t.Errorf("called at %d, noted at %d: %v, want %v", step.call, step.noted, got, step.want)
		}
	}
	since := func(want ...ocpi.Time) {
		t.Helper()
		p, _ := c.partners.Find("de-vol-emsp")
		var got []ocpi.Time
		for _, other := range c.partners.Counterparts(p) {
			got = append(got, other.Since/hour)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	since(1000)
	at(1200)
	if _, err := c.partners.AddRoles(t.Context(), "", "gb-dun-cpo", 0, NewRole("CPO", "GB", "DUO")); err != nil {
		t.Fatal(err)
	}
	since(1000, 1200)
	c.partners.PairsOnly()
	at(1300)
	if err := c.partners.AddPair(t.Context(), "", Pair{ocpi.NewParty("GB", "DUN"), ocpi.NewParty("DE", "VOL")}); err != nil {
		t.Fatal(err)
	}
	since(1300)
}
