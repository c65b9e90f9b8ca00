package ocpi

import (
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// unescape reads a string with escapes, whose first byte is at start, into
// the arena. An escape that is half of a surrogate pair is an error: no valid
// UTF-8 stands for it.
func (s *scanner) unescape(start int) string {
	from := len(s.text)
	for i := start; ; {
		end := plainEnd(s.src, i)
		s.text = append(s.text, s.src[i:end]...)
		switch {
		case end == len(s.src):
			s.fail(end, "the text ends within a string")
			return ""
		case s.src[end] == '"':
			s.pos = end + 1
			b := s.text[from:]
			return unsafe.String(unsafe.SliceData(b), len(b))
		case s.src[end] != '\\':
			s.fail(end, "a control character in a string")
			return ""
		}
		if i = s.escape(end); i < 0 {
			return ""
		}
	}
}

// escape appends what the escape whose backslash is at i stands for and
// returns where it ends, -1 after an error.
func (s *scanner) escape(i int) int {
	if i+1 < len(s.src) {
		if c := escaped[s.src[i+1]]; c != 0 {
			s.text = append(s.text, c)
			return i + 2
		}
	}
	r, ok := s.hexEscape(i)
	end := i + 6
	if ok && utf16.IsSurrogate(r) {
		low, lowOK := s.hexEscape(end)
		r = utf16.DecodeRune(r, low)
		ok = lowOK && r != utf8.RuneError
		end += 6
	}
	if !ok {
		s.fail(i, "an escape that stands for no character")
		return -1
	}
	s.text = utf8.AppendRune(s.text, r)
	return end
}

// escaped maps the byte after a backslash to what it stands for.
var escaped = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// hexEscape reads "\uXXXX" at i.
func (s *scanner) hexEscape(i int) (r rune, ok bool) {
	if i+6 > len(s.src) || s.src[i] != '\\' || s.src[i+1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(s.src[i+2 : i+6]) {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
