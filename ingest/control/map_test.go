package control

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A Map says what a Go map says, also where hashes clash, and each of its
// versions stays as it was.
func TestMapIsAMapOfWhichVersionsStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Few hashes: most of their lowest bits agree, or all of them.
		spread := rapid.SampledFrom([]uint64{1, 3, 1 << 40, 0x9E3779B97F4A7C15}).Draw(t, "spread")
		hash := func(k int) uint64 { return uint64(k/2) * spread }
		var m Map[int, int]
		want := map[int]int{}
		type version struct {
			m    Map[int, int]
			want map[int]int
		}
		var versions []version
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			k := rapid.IntRange(0, 80).Draw(t, "key")
			if rapid.Bool().Draw(t, "set") {
				m = m.with(hash(k), k, i)
				want[k] = i
			} else {
				m = m.without(hash(k), k)
				delete(want, k)
			}
			versions = append(versions, version{m, maps.Clone(want)})
		}
		for i, v := range versions {
			if diff := cmp.Diff(v.want, maps.Collect(v.m.All())); diff != "" || v.m.Len() != len(v.want) {
				t.Fatalf("version %d, %d entries: %s", i, v.m.Len(), diff)
			}
			for k := range 81 {
				got, ok := v.m.get(hash(k), k)
				if value, there := v.want[k]; ok != there || got != value {
					t.Fatalf("version %d: key %d is %d, %v, want %d, %v", i, k, got, ok, value, there)
				}
			}
		}
	})
}

// What was put in and taken out again leaves nothing behind.
func TestMapForgets(t *testing.T) {
	var m Map[int, string]
	one := m.With(0, "stays")
	for i := range 10_000 {
		m = m.With(i, "")
	}
	for i := range 9_999 {
		m = m.Without(i + 1)
	}
	m = m.With(0, "stays")
	if diff := cmp.Diff(one, m, cmp.AllowUnexported(Map[int, string]{}, mapNode[int, string]{}, mapBranch[int, string]{}, mapEntry[int, string]{})); diff != "" {
		t.Error(diff)
	}
}
