package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// owned is what a partition of objects holds: its records and last states.
type owned struct {
	s         *Store
	partition ingest.Partition
	next      int64
	states    map[ingest.Identity]*ingest.ObjectState
}

func newOwned(s *Store, topic ingest.Topic) *owned {
	return &owned{s: s, partition: partitionOf(topic), states: map[ingest.Identity]*ingest.ObjectState{}}
}

func object(kind ingest.Object, owner, id, variant string) ingest.Identity {
	return ingest.Identity{Object: kind, Key: ocpi.NewKey(owner[:2], owner[2:], id), Variant: variant}
}

// change stores a record that changes an object, which change is told of, as the
// Recorder does.
func (o *owned) change(t *testing.T, id ingest.Identity, updated int, change func(*ingest.ObjectState)) {
	t.Helper()
	at := o.partition.At(o.next)
	o.next++
	r := ingest.Record{Position: at, Envelope: ingest.Envelope{Object: id.Object, Method: ingest.MethodPut, Version: ocpi.V221, Key: id.Key, Variant: id.Variant,
		Received: ocpi.TimeOf(received) + ocpi.Time(at.Offset*ocpi.Second)}}
	s := ingest.ObjectState{Object: id.Object, Key: id.Key, Variant: id.Variant, Version: ocpi.V221, Position: at, Received: r.Received,
		LastUpdated: ocpi.TimeOf(day(updated)), Created: ingest.CreatedBy(&r)}
	if old := o.states[id]; old != nil {
		s.Created, s.With, s.Left = old.Created, old.With, old.Left
	}
	s.Body = fmt.Appendf(nil, `{"id":%q,"n":%d}`, id.Key.ID, at.Offset)
	if change != nil {
		change(&s)
	}
	r.Body = s.Body
	if err := o.s.WriteObjects(t.Context(), o.partition, []ingest.Record{r}, []ingest.ObjectState{s}); err != nil {
		t.Fatal(err)
	}
	o.states[id] = &s
}

func day(n int) time.Time { return time.Date(2019, 1, n, 0, 0, 0, 0, time.UTC) }

func with(emsp string) func(*ingest.ObjectState) {
	return func(s *ingest.ObjectState) {
		if !s.With.IsZero() {
			s.Left = append(slices.Clip(s.Left), s.With)
		}
		s.With = ocpi.NewParty(emsp[:2], emsp[2:])
		s.Left = slices.DeleteFunc(slices.Clone(s.Left), func(p ocpi.Party) bool { return p == s.With })
	}
}

func part(kind settlement.ListKind, party string, owners ...string) settlement.ListPart {
	p := settlement.ListPart{ObjectList: settlement.ObjectList{Kind: kind}}
	if party != "" {
		p.Party = ocpi.NewParty(party[:2], party[2:])
	}
	for _, o := range owners {
		p.Owners = append(p.Owners, ocpi.NewParty(o[:2], o[2:]))
	}
	return p
}

// without leaves out what some owners have on it.
func without(p settlement.ListPart, owners ...string) settlement.ListPart {
	for _, o := range owners {
		p.Except = append(p.Except, ocpi.NewParty(o[:2], o[2:]))
	}
	return p
}

// follow reads a list to its end by what pages say is next. between, if any, runs
// after each page.
func follow(t *testing.T, read func(settlement.OCPIWindow) (settlement.OCPIPage, error), w settlement.OCPIWindow, between func()) (shown []string) {
	t.Helper()
	for {
		page, err := read(w)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range page.Bodies {
			shown = append(shown, page.Owners[i].String()+" "+string(b))
		}
		if len(shown) > page.Total {
			t.Errorf("%d are shown of %d", len(shown), page.Total)
		}
		if page.Next == "" {
			return shown
		}
		w.After, w.Offset = page.Next, w.Offset+len(page.Bodies)
		if between != nil {
			between()
		}
	}
}

func TestObjectLists(t *testing.T) {
	s := newStore(t)
	reference, sessions := newOwned(s, ingest.TopicReference), newOwned(s, ingest.TopicSessions)
	location := func(owner, id string) ingest.Identity { return object(ingest.ObjectLocation, owner, id, "") }
	reference.change(t, location("GBDUN", "l1"), 1, nil)
	reference.change(t, location("FRBEL", "l2"), 2, nil)
	reference.change(t, location("GBDUN", "l3"), 3, nil)
	reference.change(t, object(ingest.ObjectToken, "NLEXW", "k1", "RFID"), 1, nil)
	reference.change(t, object(ingest.ObjectToken, "NLEXW", "k1", "APP_USER"), 1, nil)
	tariff := func(id, recipient string) ingest.Identity { return object(ingest.ObjectTariff, "GBDUN", id, recipient) }
	reference.change(t, tariff("t1", ""), 1, nil)
	reference.change(t, tariff("t2", ""), 1, nil)
	reference.change(t, tariff("t1", "NL*EXW"), 1, nil)
	reference.change(t, tariff("t2", ""), 2, func(s *ingest.ObjectState) { s.Deleted = true })
	reference.change(t, tariff("t1", ""), 3, nil)
	reference.change(t, location("GBDUN", "l1"), 9, nil) // changed last, made first
	session := func(id string) ingest.Identity { return object(ingest.ObjectSession, "GBDUN", id, "") }
	sessions.change(t, session("s1"), 1, with("NLEXW"))
	sessions.change(t, session("s2"), 2, with("DETNM"))
	sessions.change(t, session("s3"), 3, nil)
	sessions.change(t, session("s1"), 4, with("DETNM")) // another token
	sessions.change(t, session("s2"), 5, with("NLEXW"))
	sessions.change(t, session("s2"), 6, with("DETNM")) // and back
	all, own, open := part(settlement.ListAll, ""), part(settlement.ListOwn, "GBDUN"), part(settlement.ListOpen, "GBDUN")
	for _, tc := range []struct {
		name   string
		kind   ingest.Object
		lists  []settlement.ListPart
		window settlement.OCPIWindow
		want   string
	}{
		{"all Locations, in the order in which they were made", ingest.ObjectLocation, []settlement.ListPart{all}, settlement.OCPIWindow{}, "L1@10 L2@1 L3@2"},
		{"of two owners", ingest.ObjectLocation, []settlement.ListPart{open, part(settlement.ListOpen, "FRBEL")}, settlement.OCPIWindow{}, "L1@10 L2@1 L3@2"},
		{"of one", ingest.ObjectLocation, []settlement.ListPart{open, own}, settlement.OCPIWindow{}, "L1@10 L3@2"},
		{"from is inclusive", ingest.ObjectLocation, []settlement.ListPart{all}, settlement.OCPIWindow{From: day(3)}, "L1@10 L3@2"},
		{"to is exclusive", ingest.ObjectLocation, []settlement.ListPart{all}, settlement.OCPIWindow{To: day(3)}, "L2@1"},
		{"no state of before", ingest.ObjectLocation, []settlement.ListPart{all}, settlement.OCPIWindow{To: day(2)}, ""},
		{"but for those of one", ingest.ObjectLocation, []settlement.ListPart{without(all, "GBDUN", "DETNM")}, settlement.OCPIWindow{}, "L2@1"},
		{"but for those of all", ingest.ObjectLocation, []settlement.ListPart{without(all, "GBDUN", "FRBEL")}, settlement.OCPIWindow{}, ""},
		{"and its own beside", ingest.ObjectTariff, []settlement.ListPart{without(all, "GBDUN"), without(part(settlement.ListWith, "NLEXW"), "GBDUN"), own}, settlement.OCPIWindow{}, "T1@7"},
		{"all Tokens", ingest.ObjectToken, []settlement.ListPart{all}, settlement.OCPIWindow{}, "K1@3 K1@4"},
		{"Tariffs for all: not the deleted one", ingest.ObjectTariff, []settlement.ListPart{all}, settlement.OCPIWindow{}, "T1@9"},
		{"and those for one", ingest.ObjectTariff, []settlement.ListPart{all, part(settlement.ListWith, "NLEXW")}, settlement.OCPIWindow{}, "T1@9 T1@7"},
		{"not for another one", ingest.ObjectTariff, []settlement.ListPart{all, part(settlement.ListWith, "DETNM")}, settlement.OCPIWindow{}, "T1@9"},
		{"the owner's", ingest.ObjectTariff, []settlement.ListPart{own, open}, settlement.OCPIWindow{}, "T1@9 T1@7"},
		{"Sessions of an eMSP, not what it has left", ingest.ObjectSession, []settlement.ListPart{part(settlement.ListWith, "NLEXW")}, settlement.OCPIWindow{}, ""},
		{"of the eMSP it came to", ingest.ObjectSession, []settlement.ListPart{part(settlement.ListWith, "DETNM")}, settlement.OCPIWindow{}, "S1@3 S2@5"},
		{"of a CPO, of no known eMSP too", ingest.ObjectSession, []settlement.ListPart{own}, settlement.OCPIWindow{}, "S1@3 S2@5 S3@2"},
		{"of both, each once", ingest.ObjectSession, []settlement.ListPart{own, part(settlement.ListWith, "DETNM")}, settlement.OCPIWindow{}, "S1@3 S2@5 S3@2"},
		{"of some owners", ingest.ObjectSession, []settlement.ListPart{part(settlement.ListWith, "DETNM", "GBDUN", "FRBEL")}, settlement.OCPIWindow{}, "S1@3 S2@5"},
		{"of others", ingest.ObjectSession, []settlement.ListPart{part(settlement.ListWith, "DETNM", "FRBEL")}, settlement.OCPIWindow{}, ""},
		{"an offset", ingest.ObjectSession, []settlement.ListPart{own}, settlement.OCPIWindow{Offset: 1, Limit: 1}, "S2@5 S3@2"},
		{"an offset in several", ingest.ObjectSession, []settlement.ListPart{own, part(settlement.ListWith, "DETNM")}, settlement.OCPIWindow{Offset: 1, Limit: 1}, "S2@5 S3@2"},
		{"an offset beyond the end", ingest.ObjectSession, []settlement.ListPart{own}, settlement.OCPIWindow{Offset: 9}, ""},
		{"nobody's", ingest.ObjectSession, nil, settlement.OCPIWindow{}, ""},
		{"very many", ingest.ObjectSession, append(slices.Repeat([]settlement.ListPart{part(settlement.ListWith, "FRXXX")}, 3*maxSeeks), own, part(settlement.ListWith, "DETNM", "GBDUN")), settlement.OCPIWindow{}, "S1@3 S2@5 S3@2"},
	} {
		for _, limit := range []int{1, 2, 500} {
			w := tc.window
			w.Limit = cmp.Or(w.Limit, limit)
			total := -1
			shown := follow(t, func(w settlement.OCPIWindow) (settlement.OCPIPage, error) {
				page, err := s.OCPIObjects(t.Context(), settlement.ObjectQuery{Object: tc.kind, Lists: tc.lists, OCPIWindow: w})
				total = page.Total
				return page, err
			}, w, nil)
			var got []string
			for _, line := range shown {
				var owner, body string
				fmt.Sscan(line, &owner, &body)
				id, n, _ := strings.Cut(strings.TrimPrefix(body, `{"id":"`), `","n":`)
				got = append(got, id+"@"+strings.TrimSuffix(n, "}"))
			}
			if all := strings.Join(got, " "); all != tc.want || tc.window.Offset == 0 && total != len(got) {
				t.Errorf("%s, %d a page: %q, want %q; total %d", tc.name, limit, all, tc.want, total)
			}
		}
	}
	if _, err := s.OCPIObjects(t.Context(), settlement.ObjectQuery{Object: ingest.ObjectToken, Lists: []settlement.ListPart{all}, OCPIWindow: settlement.OCPIWindow{After: "?"}}); err == nil {
		t.Error("what is no cursor is taken for one")
	}
}

// Whoever follows Next meets each object that stays as it is once, whatever is
// made, changed, moved or deleted meanwhile, and nothing that there never was.
func TestFollowingSkipsAndRepeatsNothing(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := newStore(t)
		o := newOwned(s, ingest.TopicSessions)
		id := func(n int) ingest.Identity { return object(ingest.ObjectSession, "GBDUN", fmt.Sprintf("s%03d", n), "") }
		emsp := func() func(*ingest.ObjectState) { return with([]string{"NLEXW", "DETNM"}[rng.IntN(2)]) }
		const first = 30
		for n := range first {
			o.change(t, id(n), 1+rng.IntN(20), emsp())
		}
		made := first
		before := map[ingest.Identity]ingest.ObjectState{}
		for id, s := range o.states {
			before[id] = *s
		}
		lists := [][]settlement.ListPart{
			{part(settlement.ListOwn, "GBDUN")}, {part(settlement.ListWith, "NLEXW")}, {part(settlement.ListOwn, "GBDUN"), part(settlement.ListWith, "NLEXW")},
		}[rng.IntN(3)]
		w := settlement.OCPIWindow{From: day(1 + rng.IntN(5)), To: day(15 + rng.IntN(10)), Limit: 1 + rng.IntN(5)}
		shown := follow(t, func(w settlement.OCPIWindow) (settlement.OCPIPage, error) {
			return s.OCPIObjects(t.Context(), settlement.ObjectQuery{Object: ingest.ObjectSession, Lists: lists, OCPIWindow: w})
		}, w, func() {
			for range rng.IntN(4) {
				if rng.IntN(2) == 0 {
					o.change(t, id(made), 1+rng.IntN(20), emsp())
					made++
					continue
				}
				o.change(t, id(rng.IntN(made)), 1+rng.IntN(20), emsp())
			}
		})
		times := map[string]int{}
		for _, body := range shown {
			times[body]++
		}
		for id, state := range before {
			stays := o.states[id].Position == state.Position
			since := state.LastUpdated.Go()
			listed := !since.Before(w.From) && since.Before(w.To) && (lists[0].Kind == settlement.ListOwn || state.With == lists[0].Party)
			if n := times[state.Key.Party.String()+" "+string(state.Body)]; stays && listed && n != 1 || stays && !listed && n != 0 {
				t.Errorf("seed %d: %s is met %d times; it is on the list: %t", seed, id, n, listed)
			}
		}
		for body, n := range times {
			if n > 1 {
				t.Errorf("seed %d: %s is met %d times", seed, body, n)
			}
		}
	}
}

// The list of CDRs is followed in the same way, by last_updated or by when they
// came, and one that comes late takes no other's place.
func TestFollowingCDRs(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, january)
	write(t, s, b)
	exw, dun := []ocpi.Party{ocpi.NewParty("NL", "EXW")}, []ocpi.Party{ocpi.NewParty("GB", "DUN")}
	for name, q := range map[string]settlement.OCPIQuery{
		"of an eMSP": {Debtors: exw}, "of a CPO": {Creditors: dun}, "of who is both": {Debtors: exw, Creditors: dun},
		"by receipt":   {Debtors: exw, ByReceived: true, OCPIWindow: settlement.OCPIWindow{From: received.Add(-time.Hour), To: received.Add(time.Hour)}},
		"between both": {Debtors: exw, Only: dun[0]},
	} {
		whole, err := s.OCPICDRs(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for limit := 1; limit < 4; limit++ {
			page := q
			page.Limit = limit
			shown := follow(t, func(w settlement.OCPIWindow) (settlement.OCPIPage, error) {
				page.OCPIWindow = w
				return s.OCPICDRs(t.Context(), page)
			}, page.OCPIWindow, nil)
			if len(shown) != whole.Total || len(shown) < 2 {
				t.Errorf("%s, %d a page: %d of %d", name, limit, len(shown), whole.Total)
			}
			for i := range shown {
				if !strings.HasSuffix(shown[i], string(whole.Bodies[i])) {
					t.Errorf("%s, %d a page: item %d is %s, want %s", name, limit, i, shown[i], whole.Bodies[i])
				}
			}
		}
	}
	past := settlement.OCPIQuery{Debtors: exw, ByReceived: true, OCPIWindow: settlement.OCPIWindow{To: received.Add(-time.Hour)}}
	if page, err := s.OCPICDRs(t.Context(), past); err != nil || page.Total != 0 {
		t.Errorf("received before they came: %d, %v", page.Total, err)
	}
	if page, err := s.OCPICDRs(t.Context(), settlement.OCPIQuery{Debtors: exw, Only: ocpi.NewParty("FR", "XXX")}); err != nil || page.Total != 0 {
		t.Errorf("of nobody: %d, %v", page.Total, err)
	}
}

// Whoever follows the list of CDRs while others come meets each that stays as it is
// once, and none twice: others come before, among and behind what was shown, from
// several partitions, and some again, or in an earlier copy that counts from then on.
func TestFollowingCDRsWhileOthersCome(t *testing.T) {
	for seed := range uint64(3) {
		s := newStore(t)
		rng := rand.New(rand.NewPCG(seed, 1))
		line := func(id string) string {
			return fmt.Sprintf("GB*DUN NL*EXW %s 2019-01-%02d GBP 1.00/1.20 priced 1.00/1.20 VAT:20=0.20\n", id, 1+rng.IntN(28))
		}
		const first, old = 1000, 20
		next := [2]int64{first, first}
		for partition := range next {
			lines := ""
			for n := range old {
				lines += line(fmt.Sprintf("%c%d", 'a'+partition, n))
			}
			write(t, s, batchOf(t, int32(partition), first, lines))
			next[partition] += old
		}
		stays := map[string]bool{}
		for n := range old {
			stays[fmt.Sprintf("A%d", n)], stays[fmt.Sprintf("B%d", n)] = true, true
		}
		delete(stays, "A0") // an earlier copy of it comes
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				partition := n % 2
				b := batchOf(t, int32(partition), next[partition], line(fmt.Sprintf("%c%d", 'a'+partition, old+n))+line(fmt.Sprintf("%c%d", 'a'+partition, 1+rng.IntN(old-1))))
				if n == 2 {
					b = batchOf(t, 0, 0, line("a0"))
				} else {
					next[partition] = b.Next
				}
				if err := s.WriteCDRs(t.Context(), b); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		exw := []ocpi.Party{ocpi.NewParty("NL", "EXW")}
		shown := follow(t, func(w settlement.OCPIWindow) (settlement.OCPIPage, error) {
			return s.OCPICDRs(t.Context(), settlement.OCPIQuery{Debtors: exw, OCPIWindow: w})
		}, settlement.OCPIWindow{Limit: 2 + int(seed)}, nil)
		close(stop)
		<-stopped
		times := map[string]int{}
		for _, one := range shown {
			_, body, _ := strings.Cut(one, `{"id":"`)
			id, _, _ := strings.Cut(body, `"`)
			times[strings.ToUpper(id)]++
		}
		for id, n := range times {
			if n != 1 && id != "A0" {
				t.Errorf("seed %d: %s is met %d times", seed, id, n)
			}
		}
		for id := range stays {
			if times[id] == 0 {
				t.Errorf("seed %d: %s is not met", seed, id)
			}
		}
	}
}

// The total of a list is counted when its first page is read, and is never less than
// what was shown.
func TestAListIsCountedOnce(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicReference)
	for n := range 5 {
		o.change(t, object(ingest.ObjectToken, "NLEXW", fmt.Sprint(n), "RFID"), 1, nil)
	}
	q := settlement.ObjectQuery{Object: ingest.ObjectToken, Lists: []settlement.ListPart{part(settlement.ListAll, "")}, OCPIWindow: settlement.OCPIWindow{Limit: 2}}
	page, err := s.OCPIObjects(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*listCursor)
		want   int
	}{
		"as it was counted":    {func(c *listCursor) { c.Total = 9 }, 9},
		"of another window":    {func(c *listCursor) { c.Total, c.To = 9, 1 }, 5},
		"less than what shows": {func(c *listCursor) { c.Total = 3 }, 5},
	} {
		cursor, err := decodeCursor[listCursor](page.Next)
		if err != nil {
			t.Fatal(err)
		}
		tc.change(&cursor)
		next := q
		next.Offset = 2
		if next.After, err = encodeCursor(cursor); err != nil {
			t.Fatal(err)
		}
		if got, err := s.OCPIObjects(t.Context(), next); err != nil || got.Total != tc.want || len(got.Bodies) != 2 {
			t.Errorf("%s: total %d of %d bodies, %v; want %d", name, got.Total, len(got.Bodies), err, tc.want)
		}
	}
	// Who writes another offset into a Link gets the page there.
	q.After, q.Offset = page.Next, 4
	if got, err := s.OCPIObjects(t.Context(), q); err != nil || len(got.Bodies) != 1 || got.Next != "" {
		t.Errorf("another offset: %d bodies, %v", len(got.Bodies), err)
	}
}

// What changes between the moment that its row is read and that when its body is, is
// listed by its new state: not to somebody it has left, nor outside the window. What
// stays on the list is shown, and the next page goes on behind it.
func TestWhatChangesWhileItIsListed(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicSessions)
	id := func(n int) ingest.Identity { return object(ingest.ObjectSession, "GBDUN", fmt.Sprintf("s%d", n), "") }
	for n := range 6 {
		o.change(t, id(n), 1, with("NLEXW"))
	}
	again := func(change func(*ingest.ObjectState)) func(*ingest.ObjectState) {
		return func(s *ingest.ObjectState) { with("NLEXW")(s); change(s) }
	}
	q := settlement.ObjectQuery{Object: ingest.ObjectSession, Lists: []settlement.ListPart{part(settlement.ListWith, "NLEXW")},
		OCPIWindow: settlement.OCPIWindow{From: day(1), To: day(10), Limit: 5}}
	changed := false
	page, err := s.page(t.Context(), objectList(&q), q.OCPIWindow, func(ctx context.Context, rows []listed) ([]listedBody, error) {
		if !changed {
			changed = true
			o.change(t, id(0), 2, with("DETNM"))                                           // is another one's now
			o.change(t, id(1), 20, with("NLEXW"))                                          // of another window
			o.change(t, id(2), 3, with("NLEXW"))                                           // still there
			o.change(t, id(3), 3, again(func(s *ingest.ObjectState) { s.Deleted = true })) // gone
		}
		return s.objectBodies(ctx, &q, rows)
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%s", page.Bodies)
	if want := `[{"id":"S2","n":8} {"id":"S4","n":4}]`; !strings.EqualFold(shown, want) {
		t.Errorf("%s are shown, want %s", shown, want)
	}
	q.After, q.Offset = page.Next, len(page.Bodies)
	page, err = s.OCPIObjects(t.Context(), q)
	if want := `[{"id":"S5","n":5}]`; err != nil || !strings.EqualFold(fmt.Sprintf("%s", page.Bodies), want) || page.Next != "" {
		t.Errorf("then %s, %v, want %s", page.Bodies, err, want)
	}
}

// Of what a page shows it is said what else of the same id is on the same lists: in no
// window and on no page of its own, not what is gone, nor what the reader does not see.
func TestWhatHasTheSameID(t *testing.T) {
	s := newStore(t)
	reference, sessions := newOwned(s, ingest.TopicReference), newOwned(s, ingest.TopicSessions)
	location := func(owner string) ingest.Identity { return object(ingest.ObjectLocation, owner, "l1", "") }
	tariff := func(owner, id, recipient string) ingest.Identity {
		return object(ingest.ObjectTariff, owner, id, recipient)
	}
	reference.change(t, location("GBDUN"), 9, nil)
	reference.change(t, location("FRBEL"), 1, nil)
	reference.change(t, object(ingest.ObjectLocation, "FRBEL", "l2", ""), 9, nil)
	reference.change(t, location("GBDUN"), 10, nil)
	reference.change(t, tariff("GBDUN", "t1", ""), 1, nil)
	reference.change(t, tariff("GBDUN", "t1", "NL*EXW"), 1, nil)
	reference.change(t, tariff("GBDUN", "t1", "DE*TNM"), 1, nil)
	reference.change(t, tariff("FRBEL", "t1", ""), 1, nil)
	reference.change(t, tariff("FRBEL", "t1", ""), 2, func(s *ingest.ObjectState) { s.Deleted = true })
	sessions.change(t, object(ingest.ObjectSession, "GBDUN", "s1", ""), 1, with("NLEXW"))
	sessions.change(t, object(ingest.ObjectSession, "FRBEL", "s1", ""), 1, with("DETNM"))
	sessions.change(t, object(ingest.ObjectSession, "FRBEL", "s1", ""), 2, with("NLEXW"))
	sessions.change(t, object(ingest.ObjectSession, "USBOU", "s1", ""), 1, nil)
	all := part(settlement.ListAll, "")
	for _, tc := range []struct {
		name   string
		kind   ingest.Object
		lists  []settlement.ListPart
		window settlement.OCPIWindow
		want   string
	}{
		{"of two owners", ingest.ObjectLocation, []settlement.ListPart{all}, settlement.OCPIWindow{}, "GB*DUN*L1: FR*BEL*L1; FR*BEL*L1: GB*DUN*L1; FR*BEL*L2:"},
		{"one of them in the window", ingest.ObjectLocation, []settlement.ListPart{all}, settlement.OCPIWindow{From: day(9)}, "GB*DUN*L1: FR*BEL*L1; FR*BEL*L2:"},
		{"one of them seen", ingest.ObjectLocation, []settlement.ListPart{part(settlement.ListOpen, "FRBEL")}, settlement.OCPIWindow{}, "FR*BEL*L1:; FR*BEL*L2:"},
		{"for all and for one, not for another, nor withdrawn", ingest.ObjectTariff, []settlement.ListPart{all, part(settlement.ListWith, "NLEXW")}, settlement.OCPIWindow{}, "GB*DUN*T1: GB*DUN*T1 NL*EXW; GB*DUN*T1 NL*EXW: GB*DUN*T1"},
		{"of one eMSP", ingest.ObjectSession, []settlement.ListPart{part(settlement.ListWith, "NLEXW")}, settlement.OCPIWindow{}, "GB*DUN*S1: FR*BEL*S1; FR*BEL*S1: GB*DUN*S1"},
		{"left", ingest.ObjectSession, []settlement.ListPart{part(settlement.ListWith, "DETNM")}, settlement.OCPIWindow{}, ""},
	} {
		for _, limit := range []int{1, 500} {
			var got []string
			w := tc.window
			w.Limit, w.ByID = limit, true
			follow(t, func(w settlement.OCPIWindow) (settlement.OCPIPage, error) {
				page, err := s.OCPIObjects(t.Context(), settlement.ObjectQuery{Object: tc.kind, Lists: tc.lists, OCPIWindow: w})
				got = append(got, sameIDs(&page)...)
				return page, err
			}, w, nil)
			if all := strings.Join(got, "; "); all != tc.want {
				t.Errorf("%s, %d a page: %q, want %q", tc.name, limit, all, tc.want)
			}
		}
	}
}

// sameIDs says of each item of a page which it is, and what has the same id.
func sameIDs(page *settlement.OCPIPage) (lines []string) {
	for i, id := range page.Identities {
		line := strings.TrimPrefix(id.String(), id.Object.String()+" ") + ":"
		others := slices.SortedFunc(slices.Values(page.Others[i]), func(a, b ingest.Identity) int { return strings.Compare(a.String(), b.String()) })
		for _, o := range others {
			line += " " + strings.TrimPrefix(o.String(), o.Object.String()+" ")
		}
		lines = append(lines, line)
	}
	return lines
}

// So it is of CDRs, whose lists are those of their two parties.
func TestWhichCDRsHaveTheSameID(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, `
		GB*DUN NL*EXW c1 2019-01-15 GBP 1.00/1.20 priced 1.00/1.20 -
		FR*BEL NL*EXW c1 2019-02-16 GBP 1.00/1.20 priced 1.00/1.20 -
		FR*BEL NL*EXW c2 2019-01-17 GBP 1.00/1.20 priced 1.00/1.20 -
		GB*DUN DE*TNM c2 2019-01-18 GBP 1.00/1.20 priced 1.00/1.20 -
	`))
	exw, dun, bel := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("GB", "DUN"), ocpi.NewParty("FR", "BEL")
	for _, tc := range []struct {
		q    settlement.OCPIQuery
		want string
	}{
		{settlement.OCPIQuery{Debtors: []ocpi.Party{exw}}, "GB*DUN*C1: FR*BEL*C1; FR*BEL*C2:; FR*BEL*C1: GB*DUN*C1"},
		{settlement.OCPIQuery{Debtors: []ocpi.Party{exw}, OCPIWindow: settlement.OCPIWindow{To: day(20)}}, "GB*DUN*C1: FR*BEL*C1; FR*BEL*C2:"},
		{settlement.OCPIQuery{Debtors: []ocpi.Party{exw}, Only: bel}, "FR*BEL*C2:; FR*BEL*C1:"},
		{settlement.OCPIQuery{Creditors: []ocpi.Party{dun}}, "GB*DUN*C1:; GB*DUN*C2:"},
		{settlement.OCPIQuery{Creditors: []ocpi.Party{dun}, Debtors: []ocpi.Party{exw}}, "GB*DUN*C1: FR*BEL*C1; FR*BEL*C2: GB*DUN*C2; GB*DUN*C2: FR*BEL*C2; FR*BEL*C1: GB*DUN*C1"},
	} {
		tc.q.ByID = true
		page, err := s.OCPICDRs(t.Context(), tc.q)
		if got := strings.Join(sameIDs(&page), "; "); err != nil || got != tc.want {
			t.Errorf("%+v: %q, %v, want %q", tc.q, got, err, tc.want)
		}
	}
}
