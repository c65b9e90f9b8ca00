package objects

import (
	"encoding/binary"
	"hash/maphash"
	"sync"

	"github.com/bits-and-blooms/bloom/v3"

	"github.com/roamclear/roamclear/ingest"
)

// filter says which objects of a kind there may be, in the store or here: of one
// that it has not seen there is none, once it has seen all that the store holds.
// So a new object asks the store nothing. One in a thousand that it has not seen
// it takes for one that it has: that costs a question.
//
// What partners choose, their ids, is hashed with a seed of this process alone:
// nobody can choose ids that all pass.
type filter struct {
	seed maphash.Seed

	mu     sync.RWMutex         // guards what follows
	layers []*bloom.BloomFilter // each for four times as many objects as the one before
	size   uint                 // objects that the last layer has place for
	room   uint                 // and how many of those are left
	whole  bool                 // all that the store holds has been added
}

const (
	firstLayer     = 1 << 16 // objects
	layerGrowth    = 4
	wronglyPassing = 0.001
)

func newFilter() *filter { return &filter{seed: maphash.MakeSeed()} }

// key is what stands in the layers for an object.
func (f *filter) key(id ingest.Identity) (key [8]byte) {
	binary.LittleEndian.PutUint64(key[:], maphash.Comparable(f.seed, id))
	return key
}

// add notes that there is an object.
func (f *filter) add(id ingest.Identity) {
	key := f.key(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holds(key[:]) {
		return
	}
	if f.room == 0 {
		f.size = max(firstLayer, f.size*layerGrowth)
		f.room = f.size
		f.layers = append(f.layers, bloom.NewWithEstimates(f.size, wronglyPassing))
	}
	f.layers[len(f.layers)-1].Add(key[:])
	f.room--
}

// complete notes that all that the store holds has been added.
func (f *filter) complete() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.whole = true
}

// rulesOut reports that there is no such object.
func (f *filter) rulesOut(id ingest.Identity) bool {
	key := f.key(id)
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.whole && !f.holds(key[:])
}

func (f *filter) isComplete() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.whole
}

func (f *filter) holds(key []byte) bool {
	for _, l := range f.layers {
		if l.Test(key) {
			return true
		}
	}
	return false
}
