package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// Ledger is the checkpoint of one partition of the log: how many records came
// from From on and before Next, a digest chained over their offsets and contents, and what their
// CDRs claim per currency. It is committed with the offset as the consumer
// group's metadata, so it is exact for that offset, lives outside the store,
// and exists before the log can be trimmed. verify holds the store against it.
type Ledger struct {
	Next   int64           `json:"next"`
	From   int64           `json:"from,omitempty"` // first offset it counts: not 0 where an earlier ledger was lost
	Count  int64           `json:"count"`
	Digest Digest          `json:"digest"`
	Sums   map[string]Sums `json:"sums,omitempty"`
}

// Digest is a chained SHA-256.
type Digest [sha256.Size]byte

// MarshalText writes the digest in hex.
func (d Digest) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", d[:]), nil }

// UnmarshalText reads the hex form.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("digest %q: want %d hex digits", b, hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], b); err != nil {
		return fmt.Errorf("digest %q: %w", b, err)
	}
	return nil
}

// Sums are the claims of every accepted copy of a CDR in one currency,
// repeats and conflicts included: what the log says, not what counts.
type Sums struct {
	Records int64           `json:"n"`
	Excl    decimal.Decimal `json:"excl"`
	Incl    decimal.Decimal `json:"incl"`
}

// maxLedgerCurrencies bounds the metadata (Kafka keeps at most 4 KiB with an
// offset). CDRs in further currencies are summed under "…".
const maxLedgerCurrencies = 30

// Entry is one record as a ledger counts it. It shares no memory with the
// record; Currency must not either.
type Entry struct {
	Offset   int64
	Hash     Hash   // canonical content hash
	CRC      uint32 // of the body as it was sent: the hash does not see white space
	Currency string // of a CDR's claim, "" for other objects
	Excl     ocpi.Number
	Incl     ocpi.Number
}

// EntryOf returns the entry of a record without a claim. A record that has no
// content hash, as no JSON has none, is counted by the hash of its bytes.
func EntryOf(r *Record) Entry {
	e := Entry{Offset: r.Offset, Hash: r.Hash, CRC: crc32.Checksum(r.Body, castagnoli)}
	if e.Hash == (Hash{}) {
		e.Hash = sha256.Sum256(r.Body)
	}
	return e
}

// Add counts one record, the next one in the order of offsets.
func (l *Ledger) Add(e Entry) {
	l.Digest = chain(l.Digest, e)
	l.Next = e.Offset + 1
	l.Count++
	if e.Currency == "" {
		return
	}
	if l.Sums == nil {
		l.Sums = map[string]Sums{}
	}
	currency := e.Currency
	s, ok := l.Sums[currency]
	if !ok && len(l.Sums) >= maxLedgerCurrencies {
		currency = "…"
		s = l.Sums[currency]
	}
	s.Records++
	s.Excl = s.Excl.Add(e.Excl.Decimal())
	s.Incl = s.Incl.Add(e.Incl.Decimal())
	l.Sums[currency] = s
}

// chain links a record to the digest of those before it: by its offset, its
// content hash and a checksum of its very bytes (hashing the bytes as well
// would cost what the rest of the ledger costs ten times over).
func chain(previous Digest, e Entry) Digest {
	var link [sha256.Size + 8 + 4 + sha256.Size]byte
	copy(link[:], previous[:])
	binary.BigEndian.PutUint64(link[sha256.Size:], uint64(e.Offset))
	binary.BigEndian.PutUint32(link[sha256.Size+8:], e.CRC)
	copy(link[sha256.Size+12:], e.Hash[:])
	return sha256.Sum256(link[:])
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Metadata returns the ledger as the commit's metadata.
func (l *Ledger) Metadata() (string, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("encode ledger: %w", err)
	}
	return string(b), nil
}

// ErrLedger says that a group's commit is not one of ours, as when somebody
// has reset the group's offsets. What it counted is lost: reading on would
// prove nothing.
var ErrLedger = errors.New("the group's commit was not made by roamclear: put back the one that was, with its metadata")

// ParseLedger reads a commit's metadata. It returns [ErrLedger] when it cannot. next is the committed offset, which
// the ledger must agree with; "" at offset 0 is an empty ledger.
func ParseLedger(metadata string, next int64) (Ledger, error) {
	if metadata == "" && next <= 0 {
		return Ledger{}, nil
	}
	var l Ledger
	if err := json.Unmarshal([]byte(metadata), &l); err != nil {
		return Ledger{}, fmt.Errorf("decode ledger at offset %d: %w (%w)", next, ErrLedger, err)
	}
	if l.Next != next {
		return Ledger{}, fmt.Errorf("ledger is for offset %d, the commit says %d: %w", l.Next, next, ErrLedger)
	}
	return l, nil
}
