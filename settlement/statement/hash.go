package statement

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"maps"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/settlement"
)

// hasher hashes values so that what is one of them never reads as another.
type hasher struct {
	hash.Hash
	b []byte
}

func newHasher() *hasher { return &hasher{Hash: sha256.New()} }

// text adds texts, each behind its length.
func (h *hasher) text(texts ...string) {
	for _, t := range texts {
		h.b = append(binary.AppendUvarint(h.b[:0], uint64(len(t))), t...)
		h.Write(h.b)
	}
}

func (h *hasher) whole(numbers ...int64) {
	for _, n := range numbers {
		h.b = binary.BigEndian.AppendUint64(h.b[:0], uint64(n))
		h.Write(h.b)
	}
}

func (h *hasher) sum() [sha256.Size]byte { return [sha256.Size]byte(h.Sum(nil)) }

// id is the first eight bytes as a number, never 0.
func (h *hasher) id() uint64 {
	sum := h.sum()
	return max(1, binary.BigEndian.Uint64(sum[:]))
}

func sortedPartitions(ends settlement.Ends) []ingest.Partition {
	return slices.SortedFunc(maps.Keys(ends), func(a, b ingest.Partition) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Number, b.Number))
	})
}
