package api

import (
	"sync"
	"sync/atomic"
)

// Budget bounds what is held at once, requests or bytes, in all and by each
// owner: a quarter. So no owner can take from the others what it does not use
// itself, and three can be stuck before anybody else is refused.
type Budget struct {
	all, share int64
	used       atomic.Int64

	mu     sync.RWMutex // guards owners, not what they hold
	owners map[string]*atomic.Int64
}

// NewBudget returns a budget of all.
func NewBudget(all int64) *Budget {
	return &Budget{all: all, share: max(1, all/4), owners: map[string]*atomic.Int64{}}
}

// Take reports whether an owner may hold n more; every true must be followed by
// one Give. What exceeds an owner's share by itself is never given.
func (b *Budget) Take(owner string, n int64) bool {
	held := b.held(owner)
	if held.Add(n) > b.share {
		held.Add(-n)
		return false
	}
	if b.used.Add(n) > b.all {
		b.used.Add(-n)
		held.Add(-n)
		return false
	}
	return true
}

// Full reports whether an owner's own share has no room for n more.
func (b *Budget) Full(owner string, n int64) bool { return b.held(owner).Load()+n > b.share }

// Give ends what Take gave.
func (b *Budget) Give(owner string, n int64) {
	b.held(owner).Add(-n)
	b.used.Add(-n)
}

// Used returns how much is held in all.
func (b *Budget) Used() int64 { return b.used.Load() }

// held returns what an owner holds. Owners are known callers, so there are only
// so many.
func (b *Budget) held(owner string) *atomic.Int64 {
	b.mu.RLock()
	h := b.owners[owner]
	b.mu.RUnlock()
	if h != nil {
		return h
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.owners[owner] == nil {
		b.owners[owner] = new(atomic.Int64)
	}
	return b.owners[owner]
}
