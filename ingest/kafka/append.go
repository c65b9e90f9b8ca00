package kafka

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
)

// Append appends one record to the partition of its key and returns its
// position once every in-sync replica has it. The body is copied before
// Append first waits, so that giving up (ctx) harms nothing.
//
// Errors: ingest.ErrOverload when nothing was appended (the partition's queue
// or the log is full, or the broker is away), ingest.ErrOutcomeUnknown when it
// may have been (also when ctx ends first), ingest.ErrTooLarge.
func (l *Log) Append(ctx context.Context, topic ingest.Topic, e *ingest.Envelope, body []byte) (ingest.Position, error) {
	ws := l.writers[topic]
	if len(ws) == 0 {
		return ingest.Position{}, fmt.Errorf("append to %s: no such topic", topic)
	}
	if l.opts.Full(topic) {
		return ingest.Position{}, fmt.Errorf("append to %s: log is full: %w", topic, ingest.ErrOverload)
	}
	if err := ctx.Err(); err != nil {
		return ingest.Position{}, fmt.Errorf("append to %s: %w: %w", topic, ingest.ErrOverload, err)
	}
	w := ws[ingest.Place(e.Key, l.counts[topic])]
	p := w.partition
	b, place, err := w.add(e, body)
	if err != nil {
		return ingest.Position{}, fmt.Errorf("append to %s: %w", p, err)
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		return ingest.Position{}, fmt.Errorf("append to %s: %w: %w", p, ingest.ErrOutcomeUnknown, ctx.Err())
	}
	if b.err != nil {
		return ingest.Position{}, fmt.Errorf("append to %s: %w", p, b.err)
	}
	return p.At(b.base + int64(place)), nil
}
