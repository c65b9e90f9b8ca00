package objects

import (
	"hash/maphash"
	"sync"

	"github.com/parquet-go/parquet-go/bloom"
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

	mu     sync.RWMutex             // guards what follows
	layers []bloom.SplitBlockFilter // each for four times as many objects as the one before
	size   uint                     // objects that the last layer has place for
	room   uint                     // and how many of those are left
	whole  bool                     // all that the store holds has been added
}

const (
	firstLayer  = 1 << 16 // objects
	layerGrowth = 4
	bitsEach    = 17 // one in a thousand passes wrongly
)

func newFilter() *filter { return &filter{seed: maphash.MakeSeed()} }

// key is what stands in the layers for an object.
func (f *filter) key(id ingest.Identity) uint64 { return maphash.Comparable(f.seed, id) }

// add notes that there is an object.
func (f *filter) add(id ingest.Identity) {
	key := f.key(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holds(key) {
		return
	}
	if f.room == 0 {
		f.size = max(firstLayer, f.size*layerGrowth)
		f.room = f.size
		f.layers = append(f.layers, make(bloom.SplitBlockFilter, bloom.NumSplitBlocksOf(int64(f.size), bitsEach)))
	}
	f.layers[len(f.layers)-1].Insert(key)
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
	return f.whole && !f.holds(key)
}

func (f *filter) isComplete() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.whole
}

func (f *filter) holds(key uint64) bool {
	for _, l := range f.layers {
		if l.Check(key) {
			return true
		}
	}
	return false
}
