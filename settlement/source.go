package settlement

import (
	"context"
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// ErrNotYet says that the store has not got as far as the log: what it lacks
// may be on its way.
var ErrNotYet = errors.New("the store has not caught up with the log")

// RawCDRs is where a Source finds bodies, and how far it has them.
type RawCDRs interface {
	CDRRaw(ctx context.Context, key ocpi.Key) (raw []byte, v ocpi.Version, p ingest.Position, err error)
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
}

// Source reads single CDRs, and tells one that does not exist from one that is
// still on its way.
type Source struct {
	Store RawCDRs
	Log   ingest.Reader
}

// CDR returns a CDR as it was sent. Errors: ErrNotFound only when the store has
// everything that was in the log when it was asked, ErrNotYet when it does not
// and lacks the CDR, ErrUnavailable.
func (s Source) CDR(ctx context.Context, key ocpi.Key) ([]byte, ocpi.Version, error) {
	raw, v, _, err := s.Store.CDRRaw(ctx, key)
	if !errors.Is(err, ErrNotFound) {
		return raw, v, err
	}
	partition := s.Log.Place(ingest.TopicCDRs, key)
	_, end, err := s.Log.Bounds(ctx, partition)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: read the end of %s: %w", ErrUnavailable, partition, err)
	}
	next, err := s.Store.Checkpoint(ctx, partition)
	if err != nil {
		return nil, 0, err
	}
	if next < end {
		return nil, 0, ErrNotYet
	}
	// It may have come between the look and the checkpoint.
	raw, v, _, err = s.Store.CDRRaw(ctx, key)
	return raw, v, err
}

// First returns the first copy of a CDR that the store has, as it was sent.
// Errors: ErrNotFound where it has none (yet), ErrUnavailable.
func (s Source) First(ctx context.Context, key ocpi.Key) ([]byte, ocpi.Version, error) {
	raw, v, _, err := s.Store.CDRRaw(ctx, key)
	return raw, v, err
}

// Repeats finds that a CDR, which is not in the log yet, came before: ErrUnavailable
// where the store does not say.
func (s Source) Repeats(ctx context.Context, key ocpi.Key, raw []byte) ([]ocpi.Finding, error) {
	first, _, err := s.First(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, err := RepeatOf(first, raw)
	if err != nil {
		return nil, fmt.Errorf("hold cdr %s against the first: %w", key, err)
	}
	return []ocpi.Finding{found}, nil
}

// RepeatOf finds what a CDR is that came before: a repeat, or another content.
func RepeatOf(first, raw []byte) (ocpi.Finding, error) {
	differences, _, err := ocpi.Diff(first, raw, 1)
	switch {
	case err != nil:
		return ocpi.Finding{}, err
	case len(differences) > 0:
		return ingest.ChangedCDR, nil
	}
	return ingest.RepeatedCDR, nil
}
