package ocpi

import (
	"strconv"
	"unicode/utf8"
)

// MaxIdentity is how many bytes an id may have: what is longer than OCPI has it
// identifies just as well. What is looked up, and kept with each state anew, has no
// more.
const MaxIdentity = 255

// key reads a string that says which object is meant: what is none is refused.
func (d *Decoder) key(name string) (s string, ok bool) {
	if c := d.peek(); c != '"' && c != 'n' && !startsNumber(c) {
		d.skip()
		d.refuse(name, "want a string, got "+kind(c))
		return "", false
	}
	return d.string(name)
}

// identity reads the CiString that the body's object is known by.
func (d *Decoder) identity(name string, limit int) string {
	s, ok := d.key(name)
	switch {
	case !ok:
		return ""
	case s == "" || len(s) > MaxIdentity:
		d.refuse(name, "want 1 to "+strconv.Itoa(limit)+" characters, got "+strconv.Itoa(utf8.RuneCountInString(s)))
		return ""
	case !isASCII(s):
		d.refuse(name, "want printable ASCII")
		return ""
	}
	d.fits(name, s, limit)
	return s
}

// identify reads a CiString that something other than the body is known by: 1
// to limit printable ASCII characters. What departs from that is taken all the
// same; an empty one names nothing, nor does one of more than MaxIdentity bytes.
func (d *Decoder) identify(name string, limit int) string {
	s, ok := d.string(name)
	switch {
	case !ok:
		return ""
	case s == "":
		d.find("empty_id", Warning, name, "an empty id names nothing: counts as absent")
	case len(s) > MaxIdentity:
		d.find("too_long", Warning, name, "more than "+strconv.Itoa(MaxIdentity)+" bytes: counts as absent")
		return ""
	case !isASCII(s):
		d.find("not_ascii", Warning, name, "want printable ASCII")
	}
	d.fits(name, s, limit)
	return s
}

// fits lists an id that is longer than OCPI has it.
func (d *Decoder) fits(name, s string, limit int) {
	if len(s) > limit {
		d.find("too_long", Warning, name, "more than "+strconv.Itoa(limit)+" characters")
	}
}

// isASCII reports whether s holds printable ASCII characters alone.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// country reads the ISO 3166 alpha-2 code of an owner: of the body's, without
// which nobody knows which object is meant, or of something in it.
func (d *Decoder) country(name string, ofBody bool) string {
	const want = "want two letters (ISO 3166-1 alpha-2)"
	s, ok := d.owner(name, ofBody)
	if ok && (len(s) != 2 || !isLetter(s[0]) || !isLetter(s[1])) {
		d.wrongOwner(name, want, ofBody)
		return ""
	}
	return s
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// party reads the party_id of an owner, as country does: 1 to 3 printable
// characters, no space.
func (d *Decoder) party(name string, ofBody bool) string {
	s, ok := d.owner(name, ofBody)
	if !ok {
		return ""
	}
	wrong := len(s) < 1 || len(s) > 3
	for i := range len(s) {
		wrong = wrong || s[i] <= ' ' || s[i] > '~'
	}
	if wrong {
		d.wrongOwner(name, "want 1 to 3 printable characters (ISO 15118 party id)", ofBody)
		return ""
	}
	return s
}

func (d *Decoder) owner(name string, ofBody bool) (string, bool) {
	if ofBody {
		return d.key(name)
	}
	return d.string(name)
}

func (d *Decoder) wrongOwner(name, reason string, ofBody bool) {
	if ofBody {
		d.refuse(name, reason)
		return
	}
	d.unread(name, reason)
}
