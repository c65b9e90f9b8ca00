package clickhouse

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
)

// tariffs writes n versions of two Tariffs, in order but for every tenth, which
// is much older than where it stands; some without last_updated, some deletions.
func tariffs(t *testing.T, s *Store, n int) (states []ingest.ObjectState) {
	t.Helper()
	var recs []ingest.Record
	for i := range n {
		r := objectRecord(ingest.TopicReference, ingest.ObjectTariff, int64(i), []string{"t1", "t2"}[i%2])
		r.SetSub([]string{"", "NL*EXW"}[i/2%2]) // of each one for everybody and one for an eMSP
		state := stateOf(r)
		state.LastUpdated = ocpi.Time(int64(1000+i) * ocpi.Second)
		switch {
		case i%10 == 0:
			state.LastUpdated = ocpi.Time(int64(i) * ocpi.Second)
		case i%7 == 0:
			state.LastUpdated, state.Received = 0, ocpi.Time(int64(1000+i)*ocpi.Second)
		case i%13 == 0:
			state.Deleted, state.Body = true, nil
		}
		recs, states = append(recs, r), append(states, state)
	}
	for i := 0; i < n; i += 100 {
		end := min(i+100, n)
		for range 2 { // a replay: rows that are not merged yet
			if err := s.WriteObjects(t.Context(), partitionOf(ingest.TopicReference), recs[i:end], states[i:end]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return states
}

func sinceOf(s *ingest.ObjectState) ocpi.Time {
	v := reference.TariffVersion{ObjectState: *s}
	return v.Since()
}

// Of each Tariff one row says where its last state stands, and a count how many
// versions there are up to it, each once.
func TestLastVersions(t *testing.T) {
	s := newStore(t)
	states := tariffs(t, s, 300)
	want, counts := map[ingest.Identity]ingest.Position{}, map[ingest.Identity]reference.Count{}
	for i := range states {
		id := states[i].Identity()
		c := reference.Count{N: counts[id].N, UpTo: states[i].Position}
		if !states[i].Deleted {
			c.N++
		}
		want[id], counts[id] = states[i].Position, c
	}
	list, err := s.LastVersions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[ingest.Identity]ingest.Position{}
	for _, v := range list {
		got[v.Tariff] = v.Position
	}
	if diff := cmp.Diff(want, got); diff != "" || len(list) != 4 {
		t.Errorf("%d tariffs, -want +got:\n%s", len(list), diff)
	}
	mine := reference.For(keyOf("t1"), ocpi.Party{Country: "NL", ID: "EXW"})
	counted, err := s.CountVersions(t.Context(), []ingest.Identity{reference.General(keyOf("t1")), mine, reference.General(keyOf("t9"))})
	for _, id := range []ingest.Identity{reference.General(keyOf("t1")), mine} {
		if diff := cmp.Diff(counts[id], counted[id]); diff != "" {
			t.Errorf("%s, -want +got:\n%s", id, diff)
		}
	}
	if err != nil || len(counted) != 2 {
		t.Errorf("%d counts, %v", len(counted), err)
	}
}

func TestVersions(t *testing.T) {
	s := newStore(t)
	states := tariffs(t, s, 300)
	const from = 1100 * ocpi.Time(ocpi.Second)
	got, err := s.Versions(t.Context(), []ingest.Identity{reference.General(keyOf("t1")), reference.General(keyOf("t9"))}, from)
	if err != nil {
		t.Fatal(err)
	}
	var want, stand []string
	for i := range states {
		if st := &states[i]; st.Identity() == reference.General(keyOf("t1")) && !st.Deleted && sinceOf(st) >= from {
			want = append(want, fmt.Sprintf("%s %s", st.Position, sinceOf(st)))
		}
	}
	for _, v := range got[reference.General(keyOf("t1"))] {
		stand = append(stand, fmt.Sprintf("%s %s", v.Position, v.Since))
	}
	slices.Sort(want)
	slices.Sort(stand)
	if diff := cmp.Diff(want, slices.Compact(stand)); diff != "" || len(got) != 2 { // the other is for an eMSP
		t.Errorf("%d tariffs, -want +got:\n%s", len(got), diff)
	}
	mine := reference.For(keyOf("t2"), ocpi.Party{Country: "NL", ID: "EXW"})
	all, err := s.Versions(t.Context(), []ingest.Identity{mine}, math.MinInt64)
	if n := len(all[mine]); err != nil || n < 65 {
		t.Errorf("all versions: %d, %v", n, err)
	}
	var wanted []reference.VersionAt
	found := map[int64]ingest.ObjectState{}
	for _, i := range []int{7, 8, 120, 299} {
		wanted = append(wanted, reference.VersionAt{Tariff: states[i].Identity(), Position: states[i].Position})
	}
	wanted = append(wanted, reference.VersionAt{Tariff: reference.General(keyOf("t9")), Position: states[3].Position})
	err = s.VersionsAt(t.Context(), wanted, func(o ingest.ObjectState) error { found[o.Position.Offset] = o; return nil })
	if err != nil || len(found) != 4 {
		t.Fatalf("%d versions, %v", len(found), err)
	}
	for offset, o := range found {
		if diff := cmp.Diff(states[offset], o); diff != "" {
			t.Errorf("the version at %d, -want +got:\n%s", offset, diff)
		}
	}
}

// What Tokens and Locations have said comes without their bodies, and with them
// where it was not kept.
func TestLoadChanges(t *testing.T) {
	s := newStore(t)
	var recs []ingest.Record
	var states []ingest.ObjectState
	for i, changes := range [][]ingest.Change{
		{{Next: 1, Received: 2, Updated: 3, Contract: "C\"1"}},
		{{Next: 1, Received: 2, Contract: "C2"}, {Next: 5, Received: 6, Contract: "C3"}},
		nil,
	} {
		r := objectRecord(ingest.TopicReference, ingest.ObjectToken, int64(i), fmt.Sprintf("u%d", i))
		state := stateOf(r)
		state.Changes = changes
		recs, states = append(recs, r), append(states, state)
	}
	if err := s.WriteObjects(t.Context(), partitionOf(ingest.TopicReference), recs, states); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards got
	got := map[ocpi.Key]ingest.ObjectState{}
	err := s.LoadChanges(t.Context(), ingest.ObjectToken, func(o *ingest.ObjectState) error {
		kept := *o
		kept.Changes = slices.Clone(o.Changes)
		mu.Lock()
		defer mu.Unlock()
		got[o.Key] = kept
		return nil
	})
	if err != nil || len(got) != 3 {
		t.Fatalf("%d objects, %v", len(got), err)
	}
	for i := range states {
		o := got[states[i].Key]
		if diff := cmp.Diff(states[i].Changes, o.Changes); diff != "" || (len(o.Body) > 0) != (i == 2) {
			t.Errorf("%s with a body of %d bytes, -want +got:\n%s", o.Key, len(o.Body), diff)
		}
	}
}
