package ocpi

import (
	"errors"
	"strings"
	"unsafe"
)

// RawMember is a member of an object as it was sent.
type RawMember struct {
	Name  string // unescaped
	key   string // as sent, with its quotes
	Value string // its text
}

// NewRawMember returns a member; its name is one that needs no escapes, its
// value a JSON text.
func NewRawMember(name, value string) RawMember { return RawMember{name, `"` + name + `"`, value} }

// RawObject is an object taken apart one level deep, in the order it was
// sent. Values are kept as sent, so that what we do not know survives.
type RawObject []RawMember

// SplitObject takes a JSON object apart; its texts alias raw. Errors:
// *SyntaxError, or *Invalid when it is JSON but no object.
func SplitObject(raw []byte) (RawObject, error) { return splitObject(raw, "$") }

// splitObject takes an object apart. Errors: *SyntaxError, or *Invalid at
// path when it is JSON but no object.
func splitObject(raw []byte, path string) (RawObject, error) {
	var s scanner
	s.begin(raw)
	if c := s.peek(); c != '{' && c != 0 {
		s.skip()
		if err := s.finish(); err != nil {
			return nil, err
		}
		return nil, invalid(path, "want an object, got "+kind(c))
	}
	return s.members()
}

// SplitText is SplitObject for an object that is part of a text that has been read:
// that is not looked at once more.
func SplitText(object string) (RawObject, error) {
	s := scanner{src: object}
	return s.members()
}

// members takes the object apart that comes next, and wants nothing behind it.
func (s *scanner) members() (RawObject, error) {
	members := make(RawObject, 0, 8)
	o := s.open()
	for s.next(&o) {
		key := strings.TrimRight(s.src[s.nameAt:s.pos], ": \t\r\n")
		members = append(members, RawMember{o.name, key, s.span()})
	}
	s.close(&o)
	if err := s.finish(); err != nil {
		return nil, err
	}
	return members, nil
}

func invalid(path, reason string) error {
	return &Invalid{Fields: []FieldError{{path, reason}}}
}

// splitStored is splitObject for an object from our own store: damage to it
// is not the sender's fault, so the error hides the *SyntaxError.
func splitStored(raw []byte) (RawObject, error) {
	o, err := splitObject(raw, "$")
	if err != nil {
		return nil, errors.New("stored object is damaged: " + err.Error())
	}
	return o, nil
}

// index returns where the member stands, -1 when there is none.
func (o RawObject) index(name string) int {
	for i := range o {
		if o[i].Name == name {
			return i
		}
	}
	return -1
}

// Value returns a member's text, "" when it is absent or null.
func (o RawObject) Value(name string) string {
	if i := o.index(name); i >= 0 && o[i].Value != "null" {
		return o[i].Value
	}
	return ""
}

// Text returns a member's unescaped string, see RawText.
func (o RawObject) Text(name string) string { return RawText(o.Value(name)) }

// RawText returns the string that a JSON text stands for, of a number its text,
// as the Decoder reads it; "" when it is neither.
func RawText(v string) string {
	switch {
	case v != "" && startsNumber(v[0]):
		return v
	case v == "" || v[0] != '"':
		return ""
	}
	s := scanner{src: v}
	return s.str()
}

// set replaces a member or adds it at the end; null removes it, being OCPI's
// way to clear an optional member.
func (o RawObject) set(m RawMember) RawObject {
	i := o.index(m.Name)
	switch {
	case m.Value == "null" && i >= 0:
		return append(o[:i:i], o[i+1:]...)
	case m.Value == "null":
		return o
	case i >= 0:
		o[i].Value = m.Value
		return o
	}
	return append(o, m)
}

// setPlain is set for a member whose name needs no escapes.
func (o RawObject) setPlain(name, value string) RawObject {
	return o.set(NewRawMember(name, value))
}

// With returns the object with a member replaced, or added at the end; its name is one
// that needs no escapes, its value a JSON text, null to leave the member out. o must
// not be used any more.
func (o RawObject) With(name, value string) RawObject { return o.setPlain(name, value) }

// Bytes puts the object together again.
func (o RawObject) Bytes() []byte {
	size := 2
	for i := range o {
		size += len(o[i].key) + len(o[i].Value) + 2
	}
	b := append(make([]byte, 0, size), '{')
	for i := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, o[i].key...)
		b = append(b, ':')
		b = append(b, o[i].Value...)
	}
	return append(b, '}')
}

// SplitArray takes an array that is known to be valid JSON apart; "" is an
// array without elements, and an object is what would be the only one. Error:
// *Invalid at path when it is neither.
func SplitArray(text, path string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] == '{' {
		return []string{text}, nil
	}
	if text[0] != '[' {
		return nil, invalid(path, "want an array, got "+kind(text[0]))
	}
	s := scanner{src: text}
	var elements []string
	a := s.openArray()
	for s.more(&a) {
		elements = append(elements, s.span())
	}
	return elements, s.finish()
}

// JoinArray puts the texts of elements together to that of an array.
func JoinArray(elements []string) string {
	size := 2
	for _, e := range elements {
		size += len(e) + 1
	}
	b := append(make([]byte, 0, size), '[')
	for i, e := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e...)
	}
	return string(append(b, ']'))
}

// bytesOf returns the bytes of s without a copy; they must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
