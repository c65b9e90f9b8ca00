// Package objectstest holds a store of objects in memory, and the suite that
// every fold of package objects must pass, for tests.
package objectstest

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
)

// Follow runs a follower until the test ends. It has folded what the log holds.
func Follow(t testing.TB, log ingest.Reader, store objects.Store, folds ...objects.Fold) *objects.Follower {
	t.Helper()
	f := objects.New(objects.Options{Log: log, Store: store, Folds: folds, Registerer: prometheus.NewRegistry()})
	Run(t, f)
	for _, fold := range folds {
		if err := f.CatchUp(t.Context(), fold.Kind().Topic()); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// Run runs a follower until the test ends.
func Run(t testing.TB, f *objects.Follower) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}
