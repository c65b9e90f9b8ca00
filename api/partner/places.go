package partner

import (
	"context"
	"sync"
)

// atOnce is how many requests to one partner are under way at once, and how many more of
// those that somebody stands and waits for.
const atOnce = 8

// places bounds requests to each partner. Who waits for one waits for that
// partner alone.
type places struct {
	mu sync.Mutex // guards what follows
	of map[string]*place
}

// place is kept as long as somebody uses it: URLs are called before they are a
// partner's, and there is no end of those.
type place struct {
	slots chan struct{}
	users int
}

// enter waits for a place; nil must be followed by one leave. The error is ctx's.
func (p *places) enter(ctx context.Context, who string) error {
	p.mu.Lock()
	if p.of == nil {
		p.of = map[string]*place{}
	}
	one := p.of[who]
	if one == nil {
		one = &place{slots: make(chan struct{}, atOnce)}
		p.of[who] = one
	}
	one.users++
	p.mu.Unlock()
	select {
	case one.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		p.forget(who)
		return ctx.Err()
	}
}

func (p *places) leave(who string) {
	p.mu.Lock()
	one := p.of[who]
	p.mu.Unlock()
	<-one.slots
	p.forget(who)
}

func (p *places) forget(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[who].users--; p.of[who].users == 0 {
		delete(p.of, who)
	}
}
