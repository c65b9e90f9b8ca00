package api

import (
	"context"
	"sync"
	"time"
)

// Turns has at most so many requests worked on at once, and where more wait gives
// each owner its turn: a partner with ten times the connections of another waits
// ten times as long with each, and the other as if it were alone. Who works
// holds a turn only while the work is our own: nothing that a client does, or
// does not do, keeps others waiting.
type Turns struct {
	spare sync.Pool // of *Turn

	wait time.Duration // a turn is waited for, at most

	mu      sync.Mutex // guards what follows
	limit   int
	working int
	waiting map[string]*line
	order   []*line // of the owners that wait, whose turn is next first
}

// line is where the requests of one owner wait.
type line struct {
	owner string
	first []*waiter
}

type waiter struct {
	turn chan struct{} // closed when it is its turn
	gone bool
}

// NewTurns returns Turns of a limit that are waited for so long at most.
func NewTurns(limit int, wait time.Duration) *Turns {
	return &Turns{limit: limit, wait: wait, waiting: map[string]*line{}}
}

// Enter waits for an owner's turn; nil must be followed by one Leave. The error
// is ErrBusy where it did not come in time, or that of ctx.
func (t *Turns) Enter(ctx context.Context, owner string) error {
	w := t.enter(owner)
	if w == nil {
		return nil
	}
	timer := time.NewTimer(t.wait)
	defer timer.Stop()
	err := error(nil)
	select {
	case <-w.turn:
		return nil
	case <-timer.C:
		err = ErrBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-w.turn: // meanwhile it was
		t.working--
		t.next()
	default:
		w.gone = true
	}
	return err
}

// enter takes a turn where one is free, else a place in the owner's line.
func (t *Turns) enter(owner string) *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.working < t.limit && len(t.order) == 0 {
		t.working++
		return nil
	}
	l := t.waiting[owner]
	if l == nil {
		l = &line{owner: owner}
		t.waiting[owner], t.order = l, append(t.order, l)
	}
	w := &waiter{turn: make(chan struct{})}
	l.first = append(l.first, w)
	return w
}

// Turn is a turn that ends by itself.
type Turn struct {
	of    *Turns
	timer *time.Timer
}

// Work is Enter with a Leave when the turn is done, which it must be, or after longest:
// what keeps it longer is none of ours, such as a partition of the log whose leader is
// away, and others have their turns meanwhile.
func (t *Turns) Work(ctx context.Context, owner string, longest time.Duration) (*Turn, error) {
	if err := t.Enter(ctx, owner); err != nil {
		return nil, err
	}
	u, again := t.spare.Get().(*Turn)
	if !again {
		return &Turn{t, time.AfterFunc(longest, t.Leave)}, nil
	}
	u.timer.Reset(longest)
	return u, nil
}

// Done ends a turn, once: the timer ends it, or this does.
func (u *Turn) Done() {
	if u.timer.Stop() {
		u.of.Leave()
		u.of.spare.Put(u)
	}
}

// Leave ends a turn.
func (t *Turns) Leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.working--
	t.next()
}

// Limit sets how many work at once, 1 at least. Who works goes on.
func (t *Turns) Limit(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limit = max(n, 1)
	t.next()
}

// next gives the turns that are free to those that wait, one owner after the
// other.
func (t *Turns) next() {
	for t.working < t.limit && len(t.order) > 0 {
		l := t.order[0]
		t.order = t.order[1:]
		w := l.pop()
		if len(l.first) > 0 {
			t.order = append(t.order, l)
		} else {
			delete(t.waiting, l.owner)
		}
		if w != nil {
			t.working++
			close(w.turn)
		}
	}
}

// pop takes the first that still waits, nil where none does.
func (l *line) pop() *waiter {
	for len(l.first) > 0 {
		w := l.first[0]
		l.first = l.first[1:]
		if !w.gone {
			return w
		}
	}
	return nil
}
