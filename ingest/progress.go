package ingest

import (
	"context"
	"sync"
)

// Progress says how far a follower of one topic has folded each partition,
// and lets others wait for it. The zero value is not usable: NewProgress.
type Progress struct {
	mu      sync.Mutex // guards what follows
	next    []int64
	failed  []error // why a partition is not folded any further
	changed chan struct{}
}

// NewProgress returns a Progress over n partitions, nothing folded.
func NewProgress(n int) *Progress {
	return &Progress{next: make([]int64, n), failed: make([]error, n), changed: make(chan struct{})}
}

// Advance says that every record before next has been folded.
func (p *Progress) Advance(partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next <= p.next[partition] {
		return
	}
	p.next[partition] = next
	p.wake()
}

// Fail says that a partition is not folded any further, and why: who waits for
// more gets err.
func (p *Progress) Fail(partition int32, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed[partition] = err
	p.wake()
}

// Err returns what Fail was told, nil for a partition that goes on.
func (p *Progress) Err(partition int32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed[partition]
}

func (p *Progress) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Next returns the offset of the first record that is not folded yet.
func (p *Progress) Next(partition int32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next[partition]
}

// WaitNext returns when every record before next has been folded. Its error is
// that of ctx, or what Fail was told.
func (p *Progress) WaitNext(ctx context.Context, partition int32, next int64) error {
	for {
		p.mu.Lock()
		done, failed, changed := p.next[partition] >= next, p.failed[partition], p.changed
		p.mu.Unlock()
		if done {
			return nil
		}
		if failed != nil {
			return failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
