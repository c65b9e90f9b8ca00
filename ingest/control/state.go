package control

import "sync/atomic"

// State is the state of a domain: as it is folded, and as it was published
// last. S is a struct of values that are replaced and never changed, such as
// a [Map], so that a copy of it is a snapshot.
type State[S any] struct {
	// Folded is for the domain's folds alone.
	Folded    S
	published atomic.Pointer[S]
}

// Publish lets Current return what is folded by now.
func (s *State[S]) Publish() {
	now := s.Folded
	s.published.Store(&now)
}

// Current returns the state published last. It never changes; ask again for a
// newer one. Before Publish it is nil.
func (s *State[S]) Current() *S { return s.published.Load() }
