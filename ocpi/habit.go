package ocpi

import "bytes"

// NullMember returns the name of the first member of a JSON text that is null: OCPI
// lets an optional one be (2.2.1 introduction, "Cardinality"), and some readers do
// not. ok is false where there is none.
func NullMember(raw []byte) (name string, ok bool) {
	if !bytes.Contains(raw, []byte("null")) {
		return "", false
	}
	text, colon := []byte(nil), false
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			end := stringEnd(raw, i+1)
			text, colon, i = raw[i+1:end], false, end
		case ':':
			colon = true
		case 'n':
			if colon {
				return string(text[:min(len(text), maxMemberName)]), true
			}
		case '{', '[', ',':
			colon = false
		}
	}
	return "", false
}

// maxMemberName bounds what is told of a member's name, in bytes.
const maxMemberName = 100

// stringEnd returns where the string that goes on at i ends: at its quote.
func stringEnd(raw []byte, i int) int {
	for i < len(raw) && raw[i] != '"' {
		if raw[i] == '\\' {
			i++
		}
		i++
	}
	return min(i, len(raw))
}

// FractionalTime returns the first time of day in a JSON text that has fractions of
// a second, which not every reader takes; ok is false where there is none.
func FractionalTime(raw []byte) (text string, ok bool) {
	const clock = len("12:34:56")
	for from := 0; ; {
		at := bytes.IndexByte(raw[from:], '.')
		if at < 0 {
			return "", false
		}
		at += from
		from = at + 1
		if at >= clock && raw[at-3] == ':' && raw[at-6] == ':' && from < len(raw) && raw[at-1]-'0' <= 9 && raw[from]-'0' <= 9 {
			return string(raw[at-clock : digitsEnd(raw[:min(len(raw), from+9)], from)]), true
		}
	}
}
