package settlement

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// ObjectStore is where records other than CDRs and the state they fold to go.
type ObjectStore interface {
	WriteObjects(ctx context.Context, p ingest.Partition, recs []ingest.Record, states []ingest.ObjectState) error
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
}

// Folded is what the records fold to: an objects.Follower.
type Folded interface {
	// Follows reports whether the topic's records fold to anything.
	Follows(topic ingest.Topic) bool
	// WaitNext returns when every record of the partition before next is folded.
	WaitNext(ctx context.Context, p ingest.Partition, next int64) error
	// States returns the folded state of everything the records touched.
	States(p ingest.Partition, recs []ingest.Record) []ingest.ObjectState
}

// Recorder stores the records of every topic but the CDRs', with the state
// they fold to, as the log's keeper in the store.
type Recorder struct {
	Store   ObjectStore
	Objects Folded
	Logger  *slog.Logger
}

// Bounds of a batch: see package pricing, whose batches these resemble.
const (
	recordRows   = 5_000
	recordBytes  = 32 << 20
	recordLinger = 300 * time.Millisecond
)

// Run works on one partition until ctx ends or the lease is lost.
func (r *Recorder) Run(ctx context.Context, c ingest.Lease) error {
	p := c.Partition()
	committed, metadata := c.Committed()
	committed = max(committed, 0)
	ledger, err := pricing.ParseLedger(metadata, committed)
	if err != nil {
		return fmt.Errorf("resume %s: %w", p, err)
	}
	stored, err := r.Store.Checkpoint(ctx, p)
	if err != nil {
		return fmt.Errorf("resume %s: %w", p, err)
	}
	next := min(committed, stored)
	for ctx.Err() == nil {
		recs, err := gather(ctx, c, next)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read %s at %d: %w", p, next, err)
		}
		next = recs[len(recs)-1].Offset + 1
		if err := r.store(ctx, p, next, recs); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for i := range recs {
			if recs[i].Offset >= ledger.Next {
				ledger.Add(&recs[i], "", ocpi.Number{}, ocpi.Number{})
			}
		}
		c.Release()
		if next < ledger.Next {
			continue
		}
		md, err := ledger.Metadata()
		if err != nil {
			return err
		}
		if err := c.Commit(ctx, ledger.Next, md); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("commit %s at %d: %w", p, ledger.Next, err)
		}
	}
	return nil
}

func gather(ctx context.Context, c ingest.Lease, next int64) ([]ingest.Record, error) {
	recs, err := c.Read(ctx, next, recordRows, recordBytes, 0)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for len(recs) < recordRows {
		linger := recordLinger - time.Since(began)
		if linger <= 0 {
			break
		}
		more, err := c.Read(ctx, recs[len(recs)-1].Offset+1, recordRows-len(recs), recordBytes, linger)
		if err != nil {
			return nil, err
		}
		recs = append(recs, more...)
	}
	return recs, nil
}

// store writes one batch, trying again while the store is away.
func (r *Recorder) store(ctx context.Context, p ingest.Partition, next int64, recs []ingest.Record) error {
	var states []ingest.ObjectState
	if r.Objects.Follows(p.Topic) {
		if err := r.Objects.WaitNext(ctx, p, next); err != nil {
			return fmt.Errorf("wait for the fold of %s: %w", p, err)
		}
		states = r.Objects.States(p, recs)
	}
	delay := 50 * time.Millisecond
	for {
		err := r.Store.WriteObjects(ctx, p, recs, states)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		r.Logger.Warn("store records", "partition", p, "next", next, "error", err)
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("store %s up to %d: %w", p, next, err)
		case <-timer.C:
		}
		delay = min(2*delay, 2*time.Second)
	}
}
