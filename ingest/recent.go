package ingest

import (
	"hash/maphash"
	"sync"

	"github.com/roamclear/roamclear/ocpi"
)

// Earlier says what is known here of a copy of the same CDR that came before.
type Earlier uint8

// What is known. Nothing is known of what came long ago, or to another process.
const (
	EarlierUnknown Earlier = iota
	EarlierSame            // byte for byte
	EarlierOther           // other bytes, though perhaps the same content
)

// recentCDRs is how many CDRs are remembered at least, twice that at most: some
// 10 MB.
const recentCDRs = 1 << 17

// recent remembers the bytes that CDRs came with lately, by their hashes, so that
// who sends one again with another content is told so. That is a courtesy: which
// copy counts is decided by the log alone.
type recent struct {
	seed  maphash.Seed
	most  int
	mu    sync.Mutex
	young map[uint64]uint64 // hash of the identity -> hash of the bytes
	old   map[uint64]uint64 // what young was before
}

func newRecent(most int) *recent {
	return &recent{seed: maphash.MakeSeed(), most: most, young: map[uint64]uint64{}}
}

// note remembers a CDR that is new here, and returns what is known of one before.
func (r *recent) note(key ocpi.Key, body []byte) Earlier {
	id, content := maphash.Comparable(r.seed, key), maphash.Bytes(r.seed, body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.earlier(id, content); e != EarlierUnknown {
		return e
	}
	if len(r.young) >= r.most {
		r.young, r.old = make(map[uint64]uint64, r.most), r.young
	}
	r.young[id] = content
	return EarlierUnknown
}

// look returns what is known of a CDR before one that has not been accepted yet.
func (r *recent) look(key ocpi.Key, body []byte) Earlier {
	id, content := maphash.Comparable(r.seed, key), maphash.Bytes(r.seed, body)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.earlier(id, content)
}

func (r *recent) earlier(id, content uint64) Earlier {
	before, known := r.young[id]
	if !known {
		before, known = r.old[id]
	}
	switch {
	case known && before == content:
		return EarlierSame
	case known:
		return EarlierOther
	}
	return EarlierUnknown
}
