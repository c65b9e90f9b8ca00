package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
)

// spill sorts more than memory holds: most of what is added at a time, then it goes to a
// file, and at the end these are merged. What compares the same stays in the order in
// which it was added. T goes to JSON and back.
type spill[T any] struct {
	compare func(a, b *T) int
	most    int
	held    []*T
	runs    []*os.File
}

func (s *spill[T]) add(v *T) error {
	if len(s.held) == s.most {
		if err := s.write(); err != nil {
			return fmt.Errorf("sort on disk: %w", err)
		}
	}
	s.held = append(s.held, v)
	return nil
}

// write puts what is held into a file of its own, which nobody sees.
func (s *spill[T]) write() error {
	slices.SortStableFunc(s.held, s.compare)
	file, err := os.CreateTemp("", "roamclear-sort-")
	if err != nil {
		return err
	}
	s.runs = append(s.runs, file)
	if err := os.Remove(file.Name()); err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	lines := json.NewEncoder(out)
	for _, v := range s.held {
		if err := lines.Encode(v); err != nil {
			return err
		}
	}
	s.held = s.held[:0]
	if err := out.Flush(); err != nil {
		return err
	}
	_, err = file.Seek(0, io.SeekStart)
	return err
}

// all is what was added, in order. It is read once, and nothing is added any more.
func (s *spill[T]) all() iter.Seq2[*T, error] {
	slices.SortStableFunc(s.held, s.compare)
	return func(yield func(*T, error) bool) {
		heads := make([]head[T], 0, len(s.runs)+1)
		for _, file := range s.runs {
			lines := json.NewDecoder(bufio.NewReader(file))
			heads = append(heads, head[T]{next: func() (*T, error) {
				v := new(T)
				err := lines.Decode(v)
				if errors.Is(err, io.EOF) {
					return nil, nil
				}
				return v, err
			}})
		}
		heads = append(heads, head[T]{next: func() (v *T, _ error) {
			if len(s.held) > 0 {
				v, s.held = s.held[0], s.held[1:]
			}
			return v, nil
		}})
		for i := range heads {
			if err := heads[i].step(); err != nil {
				yield(nil, err)
				return
			}
		}
		for {
			first := -1 // of those that compare the same the run that was written before
			for i := range heads {
				if heads[i].at != nil && (first < 0 || s.compare(heads[i].at, heads[first].at) < 0) {
					first = i
				}
			}
			if first < 0 || !yield(heads[first].at, nil) {
				return
			}
			if err := heads[first].step(); err != nil {
				yield(nil, fmt.Errorf("read what was sorted on disk: %w", err))
				return
			}
		}
	}
}

// head is what comes next of a run; at is nil at its end.
type head[T any] struct {
	next func() (*T, error)
	at   *T
}

func (h *head[T]) step() (err error) {
	h.at, err = h.next()
	return err
}

// close gives the files up.
func (s *spill[T]) close() {
	for _, file := range s.runs {
		_ = file.Close() // it was read, and is gone with this
	}
}
