package ocpi

import (
	"crypto/sha256"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// CanonicalHashName names the algorithm of CanonicalHash. A change of what it
// computes needs a new name: hashes are stored.
const CanonicalHashName = "jcs-exact-sha256-v1"

// CanonicalHash returns the SHA-256 of a body's canonical form: two bodies
// have the same hash when they are the same JSON value, whatever their white
// space, order of members, string escapes and spelling of numbers. Error:
// *SyntaxError. What an earlier call on d returned stays valid.
func (d *Decoder) CanonicalHash(raw []byte) ([32]byte, error) {
	c := &d.canon
	out, err := c.canonical(reuse(c.out, keepText), raw)
	c.out = out
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(out), nil
}

// AppendCanonical appends a body's canonical form to dst: no white space,
// members sorted by the bytes of their names, the shortest escapes, numbers
// exact in one spelling each (1.0 = 1 = 10e-1, but "1" is a string). Error:
// *SyntaxError. What an earlier call on d returned stays valid.
func (d *Decoder) AppendCanonical(dst, raw []byte) ([]byte, error) {
	out, err := d.canon.canonical(dst, raw)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// canonicalizer writes a body's canonical form.
type canonicalizer struct {
	scanner
	out     []byte
	members []memberText // of the objects that are open, innermost last
	sorting []byte       // an object's members as they were written
}

// memberText is a member of an open object that has been written.
type memberText struct {
	name       string
	prefix     uint64 // the name's first eight bytes, to compare by
	start, end int    // of the text in out
}

func (c *canonicalizer) canonical(dst, raw []byte) ([]byte, error) {
	c.begin(raw)
	c.members, c.sorting = reuse(c.members, keepNames), reuse(c.sorting, keepText)
	kept := c.out
	c.out = dst
	c.value()
	dst, c.out = c.out, kept
	return dst, c.finish()
}

func (c *canonicalizer) value() {
	switch c.peek() {
	case '"':
		c.string()
	case '{':
		c.object()
	case '[':
		c.array()
	case 't', 'f', 'n':
		c.out = append(c.out, c.span()...)
	default:
		c.number()
	}
}

func (c *canonicalizer) array() {
	c.out = append(c.out, '[')
	a := c.openArray()
	for c.more(&a) {
		if a.n > 1 {
			c.out = append(c.out, ',')
		}
		c.value()
	}
	c.out = append(c.out, ']')
}

// object writes the members as they come and puts them in order afterwards.
func (c *canonicalizer) object() {
	c.enterValue('{')
	first, start, inOrder := len(c.members), len(c.out)+1, true
	c.out = append(c.out, '{')
	for {
		name, ok := c.member(len(c.members) == first)
		if !ok {
			break
		}
		n := len(c.members)
		if n > first {
			c.out = append(c.out, ',')
		}
		c.members = append(c.members, memberText{name: name, prefix: prefixOf(name), start: len(c.out)})
		if n > first && inOrder {
			inOrder = c.members[n-1].before(&c.members[n])
		}
		c.appendString(name, c.nameAt, c.nameEnd)
		c.out = append(c.out, ':')
		c.value()
		c.members[n].end = len(c.out)
	}
	if !inOrder {
		c.sort(c.members[first:], start)
	}
	c.members = c.members[:first]
	c.out = append(c.out, '}')
}

// sort rewrites an object's members, whose text starts at start, in order.
func (c *canonicalizer) sort(members []memberText, start int) {
	if len(members) > 32 {
		slices.SortFunc(members, func(a, b memberText) int { return strings.Compare(a.name, b.name) })
	} else {
		sortFew(members)
	}
	c.sorting = append(c.sorting[:0], c.out[start:]...)
	out := c.out[:start]
	for i := range members {
		m := &members[i]
		if i > 0 {
			if !members[i-1].before(m) {
				c.duplicate(m.name, c.pos)
				return
			}
			out = append(out, ',')
		}
		out = append(out, c.sorting[m.start-start:m.end-start]...)
	}
	c.out = out
}

// sortFew sorts by insertion: what objects have is few.
func sortFew(members []memberText) {
	for i := 1; i < len(members); i++ {
		m := members[i]
		j := i
		for ; j > 0 && m.before(&members[j-1]); j-- {
			members[j] = members[j-1]
		}
		members[j] = m
	}
}

// before reports whether m sorts before n. Of two that have the same name
// neither does.
func (m *memberText) before(n *memberText) bool {
	if m.prefix != n.prefix {
		return m.prefix < n.prefix
	}
	return m.name < n.name
}

// prefixOf returns the first eight bytes of a name as a number that sorts
// like they do; shorter names are filled with zeros.
func prefixOf(name string) (p uint64) {
	if len(name) >= 8 {
		return uint64(name[0])<<56 | uint64(name[1])<<48 | uint64(name[2])<<40 | uint64(name[3])<<32 |
			uint64(name[4])<<24 | uint64(name[5])<<16 | uint64(name[6])<<8 | uint64(name[7])
	}
	for i := range len(name) {
		p |= uint64(name[i]) << (56 - 8*i)
	}
	return p
}

func (c *canonicalizer) string() {
	start := c.pos
	s := c.str()
	c.appendString(s, start, c.pos)
}

// appendString writes a string with no escape that JSON can do without. Its
// text from start to end is used where it has none: an escape is always
// longer than what it stands for.
func (c *canonicalizer) appendString(s string, start, end int) {
	if end-start == len(s)+2 && c.err == nil {
		c.out = append(c.out, c.src[start:end]...)
		return
	}
	c.out = append(c.out, '"')
	for {
		plain := plainEnd(s, 0)
		c.out = append(c.out, s[:plain]...)
		if plain == len(s) {
			break
		}
		c.out = appendEscape(c.out, s[plain])
		s = s[plain+1:]
	}
	c.out = append(c.out, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

func (c *canonicalizer) number() {
	end, ok := numberEnd(c.src, c.pos)
	if !ok {
		c.skip()
		return
	}
	c.out = appendCanonicalNumber(c.out, c.src[c.pos:end])
	c.pos = end
}

// maxZeros is how many zeros a canonical number may have at its end, and how
// many decimals; one that needs more is written as coefficient and exponent.
const maxZeros = 40

// appendCanonicalNumber writes a valid JSON number in its one spelling.
func appendCanonicalNumber(b []byte, s string) []byte {
	if len(s) > maxZeros {
		return appendLongNumber(b, s)
	}
	fraction := false
	for i := range len(s) {
		switch s[i] {
		case '.':
			fraction = true
		case 'e', 'E':
			return appendLongNumber(b, s)
		}
	}
	if fraction {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		s = "0"
	}
	return append(b, s...)
}

func appendLongNumber(b []byte, s string) []byte {
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], plainExponent(s[i+1:])
	}
	d := dissect(mantissa)
	if d.digits == 0 {
		return append(b, '0')
	}
	if s[0] == '-' {
		b = append(b, '-')
	}
	first := len(b)
	for i, left := 0, d.digits-d.zeros; left > 0; i++ {
		if c := mantissa[i]; c-'0' <= 9 && (c != '0' || len(b) > first) {
			b = append(b, c)
			left--
		}
	}
	exp, ok := addExponent(exponent, d.zeros-d.scale)
	if !ok || exp > maxZeros || exp < -maxZeros {
		b = append(b, 'e')
		if ok {
			return strconv.AppendInt(b, exp, 10)
		}
		return append(b, bigExponent(exponent, d.zeros-d.scale)...)
	}
	return placePoint(b, first, int(exp))
}

// plainExponent drops a plus sign and zeros that change nothing.
func plainExponent(s string) string {
	digits := strings.TrimLeft(s, "+-0")
	if s[0] == '-' && digits != "" {
		return "-" + digits
	}
	return digits
}

// placePoint multiplies the digits that start at first by 10^exp.
func placePoint(b []byte, first, exp int) []byte {
	for ; exp > 0; exp-- {
		b = append(b, '0')
	}
	if exp == 0 {
		return b
	}
	for len(b)-first <= -exp {
		b = slices.Insert(b, first, '0')
	}
	return slices.Insert(b, len(b)+exp, '.')
}

// addExponent adds to an exponent; ok is false when it is too long for that.
func addExponent(exponent string, n int) (sum int64, ok bool) {
	if exponent == "" {
		return int64(n), true
	}
	if len(exponent) > 18 {
		return 0, false
	}
	e, err := strconv.ParseInt(exponent, 10, 64)
	return e + int64(n), err == nil
}

// bigExponent adds to an exponent of any length.
func bigExponent(exponent string, n int) string {
	e, _ := new(big.Int).SetString(exponent, 10)
	return e.Add(e, big.NewInt(int64(n))).String()
}
