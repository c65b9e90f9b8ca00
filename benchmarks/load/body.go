package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

// cut opens a CDR around the values that name it.
func cut(item world.Item) (Body, error) {
	b, err := Cut(item.Sender, item.Body)
	if err != nil {
		return Body{}, fmt.Errorf("CDR %s: %w", item.Claim.Key, err)
	}
	return b, nil
}

// Cut opens a sender's CDR around the value of its id, the first of that name,
// and of its session_id where it has one: no two CDRs bill one Session.
func Cut(sender ocpi.Party, cdr []byte) (Body, error) {
	before, after, ok := around(cdr, `"id":"`)
	if !ok {
		return Body{}, errors.New("it has no id")
	}
	b := Body{Sender: sender, parts: [][]byte{before, after}}
	if start, end, ok := around(after, `"session_id":"`); ok {
		b.parts = [][]byte{before, start, end}
	}
	return b, nil
}

// around cuts a text around the value of the first member of a name.
func around(text []byte, name string) (before, after []byte, ok bool) {
	at := bytes.Index(text, []byte(name))
	if at < 0 {
		return nil, nil, false
	}
	at += len(name)
	return text[:at], text[at+bytes.IndexByte(text[at:], '"'):], true
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
	return b.appendTo(make([]byte, 0, b.size()), run, n)
}

func (b *Body) appendTo(whole []byte, run string, n int64) []byte {
	for i, part := range b.parts {
		if i > 0 {
			whole = appendID(whole, run, n)
		}
		whole = append(whole, part...)
	}
	return whole
}

// size is the length of every CDR that the body renders.
func (b *Body) size() int {
	size := (len(b.parts) - 1) * idLength
	for _, part := range b.parts {
		size += len(part)
	}
	return size
}
