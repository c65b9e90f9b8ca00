package settlement

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/pricing"
)

// repricePages prices pages of one partition and notes how far it got.
type repricePages struct {
	*Repricer
	repricing *Repricing
	progress  *RepriceProgress
	inputs    pricing.Inputs
	pricer    *pricing.Pricer
	moved     func(by int64)

	page    []StoredResult
	offsets []int64
	priced  int // of the page, those that progress counts
	changed []Repriced
	bytes   int // of changed
	row     pricing.Row
}

// price prices the page that is collected, and notes that everything before
// next is done.
func (w *repricePages) price(ctx context.Context, next int64) error {
	if next == w.progress.Next {
		return nil
	}
	w.offsets, w.priced = w.offsets[:0], 0
	for i := range w.page {
		w.offsets = append(w.offsets, w.page[i].Record.Offset)
	}
	i := 0
	if len(w.offsets) > 0 {
		err := w.Store.CDRRecords(ctx, w.Partitions[w.progress.Partition], w.offsets, func(rec *ingest.Record) error {
			if i > 0 && rec.Offset == w.offsets[i-1] {
				return nil // a replay left it twice
			}
			if i == len(w.page) || rec.Offset != w.offsets[i] {
				return w.missing(i)
			}
			err := w.compare(ctx, rec, &w.page[i])
			i++
			if err != nil || w.bytes < w.pageBytes() {
				return err
			}
			return w.note(ctx, rec.Offset+1, i)
		})
		if err != nil {
			return err
		}
	}
	if i < len(w.page) {
		return w.missing(i)
	}
	if err := w.note(ctx, next, i); err != nil {
		return err
	}
	w.page = w.page[:0]
	return nil
}

// note stores what has changed, and that everything before next is done, priced
// CDRs of the page.
func (w *repricePages) note(ctx context.Context, next int64, priced int) error {
	progress := *w.progress
	progress.Next, progress.CDRs = next, progress.CDRs+int64(priced-w.priced)
	if err := w.Store.WriteRepriced(ctx, w.repricing.Name(), w.Partitions[w.progress.Partition], w.changed, progress); err != nil {
		return err
	}
	by := next - w.progress.Next
	*w.progress, w.priced = progress, priced
	clear(w.changed) // gives the memory they refer to back
	w.changed, w.bytes = w.changed[:0], 0
	w.moved(by)
	return nil
}

// repriceBytes bounds what is stored at once: an explanation may be four times
// its CDR, and a page of the largest would be more than the store has memory for.
const repriceBytes = 32 << 20

func (w *repricePages) pageBytes() int {
	if w.PageBytes > 0 {
		return w.PageBytes
	}
	return repriceBytes
}

func (w *repricePages) missing(i int) error {
	return fmt.Errorf("the result of %s has no record at offset %d: run `roamclear verify`", w.page[i].Record.Key, w.offsets[i])
}

// compare prices one CDR and keeps the result when it is another one; only one
// that is to be applied is worth an explanation.
func (w *repricePages) compare(ctx context.Context, rec *ingest.Record, old *StoredResult) error {
	var explain func(*pricing.Row) bool
	if w.repricing.whole {
		explain = func(fresh *pricing.Row) bool {
			_, changed := compare(old, fresh)
			return changed
		}
	}
	err := pricing.Gather(ctx, w.inputs, 1, func(int) bool {
		w.pricer.PriceWith(rec, &w.row, w.progress.AsOf, w.repricing.Profile, explain)
		return true
	})
	if err != nil {
		return fmt.Errorf("read old versions of tariffs: %w", err)
	}
	change, changed := compare(old, &w.row) // a panic in the explanation makes it a reject
	if !changed {
		return nil
	}
	w.row.Record.Body = nil
	w.row.Generation = old.Generation + 1
	w.changed = append(w.changed, Repriced{Change: change, Version: old.Version, Row: w.row})
	w.bytes += w.row.Bytes()
	return nil
}
