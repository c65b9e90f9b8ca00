package control

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// attributes are the names of what subjects are made of, by their object identifier
// (RFC 4514, X.520; organizationIdentifier is that of eIDAS certificates).
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "TITLE", "2.5.4.17": "POSTALCODE", "2.5.4.42": "GN", "2.5.4.97": "ORGANIZATIONIDENTIFIER",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "EMAILADDRESS",
}

// spelled are other names of the same.
var spelled = map[string]string{"S": "ST", "E": "EMAILADDRESS", "EMAIL": "EMAILADDRESS", "USERID": "UID", "SURNAME": "SN", "GIVENNAME": "GN"}

// Subject is whom a certificate is of, as it is compared: its attributes in one order
// with one spelling. Programs write the same subject from its first attribute on or
// from its last, with and without spaces; whoever copies it need not know which.
type Subject string

const (
	maxSubject    = 1000 // bytes
	maxAttributes = 32
)

// ParseSubject reads a subject as people and programs write it: "CN=a,O=b" (RFC 4514),
// "O = b, CN = a" and "subject=O = b, CN = a" (openssl), "/O=b/CN=a".
func ParseSubject(text string) (Subject, error) {
	rest := strings.TrimLeft(text, " \t\r\n") // what is behind the last value may belong to it
	if len(rest) > maxSubject || !utf8.ValidString(rest) {
		return "", Invalid("subject of %d bytes: want at most %d, in UTF-8", len(rest), maxSubject)
	}
	if after, ok := cutFold(rest, "subject="); ok {
		rest = strings.TrimLeft(after, " ")
	} else if after, ok := cutFold(rest, "subject:"); ok {
		rest = strings.TrimLeft(after, " ")
	}
	separators := ",;+"
	if strings.HasPrefix(rest, "/") {
		rest, separators = rest[1:], "/"
	}
	var parts []string
	for rest != "" {
		name, after, ok := strings.Cut(rest, "=")
		name = attributeName(name)
		if !ok || name == "" || len(parts) == maxAttributes {
			return "", Invalid("subject %q: want attributes with their values, such as CN=partner,O=Company,C=GB", text)
		}
		value, end := attributeValue(after, separators)
		parts = append(parts, name+"="+escape(value))
		rest = after[end:]
		if rest != "" {
			rest = strings.TrimLeft(rest[1:], " ") // beyond the separator
		}
	}
	if len(parts) == 0 {
		return "", Invalid("subject: empty")
	}
	return subjectOf(parts), nil
}

func cutFold(s, prefix string) (after string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// attributeName returns the one name of an attribute, "" for what is none.
func attributeName(text string) string {
	name := strings.ToUpper(strings.TrimSpace(text))
	name = strings.TrimPrefix(name, "OID.")
	if known, ok := attributes[name]; ok {
		return known
	}
	if known, ok := spelled[name]; ok {
		return known
	}
	if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != "" {
		return ""
	}
	return name
}

// attributeValue reads a value up to a separator that another attribute follows, and
// says where that is.
func attributeValue(text, separators string) (value string, end int) {
	var b strings.Builder
	text, spaces := strings.TrimLeft(text, " "), len(text)-len(strings.TrimLeft(text, " "))
	quoted, kept := strings.HasPrefix(text, `"`), 0 // kept: of what is written, not to be trimmed
	i := 0
	if quoted {
		i = 1
	}
	for i < len(text) {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			n := unescape(&b, text[i+1:])
			i, kept = i+1+n, b.Len()
			continue
		case quoted && c == '"':
			quoted, kept = false, b.Len()
		case !quoted && strings.IndexByte(separators, c) >= 0 && beginsAttribute(text[i+1:]):
			return trimmed(b.String(), kept), spaces + i
		default:
			b.WriteByte(c)
		}
		i++
	}
	return trimmed(b.String(), kept), spaces + i
}

// trimmed cuts off white space behind a value, but for what is kept.
func trimmed(value string, kept int) string {
	return value[:kept] + strings.TrimRight(value[kept:], " \t\r\n")
}

// unescape writes what follows a backslash, and returns how much of it that was.
func unescape(b *strings.Builder, text string) int {
	if len(text) >= 2 {
		if raw, err := hex.DecodeString(text[:2]); err == nil {
			b.Write(raw)
			return 2
		}
	}
	b.WriteByte(text[0])
	return 1
}

// beginsAttribute reports whether an attribute follows a separator; else that belongs
// to the value before it, as in "O=Dundee, City of".
func beginsAttribute(text string) bool {
	name, _, ok := strings.Cut(text, "=")
	return ok && strings.TrimSpace(name) != "" && attributeName(name) != ""
}

// escape writes a value so that it is read back as it is.
func escape(value string) string {
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		switch {
		case strings.IndexByte(`,;+\"`, c) >= 0, c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c == 0x7F:
			fmt.Fprintf(&b, `\%02X`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func subjectOf(parts []string) Subject {
	slices.Sort(parts)
	return Subject(strings.Join(parts, ","))
}

// SubjectOf returns whom a certificate is of, from its raw subject; "" where that
// cannot be read, or is empty.
func SubjectOf(raw []byte) Subject {
	var names pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &names); err != nil || len(rest) > 0 {
		return ""
	}
	var parts []string
	for _, set := range names {
		for _, a := range set {
			name := a.Type.String()
			if known, ok := attributes[name]; ok {
				name = known
			}
			parts = append(parts, name+"="+escape(fmt.Sprint(a.Value)))
		}
	}
	return subjectOf(parts)
}

// validate refuses what is not as ParseSubject returns it.
func (s Subject) validate() error {
	same, err := ParseSubject(string(s))
	if err != nil {
		return err
	}
	if same != s {
		return Invalid("subject %q: want it as %q", string(s), string(same))
	}
	return nil
}
