package settlement

import (
	"errors"
	"fmt"
	"iter"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// side is one table read in step with the records.
type side[T any] struct {
	w        *walker
	name     string
	identity func(*T) (ocpi.Key, ingest.Position)
	of       string // what a row must be of
	pull     func() (T, error, bool)
	row      *T
	end      bool
}

func newSide[T any](w *walker, name string, identity func(*T) (ocpi.Key, ingest.Position), scan func(func(T) error) error) (*side[T], func()) {
	next, stop := iter.Pull2(func(yield func(T, error) bool) {
		err := scan(func(row T) error {
			if !yield(row, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			var none T
			yield(none, err)
		}
	})
	return &side[T]{w: w, name: name, identity: identity, of: "first copy in records", pull: next}, stop
}

var errStopped = errors.New("stopped")

// at returns the table's row of the record, nil when it has none; rows before
// it belong to no first copy.
func (s *side[T]) at(r *ingest.Record) (*T, error) {
	for {
		if err := s.fill(); err != nil {
			return nil, err
		}
		if s.row == nil {
			s.w.disagree(r.Offset, "CDR %s has no row in %s", r.Key, s.name)
			return nil, nil
		}
		row := s.row
		key, position := s.identity(row)
		switch {
		case position.Offset > r.Offset:
			s.w.disagree(r.Offset, "CDR %s has no row in %s", r.Key, s.name)
			return nil, nil
		case position.Offset < r.Offset:
			s.leftOver()
			continue
		case key != r.Key:
			s.w.disagree(r.Offset, "%s holds %s where the record is %s", s.name, key, r.Key)
		}
		s.row = nil
		return row, nil
	}
}

// allAt returns the table's rows of the record, none when it has none.
func (s *side[T]) allAt(r *ingest.Record) ([]T, error) {
	var all []T
	for {
		if err := s.fill(); err != nil || s.row == nil {
			return all, err
		}
		switch _, position := s.identity(s.row); {
		case position.Offset > r.Offset:
			return all, nil
		case position.Offset < r.Offset:
			s.leftOver()
		default:
			all = append(all, *s.row)
			s.row = nil
		}
	}
}

func (s *side[T]) fill() error {
	if s.row != nil || s.end {
		return nil
	}
	row, err, ok := s.pull()
	if err != nil {
		return fmt.Errorf("scan %s: %w", s.name, err)
	}
	if !ok {
		s.end = true
		return nil
	}
	s.row = &row
	return nil
}

func (s *side[T]) leftOver() {
	key, position := s.identity(s.row)
	s.w.disagree(position.Offset, "%s holds a row of %s that no %s accounts for", s.name, key, s.of)
	s.row = nil
}

// rest reports the rows that are left over.
func (s *side[T]) rest() error {
	for {
		if err := s.fill(); err != nil {
			return err
		}
		if s.row == nil {
			return nil
		}
		s.leftOver()
	}
}
