package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
)

// What the store cannot take at once is halved, not repeated; a row that it
// cannot take at all is isolated, but not for a fault that is the store's own.
func TestStoreHalvesAndIsolates(t *testing.T) {
	lasting := errors.New("value out of range")
	cases := []struct {
		name     string
		refuses  func(try, from, to int, isolated bool) error
		isolated []int
		tries    int
	}{
		{"all at once", func(int, int, int, bool) error { return nil }, nil, 1},
		{"away for a while", func(try, _, _ int, _ bool) error {
			if try < 4 {
				return ErrUnavailable
			}
			return nil
		}, nil, 5},
		{"memory for three", func(_, from, to int, _ bool) error {
			if to-from > 3 {
				return fmt.Errorf("%w: %w", ErrTooMuch, ErrUnavailable)
			}
			return nil
		}, nil, 0},
		{"one that never fits", func(_, from, to int, isolated bool) error {
			if from <= 5 && 5 < to && !isolated {
				return lasting
			}
			return nil
		}, []int{5}, 0},
		{"one that has no memory by itself", func(_, from, to int, isolated bool) error {
			if from <= 5 && 5 < to && !isolated {
				return fmt.Errorf("%w: %w", ErrTooMuch, ErrUnavailable)
			}
			return nil
		}, []int{5}, 0},
		{"a fault of the store that somebody mends", func(try, _, _ int, _ bool) error {
			if try < 30 {
				return lasting
			}
			return nil
		}, nil, 0},
	}
	for _, c := range cases {
		synctest.Test(t, func(t *testing.T) {
			l := &fakeLease{records: fakeRecords(8), next: -1}
			w := &fakeWork{want: 8}
			stored, isolated, tries := map[int]int{}, map[int]bool{}, 0
			w.do = func(ctx context.Context, turn *Turn) error {
				err := turn.Store(ctx, Storing{
					Rows: len(turn.Records),
					Attempt: func(_ context.Context, from, to int) error {
						err := c.refuses(tries, from, to, isolated[from])
						tries++
						for i := from; i < to && err == nil; i++ {
							stored[i]++
						}
						return err
					},
					Isolate: func(i int, _ error) func() { isolated[i] = true; return func() { delete(isolated, i) } },
				})
				w.store(turn, func(int) bool { return err == nil })
				return err
			}
			if err := drainHere(t, l, w); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for i := range 8 {
				if stored[i] != 1 || isolated[i] != slices.Contains(c.isolated, i) {
					t.Errorf("%s: row %d stored %d times, isolated %t", c.name, i, stored[i], isolated[i])
				}
			}
			if c.tries > 0 && tries != c.tries {
				t.Errorf("%s: %d tries, want %d", c.name, tries, c.tries)
			}
		})
	}
}

func TestStoreErrorsAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWork{want: 1}
		d := newDrain(w)
		errs := []error{ErrUnavailable, errors.New("no such table"), nil}
		w.do = func(ctx context.Context, turn *Turn) error {
			err := turn.Store(ctx, Storing{Rows: 1, Attempt: func(context.Context, int, int) error {
				err := errs[0]
				errs = errs[1:]
				return err
			}})
			w.store(turn, func(int) bool { return true })
			return err
		}
		ctx, cancel := context.WithCancel(t.Context())
		w.stop, w.rows = cancel, map[int64]time.Time{}
		if err := d.Run(ctx, &fakeLease{records: fakeRecords(1), next: -1}); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"passing", "lasting"} {
			if n := counted(t, d.Metrics.errors.WithLabelValues(GroupPricing, kind)); n != 1 {
				t.Errorf("%s errors: %v, want 1", kind, n)
			}
		}
	})
}

func counted(t *testing.T, c prometheus.Collector) float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

// notingWork is fakeWork on a topic that may let go of records.
type notingWork struct {
	*fakeWork
	gaps [][2]int64
}

func (w *notingWork) NoteGap(_ context.Context, _ Partition, from, next int64) error {
	w.gaps = append(w.gaps, [2]int64{from, next})
	return nil
}

// A bounded topic that lets go of records is gone on with, and what is missing
// is noted; one that must keep all of them is not.
func TestABoundedTopicIsGoneOnWith(t *testing.T) {
	refused := Partition{Topic: TopicRefused, Epoch: 1}
	for _, c := range []struct {
		of   Partition
		want string
		next int64
		gaps string
	}{
		{refused, "", 10, "[[2 5]]"},
		{cdrsZero, "offset 2 was due", 2, "[]"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &fakeLease{of: c.of, records: fakeRecords(10), next: -1}
			reads := 0
			l.trim = func() {
				if reads++; reads == 2 { // behind the first two
					l.start = 5
				}
			}
			for i := range l.records {
				l.records[i].Received = ocpi.TimeOf(time.Now())
				if i >= 2 {
					l.records[i].Received = ocpi.TimeOf(time.Now().Add(50 * time.Millisecond))
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			w := &notingWork{fakeWork: &fakeWork{rows: map[int64]time.Time{}, want: 7, stop: cancel}}
			err := newDrain(w).Run(ctx, l)
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.of, err, c.want)
			}
			if l.next != c.next || fmt.Sprint(w.gaps) != c.gaps {
				t.Errorf("%s: committed %d, noted %v; want %d, %s", c.of, l.next, w.gaps, c.next, c.gaps)
			}
		})
	}
}
