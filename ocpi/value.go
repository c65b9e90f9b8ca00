package ocpi

import (
	"strconv"
	"strings"
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

// string reads a string; ok is false when it could not be read, or is null.
func (d *Decoder) string(name string) (s string, ok bool) {
	c := d.peek()
	if c == '"' {
		s = d.str()
		return s, d.err == nil
	}
	return d.oddString(name, c)
}

// oddString reads what stands where a string is due: a number is taken as the
// text it was sent as.
func (d *Decoder) oddString(name string, c byte) (s string, ok bool) {
	switch {
	case c == 'n' && name != "":
		d.literal("null")
	case startsNumber(c):
		s = d.span()
		d.find("wrong_type", Warning, name, "want a string, got a number: read as its text")
		return s, d.err == nil
	case c == '[':
		if end, found := d.scalar(name, "a string"); found {
			s, ok = d.string(name)
			d.pos = end
		}
		return s, ok
	default:
		d.wrongKind(name, "a string")
	}
	return "", false
}

func startsNumber(c byte) bool { return c == '-' || c-'0' <= 9 }

// describe reads a string that nothing depends on, of at most limit
// characters (R-TYPE-02).
func (d *Decoder) describe(name string, limit int) string {
	s, _ := d.string(name)
	if len(s) > limit && utf8.RuneCountInString(s) > limit {
		d.find("too_long", Info, name, "more than "+strconv.Itoa(limit)+" characters")
	}
	return s
}

// enum reads an enumerated value that nothing depends on; an unknown one is
// kept as sent (R-TYPE-06).
func (d *Decoder) enum(name string, known enumeration) string {
	s := d.describe(name, 255)
	if _, ok := known[s]; !ok && s != "" && d.src[d.pos-1] == '"' { // no number
		return d.oddEnum(name, s, known, Info)
	}
	return s
}

// required reads an enumerated value that OCPI requires; an unknown one is
// kept as sent all the same.
func (d *Decoder) required(name string, known enumeration) string {
	s, ok := d.string(name)
	if _, found := known[s]; !found && ok {
		return d.oddEnum(name, s, known, Warning)
	}
	return s
}

// oddEnum returns the value that one written in another way stands for, else
// the value itself.
func (d *Decoder) oddEnum(name, s string, known enumeration, severity Severity) string {
	if s == "" {
		d.find("empty_value", Warning, name, "an empty value says nothing: counts as absent")
		return ""
	}
	spelled := enumName(s)
	for k := range known {
		if strings.EqualFold(k, spelled) {
			d.enumCase(name, s, k)
			return k
		}
	}
	d.unknownEnum(name, s, severity)
	return s
}

// enumName writes a name as OCPI writes its own: "Parking time" is PARKING_TIME.
func enumName(s string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(Fold(strings.TrimSpace(s)))
}

// enumCase lists a value that is known and written in another way.
func (d *Decoder) enumCase(name, sent, known string) {
	d.find("enum_case", Warning, name, quoted(sent)+" is not written as OCPI does: read as "+known)
}

func (d *Decoder) unknownEnum(name, value string, severity Severity) {
	d.find("unknown_enum", severity, name, quoted(value)+" is not a value that OCPI knows")
}

// quoted writes what was sent for a sentence.
func quoted(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strconv.QuoteToASCII(s)
}

// boolean reads true or false, also in quotes or as 1 and 0.
func (d *Decoder) boolean(name string) bool {
	switch c := d.peek(); {
	case c == 't':
		d.literal("true")
		return true
	case c == 'f':
		d.literal("false")
	case c == 'n':
		d.literal("null")
	case c == '[':
		if end, ok := d.scalar(name, "true or false"); ok {
			b := d.boolean(name)
			d.pos = end
			return b
		}
	case c == '"' || startsNumber(c):
		return d.spelledBoolean(name)
	default:
		d.wrongKind(name, "true or false")
	}
	return false
}

func (d *Decoder) spelledBoolean(name string) bool {
	got := kind(d.peek())
	text := d.span()
	switch strings.ToLower(strings.Trim(text, "\" ")) {
	case "true", "yes", "1":
		d.find("wrong_type", Warning, name, "want true or false, got "+got+": read as true")
		return true
	case "false", "no", "0", "":
		d.find("wrong_type", Warning, name, "want true or false, got "+got+": read as false")
	default:
		d.unread(name, "want true or false, got "+got)
	}
	return false
}

// currency reads an ISO 4217 code. Lower case is accepted and folded.
func (d *Decoder) currency(name string) string {
	s, ok := d.string(name)
	if trimmed := strings.TrimSpace(s); trimmed != s {
		d.find("currency_case", Info, name, "want three letters without spaces")
		s = trimmed
	}
	if ok && (len(s) != 3 || !isLetter(s[0]) || !isLetter(s[1]) || !isLetter(s[2])) {
		d.unread(name, "want three letters (ISO 4217)")
		return ""
	}
	if !ok || s[0]&s[1]&s[2]&0x20 == 0 && (s[0]|s[1]|s[2])&0x20 == 0 {
		return s
	}
	d.find("currency_case", Info, name, "want upper case")
	from := len(d.text)
	d.text = append(d.text, s[0]&^0x20, s[1]&^0x20, s[2]&^0x20)
	return unsafe.String(&d.text[from], 3)
}

// country3 reads the alpha-3 country of an address.
func (d *Decoder) country3(name string) string {
	s := d.describe(name, 3)
	if len(s) == 2 {
		d.find("country_alpha2", Info, name, "want three letters (ISO 3166-1 alpha-3), got two")
	}
	return s
}
