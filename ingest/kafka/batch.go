package kafka

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/roamclear/roamclear/ingest"
)

// A batch is one Kafka RecordBatch (format v2) on its way into one partition,
// encoded record by record as they arrive: one copy of the body, no lifetimes
// to respect, and whoever waits for it may give up without harm. The buffer
// begins with the int32 length that kafka-go's raw produce wants.
type batch struct {
	buf       []byte
	count     int32
	firstTime int64 // milliseconds since 1970, of the first record
	maxTime   int64

	// done is closed when the outcome is known; base and err are set before.
	done chan struct{}
	base int64 // offset of the first record
	err  error
}

// Offsets into buf, after the length prefix: see the format of a RecordBatch.
const (
	batchPrefix     = 4
	batchHeader     = 61
	batchLengthAt   = batchPrefix + 8
	batchMagicAt    = batchPrefix + 16
	batchCRCAt      = batchPrefix + 17
	batchAttrsAt    = batchPrefix + 21
	batchDeltaAt    = batchPrefix + 23
	batchFirstAt    = batchPrefix + 27
	batchMaxAt      = batchPrefix + 35
	batchProducerAt = batchPrefix + 43
	batchEpochAt    = batchPrefix + 51
	batchSequenceAt = batchPrefix + 53
	batchCountAt    = batchPrefix + 57
	batchRecordsAt  = batchPrefix + batchHeader
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newBatch returns an empty batch in buf's memory.
func newBatch(buf []byte) *batch {
	if cap(buf) < batchRecordsAt {
		buf = make([]byte, batchRecordsAt, 16<<10)
	}
	buf = buf[:batchRecordsAt]
	clear(buf)
	return &batch{buf: buf, done: make(chan struct{})}
}

// recordSize returns an upper bound of what a record adds to a batch.
func recordSize(e *ingest.Envelope, body []byte) int {
	const framing = 40 // varints, header key
	return framing + max(keySize(e.Key), 0) + envelopeSize(e) + len(body)
}

// add appends a record and returns its place in the batch.
func (b *batch) add(e *ingest.Envelope, body []byte) int32 {
	millis := int64(e.Received) / 1e6
	if b.count == 0 {
		b.firstTime, b.maxTime = millis, millis
	}
	b.maxTime = max(b.maxTime, millis)
	delta, place := millis-b.firstTime, b.count
	key, env := keySize(e.Key), envelopeSize(e)

	size := 1 + varintSize(delta) + varintSize(int64(place)) +
		varintSize(int64(key)) + max(key, 0) +
		varintSize(int64(len(body))) + len(body) +
		varintSize(1) + varintSize(int64(len(headerKey))) + len(headerKey) + varintSize(int64(env)) + env
	buf := binary.AppendVarint(b.buf, int64(size))
	buf = append(buf, 0) // attributes
	buf = binary.AppendVarint(buf, delta)
	buf = binary.AppendVarint(buf, int64(place))
	buf = binary.AppendVarint(buf, int64(key))
	if key >= 0 {
		buf = appendKey(buf, e.Key)
	}
	buf = binary.AppendVarint(buf, int64(len(body)))
	buf = append(buf, body...)
	buf = binary.AppendVarint(buf, 1)
	buf = binary.AppendVarint(buf, int64(len(headerKey)))
	buf = append(buf, headerKey...)
	buf = binary.AppendVarint(buf, int64(env))
	b.buf = appendEnvelope(buf, e)
	b.count++
	return place
}

// seal writes the header for a producer session and returns the bytes to
// send: b's own memory, unless they are compressed. It may be called again
// with another session.
func (b *batch) seal(s session, c Compression) ([]byte, error) {
	h := b.buf
	if c != CompressionNone {
		var err error
		if h, err = c.compress(bytes.Clone(h[:batchRecordsAt]), h[batchRecordsAt:]); err != nil {
			return nil, err
		}
	}
	binary.BigEndian.PutUint32(h, uint32(len(h)-batchPrefix))
	binary.BigEndian.PutUint32(h[batchLengthAt:], uint32(len(h)-batchLengthAt-4))
	binary.BigEndian.PutUint32(h[batchLengthAt+4:], ^uint32(0)) // partition leader epoch: the broker's to set
	h[batchMagicAt] = 2
	binary.BigEndian.PutUint16(h[batchAttrsAt:], uint16(c))
	binary.BigEndian.PutUint32(h[batchDeltaAt:], uint32(b.count-1))
	binary.BigEndian.PutUint64(h[batchFirstAt:], uint64(b.firstTime))
	binary.BigEndian.PutUint64(h[batchMaxAt:], uint64(b.maxTime))
	binary.BigEndian.PutUint64(h[batchProducerAt:], uint64(s.id))
	binary.BigEndian.PutUint16(h[batchEpochAt:], uint16(s.epoch))
	binary.BigEndian.PutUint32(h[batchSequenceAt:], uint32(s.next))
	binary.BigEndian.PutUint32(h[batchCountAt:], uint32(b.count))
	binary.BigEndian.PutUint32(h[batchCRCAt:], crc32.Checksum(h[batchAttrsAt:], castagnoli))
	return h, nil
}

// finish tells everyone who waits for the batch how it ended.
func (b *batch) finish(base int64, err error) {
	b.base, b.err = base, err
	close(b.done)
}

func varintSize(n int64) int {
	u := uint64(n<<1) ^ uint64(n>>63)
	size := 1
	for ; u >= 0x80; u >>= 7 {
		size++
	}
	return size
}
