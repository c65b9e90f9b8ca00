package load

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/roamclear/roamclear/benchmarks/world"
)

// cut opens a CDR around the value of its id, the first of that name.
func cut(item world.Item) (Body, error) {
	const name = `"id":"`
	start := bytes.Index(item.Body, []byte(name))
	if start < 0 {
		return Body{}, fmt.Errorf("CDR %s has no id", item.Claim.Key)
	}
	start += len(name)
	length := bytes.IndexByte(item.Body[start:], '"')
	return Body{Sender: item.Sender, head: item.Body[:start], tail: item.Body[start+length:]}, nil
}

// appendID appends the n-th id of a run, padded to idLength.
func appendID(b []byte, run string, n int64) []byte {
	from := len(b)
	b = append(b, run...)
	b = append(b, '-')
	var digits [20]byte
	number := strconv.AppendInt(digits[:0], n, 10)
	for len(b)-from+len(number) < idLength {
		b = append(b, '0')
	}
	return append(b, number...)
}

// MaxRun is the most characters that a run's name may have.
const MaxRun = idLength - 10

// ID is the n-th id of a run, as pushed.
func ID(run string, n int64) string { return string(appendID(nil, run, n)) }

// Render is the n-th CDR of a run, as pushed.
func (b *Body) Render(run string, n int64) []byte {
	whole := append([]byte(nil), b.head...)
	whole = appendID(whole, run, n)
	return append(whole, b.tail...)
}
