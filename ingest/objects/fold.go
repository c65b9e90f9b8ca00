package objects

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Fold is one kind of object: how its records change it, and who wants to know
// of the states it takes. Its methods are called from many goroutines.
type Fold interface {
	// Kind is the kind of object.
	Kind() ingest.Object
	// Warm says that objects of the kind are asked for at random, so that as
	// many as fit are held in memory, see shelf. Of other kinds those are held
	// that changed lately.
	Warm() bool
	// Apply returns the object as it stands after a record, nil where the
	// record says nothing new, or why it does not apply. old is nil where the
	// object is not known; it may be deleted. The answer follows from the
	// arguments alone and shares no memory with the record.
	Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error)
	// Folded is told of every new state, those of one partition in order. It
	// must not call the follower.
	Folded(s *ingest.ObjectState)
}

// Loader is a Fold that has to know something of every object: what it reads of
// the store before any record is folded. Called again after an error, it begins
// anew.
type Loader interface {
	Load(ctx context.Context) error
}

// Versions is a Fold of whose objects every state is stored, not only the last.
// It holds the last state of every object itself, and of those before it what
// is not stored yet.
type Versions interface {
	Loader
	// At returns the state that the record at a position made, nil for none and
	// for one that only the store has.
	At(id ingest.Identity, p ingest.Position) *ingest.ObjectState
	// Latest returns the last state of an object, nil where there is none.
	Latest(id ingest.Identity) *ingest.ObjectState
	// Full reports that more states are held than should be. Release lets go
	// of some that the store holds: those of records before next.
	Full() bool
	Release(next int64)
}

// Judge is a Fold that finds out more about an object than its decoder.
type Judge interface {
	// Findings returns what there is to say about the state that the record
	// at a position made or, by the content hash of its body, repeated; ok is
	// false where it cannot be said now.
	Findings(id ingest.Identity, p ingest.Position, body ingest.Hash) (findings []ocpi.Finding, ok bool)
}

// Observer is told of the objects of one warm kind as they stand, all of them: those
// that the store holds while these are read after the start, and every new state. A
// state may come after a later one of the same object until Whole was called; then they
// come in order. Its methods are called from many goroutines and must not call the
// follower.
type Observer interface {
	Observe(s *ingest.ObjectState)
	// Whole says that all the store held has been observed.
	Whole()
}

// ErrOvertaken says that a record's last_updated is older than the object's
// (R-OWN-07).
var ErrOvertaken = errors.New("an older last_updated than the object's")

// Merge returns the object as it stands after a record: PUT replaces, PATCH
// merges. It is [ErrOvertaken] where the record carries an older last_updated
// than what it changes, see ingest.Stale. LastUpdated is for the kind's Fold to
// say.
func Merge(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	s, err := merge(old, r)
	if err == nil && ingest.Stale(target(r), standing(old), s.Body) {
		return nil, ErrOvertaken
	}
	return s, err
}

// merge is Merge whatever the record's last_updated.
func merge(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	if standing(old) == nil && r.Method != ingest.MethodPut {
		return nil, ingest.ErrUnknownObject
	}
	body, err := ingest.Apply(r.Version, r.Method, target(r), old, r.Body)
	if err != nil {
		return nil, err
	}
	return &ingest.ObjectState{
		Object: r.Object, Key: r.Key, Variant: r.Variant, Version: r.Version, Sender: r.Sender,
		Position: r.Position, Received: r.Received, Body: bytes.Clone(body), Created: Created(old, r),
	}, nil
}

// Updated returns when an object was last updated, for lists filtered by date:
// as its body says. A PATCH of OCPI 2.1.1 need not say it and then leaves the
// body's, but readers have to be shown the change: then it is its receipt.
func Updated(r *ingest.Record, stated ocpi.Time) ocpi.Time {
	if r.Version != ocpi.V211 || r.Method != ingest.MethodPatch {
		return stated
	}
	if says, err := ocpi.HasMember(r.Body, "last_updated"); err != nil || says {
		return stated
	}
	return max(stated, r.Received)
}

// Created returns what made the object that a record changes: that record, where
// there was none, not even a deleted one.
func Created(old *ingest.ObjectState, r *ingest.Record) ingest.Creation {
	if old != nil {
		return old.Created
	}
	return ingest.CreatedBy(r)
}

func target(r *ingest.Record) ingest.Target {
	return ingest.Target{Object: r.Object, Key: r.Key, Variant: r.Variant, Path: r.Path}
}

// standing returns the body of an object that is known and not deleted.
func standing(s *ingest.ObjectState) []byte {
	if s == nil || s.Deleted {
		return nil
	}
	return s.Body
}

var decoders = sync.Pool{New: func() any { return new(ocpi.Decoder) }}

// Decode calls fn with a decoder that nobody else uses meanwhile. What the
// decoder returns is valid until fn returns.
func Decode(fn func(d *ocpi.Decoder) error) error {
	d := decoders.Get().(*ocpi.Decoder)
	defer decoders.Put(d)
	return fn(d)
}
