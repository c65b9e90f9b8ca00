package api

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever has more requests waiting gets no more turns than others that wait.
func TestTurnsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1, time.Minute) // of two that begin at once, either may say so first
		var order []string
		began := make(chan string, 100)
		var all sync.WaitGroup
		push := func(owner string, n int) {
			for range n {
				all.Go(func() {
					if err := turns.Enter(t.Context(), owner); err != nil {
						t.Error(err)
						return
					}
					began <- owner
					time.Sleep(time.Second)
					turns.Leave()
				})
			}
			synctest.Wait()
		}
		push("heavy", 20)
		push("a", 2)
		push("b", 1)
		for range 23 {
			order = append(order, <-began)
		}
		all.Wait()
		// One was at work before the others came.
		if want := []string{"heavy", "heavy", "a", "b", "heavy", "a", "heavy"}; !slices.Equal(order[:len(want)], want) {
			t.Errorf("turns went to %v, want %v first", order, want)
		}
	})
}

// A turn that does not come in time is given up, and nobody's turn is lost.
func TestTurnsAreWaitedForSoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1, time.Second)
		if err := turns.Enter(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if err := turns.Enter(t.Context(), "b"); !errors.Is(err, ErrBusy) {
			t.Errorf("a turn that did not come: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := turns.Enter(gone, "b"); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that went: %v", err)
		}
		got := make(chan error, 1)
		go func() { got <- turns.Enter(t.Context(), "b") }()
		synctest.Wait()
		turns.Leave()
		if err := <-got; err != nil {
			t.Errorf("the turn of the one that still waits: %v", err)
		}
		turns.Leave()
		if turns.working != 0 || len(turns.waiting) != 0 || len(turns.order) != 0 {
			t.Errorf("%d at work, %d waiting", turns.working, len(turns.waiting))
		}
	})
}

// A lower limit lets those at work go on; a higher one lets more begin at once.
func TestTheLimitOfTurnsMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(3, time.Minute)
		for range 3 {
			if err := turns.Enter(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		turns.Limit(0) // 1 at least
		var began atomic.Int64
		for range 3 {
			go func() {
				if turns.Enter(t.Context(), "a") == nil {
					began.Add(1)
				}
			}()
		}
		synctest.Wait()
		turns.Leave()
		turns.Leave()
		synctest.Wait()
		if began.Load() != 0 || turns.working != 1 {
			t.Errorf("%d began beyond the limit", began.Load())
		}
		turns.Limit(3)
		synctest.Wait()
		if began.Load() != 2 || turns.working != 3 {
			t.Errorf("%d began, %d at work, want 2 and 3", began.Load(), turns.working)
		}
		turns.Leave()
		synctest.Wait()
		if began.Load() != 3 {
			t.Errorf("%d began, want all", began.Load())
		}
	})
}

// Work that takes too long keeps its turn from nobody, and is counted once when it ends.
func TestATurnIsNotHeldForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1, time.Minute)
		began := time.Now()
		slow, err := turns.Work(t.Context(), "a", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		quick, err := turns.Work(t.Context(), "b", time.Second)
		if err != nil || time.Since(began) != time.Second {
			t.Errorf("the next turn came after %v, %v", time.Since(began), err)
		}
		slow.Done()
		if turns.working != 1 {
			t.Errorf("%d at work, want the quick one", turns.working)
		}
		quick.Done()
		time.Sleep(time.Minute)
		synctest.Wait()
		if turns.working != 0 {
			t.Errorf("%d at work, want none", turns.working)
		}
		again, err := turns.Work(t.Context(), "c", time.Second) // with the quick one's timer
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if again.Done(); turns.working != 0 {
			t.Errorf("%d at work after another one, want none", turns.working)
		}
	})
}
