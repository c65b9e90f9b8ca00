package pricing

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// Ledger is the checkpoint of one partition of the log: how many records came
// before Next, a digest chained over their offsets and bytes, and what their
// CDRs claim per currency. It is committed with the offset as the consumer
// group's metadata, so it is exact for that offset, lives outside the store,
// and exists before the log can be trimmed. verify holds the store against it.
type Ledger struct {
	Next   int64           `json:"next"`
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
	var raw []byte
	if _, err := fmt.Sscanf(string(b), "%x", &raw); err != nil || len(raw) != len(d) {
		return fmt.Errorf("digest %q: want %d hex digits", b, 2*len(d))
	}
	copy(d[:], raw)
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

// Add counts one record. claim and currency are those of its CDR, absent for
// other objects.
func (l *Ledger) Add(r *ingest.Record, currency string, excl, incl ocpi.Number) {
	l.Digest = chain(l.Digest, r)
	l.Next = r.Offset + 1
	l.Count++
	if currency == "" {
		return
	}
	if l.Sums == nil {
		l.Sums = map[string]Sums{}
	}
	s, ok := l.Sums[currency]
	if !ok && len(l.Sums) >= maxLedgerCurrencies {
		currency = "…"
		s = l.Sums[currency]
	}
	s.Records++
	s.Excl = s.Excl.Add(excl.Decimal())
	s.Incl = s.Incl.Add(incl.Decimal())
	l.Sums[currency] = s
}

func chain(previous Digest, r *ingest.Record) Digest {
	body := sha256.Sum256(r.Body)
	var link [sha256.Size + 8 + sha256.Size]byte
	copy(link[:], previous[:])
	binary.BigEndian.PutUint64(link[sha256.Size:], uint64(r.Offset))
	copy(link[sha256.Size+8:], body[:])
	return sha256.Sum256(link[:])
}

// Metadata returns the ledger as the commit's metadata.
func (l *Ledger) Metadata() (string, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("encode ledger: %w", err)
	}
	return string(b), nil
}

// ParseLedger reads a commit's metadata. next is the committed offset, which
// the ledger must agree with; "" at offset 0 is an empty ledger.
func ParseLedger(metadata string, next int64) (Ledger, error) {
	if metadata == "" && next <= 0 {
		return Ledger{}, nil
	}
	var l Ledger
	if err := json.Unmarshal([]byte(metadata), &l); err != nil {
		return Ledger{}, fmt.Errorf("decode ledger at offset %d: %w", next, err)
	}
	if l.Next != next {
		return Ledger{}, fmt.Errorf("ledger is for offset %d, the commit says %d", l.Next, next)
	}
	return l, nil
}
