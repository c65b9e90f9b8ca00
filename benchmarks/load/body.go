package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

// cut opens a CDR around the value of its id, the first of that name.
func cut(item world.Item) (Body, error) {
	b, err := Cut(item.Sender, item.Body)
	if err != nil {
		return Body{}, fmt.Errorf("CDR %s: %w", item.Claim.Key, err)
	}
	return b, nil
}

// Cut opens a sender's CDR around the value of its id, the first of that name.
func Cut(sender ocpi.Party, cdr []byte) (Body, error) {
	const name = `"id":"`
	start := bytes.Index(cdr, []byte(name))
	if start < 0 {
		return Body{}, errors.New("it has no id")
	}
	start += len(name)
	length := bytes.IndexByte(cdr[start:], '"')
	return Body{Sender: sender, head: cdr[:start], tail: cdr[start+length:]}, nil
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
