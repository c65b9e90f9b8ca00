package ocpi

import (
	"errors"
	"strings"
	"unsafe"
)

// rawMember is a member of an object as it was sent.
type rawMember struct {
	name  string // unescaped
	key   string // as sent, with its quotes
	value string
}

// rawObject is an object taken apart one level deep, in the order it was
// sent. Values are kept as sent, so that what we do not know survives.
type rawObject []rawMember

// splitObject takes an object apart. Errors: *SyntaxError, or *Invalid at
// path when it is JSON but no object.
func splitObject(raw []byte, path string) (rawObject, error) {
	var s scanner
	s.begin(raw)
	if c := s.peek(); c != '{' && c != 0 {
		s.skip()
		if err := s.finish(); err != nil {
			return nil, err
		}
		return nil, invalid(path, "want an object, got "+kind(c))
	}
	var members rawObject
	o := s.open()
	for s.next(&o) {
		key := strings.TrimRight(s.src[s.nameAt:s.pos], ": \t\r\n")
		members = append(members, rawMember{o.name, key, s.span()})
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
func splitStored(raw []byte) (rawObject, error) {
	o, err := splitObject(raw, "$")
	if err != nil {
		return nil, errors.New("stored object is damaged: " + err.Error())
	}
	return o, nil
}

// index returns where the member stands, -1 when there is none.
func (o rawObject) index(name string) int {
	for i := range o {
		if o[i].name == name {
			return i
		}
	}
	return -1
}

// value returns a member's text, "" when it is absent or null.
func (o rawObject) value(name string) string {
	if i := o.index(name); i >= 0 && o[i].value != "null" {
		return o[i].value
	}
	return ""
}

// text returns a member's unescaped string, of a number its text, as the Decoder
// reads it; "" when it is neither.
func (o rawObject) text(name string) string {
	v := o.value(name)
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
func (o rawObject) set(m rawMember) rawObject {
	i := o.index(m.name)
	switch {
	case m.value == "null" && i >= 0:
		return append(o[:i:i], o[i+1:]...)
	case m.value == "null":
		return o
	case i >= 0:
		o[i].value = m.value
		return o
	}
	return append(o, m)
}

// setPlain is set for a member whose name needs no escapes.
func (o rawObject) setPlain(name, value string) rawObject {
	return o.set(rawMember{name, `"` + name + `"`, value})
}

// bytes puts the object together again.
func (o rawObject) bytes() []byte {
	size := 2
	for i := range o {
		size += len(o[i].key) + len(o[i].value) + 2
	}
	b := append(make([]byte, 0, size), '{')
	for i := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, o[i].key...)
		b = append(b, ':')
		b = append(b, o[i].value...)
	}
	return append(b, '}')
}

// splitArray takes an array that is known to be valid JSON apart; "" is an
// array without elements, and an object is what would be the only one. Error:
// *Invalid at path when it is neither.
func splitArray(text, path string) ([]string, error) {
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

func joinArray(elements []string) string {
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
