package kafka

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// The envelope is the record's only header. Its key is headerKey, its value:
//
//	byte     version of this form, envelopeV1; envelopeV2 where sub means what it did not in V1
//	byte     object kind, 0 = control record
//	byte     method
//	byte     OCPI wire version
//	int64    receiving time, nanoseconds since 1970 UTC, big endian
//	[32]byte content hash
//	uvarint  length of the country code, then of the party id, in the record's key
//	string   sender, sub (see ingest.Envelope.Sub), reason: each a uvarint length and its bytes
//
// The record's key is "COUNTRY*PARTY*ID", readable with any Kafka tool, and
// null when the identity is empty. The lengths split it again, since an id
// may hold any character.
const (
	headerKey     = "e"
	envelopeV1    = 1
	envelopeV2    = 2 // a Session's record that says who pays: in V1 they have no sub
	envelopeFixed = 4 + 8 + 32
)

// EnvelopeError says that a record in the log has a header this program
// cannot read: it was written by a newer one or by something else.
type EnvelopeError struct {
	Reason string
	newer  bool
}

// Unwrap returns ingest.ErrNewer where a newer version of roamclear wrote it.
func (e *EnvelopeError) Unwrap() error {
	if e.newer {
		return ingest.ErrNewer
	}
	return nil
}

// Error says what was found.
func (e *EnvelopeError) Error() string { return "record header: " + e.Reason }

// keySize returns the length of the record's key, -1 for none.
func keySize(k ocpi.Key) int {
	if k == (ocpi.Key{}) {
		return -1
	}
	return len(k.Party.Country) + len(k.Party.ID) + len(k.ID) + 2
}

func appendKey(b []byte, k ocpi.Key) []byte {
	b = append(b, k.Party.Country...)
	b = append(b, '*')
	b = append(b, k.Party.ID...)
	b = append(b, '*')
	return append(b, k.ID...)
}

// envelopeSize returns the length of what appendEnvelope appends.
func envelopeSize(e *ingest.Envelope) int {
	n := envelopeFixed + uvarintSize(len(e.Key.Party.Country)) + uvarintSize(len(e.Key.Party.ID))
	for _, s := range [...]string{e.Sender, e.Sub(), e.Reason} {
		n += uvarintSize(len(s)) + len(s)
	}
	return n
}

func appendEnvelope(b []byte, e *ingest.Envelope) []byte {
	b = append(b, envelopeVersion(e), byte(e.Object), byte(e.Method), byte(e.Version))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Received))
	b = append(b, e.Hash[:]...)
	b = binary.AppendUvarint(b, uint64(len(e.Key.Party.Country)))
	b = binary.AppendUvarint(b, uint64(len(e.Key.Party.ID)))
	for _, s := range [...]string{e.Sender, e.Sub(), e.Reason} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// envelopeVersion is the oldest form that says all of an envelope: a process of a
// version that would read it as something else stops before it.
func envelopeVersion(e *ingest.Envelope) byte {
	if e.Object == ingest.ObjectSession && e.Path != "" {
		return envelopeV2
	}
	return envelopeV1
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// envelopeReader decodes the headers of one partition's records. Runs of
// records come from few senders, so it hands out the string of the last one.
type envelopeReader struct{ sender string }

// decode fills e from a record's key and header value. Error: *EnvelopeError.
// The strings of e are copies: they pin nothing but themselves.
func (r *envelopeReader) decode(e *ingest.Envelope, key, value []byte) error {
	if len(value) == 0 || value[0] < envelopeV1 || value[0] > envelopeV2 {
		return &EnvelopeError{Reason: fmt.Sprintf("version % x is unknown to this version of roamclear", value[:min(1, len(value))]), newer: len(value) > 0 && value[0] > envelopeV2}
	}
	if len(value) < envelopeFixed {
		return &EnvelopeError{Reason: "cut short"}
	}
	e.Object, e.Method, e.Version = ingest.Object(value[1]), ingest.Method(value[2]), ocpi.Version(value[3])
	if e.Object != 0 && !e.Object.Known() || e.Method > ingest.MethodDelete || e.Version > ocpi.V230 {
		return &EnvelopeError{Reason: fmt.Sprintf("object %d, method %d or OCPI version %d is unknown to this version of roamclear", e.Object, e.Method, e.Version), newer: true}
	}
	e.Received = ocpi.Time(binary.BigEndian.Uint64(value[4:]))
	copy(e.Hash[:], value[12:])
	return r.decodeStrings(e, key, value[envelopeFixed:])
}

func (r *envelopeReader) decodeStrings(e *ingest.Envelope, key, b []byte) error {
	country, b, err := length(b)
	if err != nil {
		return err
	}
	party, b, err := length(b)
	if err != nil {
		return err
	}
	if e.Key, err = splitKey(string(key), country, party); err != nil {
		return err
	}
	var parts [3][]byte
	for i := range parts {
		var n int
		if n, b, err = length(b); err != nil {
			return err
		}
		if n > len(b) {
			return &EnvelopeError{Reason: "cut short"}
		}
		parts[i], b = b[:n], b[n:]
	}
	if len(b) != 0 {
		return &EnvelopeError{Reason: fmt.Sprintf("%d bytes too many", len(b))}
	}
	if r.sender != string(parts[0]) {
		r.sender = string(parts[0])
	}
	e.Sender, e.Reason = r.sender, string(parts[2])
	e.SetSub(string(parts[1]))
	return nil
}

func length(b []byte) (n int, rest []byte, err error) {
	v, size := binary.Uvarint(b)
	if size <= 0 || v > 1<<20 {
		return 0, nil, &EnvelopeError{Reason: "not a length"}
	}
	return int(v), b[size:], nil
}

const badKey = "key and lengths do not agree"

func splitKey(key string, country, party int) (ocpi.Key, error) {
	if key == "" {
		if country != 0 || party != 0 {
			return ocpi.Key{}, &EnvelopeError{Reason: badKey}
		}
		return ocpi.Key{}, nil
	}
	rest, ok := strings.CutPrefix(key[min(country, len(key)):], "*")
	if !ok || len(rest) <= party || rest[party] != '*' {
		return ocpi.Key{}, &EnvelopeError{Reason: badKey}
	}
	return ocpi.Key{Party: ocpi.Party{Country: key[:country], ID: rest[:party]}, ID: rest[party+1:]}, nil
}
