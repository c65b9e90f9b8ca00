package reference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// pastVersion is a version of a Tariff as the test itself knows it, in minutes.
type pastVersion struct {
	offset      int64
	since       int
	from, until int // valid; until 0: for ever
	deleted     bool
}

// changing makes n states of some Tariffs that change often: most in order, some
// not, some without last_updated, some valid for a while, some deletions.
func changing(r *rand.Rand, tariffs, n int) (states []ingest.ObjectState, known map[ocpi.Key][]pastVersion) {
	known = map[ocpi.Key][]pastVersion{}
	for offset := range n {
		key := ocpi.NewKey("GB", "DUN", fmt.Sprintf("T%d", r.IntN(tariffs)))
		p := pastVersion{offset: int64(offset), since: offset * 60}
		if r.IntN(4) == 0 {
			p.since = r.IntN(n * 60)
		}
		s := ingest.ObjectState{Object: ingest.ObjectTariff, Key: key, Version: ocpi.V221, Received: at(p.since), Position: ingest.Position{Epoch: 1, Offset: int64(offset)}}
		validity := ""
		switch r.IntN(5) {
		case 0:
			p.from = r.IntN(n * 60)
			validity = fmt.Sprintf(`"start_date_time":%q,`, updated(p.from))
		case 1:
			p.until = 1 + r.IntN(n*60)
			validity = fmt.Sprintf(`"end_date_time":%q,`, updated(p.until))
		}
		s.Body = []byte(version(fmt.Sprintf("0.%03d", offset%1000), p.since, validity))
		s.LastUpdated = at(p.since)
		if r.IntN(6) == 0 {
			s.LastUpdated = 0
			s.Body = []byte(strings.Replace(string(s.Body), `,"last_updated":"`+updated(p.since)+`"`, "", 1))
		}
		if r.IntN(20) == 0 {
			p.deleted, s.Deleted, s.Body = true, true, nil
		}
		states, known[key] = append(states, s), append(known[key], p)
	}
	return states, known
}

// want is what Tariff has to answer: the offset, -1 for none.
func want(versions []pastVersion, start int, below int64) (offset int64, later bool) {
	best := -1
	for i, v := range versions {
		if v.deleted || v.offset >= below || start < v.from || v.until != 0 && start >= v.until {
			continue
		}
		switch {
		case best < 0:
			best = i
		case v.since <= start: // in force: rather than one after the start, or an older one
			if b := versions[best]; b.since > start || v.since >= b.since {
				best = i
			}
		case versions[best].since > start && v.since < versions[best].since:
			best = i
		}
	}
	if best < 0 {
		return -1, false
	}
	return versions[best].offset, versions[best].since > start
}

// Whether a version is in memory or only in the store changes no answer: of
// tariffs that change often the newest are held, all others read when a question
// needs them, and what is read is bounded.
func TestOldVersionsAnswerAsThoseInMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 2000
	states, known := changing(r, 4, n)
	log := ingesttest.NewLog(1)
	store := objectstest.NewStore()
	store.Put(log.Partitions(ingest.TopicReference)[0], 0, states...)
	counted := referencetest.Of(store)
	x := reference.NewIndex(counted)
	objectstest.Follow(t, log, store, x.Folds()...)
	view := x.View()
	for i := range 600 {
		key := ocpi.NewKey("GB", "DUN", fmt.Sprintf("T%d", r.IntN(5))) // one is unknown
		start, below := r.IntN(n*60), int64(r.IntN(n+1))
		if i%3 == 0 {
			below = math.MaxInt64
		}
		var v *reference.TariffVersion
		var later bool
		ask(t, view, func() { v, later = view.Tariff(key, ocpi.Party{}, at(start), below) })
		got := int64(-1)
		if v != nil {
			got = v.Position.Offset
		}
		if offset, after := want(known[key], start, below); got != offset || later != after {
			t.Fatalf("%s for a charge begun at %d as of %d: the version at %d (later %t), want %d (%t)", key, start, below, got, later, offset, after)
		}
		limit := 1 + r.IntN(50)
		var list []*reference.TariffVersion
		ask(t, view, func() { list = view.TariffsBelow(key, ocpi.Party{}, below, limit) })
		if diff := sameOffsets(list, known[key], below, limit); diff != "" {
			t.Fatalf("%s below %d: %s", key, below, diff)
		}
	}
	if asked := counted.Asked.Load(); asked == 0 {
		t.Error("the store was asked for none of the old versions")
	}
}

func sameOffsets(list []*reference.TariffVersion, known []pastVersion, below int64, limit int) string {
	var got, want []int64
	for _, v := range list {
		got = append(got, v.Position.Offset)
	}
	for _, v := range slices.Backward(known) {
		if !v.deleted && v.offset < below && len(want) < limit {
			want = append(want, v.offset)
		}
	}
	if slices.Equal(got, want) {
		return ""
	}
	return fmt.Sprintf("versions at %v, want %v", got, want)
}

// What changed lately is answered without the store, once it has said that no
// older version is as late.
func TestRecentVersionsAskNothing(t *testing.T) {
	log := ingesttest.NewLog(1)
	store := objectstest.NewStore()
	state := func(i int) ingest.ObjectState {
		return ingest.ObjectState{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", "T1"), Version: ocpi.V221,
			Position: ingest.Position{Epoch: 1, Offset: int64(i)}, LastUpdated: at(i), Body: []byte(version("0.10", i, ""))}
	}
	for i := range 70 { // before the start, of which the last is loaded
		store.Put(log.Partitions(ingest.TopicReference)[0], 0, state(i))
	}
	counted := referencetest.Of(store)
	x := reference.NewIndex(counted)
	objectstest.Follow(t, log, store, x.Folds()...)
	for i := 70; i < 100; i++ {
		s := state(i)
		foldOf(x, ingest.ObjectTariff).Folded(&s)
		store.Put(log.Partitions(ingest.TopicReference)[0], 0, s)
	}
	view := x.View()
	if view.Tariff(ocpi.NewKey("GB", "DUN", "T1"), ocpi.Party{}, at(99), 100); view.Missed() {
		if err := view.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	counted.Asked.Store(0)
	view = x.View()
	for start := 70; start < 200; start++ {
		v, _ := view.Tariff(ocpi.NewKey("GB", "DUN", "T1"), ocpi.Party{}, at(start), 100)
		if view.Missed() || v == nil || v.Position.Offset != int64(min(start, 99)) {
			t.Fatalf("a charge begun at %d gets %v", start, v)
		}
	}
	if n := counted.Asked.Load(); n != 0 {
		t.Errorf("the store was asked %d times", n)
	}
}
