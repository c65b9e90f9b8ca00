package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
)

var cdrsZero = Partition{Topic: TopicCDRs, Epoch: 1}

// fakeLease is one partition of a log in memory, with its group's commit. A
// record can be read from its receiving time on.
type fakeLease struct {
	of       Partition // zero: cdrsZero
	records  []Record
	start    int64
	next     int64 // committed
	metadata string
	commits  []int64
	lost     error  // what Commit answers
	trim     func() // called before each read
	fetch    int    // bytes that the bodies of one read stand in
	most     int    // bytes that one read brings at most, where not 0
}

func (l *fakeLease) Partition() Partition {
	if l.of != (Partition{}) {
		return l.of
	}
	return cdrsZero
}

func (l *fakeLease) Committed() (int64, string) { return l.next, l.metadata }
func (l *fakeLease) Release()                   {}

func (l *fakeLease) Read(ctx context.Context, from int64, maxRecords, maxBytes int, wait time.Duration) ([]Record, error) {
	if l.trim != nil {
		l.trim()
	}
	if from < l.start {
		return nil, &GapError{Partition: cdrsZero, Want: from, Start: l.start, End: int64(len(l.records))}
	}
	if wait == 0 {
		wait = time.Hour
	}
	for until := time.Now().Add(wait); ; {
		var out []Record
		bytes := 0
		for i := from; i < int64(len(l.records)) && len(out) < maxRecords; i++ {
			r := l.records[i]
			if r.Received.Go().After(time.Now()) || len(out) > 0 && (bytes+len(r.Body) > maxBytes || l.most > 0 && bytes+len(r.Body) > l.most) {
				break
			}
			bytes += len(r.Body)
			out = append(out, r)
		}
		if len(out) > 0 {
			l.land(out)
			return out, nil
		}
		if !time.Now().Before(until) {
			return nil, nil
		}
		if !Pause(ctx, time.Millisecond) {
			return nil, ctx.Err()
		}
	}
}

// land puts the bodies of one read into one piece of memory.
func (l *fakeLease) land(records []Record) {
	memory := make([]byte, 0, l.fetch)
	for i := range records {
		if from := len(memory); l.fetch > 0 {
			memory = append(memory, records[i].Body...)
			records[i].Body = memory[from:]
		}
	}
}

func (l *fakeLease) Commit(_ context.Context, next int64, metadata string) error {
	if l.lost != nil {
		return l.lost
	}
	l.next, l.metadata = next, metadata
	l.commits = append(l.commits, next)
	return nil
}

// fakeWork stores what do says, all of it when do is nil, and ends the run
// when nothing is left.
type fakeWork struct {
	next  int64 // the checkpoint
	rows  map[int64]time.Time
	turns [][]int64 // the offsets of each
	want  int
	stop  context.CancelFunc
	do    func(ctx context.Context, t *Turn) error
}

func (w *fakeWork) Checkpoint(context.Context, Partition) (int64, error) { return w.next, nil }

func (w *fakeWork) Do(ctx context.Context, t *Turn) error {
	var offsets []int64
	for i := range t.Records {
		offsets = append(offsets, t.Records[i].Offset)
	}
	w.turns = append(w.turns, offsets)
	if w.do != nil {
		if err := w.do(ctx, t); err != nil {
			return err
		}
	} else {
		w.store(t, func(int) bool { return true })
	}
	if len(w.rows) >= w.want {
		w.stop()
	}
	return nil
}

// store makes those records durable that which names.
func (w *fakeWork) store(t *Turn, which func(i int) bool) {
	w.next = max(w.next, t.Next(which))
	for i := range t.Records {
		if which(i) {
			w.rows[t.Records[i].Offset] = time.Now()
			t.Done(i, EntryOf(&t.Records[i]))
		}
	}
}

// drainAll runs until the work has all it wants; the clock is the bubble's.
func drainAll(t *testing.T, l *fakeLease, w *fakeWork) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { err = drainHere(t, l, w) })
	return err
}

func drainHere(t *testing.T, l *fakeLease, w *fakeWork) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	w.stop = cancel
	if w.rows == nil {
		w.rows = map[int64]time.Time{}
	}
	return newDrain(w).Run(ctx, l)
}

func newDrain(w Work) *Drain {
	return &Drain{Work: w, Group: GroupPricing, Logger: slog.New(slog.DiscardHandler), Metrics: NewDrainMetrics(prometheus.NewRegistry())}
}

func fakeRecords(n int) []Record {
	out := make([]Record, n)
	for i := range out {
		out[i] = Record{Position: cdrsZero.At(int64(i)), Envelope: Envelope{Sender: "light"}, Body: fmt.Append(nil, i)}
	}
	return out
}

// Whatever a crash left (committed and stored apart, in either order), every
// record is stored from the lower of both on, and the ledger that verify
// trusts counts each once.
func TestDrainGoesOnAfterAnyCrash(t *testing.T) {
	const n = 5
	whole := &fakeLease{records: fakeRecords(n), next: -1}
	if err := drainAll(t, whole, &fakeWork{want: n}); err != nil {
		t.Fatal(err)
	}
	for committed := range n + 1 {
		before := &fakeLease{records: fakeRecords(committed), next: -1}
		if committed > 0 {
			if err := drainAll(t, before, &fakeWork{want: committed}); err != nil {
				t.Fatal(err)
			}
		}
		for stored := range n + 1 {
			from := min(committed, stored)
			if from == n {
				continue // nothing left to do: it would wait
			}
			l := &fakeLease{records: fakeRecords(n), next: before.next, metadata: before.metadata}
			w := &fakeWork{next: int64(stored), want: n - from}
			if err := drainAll(t, l, w); err != nil || len(w.rows) != n-from {
				t.Errorf("committed %d, stored %d: %d rows written (%v), want all from %d on", committed, stored, len(w.rows), err, from)
			}
			if l.next != whole.next || l.metadata != whole.metadata {
				t.Errorf("committed %d, stored %d: ledger %s, want %s", committed, stored, l.metadata, whole.metadata)
			}
		}
	}
}

func TestDrainStopsAtAGap(t *testing.T) {
	cases := []struct {
		name             string
		committed        int64 // -1: none
		stored, start    int64
		want             string
		from, next, rows int64
	}{
		{"records that were due are gone", 2, 2, 3, "offset 2 was due", 0, 2, 0},
		{"an older store was put back", 6, 2, 3, "offset 2 was due", 0, 6, 0},
		{"no commit, all is there", -1, 4, 0, "", 0, 8, 8},
		{"no commit, the log begins before the checkpoint", -1, 4, 3, "", 4, 8, 4},
		{"no commit, the log begins at the checkpoint", -1, 4, 4, "", 4, 8, 4},
		{"no commit, the log begins behind the checkpoint", -1, 4, 5, "offset 0 was due", 0, -1, 0},
		{"no commit and an empty store", -1, 0, 5, "offset 0 was due", 0, -1, 0},
	}
	for _, c := range cases {
		l := &fakeLease{records: fakeRecords(8), start: c.start, next: c.committed}
		if c.committed > 0 {
			l.metadata = fmt.Sprintf(`{"next":%d,"digest":"%064d"}`, c.committed, 0)
		}
		w := &fakeWork{next: c.stored, want: int(c.rows)}
		err := drainAll(t, l, w)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
			continue
		}
		if l.next != c.next || int64(len(w.rows)) != c.rows {
			t.Errorf("%s: committed %d after %d rows, want %d after %d", c.name, l.next, len(w.rows), c.next, c.rows)
		}
		if ledger, err := ParseLedger(l.metadata, l.next); err == nil && ledger.From != c.from {
			t.Errorf("%s: the ledger counts from %d on, want %d", c.name, ledger.From, c.from)
		}
	}
}

func TestDrainEndsWithItsLease(t *testing.T) {
	l := &fakeLease{records: fakeRecords(1), next: -1, lost: errors.New("illegal generation")}
	if err := drainAll(t, l, &fakeWork{want: 2}); err == nil || !strings.Contains(err.Error(), "illegal generation") {
		t.Errorf("a drain whose commit was refused returned %v", err)
	}
}

func TestDrainRefusesACommitThatIsNotOurs(t *testing.T) {
	l := &fakeLease{records: fakeRecords(8), next: 4, metadata: "somebody else's"}
	if err := drainAll(t, l, &fakeWork{next: 4, want: 4}); !errors.Is(err, ErrLedger) {
		t.Errorf("error %v, want ErrLedger", err)
	}
}

// A turn is bounded as a whole, however it was read.
func TestATurnIsBounded(t *testing.T) {
	l := &fakeLease{records: fakeRecords(80), next: -1}
	for i := range l.records {
		l.records[i].Body = make([]byte, 1<<20)
	}
	w := &fakeWork{want: 80}
	if err := drainAll(t, l, w); err != nil {
		t.Fatal(err)
	}
	many := &fakeLease{records: fakeRecords(2*windowRows + 1), next: -1}
	m := &fakeWork{want: len(many.records)}
	if err := drainAll(t, many, m); err != nil {
		t.Fatal(err)
	}
	for _, turn := range w.turns {
		if len(turn)<<20 > windowBytes {
			t.Errorf("a turn of %d MiB", len(turn))
		}
	}
	for _, turn := range m.turns {
		if len(turn) > windowRows {
			t.Errorf("a turn of %d records", len(turn))
		}
	}
}

// A read brings a mebibyte: of large records a few. They are gathered like small
// ones, so that who comes behind them is in the same turn.
func TestATurnTakesLargeRecordsTogether(t *testing.T) {
	const n = 25
	l := &fakeLease{records: fakeRecords(n), next: -1, most: 1 << 20}
	for i := range n - 1 {
		l.records[i].Body = make([]byte, 500<<10)
	}
	w := &fakeWork{want: n}
	if err := drainAll(t, l, w); err != nil {
		t.Fatal(err)
	}
	if len(w.turns) != 1 {
		t.Errorf("%d turns: %v", len(w.turns), w.turns)
	}
}

// arriving returns records that come at the given times.
func arriving(at ...time.Duration) []Record {
	out := fakeRecords(len(at))
	for i := range out {
		out[i].Received = ocpi.TimeOf(time.Now().Add(at[i]))
	}
	return out
}

// The linger is judged by how fast records come, and a burst that is over
// keeps nobody waiting. Storing takes a tenth of a second here.
func TestHowLongARecordWaits(t *testing.T) {
	repeated := func(n int, at time.Duration) []time.Duration { return slices.Repeat([]time.Duration{at}, n) }
	steady := make([]time.Duration, 5000)
	for i := range steady {
		steady[i] = time.Duration(i) * 2 * time.Millisecond
	}
	cases := []struct {
		name  string
		at    []time.Duration
		from  int // whose wait counts
		limit time.Duration
	}{
		{"one alone", []time.Duration{0}, 0, 400 * time.Millisecond},
		{"one now and then", []time.Duration{0, time.Second, 2 * time.Second, 2400 * time.Millisecond}, 0, 400 * time.Millisecond},
		{"one after a burst", append(repeated(4000, 0), 2*time.Second), 4000, 400 * time.Millisecond},
		{"one soon after a burst", append(repeated(4000, 0), 500*time.Millisecond), 4000, 500 * time.Millisecond},
		{"500 a second", steady, 0, 1500 * time.Millisecond},
	}
	for _, c := range cases {
		synctest.Test(t, func(t *testing.T) {
			l := &fakeLease{records: arriving(c.at...), next: -1}
			w := &fakeWork{want: len(c.at)}
			w.do = func(_ context.Context, turn *Turn) error {
				time.Sleep(100 * time.Millisecond)
				w.store(turn, func(int) bool { return true })
				return nil
			}
			if err := drainHere(t, l, w); err != nil {
				t.Fatal(err)
			}
			for i := c.from; i < len(c.at); i++ {
				if waited := w.rows[int64(i)].Sub(l.records[i].Received.Go()); waited > c.limit {
					t.Fatalf("%s: record %d waited %s, want at most %s", c.name, i, waited, c.limit)
				}
			}
		})
	}
}

// Under load a turn carries many rows: an insert costs the same at any size.
func TestUnderLoadATurnIsLarge(t *testing.T) {
	at := make([]time.Duration, 20_000)
	for i := range at {
		at[i] = time.Duration(i) * 400 * time.Microsecond // 2,500 a second
	}
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLease{records: arriving(at...), next: -1}
		w := &fakeWork{want: len(at)}
		if err := drainHere(t, l, w); err != nil {
			t.Fatal(err)
		}
		if len(w.turns) > 5 {
			t.Errorf("%d turns for %d records, want them nearly full", len(w.turns), len(at))
		}
	})
}

// While one sender's records take long, those of others that come behind them
// are durable soon, however many of the one wait; the ledger is the same as if
// they had been stored in order.
func TestASlowSenderKeepsOnlyItselfWaiting(t *testing.T) {
	const heavy, light, n = 9, 1, 8000
	plain := &fakeLease{records: fakeRecords(n), next: -1}
	if err := drainAll(t, plain, &fakeWork{want: n}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		at := make([]time.Duration, n)
		for i := range at {
			at[i] = time.Duration(i) * time.Millisecond
		}
		l := &fakeLease{records: arriving(at...), next: -1}
		for i := range l.records {
			if i%(heavy+light) < heavy {
				l.records[i].Sender = "heavy"
			}
		}
		w := &fakeWork{want: n}
		w.do = func(_ context.Context, turn *Turn) error {
			time.Sleep(2 * time.Second)
			chosen, heavies := map[int]bool{}, 0
			for i := range turn.Records {
				if turn.Records[i].Sender == "heavy" {
					if heavies++; heavies > 200 {
						continue
					}
				}
				chosen[i] = true
			}
			w.store(turn, func(i int) bool { return chosen[i] })
			return nil
		}
		if err := drainHere(t, l, w); err != nil {
			t.Fatal(err)
		}
		for i := range l.records {
			if waited := w.rows[int64(i)].Sub(l.records[i].Received.Go()); l.records[i].Sender == "light" && waited > 5*time.Second {
				t.Fatalf("record %d of another sender waited %s, want at most 5 s", i, waited)
			}
		}
		if l.next != plain.next || l.metadata != plain.metadata || w.next != n {
			t.Errorf("ledger %s and checkpoint %d, want %s and %d", l.metadata, w.next, plain.metadata, n)
		}
		if !slices.IsSorted(l.commits) {
			t.Errorf("commits went back: %v", l.commits)
		}
	})
}

// Of what is read past a slow sender's records a few may be taken of each fetch:
// they must not keep all of it alive.
func TestWhatIsReadPastOthersIsHeldAlone(t *testing.T) {
	const n, every = 20_000, 200
	l := &fakeLease{records: fakeRecords(n), next: -1, fetch: 1 << 20}
	for i := range l.records {
		if l.records[i].Body = make([]byte, 100); i%every != 0 {
			l.records[i].Sender = "heavy"
		}
	}
	w, first := &fakeWork{want: n}, true
	w.do = func(_ context.Context, turn *Turn) error {
		held := 0
		for i := range turn.Records {
			held += cap(turn.Records[i].Body)
		}
		if !first && held > 2*windowBytes {
			t.Errorf("%d records keep %d MiB alive", len(turn.Records), held>>20)
		}
		first = false
		w.store(turn, func(i int) bool { return i < 1_000 })
		return nil
	}
	if err := drainAll(t, l, w); err != nil {
		t.Fatal(err)
	}
}

// A stop that comes while the store is away ends the drain at once; nothing is
// committed.
func TestAStopWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLease{records: fakeRecords(3), next: -1}
		w := &fakeWork{want: 3}
		tries := 0
		w.do = func(ctx context.Context, turn *Turn) error {
			return turn.Store(ctx, Storing{Rows: len(turn.Records), Attempt: func(context.Context, int, int) error {
				if tries++; tries == 4 {
					w.stop()
				}
				return ErrUnavailable
			}})
		}
		began := time.Now()
		if err := drainHere(t, l, w); err != nil || tries != 4 || len(l.commits) != 0 {
			t.Errorf("%v after %d tries, %d commits; want an orderly end after the fourth, none committed", err, tries, len(l.commits))
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// A turn under way when a stop is asked for is finished and committed.
func TestAStopWaitsForTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLease{records: fakeRecords(3), next: -1}
		w := &fakeWork{want: 3}
		w.do = func(_ context.Context, turn *Turn) error {
			w.stop()
			time.Sleep(stopGrace / 2)
			w.store(turn, func(int) bool { return true })
			return nil
		}
		if err := drainHere(t, l, w); err != nil || l.next != 3 {
			t.Errorf("%v, committed %d; want 3", err, l.next)
		}
	})
}
