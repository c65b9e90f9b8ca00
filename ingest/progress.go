package ingest

import (
	"context"
	"sync"
)

// Progress says how far a follower of one topic has folded each partition,
// and lets others wait for it. The zero value is not usable: NewProgress.
type Progress struct {
	mu      sync.Mutex // guards next and changed
	next    []int64
	changed chan struct{}
}

// NewProgress returns a Progress over n partitions, nothing folded.
func NewProgress(n int) *Progress {
	return &Progress{next: make([]int64, n), changed: make(chan struct{})}
}

// Advance says that every record before next has been folded.
func (p *Progress) Advance(partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next <= p.next[partition] {
		return
	}
	p.next[partition] = next
	close(p.changed)
	p.changed = make(chan struct{})
}

// Next returns the offset of the first record that is not folded yet.
func (p *Progress) Next(partition int32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next[partition]
}

// WaitNext returns when every record before next has been folded.
func (p *Progress) WaitNext(ctx context.Context, partition int32, next int64) error {
	for {
		p.mu.Lock()
		done, changed := p.next[partition] >= next, p.changed
		p.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
