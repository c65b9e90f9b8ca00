package partner

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/api"
)

// An answer is taken apart by its brackets and quotes alone: what stands between them
// is looked at where it is used. So one object of a list that is no JSON, as one with
// NaN in it, takes neither the answer nor its neighbours with it, and nothing is
// copied.

// skip returns where a value ends that begins at i; ok is false where it does not.
func skip(b []byte, i int) (end int, ok bool) {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			if i, ok = quoted(b, i); !ok {
				return 0, false
			}
			if depth == 0 {
				return i + 1, true
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i, true
			}
			if depth == 0 {
				return i + 1, true
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i, true
			}
		}
	}
	return 0, false
}

// quoted returns where the text ends whose quote stands at i.
func quoted(b []byte, i int) (end int, ok bool) {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i, true
		}
	}
	return 0, false
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// members calls each with the members of the object that b is, names without their
// quotes. It reports whether that is one.
func members(b []byte, each func(name, value []byte)) bool {
	i := space(b, 0)
	if i == len(b) || b[i] != '{' {
		return false
	}
	for i = space(b, i+1); i < len(b) && b[i] == '"'; i = space(b, i+1) {
		end, ok := quoted(b, i)
		colon := space(b, end+1)
		if !ok || colon >= len(b) || b[colon] != ':' {
			return false
		}
		from := space(b, colon+1)
		to, ok := skip(b, from)
		if !ok {
			return false
		}
		each(b[i+1:end], b[from:to])
		if i = space(b, to); i == len(b) || b[i] != ',' {
			break
		}
	}
	return i < len(b) && b[i] == '}' && space(b, i+1) == len(b)
}

// maxElements bounds the elements of a list: a page has a hundred, or all that
// there is from who knows no pages.
const maxElements = 100_000

// elements returns the elements of the list that b is. Where nothing stands between
// two commas there is none.
func elements(b []byte) (list [][]byte, err error) {
	i := space(b, 0)
	if i == len(b) || b[i] != '[' {
		return nil, errNoList
	}
	for i = space(b, i+1); i < len(b) && b[i] != ']'; {
		to, ok := skip(b, i)
		if !ok {
			return nil, errNoList
		}
		if to > i {
			if len(list) == maxElements {
				return nil, fmt.Errorf("%w: more than %d objects", api.ErrTooLarge, maxElements)
			}
			list = append(list, bytes.TrimSpace(b[i:to]))
		}
		if i = space(b, to); i < len(b) && b[i] == ',' {
			i = space(b, i+1)
		} else if i < len(b) && b[i] != ']' {
			return nil, errNoList
		}
	}
	if i == len(b) || space(b, i+1) != len(b) {
		return nil, errNoList
	}
	return list, nil
}

var errNoList = errors.New("its data is no list")
