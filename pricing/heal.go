package pricing

import (
	"context"
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
)

// RejectStore is what healing needs of the store.
type RejectStore interface {
	// Rejects returns the CDRs of a partition whose result is a reject for
	// one of the reasons, with Record and Generation, in pages of at most limit
	// and some MiB; next is "" at the end.
	Rejects(ctx context.Context, p ingest.Partition, reasons []string, after string, limit int) (rejects []Row, next string, err error)
	// WriteResults stores outcomes of records that are stored already.
	WriteResults(ctx context.Context, p ingest.Partition, rows []Row) error
}

const healPage = 1000

// Heal prices rejects again when their cause has gone away, until ctx ends.
// causes counts the events that can heal one (a Tariff, a zone, a partner).
func (w *Worker) Heal(ctx context.Context, partition ingest.Partition, store RejectStore, causes func() uint64) error {
	inputs := Own(w.Inputs)
	pricer := NewPricer(inputs, w.Policies)
	ingest.Sweep(ctx, causes, func(ctx context.Context) (bool, error) {
		return false, w.healOnce(ctx, inputs, pricer, partition, store)
	}, func(err error) {
		w.Metrics.healErrors.Inc()
		w.Logger.Warn("look at rejects again", "partition", partition, "error", err)
	})
	return nil
}

func (w *Worker) healOnce(ctx context.Context, in Inputs, p *Pricer, partition ingest.Partition, store RejectStore) error {
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
		var rows []Row
		bytes := 0
		for i := range rejects {
			var row Row
			err := Gather(ctx, in, 1, func(int) bool {
				p.Price(&rejects[i].Record, &row, at)
				return true
			})
			if err != nil {
				return fmt.Errorf("read old versions of tariffs: %w", err)
			}
			row.Generation = rejects[i].Generation
			if row.Outcome.Status == Rejected {
				continue
			}
			rows = append(rows, row)
			if bytes += row.Bytes(); bytes < turnBytes {
				continue
			}
			if err := w.storeHealed(ctx, partition, store, rows); err != nil {
				return err
			}
			rows, bytes = nil, 0
		}
		if err := w.storeHealed(ctx, partition, store, rows); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// storeHealed stores healed results. What the store has no memory for, or
// refuses for good, is halved; a row that it refuses by itself stays a reject, so
// that it keeps no other from being healed.
func (w *Worker) storeHealed(ctx context.Context, partition ingest.Partition, store RejectStore, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	err := store.WriteResults(ctx, partition, rows)
	if err == nil {
		w.Metrics.healed.Add(float64(len(rows)))
		return nil
	}
	lasting := !errors.Is(err, ingest.ErrUnavailable)
	switch {
	case ctx.Err() != nil:
	case len(rows) > 1 && (lasting || errors.Is(err, ingest.ErrTooMuch)):
		half := len(rows) / 2
		if err := w.storeHealed(ctx, partition, store, rows[:half]); err != nil {
			return err
		}
		return w.storeHealed(ctx, partition, store, rows[half:])
	case lasting:
		w.Metrics.healErrors.Inc()
		w.Logger.Error("a healed result cannot be stored: it stays a reject", "partition", partition, "cdr", rows[0].Record.Key, "error", err)
		return nil
	}
	return fmt.Errorf("store %d healed results of %s: %w", len(rows), partition, err)
}
