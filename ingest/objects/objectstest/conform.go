package objectstest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// Step is one change of an object, and what it comes to.
type Step struct {
	Name   string
	Method ingest.Method
	Path   string
	Body   string
	// Want is a part of the object's text afterwards; "" where there is none.
	Want string
}

// Conform holds a fold, made anew by make for a store, to what holds for every kind of
// object: the steps, which are changes of one object in order, come to what
// they say; a follower that starts from any state the store may hold, and
// reads any part of the log again, comes to the same; a record that was folded
// changes nothing when it comes again.
func Conform(t *testing.T, id ingest.Identity, make func(*Store) objects.Fold, steps []Step) {
	t.Helper()
	log := ingesttest.NewLog(1)
	p := log.Place(id.Object.Topic(), id.Key)
	target := ingest.Target{Object: id.Object, Key: id.Key, Variant: id.Variant}
	follow := func(log *ingesttest.Log, store *Store) *objects.Follower { return Follow(t, log, store, make(store)) }
	if _, ok, err := follow(log, NewStore()).Get(t.Context(), target); ok || err != nil {
		t.Errorf("before the first step: known %t, %v", ok, err)
	}
	var records []ingest.Record
	for i, s := range steps {
		e := &ingest.Envelope{Object: id.Object, Method: s.Method, Version: ocpi.V221, Sender: "conform", Key: id.Key, Variant: id.Variant, Path: s.Path,
			Received: ocpi.Time(int64(i+1) * 60 * ocpi.Second)}
		pos, err := log.Append(t.Context(), p.Topic, e, []byte(s.Body))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, ingest.Record{Position: pos, Envelope: *e, Body: []byte(s.Body)})
		whole := follow(log, NewStore())
		got, ok, err := whole.Get(t.Context(), target)
		if err != nil || ok != (s.Want != "") || !strings.Contains(string(got.Body), s.Want) {
			t.Errorf("step %d, %s: %s %v (known %t), want %s", i, s.Name, got.Body, err, ok, s.Want)
		}
		for stored := range records {
			states := follow(log.Prefix(p, stored), NewStore()).States(p, records[:stored])
			for from := range stored + 1 { // the checkpoint may be behind the states
				store := NewStore()
				store.Put(p, int64(from), states...)
				again, known, err := follow(log, store).Get(t.Context(), target)
				if diff := cmp.Diff(got, again); diff != "" || known != ok || err != nil {
					t.Errorf("step %d, %s: the store holds %d records, read again from %d: known %t, %v (-whole log +restarted):\n%s",
						i, s.Name, stored, from, known, err, diff)
				}
			}
		}
	}
}
