package clickhouse

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// partitionOf returns the first partition of a topic.
func partitionOf(topic ingest.Topic) ingest.Partition {
	return ingest.Partition{Topic: topic, Epoch: 1}
}

func objectRecord(topic ingest.Topic, object ingest.Object, offset int64, id string) ingest.Record {
	body := fmt.Appendf(nil, `{"id":%q,"n":%d}`, id, offset)
	r := ingest.Record{Position: ingest.Position{Epoch: 1, Offset: offset}, Body: body, Envelope: ingest.Envelope{
		Object: object, Method: ingest.MethodPut, Version: ocpi.V221, Sender: "dun", Key: keyOf(id),
		Received: ocpi.TimeOf(received) + ocpi.Time(offset), Hash: sha256.Sum256(body),
	}}
	r.SetSub("RFID")
	if topic == ingest.TopicRefused {
		r.Reason = "no id"
		r.Received = ocpi.TimeOf(time.Now().Add(-170*24*time.Hour)) + ocpi.Time(offset) // they are kept for 180 days
	}
	return r
}

func stateOf(r ingest.Record) ingest.ObjectState {
	return ingest.ObjectState{Object: r.Object, Key: r.Key, Variant: r.Variant, Version: r.Version, Sender: r.Sender,
		Position: r.Position, Received: r.Received, LastUpdated: r.Received - 5, Body: r.Body, Created: ingest.CreatedBy(&r)}
}

// put writes records with a state each, cut into batches of n.
func put(t *testing.T, s *Store, topic ingest.Topic, recs []ingest.Record, n int) {
	t.Helper()
	for i := 0; i < len(recs); i += n {
		part := recs[i:min(i+n, len(recs))]
		var states []ingest.ObjectState
		for _, r := range part {
			if topic != ingest.TopicRefused {
				states = append(states, stateOf(r))
			}
		}
		if err := s.WriteObjects(t.Context(), partitionOf(topic), part, states); err != nil {
			t.Fatal(err)
		}
	}
}

func TestObjects(t *testing.T) {
	s := newStore(t)
	recs := []ingest.Record{
		objectRecord(ingest.TopicReference, ingest.ObjectTariff, 10, "t1"),
		objectRecord(ingest.TopicReference, ingest.ObjectLocation, 11, "l1"),
		objectRecord(ingest.TopicReference, ingest.ObjectTariff, 12, "t1"),
		objectRecord(ingest.TopicReference, ingest.ObjectLocation, 13, "l1"),
		objectRecord(ingest.TopicReference, ingest.ObjectToken, 14, "l1"),
		objectRecord(ingest.TopicReference, ingest.ObjectTariff, 15, "t2"),
	}
	put(t, s, ingest.TopicReference, recs, 6)
	put(t, s, ingest.TopicReference, recs, 1) // a replay
	put(t, s, ingest.TopicReference, recs[:2], 2)
	for kind, want := range map[ingest.Object][]int{
		ingest.ObjectTariff:   {0, 2, 5}, // every version
		ingest.ObjectLocation: {3},
		ingest.ObjectToken:    {4},
		ingest.ObjectSession:  nil,
	} {
		var wantStates, got []ingest.ObjectState
		for _, n := range want {
			wantStates = append(wantStates, stateOf(recs[n]))
		}
		err := s.LoadObjects(t.Context(), kind, func(o ingest.ObjectState) error {
			if i := slices.IndexFunc(got, func(g ingest.ObjectState) bool { return g.Position == o.Position }); i >= 0 {
				return nil // not merged yet
			}
			if i := slices.IndexFunc(got, func(g ingest.ObjectState) bool { return g.Identity() == o.Identity() }); i >= 0 && kind != ingest.ObjectTariff {
				if got[i].Position.Before(o.Position) {
					got[i] = o
				}
				return nil
			}
			got = append(got, o)
			return nil
		})
		slices.SortFunc(got, func(a, b ingest.ObjectState) int { return int(a.Position.Offset - b.Position.Offset) })
		if diff := cmp.Diff(wantStates, got); diff != "" || err != nil {
			t.Errorf("%s: %v, -want +got:\n%s", kind, err, diff)
		}
	}
	if next, err := s.Checkpoint(t.Context(), partitionOf(ingest.TopicReference)); err != nil || next != 16 {
		t.Errorf("checkpoint %d, %v; want 16", next, err)
	}
	if next, err := s.Checkpoint(t.Context(), ingest.Partition{Topic: ingest.TopicReference, Epoch: 2}); err != nil || next != 0 {
		t.Errorf("checkpoint of another epoch %d, %v; want 0", next, err)
	}
	stop := errors.New("enough")
	if err := s.LoadObjects(t.Context(), ingest.ObjectTariff, func(ingest.ObjectState) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the callback came back as %v", err)
	}
}

func TestLookupObjects(t *testing.T) {
	s := newStore(t)
	recs := []ingest.Record{
		objectRecord(ingest.TopicSessions, ingest.ObjectSession, 0, "s1"),
		objectRecord(ingest.TopicSessions, ingest.ObjectSession, 1, "s2"),
		objectRecord(ingest.TopicSessions, ingest.ObjectSession, 2, "s1"),
	}
	put(t, s, ingest.TopicSessions, recs, 2)
	zoned := stateOf(recs[2])
	zoned.Deleted, zoned.Changes = true, []ingest.Change{{Received: 5, Zone: "Europe/Paris"}, {Next: 3, Received: 6, Updated: 4, Contract: "C"}}
	if err := s.WriteObjects(t.Context(), partitionOf(ingest.TopicSessions), recs[2:], []ingest.ObjectState{zoned}); err != nil {
		t.Fatal(err)
	}
	id := func(key string) ingest.Identity {
		return ingest.Identity{Object: ingest.ObjectSession, Key: keyOf(key)}
	}
	other := ingest.Identity{Object: ingest.ObjectSession, Key: keyOf("s1"), Variant: "OTHER"}
	got, err := s.LookupObjects(t.Context(), []ingest.Identity{id("s1"), id("s3"), id("s2"), other})
	want := map[ingest.Identity]ingest.ObjectState{id("s1"): zoned, id("s2"): stateOf(recs[1])}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got, err := s.LookupObjects(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("no keys: %v, %v", got, err)
	}
	there := map[ingest.Identity]bool{}
	err = s.Identities(t.Context(), ingest.ObjectSession, func(id ingest.Identity) error { there[id] = true; return nil })
	if diff := cmp.Diff(map[ingest.Identity]bool{id("s1"): true, id("s2"): true}, there); diff != "" || err != nil {
		t.Errorf("which there are: %v, -want +got:\n%s", err, diff)
	}
}

// Of a Tariff of many versions the last one answers, or its deletion.
func TestLookupATariff(t *testing.T) {
	s := newStore(t)
	var recs []ingest.Record
	for i := range 600 { // several granules
		recs = append(recs, objectRecord(ingest.TopicReference, ingest.ObjectTariff, int64(i), []string{"t1", "t2"}[i%2]))
	}
	put(t, s, ingest.TopicReference, recs, 200)
	last := objectRecord(ingest.TopicReference, ingest.ObjectTariff, 600, "t2")
	gone := stateOf(last)
	gone.Deleted, gone.Body = true, nil
	if err := s.WriteObjects(t.Context(), partitionOf(ingest.TopicReference), []ingest.Record{last}, []ingest.ObjectState{gone}); err != nil {
		t.Fatal(err)
	}
	one, two := stateOf(recs[598]), gone
	got, err := s.LookupObjects(t.Context(), []ingest.Identity{one.Identity(), two.Identity()})
	if err != nil || len(got) != 2 || got[one.Identity()].Position != one.Position || got[two.Identity()].Position != last.Position || !got[two.Identity()].Deleted {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRefusals(t *testing.T) {
	s := newStore(t)
	var recs []ingest.Record
	for i := range 5 {
		recs = append(recs, objectRecord(ingest.TopicRefused, ingest.ObjectCDR, int64(i), "r"))
		recs[i].Sender = []string{"dun", "pkc"}[i%2]
	}
	old := objectRecord(ingest.TopicRefused, ingest.ObjectCDR, 5, "r")
	old.Received = ocpi.TimeOf(time.Now().Add(-190 * 24 * time.Hour))
	put(t, s, ingest.TopicRefused, []ingest.Record{old}, 1)
	put(t, s, ingest.TopicRefused, recs, 2)
	put(t, s, ingest.TopicRefused, recs, 5)
	var offsets []int64
	after, pages := "", 0
	for {
		page, next, err := s.Refusals(t.Context(), "dun", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			offsets = append(offsets, r.Position.Offset)
		}
		if pages++; next == "" {
			break
		}
		after = next
	}
	if diff := cmp.Diff([]int64{0, 2, 4}, offsets); diff != "" || pages != 2 {
		t.Errorf("%d pages, -want +got:\n%s", pages, diff)
	}
	since := ocpi.TimeOf(time.Now().Add(-175 * 24 * time.Hour))
	for _, n := range []int{5, 0} { // a replay counts nothing twice
		put(t, s, ingest.TopicRefused, recs, 5)
		counts, err := s.RefusedCDRs(t.Context(), since)
		want := map[string]int{}
		if n > 0 {
			want = map[string]int{"dun": 3, "pkc": 2}
		}
		if diff := cmp.Diff(want, counts); diff != "" || err != nil {
			t.Errorf("refused since %s: %v, -want +got:\n%s", since, err, diff)
		}
		since = ocpi.TimeOf(time.Now().Add(24 * time.Hour))
	}
	page, _, err := s.Refusals(t.Context(), "pkc", "", 1)
	want := []settlement.Refusal{{Position: recs[1].Position, Received: recs[1].Received.Go(), Sender: "pkc", Object: ingest.ObjectCDR, Reason: "no id", Body: recs[1].Body}}
	if diff := cmp.Diff(want, page); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

// What a bounded topic let go of is noted once, however often it is told.
func TestGaps(t *testing.T) {
	s, p := newStore(t), partitionOf(ingest.TopicRefused)
	for _, gap := range [][2]int64{{7, 9}, {2, 5}, {7, 9}} {
		if err := s.NoteGap(t.Context(), p, gap[0], gap[1]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Gaps(t.Context(), p)
	if diff := cmp.Diff([][2]int64{{2, 5}, {7, 9}}, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if none, err := s.Gaps(t.Context(), partitionOf(ingest.TopicSessions)); len(none) != 0 || err != nil {
		t.Errorf("gaps of another topic: %v, %v", none, err)
	}
}

// What does not fit together is refused before anything is written.
func TestWriteRefuses(t *testing.T) {
	s := newStore(t)
	for name, spoil := range map[string]func() error{
		"rows out of order": func() error {
			b := batchOf(t, 0, 0, january)
			b.Rows[3], b.Rows[4] = b.Rows[4], b.Rows[3]
			return s.WriteCDRs(t.Context(), b)
		},
		"another partition's row": func() error {
			b := batchOf(t, 0, 0, january)
			b.Rows[4].Record.Partition = 1
			return s.WriteCDRs(t.Context(), b)
		},
		"an offset beyond the version": func() error {
			return s.WriteCDRs(t.Context(), batchOf(t, 0, maxOffset, january))
		},
		"no status": func() error {
			b := batchOf(t, 0, 0, january)
			b.Rows[0].Outcome.Status = 0
			return s.WriteCDRs(t.Context(), b)
		},
		"another topic": func() error {
			b := batchOf(t, 0, 0, january)
			b.Partition.Topic = ingest.TopicSessions
			return s.WriteCDRs(t.Context(), b)
		},
		"a topic that is not stored": func() error {
			return s.WriteObjects(t.Context(), partitionOf(ingest.TopicControl), []ingest.Record{{}}, nil)
		},
		"records out of order": func() error {
			recs := []ingest.Record{objectRecord(ingest.TopicSessions, ingest.ObjectSession, 2, "s"), objectRecord(ingest.TopicSessions, ingest.ObjectSession, 0, "s")}
			return s.WriteObjects(t.Context(), partitionOf(ingest.TopicSessions), recs, nil)
		},
	} {
		if err := spoil(); err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	if n := count(t, s, "SELECT (SELECT count() FROM records) + (SELECT count() FROM checkpoints)"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// A page holds no more bytes than fit, and one body at least; nothing is left out.
func TestPagesAreBoundedInBytes(t *testing.T) {
	s := newStore(t)
	var recs []ingest.Record
	for i, size := range []int{700 << 10, 700 << 10, 300 << 10, 1500 << 10, 10, 20} {
		recs = append(recs, objectRecord(ingest.TopicRefused, ingest.ObjectCDR, int64(i), "r"))
		recs[i].Body = bytes.Repeat([]byte{'x'}, size)
	}
	put(t, s, ingest.TopicRefused, recs, len(recs))
	var pages [][]int64
	for after := ""; ; {
		page, next, err := s.Refusals(t.Context(), "", after, 100)
		if err != nil {
			t.Fatal(err)
		}
		var offsets []int64
		for i := range page {
			offsets = append(offsets, page[i].Position.Offset)
		}
		pages = append(pages, offsets)
		if after = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff([][]int64{{0}, {1, 2}, {3}, {4, 5}}, pages); diff != "" {
		t.Error(diff)
	}
}

// Sessions of nobody are read page by page, as they stand: those whose token names an
// eMSP, that somebody pays for by now, or that say no contract, are not among them.
func TestUnnamedSessions(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicSessions)
	session := func(id string) ingest.Identity { return object(ingest.ObjectSession, "GBDUN", id, "") }
	of := func(contract, payer string) func(*ingest.ObjectState) {
		return func(s *ingest.ObjectState) {
			s.Contract = contract
			if payer != "" {
				with(payer)(s)
			}
		}
	}
	o.change(t, session("s1"), 1, of("C1", ""))
	o.change(t, session("s2"), 1, of("C2", ""))
	o.change(t, session("s3"), 1, of("C3", ""))
	o.change(t, session("s2"), 1, of("C2", "NLEXW"))
	o.change(t, session("s4"), 1, with("NLEXW"))
	o.change(t, session("s5"), 1, nil)
	o.change(t, session("s6"), 1, func(s *ingest.ObjectState) { s.Contract, s.Deleted = "C6", true })
	o.change(t, session("s7"), 1, of(strings.Repeat("C", ocpi.MaxIdentity+1), "")) // as older versions did
	for limit := 1; limit < 4; limit++ {
		var got []string
		for after := ""; ; {
			page, next, err := s.UnnamedSessions(t.Context(), o.partition, after, limit)
			if err != nil || len(page) > limit {
				t.Fatal(err, len(page))
			}
			for _, u := range page {
				got = append(got, u.Identity().String()+" "+u.Contract)
			}
			if after = next; next == "" {
				break
			}
		}
		if all := strings.Join(got, ", "); all != "session GB*DUN*S1 C1, session GB*DUN*S3 C3" {
			t.Errorf("%d a page: %q", limit, all)
		}
	}
	other := o.partition
	other.Number++
	if page, _, err := s.UnnamedSessions(t.Context(), other, "", 10); err != nil || len(page) > 0 {
		t.Errorf("another partition: %d, %v", len(page), err)
	}
	if _, _, err := s.UnnamedSessions(t.Context(), o.partition, "?", 10); err == nil {
		t.Error("what is no cursor is taken for one")
	}
	id := session("s2")
	if found, err := s.LookupObjects(t.Context(), []ingest.Identity{id}); err != nil || found[id].Contract != "C2" || found[id].With != ocpi.NewParty("NL", "EXW") {
		t.Errorf("looked up: %+v, %v", found[id], err)
	}
}

// Contract ids of any length that older versions stored are not read: they name nothing.
func TestLongContractIDsAreNotRead(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicReference)
	id := object(ingest.ObjectToken, "NLEXW", "k1", "RFID")
	o.change(t, id, 1, func(s *ingest.ObjectState) {
		s.Contract = strings.Repeat("y", 1000)
		s.Changes = []ingest.Change{{Next: 1, Contract: strings.Repeat("x", 1000)}, {Next: 2, Contract: "C1"}}
	})
	check := func(state *ingest.ObjectState) {
		t.Helper()
		if len(state.Changes) != 1 || state.Changes[0].Contract != "C1" || state.Contract != "" {
			t.Errorf("read: %+v, %q", state.Changes, state.Contract)
		}
	}
	found, err := s.LookupObjects(t.Context(), []ingest.Identity{id})
	if err != nil {
		t.Fatal(err)
	}
	state := found[id]
	check(&state)
	loaded := 0
	err = s.LoadChanges(t.Context(), ingest.ObjectToken, func(state *ingest.ObjectState) error {
		loaded++
		check(state)
		return nil
	})
	if err != nil || loaded != 1 {
		t.Errorf("%d loaded, %v", loaded, err)
	}
}
