package pricing

import (
	"context"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/ingest"
)

// RejectStore is what healing needs of the store.
type RejectStore interface {
	// Rejects returns the CDRs of a partition whose result is a reject for
	// one of the reasons, with Record and Generation, in pages; next is "" at
	// the end.
	Rejects(ctx context.Context, p ingest.Partition, reasons []string, after string, limit int) (rejects []Row, next string, err error)
	// WriteResults stores outcomes of records that are stored already.
	WriteResults(ctx context.Context, p ingest.Partition, rows []Row) error
}

const (
	healPage     = 1000
	healInterval = time.Second
	healAnyway   = 5 * time.Minute
)

// Heal prices rejects again when their cause has gone away, until ctx ends.
// causes counts the events that can heal one (a Tariff, a zone, a partner);
// every healAnyway it looks without being told, so that no wake-up is lost.
func (w *Worker) Heal(ctx context.Context, partition ingest.Partition, store RejectStore, causes func() uint64) error {
	ticker := time.NewTicker(healInterval)
	defer ticker.Stop()
	pricer := NewPricer(w.Inputs, w.Policies)
	var seen uint64
	var looked time.Time
	var took time.Duration
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			current := causes()
			// A sweep may use a tenth of the time at most, however many
			// rejects wait and however often tariffs come.
			if now.Sub(looked) < 10*took || (current == seen && now.Sub(looked) < healAnyway) {
				continue
			}
			looked = now
			if err := w.healOnce(ctx, pricer, partition, store); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				w.Metrics.healErrors.Inc()
				w.Logger.Warn("look at rejects again", "partition", partition, "error", err)
				continue
			}
			seen, took = current, time.Since(looked)
		}
	}
}

// closed reports whether the row's month is closed: it stays as it was, and
// re-pricing turns the price into a correction.
func (w *Worker) closed(row *Row) bool {
	return w.Closed != nil && !row.Booked().IsZero() && w.Closed(row.Booked())
}

func (w *Worker) healOnce(ctx context.Context, p *Pricer, partition ingest.Partition, store RejectStore) error {
	// A follower that has just started may know the tariff and not yet the
	// zone: what it is healed to stays.
	at, err := w.Gate.CatchUp(ctx)
	if err != nil {
		return fmt.Errorf("wait for tariffs, locations and partners: %w", err)
	}
	after := ""
	for {
		rejects, next, err := store.Rejects(ctx, partition, Healable, after, healPage)
		if err != nil {
			return fmt.Errorf("list rejects of %s: %w", partition, err)
		}
		rows := make([]Row, 0, len(rejects))
		for i := range rejects {
			var row Row
			p.Price(&rejects[i].Record, &row, at)
			row.Generation = rejects[i].Generation
			if row.Outcome.Status != Rejected && !w.closed(&row) {
				rows = append(rows, row)
			}
		}
		if len(rows) > 0 {
			if err := store.WriteResults(ctx, partition, rows); err != nil {
				return fmt.Errorf("store %d healed results of %s: %w", len(rows), partition, err)
			}
			w.Metrics.healed.Add(float64(len(rows)))
		}
		if next == "" {
			return nil
		}
		after = next
	}
}
