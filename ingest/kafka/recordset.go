package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/roamclear/roamclear/ingest"
)

// partitionReader decodes the record sets of one partition, checking that no
// offset is missing.
type partitionReader struct {
	partition ingest.Partition
	envelopes envelopeReader
	memory    *slabs // nil: new memory for every fetch
	outage    ingest.Outage
}

// decode returns the records of a record set from offset `from` on, at most
// maxRecords. Bodies alias set (or what it unpacks to). A batch cut short at
// the end is left for the next fetch; so is what only a newer version of
// roamclear can read, after records that this one can: then it is the error.
func (p *partitionReader) decode(set []byte, from int64, maxRecords int) ([]ingest.Record, error) {
	const header = batchHeader
	var records []ingest.Record
	for len(set) >= header && len(records) < maxRecords {
		size := int(binary.BigEndian.Uint32(set[8:])) + 12
		if size < header {
			return nil, p.corrupt(set, "batch of %d bytes", size)
		}
		if size > len(set) {
			break
		}
		var err error
		records, err = p.decodeBatch(records, set[:size], from, maxRecords)
		if errors.Is(err, ingest.ErrNewer) && len(records) > 0 {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		if n := len(records); n > 0 {
			from = records[n-1].Offset + 1
		}
		set = set[size:]
	}
	return records, nil
}

func (p *partitionReader) decodeBatch(records []ingest.Record, b []byte, from int64, maxRecords int) ([]ingest.Record, error) {
	const attrs = batchAttrsAt - batchPrefix
	base := int64(binary.BigEndian.Uint64(b))
	last := base + int64(binary.BigEndian.Uint32(b[batchDeltaAt-batchPrefix:]))
	if last < from {
		return records, nil
	}
	if magic := b[batchMagicAt-batchPrefix]; magic != 2 {
		return nil, p.corrupt(b, "record format %d", magic)
	}
	if crc32.Checksum(b[attrs:], castagnoli) != binary.BigEndian.Uint32(b[batchCRCAt-batchPrefix:]) {
		return nil, p.corrupt(b, "checksum is wrong")
	}
	attributes := binary.BigEndian.Uint16(b[attrs:])
	if attributes&0x20 != 0 {
		return nil, p.corrupt(b, "a transaction marker: something else writes to this topic")
	}
	count := int(binary.BigEndian.Uint32(b[batchCountAt-batchPrefix:]))
	payload := b[batchHeader:]
	if c := Compression(attributes & 7); c != CompressionNone {
		var err error
		if payload, err = c.decompress(payload); err != nil {
			return nil, p.corrupt(b, "%v", err)
		}
	}
	if records == nil {
		records = make([]ingest.Record, 0, min(count, maxRecords, len(payload)/envelopeFixed+1))
	}
	d := cursor{b: payload}
	for i := 0; i < count && len(records) < maxRecords; i++ {
		size := d.varint()
		body := cursor{b: d.take(int(size))}
		if d.short {
			return nil, p.corrupt(b, "record %d is cut short", i)
		}
		var r ingest.Record
		if err := p.decodeRecord(&r, &body, base); err != nil {
			return records, err
		}
		switch {
		case r.Offset < from: // the batch began earlier than what was asked for
		case r.Offset > from:
			return nil, &ingest.GapError{Partition: p.partition, Want: from, Found: r.Offset}
		default:
			records = append(records, r)
			from++
		}
	}
	return records, nil
}

// decodeRecord reads one record of a batch that begins at offset base.
func (p *partitionReader) decodeRecord(r *ingest.Record, c *cursor, base int64) error {
	c.skip(1)  // attributes
	c.varint() // timestamp: the envelope has it
	r.Position = p.partition.At(base + c.varint())
	key := c.nullable()
	r.Body = c.nullable()
	if headers := c.varint(); headers != 1 || string(c.nullable()) != headerKey {
		return p.foreign(r.Offset, "headers are not ours: something else writes to this topic")
	}
	header := c.nullable()
	if c.short {
		return p.foreign(r.Offset, "record is cut short")
	}
	if err := p.envelopes.decode(&r.Envelope, key, header); err != nil {
		return fmt.Errorf("log %s, offset %d: %w", p.partition, r.Offset, err)
	}
	return nil
}

// nullable reads a varint length and its bytes, nil for null.
func (c *cursor) nullable() []byte {
	n := c.varint()
	if n < 0 {
		return nil
	}
	f := c.take(int(n))
	return f[:len(f):len(f)]
}

// RecordError says that what stands in the log is not what this package
// writes. Reading it again does not help.
type RecordError struct {
	Partition ingest.Partition
	Offset    int64 // of the record, or of its batch's first
	Reason    string
}

// Error says where and what.
func (e *RecordError) Error() string {
	return fmt.Sprintf("log %s, offset %d: %s", e.Partition, e.Offset, e.Reason)
}

func (p *partitionReader) foreign(offset int64, reason string) error {
	return &RecordError{Partition: p.partition, Offset: offset, Reason: reason}
}

func (p *partitionReader) corrupt(batch []byte, format string, args ...any) error {
	return p.foreign(int64(binary.BigEndian.Uint64(batch)), fmt.Sprintf(format, args...))
}
