package partner

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// absences remembers what it is told, by module.
type absences map[string][]string

func (a absences) NoteAbsent(_ context.Context, _, module string, count int, ids []string) error {
	a[module] = append([]string{fmt.Sprint(count)}, ids...)
	return nil
}

func (a absences) NoteHeard(string) {}

// absent is of how many modules something is absent.
func (a absences) absent() (n int) {
	for _, told := range a {
		if told[0] != "0" {
			n++
		}
	}
	return n
}

// holds is a Held of what the intake has.
func (i *intake) holds(_ context.Context, kind ingest.Object, owner, recipient ocpi.Party, _ time.Time, fn func(ingest.Identity) error) error {
	i.mu.Lock()
	var ids []ingest.Identity
	for id, s := range i.objects {
		if id.Object == kind && id.Key.Party == owner && (kind != ingest.ObjectTariff || s.Recipient() == recipient) {
			ids = append(ids, id)
		}
	}
	i.mu.Unlock()
	slices.SortFunc(ids, func(a, b ingest.Identity) int { return strings.Compare(a.String(), b.String()) })
	for _, id := range ids {
		if err := fn(id); err != nil {
			return err
		}
	}
	return nil
}

func (i *intake) hold(kind ingest.Object, owner, id, variant string, received time.Time) {
	key := ocpi.NewKey(owner[:2], owner[2:], id)
	s := ingest.ObjectState{Object: kind, Key: key, Variant: variant, Version: ocpi.V221, Body: []byte(`{"last_updated":"2026-01-01T00:00:00Z"}`), Received: ocpi.TimeOf(received)}
	i.objects[s.Identity()] = s
}

var pulledAt = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)

// What a complete list lacks of what is here is told; of a list that is not whole
// beyond doubt nothing is. Nothing is removed.
func TestWhatAListLacks(t *testing.T) {
	t1, t2, t3 := tariff("TNM", "T1"), tariff("TNM", "T2"), tariff("TNM", "T3")
	page := func(total, link string, items ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			if total != "" {
				w.Header().Set("X-Total-Count", total)
			}
			if link != "" {
				w.Header().Set("Link", "<"+link+`>; rel="next"`)
			}
			_, _ = w.Write([]byte(ok(items...)))
		}
	}
	// two answers one after the other to whatever is asked for
	then := func(pages ...func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
		n := 0
		return func(w http.ResponseWriter, r *http.Request) {
			at := pages[min(n, len(pages)-1)]
			n++
			at(w, r)
		}
	}
	broken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   string // how many and which are told of T1, T2, T3; "" = nothing is
	}{
		{"all", page("3", "", t1, t2, t3), "0"},
		{"one less", page("2", "", t1, t3), "1 NL*TNM*T2"},
		{"one less, and no word of where the list ends", page("", "", t1, t3), ""},
		{"one less, limited", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Limit", "100")
			page("", "", t1, t3)(w, r)
		}, "1 NL*TNM*T2"},
		{"one less, not counted, on two pages", then(page("", "?offset=1", t1), page("", "", t3)), "1 NL*TNM*T2"},
		{"one less, on two pages", then(page("2", "?offset=1", t1), page("2", "", t3)), "1 NL*TNM*T2"},
		{"nothing", page("0", ""), "3 NL*TNM*T1 NL*TNM*T2 NL*TNM*T3"},
		{"another's", page("3", "", t1, t2, tariff("ZQX", "T3")), "1 NL*TNM*T3"},
		{"one that is refused", page("3", "", t1, t2, strings.Replace(t3, "EUR", "bad", 1)), "0"},
		{"one that does not say whose it is", page("3", "", t1, t2, `{"id":"T3"}`), "0"},
		{"one that does not say which it is", page("3", "", t1, t2, `{}`), ""},
		{"one that does not say which it is, and one less", page("2", "", t1, `{}`), "2 NL*TNM*T2 NL*TNM*T3"},
		{"in other letters", page("3", "", t1, t2, strings.ToLower(t3[:len(t3)-40])+t3[len(t3)-40:]), "0"},
		{"a total too large", page("3", "", t1, t3), ""},
		{"a total too small", page("1", "", t1, t3), ""},
		{"a link that leads back", page("", "?limit=100&offset=0", t1, t3), ""},
		{"it breaks off", then(page("3", "?offset=1", t1), broken), ""},
		{"it shrinks", then(page("3", "?offset=1&limit=100", t1), page("2", "", t3)), ""},
		{"it was moved while it was read", then(page("3", "?offset=2", t1, t2), page("3", "", t1)), ""},
	} {
		i := newIntake()
		for _, id := range []string{"T1", "T2", "T3"} {
			i.hold(ingest.ObjectTariff, "NLTNM", id, "", pulledAt.Add(-time.Hour))
		}
		i.hold(ingest.ObjectTariff, "NLTNM", "T4", "DE*EMP", pulledAt.Add(-time.Hour)) // for another: not on this list
		i.hold(ingest.ObjectTariff, "NLTNM", "T5", "", pulledAt)                       // pushed since
		i.hold(ingest.ObjectTariff, "NLAAA", "T6", "", pulledAt.Add(-time.Hour))
		i.hold(ingest.ObjectSession, "NLTNM", "S1", "", pulledAt.Add(-time.Hour))
		s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/sessions") {
				_, _ = w.Write([]byte(ok()))
				return
			}
			c.answer(w, r)
		})
		p := testPuller(t, i)
		told := absences{}
		p.Notes, p.Held, p.Now, p.Sights = told, i.holds, func() time.Time { return pulledAt }, api.NewBudget(SightBytes)
		before := len(i.objects)
		got, err := everything(p, registered(t, ocpi.V221, s.URL, "tariffs", "sessions"))
		if err != nil {
			t.Fatal(err)
		}
		if is := strings.Join(told["tariffs"], " "); is != c.want || told.absent() > 1 || len(i.objects) != before {
			t.Errorf("%s: told %q, want %q; %d objects of %d", c.name, told, c.want, len(i.objects), before)
		}
		if m := got.Modules[0]; (m.Absent != nil) != (c.want != "") || m.Absent != nil && !strings.HasPrefix(c.want, fmt.Sprint(*m.Absent)) || got.Modules[1].Absent != nil {
			t.Errorf("%s: %+v", c.name, got.Modules)
		}
		if p.Sights.Used() != 0 {
			t.Errorf("%s: %d bytes are held", c.name, p.Sights.Used())
		}
	}
}

// Each party's list is read, though the first one shows something of another's, and
// what the later ones show is not absent; a list that is of all of them is read once.
func TestWhatListsOfSeveralPartiesLack(t *testing.T) {
	of := func(party, id string) string { return strings.Replace(tariff(party, id), `"NL"`, `"BE"`, 1) }
	mine, its := []string{tariff("TNM", "T1"), tariff("TNM", "T2")}, []string{of("TNM", "T1"), of("TNM", "T2")}
	all := slices.Concat(mine, its)
	for name, c := range map[string]struct {
		nl, be []string
		read   int
		want   string
	}{
		"each its own":                 {mine, its, 4, "2 NL*TNM*T3 BE*TNM*T3"},
		"the first shows one of them":  {slices.Concat(mine, its[:1]), its, 4, "2 NL*TNM*T3 BE*TNM*T3"},
		"the second shows one of them": {mine, slices.Concat(its, mine[:1]), 4, "2 NL*TNM*T3 BE*TNM*T3"},
		"all":                          {all, all, 4, "2 NL*TNM*T3 BE*TNM*T3"},
		"all, in another order":        {all, slices.Concat(its, mine), 4, "2 NL*TNM*T3 BE*TNM*T3"},
		"all, and one twice":           {all, slices.Concat(its, its[:1]), 4, ""},
	} {
		i := newIntake()
		for _, id := range []string{"T1", "T2", "T3"} {
			i.hold(ingest.ObjectTariff, "NLTNM", id, "", pulledAt.Add(-time.Hour))
			i.hold(ingest.ObjectTariff, "BETNM", id, "", pulledAt.Add(-time.Hour))
		}
		s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
			items := c.nl
			if r.Header.Get(ocpi.HeaderToCountry) == "BE" {
				items = c.be
			}
			w.Header().Set("X-Total-Count", fmt.Sprint(len(items)))
			_, _ = w.Write([]byte(ok(items...)))
		})
		one := testPartner(t, control.NewRole("CPO", "NL", "TNM"), control.NewRole("CPO", "BE", "TNM"))
		one.Peer = registered(t, ocpi.V221, s.URL, "tariffs").Peer
		p, told := testPuller(t, i), absences{}
		p.Notes, p.Held, p.Now = told, i.holds, func() time.Time { return pulledAt }
		got, err := everything(p, one)
		if err != nil || got.Modules[0].Read != c.read || strings.Join(told["tariffs"], " ") != c.want {
			t.Errorf("%s: read %d, want %d, told %q, want %q, %v", name, got.Modules[0].Read, c.read, told, c.want, err)
		}
	}
}

// Of a list of 2.1.1 with one counterparty it is the Tariffs for that one; where bodies
// do not say whose they are, an id counts for all that are here of that name.
func TestWhatAListOf211Lacks(t *testing.T) {
	s := newDesk(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Total-Count", "1")
		_, _ = w.Write([]byte(ok(`{"id":"T1","currency":"EUR","last_updated":"2026-01-01T00:00:00Z"}`)))
	})
	for name, c := range map[string]struct {
		with  ocpi.Party
		roles []control.Role
		want  string
	}{
		"of one party":          {ocpi.Party{}, nil, "1 NL*TNM*T2"},
		"with one counterparty": {ocpi.NewParty("DE", "EMP"), nil, "1 NL*TNM*T3"},
		"of two parties":        {ocpi.Party{}, []control.Role{control.NewRole("CPO", "NL", "TNM"), control.NewRole("CPO", "NL", "AAA")}, "2 NL*TNM*T2 NL*AAA*T7"},
	} {
		i := newIntake()
		for _, id := range []string{"T1", "T2"} {
			i.hold(ingest.ObjectTariff, "NLTNM", id, "", pulledAt.Add(-time.Hour))
			i.hold(ingest.ObjectTariff, "NLTNM", id[:1]+"3", "DE*EMP", pulledAt.Add(-time.Hour))
		}
		i.hold(ingest.ObjectTariff, "NLAAA", "T7", "", pulledAt.Add(-time.Hour))
		p, told := testPuller(t, i), absences{}
		p.Notes, p.Held, p.Now = told, i.holds, func() time.Time { return pulledAt }
		one := registered(t, ocpi.V211, s.URL, "tariffs")
		one.Counterparty = c.with
		if c.roles != nil {
			peer := one.Peer
			one = testPartner(t, c.roles...)
			one.Peer = peer
		}
		if _, err := everything(p, one); err != nil || strings.Join(told["tariffs"], " ") != c.want {
			t.Errorf("%s: told %q, want %q, %v", name, told, c.want, err)
		}
	}
}

// Two parties of a connection of 2.1.1 that have objects of the same ids show each id
// twice, which is no list that was moved while it was read: that shows the same object.
func TestTwoPartiesOf211WithTheSameIDs(t *testing.T) {
	body := func(id, currency string) string {
		return `{"id":"` + id + `","currency":"` + currency + `","last_updated":"2026-01-01T00:00:00Z"}`
	}
	for name, c := range map[string]struct {
		items []string
		want  string
	}{
		"one of each":   {[]string{body("T1", "EUR"), body("T2", "EUR"), body("T1", "SEK"), body("T2", "SEK")}, "1 NL*TNM*T3"},
		"one is moved":  {[]string{body("T1", "EUR"), body("T2", "EUR"), body("T2", "EUR"), body("T1", "SEK")}, ""},
		"nothing of it": {[]string{body("T1", "EUR")}, "3 NL*TNM*T2 NL*TNM*T3 NL*AAA*T2"},
	} {
		i := newIntake()
		for _, id := range []string{"T1", "T2", "T3"} {
			i.hold(ingest.ObjectTariff, "NLTNM", id, "", pulledAt.Add(-time.Hour))
		}
		for _, id := range []string{"T1", "T2"} {
			i.hold(ingest.ObjectTariff, "NLAAA", id, "", pulledAt.Add(-time.Hour))
		}
		s := newDesk(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", fmt.Sprint(len(c.items)))
			_, _ = w.Write([]byte(ok(c.items...)))
		})
		one := testPartner(t, control.NewRole("CPO", "NL", "TNM"), control.NewRole("CPO", "NL", "AAA"))
		one.Peer = registered(t, ocpi.V211, s.URL, "tariffs").Peer
		p, told := testPuller(t, i), absences{}
		p.Notes, p.Held, p.Now = told, i.holds, func() time.Time { return pulledAt }
		if _, err := everything(p, one); err != nil || strings.Join(told["tariffs"], " ") != c.want {
			t.Errorf("%s: told %q, want %q, %v", name, told, c.want, err)
		}
	}
}

// What a list lacked is told no more when the partner offers it no longer.
func TestAListThatIsOfferedNoMore(t *testing.T) {
	s := newDesk(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(ok())) })
	p, told := testPuller(t, newIntake()), absences{}
	p.Notes, p.Held = told, newIntake().holds
	if _, err := everything(p, registered(t, ocpi.V221, s.URL, "sessions")); err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"locations", "tariffs", "tokens"} {
		if got := strings.Join(told[module], " "); got != "0" {
			t.Errorf("%s: told %q, want that nothing is absent", module, got)
		}
	}
	if len(told) != 3 {
		t.Errorf("told %v", told)
	}
}

// A list of which not all can be remembered is read, and nothing is told of it.
func TestSightsTakeRoom(t *testing.T) {
	s := &sight{budget: api.NewBudget(8 * 8 * sightStep), who: "p", seed: maphash.MakeSeed()}
	see := func(n int) {
		for i := range n {
			s.see(sighted{id: fmt.Sprint(i)})
		}
	}
	see(2 * sightStep)
	if s.blind || !s.sort() || !s.shows(sighted{id: "7"}) || s.shows(sighted{id: "x"}) || s.shows(sighted{id: "7", variant: "RFID"}) {
		t.Errorf("blind %v", s.blind)
	}
	see(sightStep)
	if !s.blind || s.budget.Used() != 0 || s.hashes != nil {
		t.Errorf("blind %v, %d bytes are held", s.blind, s.budget.Used())
	}
	i, told := newIntake(), absences{}
	i.hold(ingest.ObjectTariff, "NLTNM", "T1", "", pulledAt)
	p := testPuller(t, i)
	p.Notes, p.Held, p.Sights = told, i.holds, api.NewBudget(1)
	desk := newDesk(t, pages(map[string]string{"/tariffs": ok(tariff("TNM", "T2"))}))
	if got, err := everything(p, registered(t, ocpi.V221, desk.URL, "tariffs")); err != nil || !got.Whole() || told["tariffs"] != nil {
		t.Errorf("%+v, %v, told %v", got, err, told)
	}
}
