package settlement

import (
	"bytes"
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
)

// walker is the walk over one partition.
type walker struct {
	report    *Report
	partition ingest.Partition
	next      int64 // the fixed position: the store's checkpoint
	logStart  int64
	logEnd    int64         // of when the walk began: everything before next stands before it
	committed ingest.Ledger // zero when the group has no commit
	ledger    ingest.Ledger // recomputed from the store
	gaps      [][2]int64
	expired   bool // records that the ledger counts are gone from the store, as they may be
}

func (w *walker) disagree(offset int64, format string, args ...any) {
	w.report.disagree(w.partition, offset, format, args...)
}

func (v *Verifier) open(ctx context.Context, p ingest.Partition) (*walker, error) {
	w := &walker{report: &Report{}, partition: p}
	var err error
	if w.committed, err = v.Log.Ledger(ctx, p); err != nil {
		return nil, fmt.Errorf("read checkpoint of the log %s: %w", p, err)
	}
	if w.next, err = v.Store.Checkpoint(ctx, p); err != nil {
		return nil, fmt.Errorf("read checkpoint of the store %s: %w", p, err)
	}
	if spec, _ := p.Topic.Spec(); spec.Bounded() {
		if w.gaps, err = v.Store.Gaps(ctx, p); err != nil {
			return nil, fmt.Errorf("read what is missing of %s: %w", p, err)
		}
	}
	start, end, err := v.Log.Bounds(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("read bounds of %s: %w", p, err)
	}
	w.logStart, w.logEnd = start, end
	if w.next < w.committed.Next {
		w.disagree(-1, "the store ends at offset %d, but the log's checkpoint says that everything before %d was stored: an older copy of the store was put back, or rows are gone", w.next, w.committed.Next)
	}
	if w.next > end {
		w.disagree(-1, "the store holds records up to offset %d, the log ends at %d: they do not belong together, or the log lost its end", w.next, end)
	}
	w.report.Ahead += max(end-max(w.next, start), 0)
	return w, nil
}

// walk visits every stored record once, in order, and proves it against the
// log, or against the log's checkpoint where the log no longer has it.
func (v *Verifier) walk(ctx context.Context, w *walker, visit func(*ingest.Record) error) error {
	log := logPages{ctx: ctx, log: v.Log, w: w}
	expect := int64(0)
	var previous ingest.Record
	err := v.Store.RecordsRange(ctx, w.partition, 0, w.next, func(r ingest.Record) error {
		switch {
		case r.Offset > expect:
			w.absent(expect, r.Offset)
		case r.Offset < expect:
			if !sameRecord(&previous, &r) {
				w.disagree(r.Offset, "the store holds two different records at this position")
			}
			w.report.Doubled++
			return nil
		}
		expect = r.Offset + 1
		previous = r
		w.report.Records++
		if r.Offset < w.logStart {
			w.trimmed(r.Offset)
		} else if err := log.compare(&r); err != nil {
			return err
		}
		if w.report.Records%4096 == 0 {
			v.progress(w, r.Offset)
		}
		if err := visit(&r); err != nil {
			return err
		}
		if w.covers(r.Offset) && w.partition.Topic != ingest.TopicCDRs {
			w.ledger.Add(ingest.EntryOf(&r))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("walk %s: %w", w.partition, err)
	}
	if expect < w.next {
		w.absent(expect, w.next)
	}
	if !w.expired {
		w.closeLedger()
	}
	return nil
}

func (v *Verifier) progress(w *walker, done int64) {
	if v.Progress == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Progress(w.partition, done, w.next)
}

// absent tells of records that are not in the store. Of a bounded topic they
// may be noted as missing, or, where the log no longer has them either, have
// been kept for long enough.
func (w *walker) absent(from, next int64) {
	for _, gap := range w.gaps {
		if gap[0] <= from && from < gap[1] {
			w.report.Missing += min(gap[1], next) - from
			from = min(gap[1], next)
		}
	}
	spec, _ := w.partition.Topic.Spec()
	if spec.Bounded() && from < min(next, w.logStart) {
		w.expired = true
		w.report.Expired += min(next, w.logStart) - from
		from = min(next, w.logStart)
	}
	if from < next {
		w.disagree(from, "records %d to %d are not in the store", from, next-1)
	}
}

// covers reports whether the ledger that the log's group committed counts the
// record at offset.
func (w *walker) covers(offset int64) bool {
	return w.committed.From <= offset && offset < w.committed.Next
}

// trimmed counts a record that the log no longer has: the group's ledger
// proves it, or nothing does.
func (w *walker) trimmed(offset int64) {
	if w.covers(offset) {
		w.report.TrimmedProven++
	} else {
		w.report.Unproven++
	}
}

// closeLedger holds the ledger recomputed from the store against the one the
// log's group committed.
func (w *walker) closeLedger() {
	l, c := &w.ledger, &w.committed
	switch {
	case l.Count != c.Count:
		w.disagree(-1, "the store holds %d records from offset %d to %d, the log's checkpoint counted %d", l.Count, c.From, c.Next, c.Count)
	case l.Digest != c.Digest:
		w.disagree(-1, "records before offset %d are not the ones the log held: their digest is %x, the log's checkpoint says %x", c.Next, l.Digest[:8], c.Digest[:8])
	}
	for currency, want := range c.Sums {
		got := l.Sums[currency]
		if got.Records != want.Records || !got.Excl.Equal(want.Excl) || !got.Incl.Equal(want.Incl) {
			w.disagree(-1, "%s: the store's records before offset %d claim %s excl, %s incl in %d records; the log's checkpoint says %s, %s in %d",
				currency, c.Next, got.Excl, got.Incl, got.Records, want.Excl, want.Incl, want.Records)
		}
	}
}

func sameRecord(a, b *ingest.Record) bool {
	return a.Position == b.Position && a.Envelope == b.Envelope && bytes.Equal(a.Body, b.Body)
}

// logPages reads the log beside the store's rows.
type logPages struct {
	ctx  context.Context
	log  VerifyLog
	w    *walker
	page []ingest.Record
}

func (l *logPages) compare(r *ingest.Record) error {
	if r.Offset >= l.w.logEnd { // reading there is an error, and would hide what else is found
		l.w.disagree(r.Offset, "the store holds a record that the log does not")
		return nil
	}
	for len(l.page) > 0 && l.page[0].Offset < r.Offset {
		l.page = l.page[1:]
	}
	if len(l.page) == 0 {
		page, err := l.log.Read(l.ctx, l.w.partition, r.Offset, 1000)
		if err != nil {
			// A running service may have trimmed what its checkpoint proves.
			start, _, boundsErr := l.log.Bounds(l.ctx, l.w.partition)
			if boundsErr == nil && start > r.Offset {
				l.w.logStart = start
				l.w.report.overtaken = l.w.report.overtaken || !l.w.covers(r.Offset) || start > l.w.committed.Next
				l.w.trimmed(r.Offset)
				return nil
			}
			return fmt.Errorf("read log at offset %d: %w", r.Offset, err)
		}
		l.page = page
	}
	if len(l.page) == 0 || l.page[0].Offset != r.Offset {
		l.w.disagree(r.Offset, "the store holds a record that the log does not")
		return nil
	}
	if l.page[0].Hash == (ingest.Hash{}) {
		l.page[0].Hash = r.Hash // the worker adds it: walkCDRs checks it
	}
	if !sameRecord(&l.page[0], r) {
		l.w.disagree(r.Offset, "the store's record of %s %s differs from the log's", r.Object, r.Key)
	}
	l.page = l.page[1:]
	return nil
}
