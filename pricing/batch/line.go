package batch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"

	"github.com/roamclear/roamclear/ocpi"
)

// Request is one CDR with what it is to be priced with. All of it aliases the
// text it was read from.
type Request struct {
	ID       []byte       // JSON text, returned as it is; nil: the CDR's id
	Version  ocpi.Version // 0: recognised
	TimeZone string       // "": see Defaults
	CDR      []byte
	Tariffs  []byte // JSON array, nil for none: see tariff.Input.Tariffs
	// ReservationExpired is tariff.Input.ReservationExpired.
	ReservationExpired *bool
	Profile            string // "": see Defaults
}

var (
	yes, no = true, false

	errNotObject = errors.New("want an object such as {\"id\": …, \"cdr\": …}")
	errNoCDR     = errors.New("\"cdr\" is missing")
)

// parseLine takes the envelope of a line apart. The values of "cdr" and
// "tariffs" are only delimited here; they are checked when they are decoded.
// known are strings that were seen before.
func parseLine(line []byte, r *Request, known names) error {
	*r = Request{}
	s := lineScanner{src: line}
	if s.space() != '{' {
		return errNotObject
	}
	s.pos++
	for first := true; ; first = false {
		c := s.space()
		if c == '}' {
			s.pos++
			break
		}
		if !first {
			if c != ',' {
				return s.unexpected()
			}
			s.pos++
			c = s.space()
		}
		if c != '"' {
			return s.unexpected()
		}
		name := s.string()
		if s.space() != ':' {
			return s.unexpected()
		}
		s.pos++
		value := s.value()
		if len(value) == 0 {
			return s.unexpected()
		}
		if err := r.set(name, value, known); err != nil {
			return err
		}
	}
	if s.space(); s.pos != len(line) {
		return s.unexpected()
	}
	if r.CDR == nil {
		return errNoCDR
	}
	return nil
}

// set keeps one member. A null counts as absent, an unknown member is left alone.
func (r *Request) set(name, value []byte, known names) error {
	if string(value) == "null" {
		return nil
	}
	var err error
	switch string(name) {
	case `"id"`:
		r.ID, err = scalar(value)
	case `"cdr"`:
		r.CDR = value
	case `"tariffs"`:
		r.Tariffs = value
	case `"time_zone"`:
		r.TimeZone, err = known.text(value)
	case `"profile"`:
		r.Profile, err = known.text(value)
	case `"version"`:
		var name string
		if name, err = known.text(value); err == nil {
			var ok bool
			if r.Version, ok = ocpi.ParseVersion(name); !ok {
				err = errors.New("want 2.1.1, 2.2.1 or 2.3.0")
			}
		}
	case `"reservation_expired"`:
		switch string(value) {
		case "true":
			r.ReservationExpired = &yes
		case "false":
			r.ReservationExpired = &no
		default:
			err = errors.New("want true or false")
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// names are the few strings that stand in every line of a file: versions, time
// zones, profiles. They are kept so that reading them again costs nothing.
type names map[string]string

// maxNames bounds them.
const maxNames = 1024

// text returns a JSON string's value.
func (known names) text(value []byte) (string, error) {
	if s, ok := known[string(value)]; ok {
		return s, nil
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return "", errors.New("want a string")
	}
	if len(known) < maxNames && len(value) <= 64 {
		known[string(value)] = s
	}
	return s, nil
}

// scalar checks that an id is a JSON string or number.
func scalar(value []byte) ([]byte, error) {
	if n := len(value); n >= 2 && value[0] == '"' && plain(value[1:n-1]) {
		return value, nil
	}
	if value[0] == '{' || value[0] == '[' || !json.Valid(value) || !utf8.Valid(value) {
		return nil, errors.New("want a string or a number")
	}
	return value, nil
}

// plain reports whether the inside of a JSON string stands for itself.
func plain(inside []byte) bool {
	for _, c := range inside {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lineScanner finds where the values of an envelope begin and end.
type lineScanner struct {
	src []byte
	pos int
}

// space skips white space and returns the byte that follows, 0 at the end.
func (s *lineScanner) space() byte {
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (s *lineScanner) unexpected() error {
	if s.pos >= len(s.src) {
		return errors.New("the line ends within the object")
	}
	return fmt.Errorf("not valid JSON at byte %d: unexpected %q", s.pos, s.src[s.pos])
}

// value skips the value that comes next and returns its text; it is empty
// where there is none. Brackets of one kind are taken for those of the other:
// whoever decodes the value will notice.
func (s *lineScanner) value() []byte {
	c := s.space()
	start := s.pos
	switch c {
	case '"':
		return s.string()
	case '{', '[':
		return s.nested()
	}
	for ; s.pos < len(s.src); s.pos++ {
		if c := s.src[s.pos]; c <= ' ' || c == ',' || c == '}' || c == ']' || c == '"' {
			break
		}
	}
	return s.src[start:s.pos]
}

// string skips the string whose quote is the current byte and returns it with
// its quotes; at the end of the line it returns nothing.
func (s *lineScanner) string() []byte {
	start := s.pos
	for i := start + 1; ; {
		i = quote(s.src, i)
		if i == len(s.src) {
			s.pos = i
			return nil
		}
		slashes := 0
		for s.src[i-1-slashes] == '\\' {
			slashes++
		}
		i++
		if slashes%2 == 0 {
			s.pos = i
			return s.src[start:i]
		}
	}
}

// quote returns where the next quote is, or the end. It looks at eight bytes
// at a time: most strings are too short for bytes.IndexByte to pay.
func quote(src []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(src); i += 8 {
		w := binary.LittleEndian.Uint64(src[i:i+8]) ^ (ones * '"')
		if m := (w - ones) &^ w & highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(src) && src[i] != '"'; i++ {
	}
	return i
}

// interesting marks the bytes at which nested has something to do.
var interesting = [256]bool{'"': true, '{': true, '[': true, '}': true, ']': true}

// nested skips the object or array that starts at the current byte.
func (s *lineScanner) nested() []byte {
	start, depth := s.pos, 0
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		if !interesting[c] {
			s.pos++
			continue
		}
		switch c {
		case '"':
			if s.string() == nil {
				return nil
			}
			continue
		case '{', '[':
			depth++
		default:
			depth--
		}
		s.pos++
		if depth == 0 {
			return s.src[start:s.pos]
		}
	}
	return nil
}

// elements takes an array apart.
func elements(array []byte) (list [][]byte, err error) {
	s := lineScanner{src: array}
	if s.space() != '[' {
		return nil, errors.New("want an array")
	}
	s.pos++
	for c := s.space(); c != ']'; c = s.space() {
		if len(list) > 0 {
			if c != ',' {
				return nil, s.unexpected()
			}
			s.pos++
		}
		value := s.value()
		if len(value) == 0 {
			return nil, s.unexpected()
		}
		if list = append(list, value); len(list) > ocpi.MaxTariffs {
			return nil, fmt.Errorf("more than %d elements", ocpi.MaxTariffs)
		}
	}
	return list, nil
}
