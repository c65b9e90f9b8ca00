package clickhouse

import (
	"fmt"
	"math"
	"slices"
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

// The newest versions of each Tariff come with where they stand, and with how
// many there are in all; where they would be too many together, only the last of each.
func TestNewestVersions(t *testing.T) {
	s := newStore(t)
	states := tariffs(t, s, 300)
	for _, tt := range []struct{ each, all, want int }{{1, 1000, 1}, {33, 1000, 33}, {1000, 1000, 1000}, {33, 20, 1}} {
		got, err := s.NewestVersions(t.Context(), tt.each, tt.all)
		if err != nil || len(got) != 4 {
			t.Fatalf("%d tariffs, %v", len(got), err)
		}
		for _, n := range got {
			var positions, stand []int64
			versions := 0
			for i := range slices.Backward(states) {
				if states[i].Identity() != n.Tariff {
					continue
				}
				if len(positions) < len(n.Positions) {
					positions = append(positions, states[i].Position.Offset)
				}
				if !states[i].Deleted {
					versions++
				}
			}
			for _, p := range n.Positions {
				stand = append(stand, p.Offset)
			}
			// What is not merged yet counts as often as it stands there.
			if diff := cmp.Diff(positions, stand); diff != "" || n.All < versions || n.All > 2*versions || len(stand) > tt.want || len(stand) < min((tt.want+1)/2, 75) {
				t.Errorf("%s, at most %d of each and %d: %d stand there of %d, want %d; -want +got:\n%s", n.Tariff, tt.each, tt.all, len(stand), n.All, versions, diff)
			}
		}
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
	got := map[ocpi.Key]ingest.ObjectState{}
	err := s.LoadChanges(t.Context(), ingest.ObjectToken, func(o *ingest.ObjectState) error {
		kept := *o
		kept.Changes = slices.Clone(o.Changes)
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
