package objects_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

// stored is a store that holds n Sessions of a partition of a log.
func stored(t *testing.T, log *ingesttest.Log, n int) *objectstest.Store {
	t.Helper()
	store := objectstest.NewStore()
	for i := range n {
		target := session(fmt.Sprintf("S%d", i))
		body := put(target.Key.ID, "1", 5, 0)
		pos := push(t, log, ingest.MethodPut, target, body)
		store.Put(log.Place(ingest.TopicSessions, target.Key), pos.Offset+1, ingest.ObjectState{
			Object: target.Object, Key: target.Key, Version: ocpi.V221, Position: pos, LastUpdated: ocpi.Time(1), Body: []byte(body)})
	}
	return store
}

// A new object asks the store nothing, neither before its answer nor when it is
// folded; one that the store holds is read from it.
func TestANewObjectAsksTheStoreNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := ingesttest.NewLog(1)
		store := stored(t, log, 3)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		f := objects.New(objects.Options{Log: log, Store: store, Folds: []objects.Fold{objects.Sessions{}}, Registerer: prometheus.NewRegistry()})
		go func() { done <- f.Run(ctx) }()
		synctest.Wait() // it knows which Sessions there are
		for i := range 100 {
			target := session(fmt.Sprintf("new-%d", i))
			if _, ok, err := f.Peek(ctx, target); ok || err != nil {
				t.Fatalf("%s before it came: known %t, %v", target.Key, ok, err)
			}
			pos := push(t, log, ingest.MethodPut, target, put(target.Key.ID, "1", 5, 0))
			if err := f.Wait(ctx, ingest.TopicSessions, pos); err != nil {
				t.Fatal(err)
			}
		}
		if n := store.Asked(); n > 4 { // one in a thousand passes the filter
			t.Errorf("100 new Sessions asked the store for %d objects", n)
		}
		before := store.Asked()
		changed := push(t, log, ingest.MethodPatch, session("S1"), patch("2", 10, 5))
		if err := f.Wait(ctx, ingest.TopicSessions, changed); err != nil {
			t.Fatal(err)
		}
		if got, want := known(t, f, session("S2")), "1 kWh, periods at [0]"; got != want {
			t.Errorf("a Session that the store holds: %s, want %s", got, want)
		}
		if got, want := known(t, f, session("S1")), "2 kWh, periods at [0 5]"; got != want {
			t.Errorf("a PATCH of one that the store holds: %s, want %s", got, want)
		}
		if n := store.Asked() - before; n != 2 {
			t.Errorf("the store was asked for %d objects, want each of the two once", n)
		}
		before = store.Asked()
		if _, ok, err := f.Get(ctx, session("S0")); !ok || err != nil {
			t.Errorf("a Session that the store holds: known %t, %v", ok, err)
		}
		changed = push(t, log, ingest.MethodPatch, session("S0"), patch("3", 10, 5))
		if err := f.Wait(ctx, ingest.TopicSessions, changed); err != nil {
			t.Fatal(err)
		}
		if got, want := known(t, f, session("S0")), "3 kWh, periods at [0 5]"; got != want || store.Asked()-before != 1 {
			t.Errorf("a PATCH of one that was asked for: %s, after %d questions", got, store.Asked()-before)
		}
		stop()
		<-done
	})
}

// unread is a store that cannot say which objects it holds until it may.
type unread struct {
	*objectstest.Store
	may chan struct{}
}

func (s *unread) Identities(ctx context.Context, kind ingest.Object, fn func(ingest.Identity) error) error {
	select {
	case <-s.may:
		return s.Store.Identities(ctx, kind, fn)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Until the follower knows which objects the store holds it asks for each: it
// takes none for absent that is not.
func TestBeforeTheFilterIsWholeTheStoreIsAsked(t *testing.T) {
	log := ingesttest.NewLog(1)
	store := &unread{stored(t, log, 1), make(chan struct{})}
	f := objectstest.Follow(t, log, store, objects.Sessions{})
	if got, want := known(t, f, session("S0")), "1 kWh, periods at [0]"; got != want {
		t.Errorf("a stored Session: %s, want %s", got, want)
	}
	before := store.Asked()
	if got := known(t, f, session("S9")); got != "unknown" || store.Asked() == before {
		t.Errorf("a Session nobody PUT: %s, after %d questions", got, store.Asked()-before)
	}
}
