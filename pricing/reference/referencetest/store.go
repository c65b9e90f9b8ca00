// Package referencetest holds a store of reference data in memory, for tests.
package referencetest

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
)

// Store is a store of objects that answers what an Index asks as well.
type Store struct {
	*objectstest.Store
	// Asked counts the calls of Versions and VersionsAt; nil: nobody wants to know.
	Asked *atomic.Int64
}

// Of returns a Store over one of objects.
func Of(s *objectstest.Store) Store { return Store{s, new(atomic.Int64)} }

func (s Store) ask() {
	if s.Asked != nil {
		s.Asked.Add(1)
	}
}

// LoadChanges implements reference.Store.
func (s Store) LoadChanges(ctx context.Context, kind ingest.Object, fn func(*ingest.ObjectState) error) error {
	return s.LoadObjects(ctx, kind, func(o ingest.ObjectState) error {
		if len(o.Changes) > 0 {
			o.Body = nil
		}
		return fn(&o)
	})
}

// tariffs returns every version of every Tariff, in the order of the log.
func (s Store) tariffs(ctx context.Context) (all map[ingest.Identity][]ingest.ObjectState, err error) {
	all = map[ingest.Identity][]ingest.ObjectState{}
	err = s.LoadObjects(ctx, ingest.ObjectTariff, func(o ingest.ObjectState) error {
		all[o.Identity()] = append(all[o.Identity()], o)
		return nil
	})
	return all, err
}

func version(o *ingest.ObjectState) reference.Version {
	v := reference.TariffVersion{ObjectState: *o}
	return reference.Version{Position: o.Position, Since: v.Since()}
}

// LastVersions implements reference.Store.
func (s Store) LastVersions(ctx context.Context) (list []reference.VersionAt, err error) {
	all, err := s.tariffs(ctx)
	for id, states := range all {
		list = append(list, reference.VersionAt{Tariff: id, Position: states[len(states)-1].Position})
	}
	return list, err
}

// CountVersions implements reference.Store.
func (s Store) CountVersions(ctx context.Context, ids []ingest.Identity) (map[ingest.Identity]reference.Count, error) {
	s.ask()
	all, err := s.tariffs(ctx)
	found := map[ingest.Identity]reference.Count{}
	for _, id := range ids {
		var c reference.Count
		for i := range all[id] {
			if c.UpTo = all[id][i].Position; !all[id][i].Deleted {
				c.N++
			}
		}
		found[id] = c
	}
	return found, err
}

// Versions implements reference.Store.
func (s Store) Versions(ctx context.Context, ids []ingest.Identity, since ocpi.Time) (map[ingest.Identity][]reference.Version, error) {
	s.ask()
	all, err := s.tariffs(ctx)
	found := map[ingest.Identity][]reference.Version{}
	for _, id := range ids {
		states := all[id]
		for i := range states {
			if v := version(&states[i]); !states[i].Deleted && v.Since >= since {
				found[id] = append(found[id], v)
			}
		}
	}
	return found, err
}

// VersionsAt implements reference.Store.
func (s Store) VersionsAt(ctx context.Context, wanted []reference.VersionAt, fn func(ingest.ObjectState) error) error {
	s.ask()
	return s.LoadObjects(ctx, ingest.ObjectTariff, func(o ingest.ObjectState) error {
		if slices.Contains(wanted, reference.VersionAt{Tariff: o.Identity(), Position: o.Position}) {
			return fn(o)
		}
		return nil
	})
}
