package ocpi

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// MaxDepth is how deep a body's objects and arrays may nest.
const MaxDepth = 32

// scanner reads JSON in one pass, more strictly than RFC 8259 demands: a
// member name may occur only once in an object and every string is valid
// UTF-8. Its first error sticks and moves it to the end of the text, so that
// callers need not look at it until they are through.
type scanner struct {
	src     string // aliases the body
	pos     int
	depth   int
	err     *SyntaxError
	nameAt  int          // where the latest member name starts, with its quote
	nameEnd int          // and where it ends
	names   []memberName // of the objects that are open, innermost last
	text    []byte       // strings that had escapes

	only    bool     // the next openArray stands for a value that is in no array
	resumes []resume // of objects that are open, see Decoder.isObject
}

// resume says where to go on behind an object that is read in place of the array
// it is alone in.
type resume struct{ first, pos int }

// memberName is a name that an open object has had.
type memberName struct {
	name string
	pos  int
	null bool // its value is null, which means absent
}

// keepNames bounds what a scanner keeps from one body to the next.
const keepNames, keepText = 1 << 12, 1 << 16

// begin makes s read raw from its first byte on.
func (s *scanner) begin(raw []byte) {
	s.src = unsafe.String(unsafe.SliceData(raw), len(raw))
	s.pos, s.depth, s.err, s.only, s.resumes = 0, 0, nil, false, s.resumes[:0]
	s.names, s.text = reuse(s.names, keepNames), reuse(s.text, keepText)
	if !utf8.Valid(raw) {
		i := 0
		for i < len(raw) {
			r, n := utf8.DecodeRune(raw[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		s.fail(i, "invalid UTF-8")
	}
}

// reuse empties an arena's slice, or lets go of it when one large body made
// it grow beyond keep.
func reuse[T any](arena []T, keep int) []T {
	if cap(arena) > keep {
		return nil
	}
	return arena[:0]
}

// finish checks that nothing follows the value and returns the first error.
func (s *scanner) finish() error {
	if s.err == nil {
		s.peek()
		if s.pos < len(s.src) {
			s.fail(s.pos, "something follows the value")
		}
	}
	if s.err != nil {
		return s.err
	}
	return nil
}

func (s *scanner) fail(pos int, reason string) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: pos, Reason: reason}
	}
	s.pos = len(s.src)
}

// unexpected fails at the current byte.
func (s *scanner) unexpected(want string) {
	if s.pos >= len(s.src) {
		s.fail(s.pos, "the text ends where "+want+" is due")
		return
	}
	s.fail(s.pos, fmt.Sprintf("%q where %s is due", s.src[s.pos], want))
}

// peek skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) && s.src[s.pos] > ' ' {
		return s.src[s.pos]
	}
	return s.peekAfterSpace()
}

func (s *scanner) peekAfterSpace() byte {
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; c {
		case ' ', '\n', '\r', '\t':
		default:
			return c
		}
	}
	return 0
}

// object is an object that is being read.
type object struct {
	name  string // of the current member
	first int    // where its names start on the scanner's stack
	seen  uint64 // a bit for each name so far, by hash: most names need no comparing
}

// open enters the object whose brace comes next.
func (s *scanner) open() object {
	s.enterValue('{')
	return object{first: len(s.names)}
}

func (s *scanner) enterValue(bracket byte) {
	if s.peek() != bracket {
		s.unexpected(fmt.Sprintf("%q", bracket))
		return
	}
	s.pos++
	if s.depth++; s.depth > MaxDepth {
		s.fail(s.pos-1, fmt.Sprintf("more than %d levels deep", MaxDepth))
	}
}

// next goes to the value of the object's next member; it returns false after
// the last one. The caller reads or skips each value, and calls close.
func (s *scanner) next(o *object) bool {
	name, ok := s.member(len(s.names) == o.first)
	if !ok {
		return false
	}
	o.name = name
	s.noteName(o, s.peek() == 'n')
	return s.err == nil
}

// member reads a member's name and the colon; ok is false after an object's
// last member and after an error.
func (s *scanner) member(first bool) (name string, ok bool) {
	c := s.peek()
	switch {
	case c == '}':
		s.pos++
		s.depth--
		return "", false
	case !first:
		if c != ',' {
			s.unexpected("a comma or closing brace")
			return "", false
		}
		s.pos++
		c = s.peek()
	}
	if c != '"' {
		s.unexpected("a member name")
		return "", false
	}
	s.nameAt = s.pos
	name = s.str()
	s.nameEnd = s.pos
	if s.peek() != ':' {
		s.unexpected("a colon")
		return "", false
	}
	s.pos++
	return name, s.err == nil
}

// manyNames is how many names are compared one by one; an object with more
// is sorted when it closes, so that no body costs quadratic time.
const manyNames = 64

func (s *scanner) noteName(o *object, null bool) {
	bit := nameBit(o.name)
	if n := len(s.names) - o.first; o.seen&bit != 0 && n <= manyNames {
		for i := range s.names[o.first:] {
			if s.names[o.first+i].name == o.name {
				s.duplicate(o.name, s.nameAt)
				return
			}
		}
	}
	o.seen |= bit
	s.names = append(s.names, memberName{o.name, s.nameAt, null})
}

func nameBit(name string) uint64 {
	if name == "" {
		return 1
	}
	n := len(name)
	return 1 << ((uint(n)*7 + uint(name[0])*3 + uint(name[n-1])*5 + uint(name[n/2])) & 63)
}

func (s *scanner) duplicate(name string, at int) {
	s.fail(at, fmt.Sprintf("duplicate member name %q", name))
}

// has reports whether the object had a member of that name other than null.
// It is for use between the last next and close.
func (s *scanner) has(o *object, name string) bool {
	if o.seen&nameBit(name) == 0 {
		return false
	}
	for i := range s.names[o.first:] {
		if m := &s.names[o.first+i]; m.name == name {
			return !m.null
		}
	}
	return false
}

// close forgets the object's names.
func (s *scanner) close(o *object) {
	names := s.names[o.first:]
	if len(names) > manyNames {
		slices.SortFunc(names, func(a, b memberName) int { return strings.Compare(a.name, b.name) })
		for i := 1; i < len(names); i++ {
			if names[i].name == names[i-1].name {
				s.duplicate(names[i].name, max(names[i].pos, names[i-1].pos))
			}
		}
	}
	s.names = s.names[:o.first]
	if n := len(s.resumes); n > 0 && s.resumes[n-1].first == o.first {
		if s.err == nil {
			s.pos = s.resumes[n-1].pos
		}
		s.resumes = s.resumes[:n-1]
	}
}

// array is an array that is being read; n counts the elements so far.
type array struct {
	n    int
	only bool // it is no array but what would be its only element
}

// openArray enters the array whose bracket comes next.
func (s *scanner) openArray() array {
	if s.only {
		s.only = false
		return array{only: true}
	}
	s.enterValue('[')
	return array{}
}

// more goes to the array's next element; it returns false after the last.
func (s *scanner) more(a *array) bool {
	if a.only {
		a.n++
		return a.n == 1 && s.err == nil
	}
	c := s.peek()
	switch {
	case c == ']':
		s.pos++
		s.depth--
		return false
	case a.n > 0 && c != ',':
		s.unexpected("a comma or closing bracket")
		return false
	case a.n > 0:
		s.pos++
		if s.peek() == ']' {
			s.unexpected("a value")
		}
	}
	a.n++
	return s.err == nil
}

// skip reads any value and checks it.
func (s *scanner) skip() {
	switch c := s.peek(); c {
	case '"':
		s.str()
	case '{':
		o := s.open()
		for s.next(&o) {
			s.skip()
		}
		s.close(&o)
	case '[':
		a := s.openArray()
		for s.more(&a) {
			s.skip()
		}
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		end, ok := numberEnd(s.src, s.pos)
		if !ok {
			s.pos = end
			s.unexpected("a value")
			return
		}
		s.pos = end
	}
}

// literal reads true, false or null.
func (s *scanner) literal(word string) {
	if !strings.HasPrefix(s.src[s.pos:], word) {
		s.unexpected(word)
		return
	}
	s.pos += len(word)
}

// span reads any value and returns its text.
func (s *scanner) span() string {
	s.peek()
	start := s.pos
	s.skip()
	if s.err != nil {
		return ""
	}
	return s.src[start:s.pos]
}

// str reads the string whose quote is the current byte. It returns a part of
// the body, or of the arena where there are escapes.
func (s *scanner) str() string {
	start := s.pos + 1
	i := plainEnd(s.src, start)
	switch {
	case i == len(s.src):
		s.fail(i, "the text ends within a string")
		return ""
	case s.src[i] == '"':
		s.pos = i + 1
		return s.src[start:i]
	}
	return s.unescape(start)
}

// plainEnd returns where the run of plain characters of a string ends: at a
// quote, a backslash, a control character or the end of the text. It looks
// at eight bytes at a time.
func plainEnd(src string, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	b := unsafe.Slice(unsafe.StringData(src), len(src))
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i : i+8])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// The lowest set high bit marks the first byte that is below a
		// space, a quote or a backslash; bits above it may be wrong.
		if m := ((w-ones*' ')&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' {
			break
		}
	}
	return i
}
