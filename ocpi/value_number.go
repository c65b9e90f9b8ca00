package ocpi

import (
	"errors"
	"strings"
)

// number reads a number. One in quotes is accepted (R-TYPE-04); one with more
// digits than a Number has, such as a binary float printed in full, is rounded
// half to even at the twelfth decimal. The body keeps it as it was sent.
func (d *Decoder) number(name string) Number {
	c := d.peek()
	if !startsNumber(c) {
		return d.oddNumber(name, c)
	}
	start := d.pos
	n, end, err := scanNumber(d.src, d.pos)
	d.pos = end
	switch {
	case err == nil:
		return n
	case errors.Is(err, ErrNumberSyntax):
		d.unexpected("a number")
		return Number{}
	}
	return d.longNumber(name, d.src[start:end])
}

// longNumber reads a number that is out of a Number's bounds.
func (d *Decoder) longNumber(name, text string) Number {
	n, ok := roundNumber(text)
	if !ok {
		d.unread(name, ErrNumberRange.Error())
		return Number{}
	}
	d.find("number_rounded", Warning, name, "more digits than OCPI numbers have: read as "+n.String())
	return n
}

func (d *Decoder) oddNumber(name string, c byte) Number {
	switch {
	case c == 'n' && name != "":
		d.literal("null")
	case c == '[':
		if end, ok := d.scalar(name, "a number"); ok {
			n := d.number(name)
			d.pos = end
			return n
		}
	case c == '"':
		return d.quotedNumber(name, d.str())
	default:
		d.wrongKind(name, "a number")
	}
	return Number{}
}

// quotedNumber reads a number in quotes.
func (d *Decoder) quotedNumber(name, s string) Number {
	if d.err != nil {
		return Number{}
	}
	n, err := ParseNumber(s)
	if err != nil {
		plain := plainNumber(s)
		if plain == "" {
			d.find("empty_value", Warning, name, "an empty value says nothing: counts as absent")
			return Number{}
		}
		if n, err = ParseNumber(plain); errors.Is(err, ErrNumberRange) {
			return d.longNumber(name, plain)
		}
	}
	if err != nil {
		d.unread(name, "in quotes: "+err.Error())
		return Number{}
	}
	d.find("quoted_number", Warning, name, "a number in quotes")
	return n.WithQuoted()
}

// plainNumber writes a number as JSON does: without spaces around it, plus and
// zeros before it, and with a digit on both sides of its point. A comma is a
// decimal point where it cannot part thousands.
func plainNumber(s string) string {
	s = strings.TrimSpace(s)
	s, negative := strings.CutPrefix(strings.TrimPrefix(s, "+"), "-")
	if whole, fraction, ok := strings.Cut(s, ","); ok && (len(fraction) != 3 || strings.Trim(whole, "0") == "") {
		s = whole + "." + fraction
	}
	if s == "" {
		return ""
	}
	for len(s) > 1 && s[0] == '0' && s[1]-'0' <= 9 {
		s = s[1:]
	}
	if s[0] == '.' {
		s = "0" + s
	}
	s = strings.TrimSuffix(s, ".")
	if negative {
		return "-" + s
	}
	return s
}

// roundNumber reads a valid JSON number of any length: rounded half to even at
// the twelfth decimal, or at the last of eighteen digits, without the zeros
// that leaves at its end. ok is false where eighteen digits do not reach its
// point.
func roundNumber(s string) (n Number, ok bool) {
	d := dissect(s)
	whole := d.digits - d.scale // before the point; negative: zeros after it
	if d.digits > 0 && whole > MaxNumberDigits {
		return Number{}, false
	}
	scale := min(MaxNumberDecimals, MaxNumberDigits-max(whole, 0))
	keep := whole + scale
	if d.digits == 0 || keep < 0 {
		return NewNumber(0, 0), true
	}
	coef, next, more := leading(s, keep)
	if next > 5 || next == 5 && (more || coef%2 == 1) {
		coef++
	}
	for scale > 0 && coef%10 == 0 {
		coef /= 10
		scale--
	}
	if coef >= maxCoef {
		return Number{}, false
	}
	if s[0] == '-' {
		coef = -coef
	}
	return NewNumber(coef, uint8(scale)), true
}

// leading returns the first digits of a number from the first that is not zero,
// as one number, the digit after them, and whether any further one is not zero.
func leading(s string, keep int) (coef int64, next byte, more bool) {
	seen := 0
	for i := 0; i < len(s) && s[i]|0x20 != 'e'; i++ {
		c := s[i] - '0'
		if c > 9 || c == 0 && seen == 0 {
			continue
		}
		switch {
		case seen < keep:
			coef = coef*10 + int64(c)
		case seen == keep:
			next = c
		default:
			more = more || c != 0
		}
		seen++
	}
	for ; seen < keep; seen++ {
		coef *= 10
	}
	return coef, next, more
}
