package clearing

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"

	"github.com/roamclear/roamclear/ingest"
)

// A set of records of CDRs is written by partition, in the order of epoch and number: how
// many partitions; then of each its epoch, its number, how many records, the first
// offset, and of each further one how far it is from the one before. All are unsigned
// varints, as short as they can be (encoding/binary). So a record takes 1 byte where all
// are decided on, and mostly 2 where one in a hundred is.

var errSet = errors.New("not a set of records")

// encodeSet writes records, each once, in order.
func encodeSet(set []ingest.Position) []byte {
	var partitions, body []byte
	n := uint64(0)
	for i := 0; i < len(set); n++ {
		first, end := set[i], i
		for end < len(set) && samePartition(set[end], first) {
			end++
		}
		body = binary.AppendUvarint(body, uint64(first.Epoch))
		body = binary.AppendUvarint(body, uint64(first.Partition))
		body = binary.AppendUvarint(body, uint64(end-i))
		before := int64(0)
		for ; i < end; i++ {
			body = binary.AppendUvarint(body, uint64(set[i].Offset-before))
			before = set[i].Offset
		}
	}
	partitions = binary.AppendUvarint(partitions, n)
	return append(partitions, body...)
}

// decodeSet reads what encodeSet wrote of at most so many records, at least one. Other
// bytes of the same set are an error: one set has one form.
func decodeSet(b []byte, most int) ([]ingest.Position, error) {
	r := setReader{rest: b}
	var set []ingest.Position
	for range r.number(math.MaxInt32) {
		epoch, partition, n := r.number(math.MaxUint8), r.number(math.MaxInt32), r.number(math.MaxInt32)
		if r.bad || n > most-len(set) || n > len(r.rest) { // a record has a byte at least
			return nil, errSet
		}
		p := ingest.Position{Epoch: uint8(epoch), Partition: int32(partition)}
		for range n {
			step := int64(r.number(math.MaxInt64))
			if step > math.MaxInt64-p.Offset {
				return nil, errSet
			}
			p.Offset += step
			set = append(set, p)
		}
		if r.bad {
			return nil, errSet
		}
	}
	if r.bad || len(set) == 0 || !isSet(set) || !bytes.Equal(encodeSet(set), b) {
		return nil, errSet
	}
	return set, nil
}

// setReader reads numbers, none once one was bad.
type setReader struct {
	rest []byte
	bad  bool
}

func (r *setReader) number(most int) int {
	v, n := binary.Uvarint(r.rest)
	if r.bad || n <= 0 || v > uint64(most) {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

// isSet reports whether records are in order, each once.
func isSet(list []ingest.Position) bool {
	for i := 1; i < len(list); i++ {
		if comparePositions(list[i-1], list[i]) >= 0 {
			return false
		}
	}
	return true
}

func comparePositions(a, b ingest.Position) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}

func samePartition(a, b ingest.Position) bool {
	return a.Epoch == b.Epoch && a.Partition == b.Partition
}
