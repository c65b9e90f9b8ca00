package ocpi

import (
	"errors"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// absent skips null, which OCPI takes as absent.
func (d *Decoder) absent() bool {
	if d.peek() != 'n' {
		return false
	}
	d.literal("null")
	return true
}

// string reads a string that something depends on; ok is false when it was
// refused, or a member that is null. Name "" is an element of an array.
func (d *Decoder) string(name string) (s string, ok bool) {
	c := d.peek()
	if c == '"' {
		s = d.str()
		return s, d.err == nil
	}
	if c == 'n' && name != "" {
		d.literal("null")
		return "", false
	}
	d.wrongKind(name, "a string")
	return "", false
}

// describe reads a string that nothing depends on, of at most limit
// characters (R-TYPE-02).
func (d *Decoder) describe(name string, limit int) string {
	if d.absent() {
		return ""
	}
	if d.peek() != '"' {
		d.oddKind(name, "a string")
		return ""
	}
	s := d.str()
	if len(s) > limit && utf8.RuneCountInString(s) > limit {
		d.find("too_long", Info, name, "more than "+strconv.Itoa(limit)+" characters")
	}
	return s
}

// identify reads a CiString that an object is known by: 1 to limit printable
// ASCII characters.
func (d *Decoder) identify(name string, limit int) string {
	s, ok := d.string(name)
	if !ok {
		return ""
	}
	if len(s) == 0 || len(s) > limit {
		d.refuse(name, "want 1 to "+strconv.Itoa(limit)+" characters, got "+strconv.Itoa(utf8.RuneCountInString(s)))
		return ""
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			d.refuse(name, "want printable ASCII")
			return ""
		}
	}
	return s
}

// country reads an ISO 3166 alpha-2 code.
func (d *Decoder) country(name string) string {
	s, ok := d.string(name)
	if ok && (len(s) != 2 || !isLetter(s[0]) || !isLetter(s[1])) {
		d.refuse(name, "want two letters (ISO 3166-1 alpha-2)")
		return ""
	}
	return s
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// party reads a party_id: 1 to 3 printable characters, no space.
func (d *Decoder) party(name string) string {
	s, ok := d.string(name)
	if !ok {
		return ""
	}
	wrong := len(s) < 1 || len(s) > 3
	for i := range len(s) {
		wrong = wrong || s[i] <= ' ' || s[i] > '~'
	}
	if wrong {
		d.refuse(name, "want 1 to 3 printable characters (ISO 15118 party id)")
		return ""
	}
	return s
}

// country3 reads the alpha-3 country of an address.
func (d *Decoder) country3(name string) string {
	s := d.describe(name, 3)
	if len(s) == 2 {
		d.find("country_alpha2", Info, name, "want three letters (ISO 3166-1 alpha-3), got two")
	}
	return s
}

// currency reads an ISO 4217 code. Lower case is accepted and folded.
func (d *Decoder) currency(name string) string {
	s, ok := d.string(name)
	if !ok {
		return ""
	}
	if len(s) != 3 || !isLetter(s[0]) || !isLetter(s[1]) || !isLetter(s[2]) {
		d.refuse(name, "want three letters (ISO 4217)")
		return ""
	}
	if s[0]&s[1]&s[2]&0x20 == 0 && (s[0]|s[1]|s[2])&0x20 == 0 {
		return s
	}
	d.find("currency_case", Info, name, "want upper case")
	from := len(d.text)
	d.text = append(d.text, s[0]&^0x20, s[1]&^0x20, s[2]&^0x20)
	return unsafe.String(&d.text[from], 3)
}

// enum reads an enumerated value that nothing depends on; an unknown one is
// kept as sent (R-TYPE-06).
func (d *Decoder) enum(name string, known enumeration) string {
	s := d.describe(name, 255)
	if _, ok := known[s]; !ok && s != "" {
		d.unknownEnum(name, s, Info)
	}
	return s
}

// required reads an enumerated value that must be there; an unknown one is
// kept as sent all the same.
func (d *Decoder) required(name string, known enumeration) string {
	s, ok := d.string(name)
	if !ok {
		return ""
	}
	if s == "" {
		d.refuse(name, "must not be empty")
	} else if _, ok := known[s]; !ok {
		d.unknownEnum(name, s, Warning)
	}
	return s
}

func (d *Decoder) unknownEnum(name, value string, severity Severity) {
	if len(value) > 40 {
		value = value[:40] + "…"
	}
	d.find("unknown_enum", severity, name, strconv.QuoteToASCII(value)+" is not a value that OCPI knows")
}

// boolean reads a true or false that something depends on.
func (d *Decoder) boolean(name string) bool {
	switch d.peek() {
	case 't':
		d.literal("true")
		return true
	case 'f':
		d.literal("false")
	case 'n':
		d.literal("null")
	default:
		d.wrongKind(name, "true or false")
	}
	return false
}

// number reads a number. One in quotes is accepted (R-TYPE-04).
func (d *Decoder) number(name string) Number {
	c := d.peek()
	if c == '-' || c-'0' <= 9 {
		n, end, err := scanNumber(d.src, d.pos)
		d.pos = end
		switch {
		case err == nil:
		case errors.Is(err, ErrNumberSyntax):
			d.unexpected("a number")
		default:
			d.refuse(name, err.Error())
		}
		return n
	}
	if c != '"' {
		if !d.absent() {
			d.wrongKind(name, "a number")
		}
		return Number{}
	}
	n, err := ParseNumber(d.str())
	if err != nil {
		d.refuse(name, "in quotes: "+err.Error())
		return Number{}
	}
	d.find("quoted_number", Warning, name, "a number in quotes")
	return n.WithQuoted()
}

// instant reads a DateTime (R-TYPE-03). The zero Time is absent, refused or,
// with a finding, the sentinel of R-CDR-13.
func (d *Decoder) instant(name string) Time {
	s, ok := d.string(name)
	if !ok {
		return 0
	}
	t, note, err := ParseTime(s)
	switch {
	case err != nil:
		d.refuse(name, err.Error())
	case note == TimeWithoutZone:
		d.find("datetime_without_zone", Info, name, "no zone, taken as UTC")
	case note == TimeOffset:
		d.find("datetime_offset", Warning, name, "an offset instead of UTC, converted")
	case note == TimeUnknown:
		d.find("datetime_unknown", Serious, name, "1970-01-01T00:00:00Z stands for a time that is not known")
	}
	return t
}

// measure reads a number that describes something: a wrong one is a finding.
func (d *Decoder) measure(name string) Number {
	c := d.peek()
	if c != '-' && c-'0' > 9 && c != '"' {
		if !d.absent() {
			d.oddKind(name, "a number")
		}
		return Number{}
	}
	refused := len(d.invalid)
	n := d.number(name)
	if len(d.invalid) > refused {
		reason := d.invalid[refused].Reason
		d.invalid = d.invalid[:refused]
		d.find("wrong_type", Warning, name, reason)
	}
	return n
}

// loosely reports whether the value of a member that only describes starts
// with the given bracket. Anything else is skipped and, but for null, listed.
func (d *Decoder) loosely(bracket byte, name, want string) bool {
	if d.peek() == bracket {
		return true
	}
	if !d.absent() {
		d.oddKind(name, want)
	}
	return false
}
