package control

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
)

// Map is a map of which every version stays as it is: With and Without return
// the next one and share all but a path of it. So a domain publishes its state
// by handing out a copy of the struct that holds its maps, and one event costs
// the same at ten entries and at a million. The zero value is empty. Any
// number of goroutines may use one.
type Map[K comparable, V any] struct {
	root *mapNode[K, V]
	size int
}

// mapNode is a node of a trie over the bits of the keys' hashes.
type mapNode[K comparable, V any] struct {
	present  uint32            // a bit for each branch there is
	branches []mapBranch[K, V] // those, in order
}

// mapBranch is either a node or the entries of one hash.
type mapBranch[K comparable, V any] struct {
	node    *mapNode[K, V]
	entries *mapEntry[K, V]
}

type mapEntry[K comparable, V any] struct {
	hash  uint64
	key   K
	value V
	next  *mapEntry[K, V] // of another key with the same hash
}

const mapBits = 5 // of the hash a level, so 32 branches a node

var mapSeed = maphash.MakeSeed()

// Len returns the number of entries.
func (m Map[K, V]) Len() int { return m.size }

// Get returns the value of a key.
func (m Map[K, V]) Get(key K) (value V, ok bool) {
	return m.get(maphash.Comparable(mapSeed, key), key)
}

func (m Map[K, V]) get(hash uint64, key K) (value V, ok bool) {
	n := m.root
	for shift := uint(0); n != nil; shift += mapBits {
		bit, at := n.branch(hash >> shift)
		if n.present&bit == 0 {
			break
		}
		b := &n.branches[at]
		for e := b.entries; e != nil; e = e.next {
			if e.key == key {
				return e.value, true
			}
		}
		n = b.node
	}
	return value, false
}

// branch returns the bit and the place of the branch for the lowest bits of a
// hash.
func (n *mapNode[K, V]) branch(hash uint64) (bit uint32, at int) {
	bit = 1 << (hash & (1<<mapBits - 1))
	return bit, bits.OnesCount32(n.present & (bit - 1))
}

// With returns the map with the value of a key set.
func (m Map[K, V]) With(key K, value V) Map[K, V] {
	return m.with(maphash.Comparable(mapSeed, key), key, value)
}

func (m Map[K, V]) with(hash uint64, key K, value V) Map[K, V] {
	root, added := m.root, false
	if root == nil {
		root = &mapNode[K, V]{}
	}
	root, added = root.with(&mapEntry[K, V]{hash: hash, key: key, value: value}, 0)
	if added {
		m.size++
	}
	m.root = root
	return m
}

// with returns a copy of the node that has the entry. added says that its key
// is new.
func (n *mapNode[K, V]) with(e *mapEntry[K, V], shift uint) (_ *mapNode[K, V], added bool) {
	bit, at := n.branch(e.hash >> shift)
	if n.present&bit == 0 {
		return &mapNode[K, V]{
			present:  n.present | bit,
			branches: slices.Insert(slices.Clip(n.branches), at, mapBranch[K, V]{entries: e}),
		}, true
	}
	b := n.branches[at]
	switch {
	case b.node != nil:
		b.node, added = b.node.with(e, shift+mapBits)
	case b.entries.hash == e.hash:
		others, had := b.entries.without(e.key)
		b.entries, e.next, added = e, others, !had
	default: // two hashes that part further down
		below := &mapNode[K, V]{}
		below, _ = below.with(b.entries, shift+mapBits)
		b.node, added = below.with(e, shift+mapBits)
		b.entries = nil
	}
	return n.replace(at, b), added
}

// Without returns the map without a key.
func (m Map[K, V]) Without(key K) Map[K, V] {
	return m.without(maphash.Comparable(mapSeed, key), key)
}

func (m Map[K, V]) without(hash uint64, key K) Map[K, V] {
	if m.root == nil {
		return m
	}
	root, had := m.root.without(hash, key, 0)
	if !had {
		return m
	}
	return Map[K, V]{root: root, size: m.size - 1}
}

// without returns a copy of the node that lacks the key; had says that there
// was one.
func (n *mapNode[K, V]) without(hash uint64, key K, shift uint) (_ *mapNode[K, V], had bool) {
	bit, at := n.branch(hash >> shift)
	if n.present&bit == 0 {
		return n, false
	}
	b := n.branches[at]
	if b.node != nil {
		b.node, had = b.node.without(hash, key, shift+mapBits)
		b = b.node.only(b)
	} else {
		b.entries, had = b.entries.without(key)
	}
	switch {
	case !had:
		return n, false
	case b.node == nil && b.entries == nil:
		branches := slices.Concat(n.branches[:at], n.branches[at+1:])
		return &mapNode[K, V]{present: n.present &^ bit, branches: branches}, true
	}
	return n.replace(at, b), true
}

// only returns what stands for the node in its parent: where one hash is left
// in it, its entries, so that what was taken out leaves no trace.
func (n *mapNode[K, V]) only(b mapBranch[K, V]) mapBranch[K, V] {
	if len(n.branches) == 1 && n.branches[0].entries != nil {
		return n.branches[0]
	}
	return b
}

func (n *mapNode[K, V]) replace(at int, b mapBranch[K, V]) *mapNode[K, V] {
	branches := slices.Clone(n.branches)
	branches[at] = b
	return &mapNode[K, V]{present: n.present, branches: branches}
}

// without returns the entries but that of a key; had says that there was one.
func (e *mapEntry[K, V]) without(key K) (_ *mapEntry[K, V], had bool) {
	if e == nil {
		return nil, false
	}
	if e.key == key {
		return e.next, true
	}
	others, had := e.next.without(key)
	if !had {
		return e, false
	}
	return &mapEntry[K, V]{hash: e.hash, key: e.key, value: e.value, next: others}, true
}

// All yields the entries in no order.
func (m Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { m.root.all(yield) }
}

// Values yields the values in no order.
func (m Map[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) { m.root.all(func(_ K, v V) bool { return yield(v) }) }
}

func (n *mapNode[K, V]) all(yield func(K, V) bool) bool {
	if n == nil {
		return true
	}
	for i := range n.branches {
		for e := n.branches[i].entries; e != nil; e = e.next {
			if !yield(e.key, e.value) {
				return false
			}
		}
		if !n.branches[i].node.all(yield) {
			return false
		}
	}
	return true
}
