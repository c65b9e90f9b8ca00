package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"

	"github.com/roamclear/roamclear/ingest"
)

// A fetch is one Fetch request (version 11, Kafka 2.3 and later) for one
// partition, written and read by ourselves through kafka-go's raw exchange:
// the whole answer lands in one slab of memory that the records then alias.
type fetchRequest struct {
	fetch.Request        // routes the request to the partition's leader
	slab          []byte // to read the answer into, if it is large enough
}

type fetchResponse struct {
	code      int16
	logStart  int64
	end       int64  // high watermark
	recordSet []byte // aliases slab
	slab      []byte
}

const (
	fetchVersion = 11
	// maxResponse bounds an answer: brokers send at least one whole batch,
	// even if it is larger than what was asked for.
	maxResponse = 64 << 20
)

func (*fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Required says to kafka-go that RawExchange replaces its own codec.
func (*fetchRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange writes the request and reads the answer.
func (r *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if _, err := rw.Write(r.encode()); err != nil {
		return nil, fmt.Errorf("write fetch: %w", err)
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return nil, fmt.Errorf("read fetch: %w", err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxResponse {
		return nil, fmt.Errorf("read fetch: answer of %d bytes, at most %d", n, maxResponse)
	}
	slab := r.slab
	if cap(slab) < int(n) {
		slab = make([]byte, n)
	}
	slab = slab[:n]
	if _, err := io.ReadFull(rw, slab); err != nil {
		return nil, fmt.Errorf("read fetch: %w", err)
	}
	return decodeFetch(slab)
}

func (r *fetchRequest) encode() []byte {
	t := r.Topics[0]
	p := t.Partitions[0]
	b := make([]byte, 4, 128)
	b = binary.BigEndian.AppendUint16(b, uint16(protocol.Fetch))
	b = binary.BigEndian.AppendUint16(b, fetchVersion)
	b = binary.BigEndian.AppendUint32(b, 1) // correlation: one request at a time per connection
	b = appendString(b, clientID)
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // replica: a client
	b = binary.BigEndian.AppendUint32(b, uint32(r.MaxWaitTime))
	b = binary.BigEndian.AppendUint32(b, uint32(r.MinBytes))
	b = binary.BigEndian.AppendUint32(b, uint32(r.MaxBytes))
	b = append(b, 0)                                 // isolation: read uncommitted, nothing here is transactional
	b = binary.BigEndian.AppendUint32(b, 0)          // session: none
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // session epoch: none
	b = binary.BigEndian.AppendUint32(b, 1)
	b = appendString(b, t.Topic)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Partition))
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // leader epoch: any
	b = binary.BigEndian.AppendUint64(b, uint64(p.FetchOffset))
	b = binary.BigEndian.AppendUint64(b, ^uint64(0)) // log start: a client has none
	b = binary.BigEndian.AppendUint32(b, uint32(p.PartitionMaxBytes))
	b = binary.BigEndian.AppendUint32(b, 0) // forgotten topics
	b = appendString(b, "")                 // rack
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

var errFetchShort = errors.New("read fetch: answer cut short")

// decodeFetch reads the answer to a fetch of one partition.
func decodeFetch(slab []byte) (*fetchResponse, error) {
	d := cursor{b: slab}
	d.skip(4 + 4) // correlation, throttle time
	code := int16(d.uint16())
	d.skip(4) // session
	if topics := d.uint32(); topics == 0 {
		if code != 0 {
			return &fetchResponse{code: code, slab: slab}, nil
		}
		return nil, errFetchShort
	}
	d.skip(int(d.uint16())) // topic
	d.skip(4 + 4)           // partitions, partition
	r := &fetchResponse{code: int16(d.uint16()), slab: slab}
	r.end = int64(d.uint64())
	d.skip(8) // last stable offset
	r.logStart = int64(d.uint64())
	if aborted := int32(d.uint32()); aborted > 0 {
		d.skip(int(min(aborted, maxResponse/16)) * 16)
	}
	d.skip(4) // preferred read replica
	if n := int32(d.uint32()); n > 0 {
		r.recordSet = d.take(int(n))
	}
	if d.short {
		return nil, errFetchShort
	}
	if r.code == 0 {
		r.code = code
	}
	return r, nil
}

// fetchOnce asks the leader once. An empty answer means that nothing came
// within wait. The answer is in slab if that is large enough. After an error
// slab must not be used again: a connection may still be reading into it.
//
// Errors: *ingest.GapError where from is outside the log, else what the broker or
// the network said.
func (l *Log) fetchOnce(ctx context.Context, p ingest.Partition, from int64, maxBytes int, wait time.Duration, slab []byte) (*fetchResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+requestTimeout)
	defer cancel()
	req := &fetchRequest{slab: slab, Request: fetch.Request{
		MaxWaitTime: int32(wait.Milliseconds()), MinBytes: 1, MaxBytes: int32(maxBytes),
		Topics: []fetch.RequestTopic{{Topic: l.opts.name(string(p.Topic)), Partitions: []fetch.RequestPartition{{
			Partition: p.Number, FetchOffset: from, PartitionMaxBytes: int32(maxBytes),
		}}}},
	}}
	m, err := l.fetch.RoundTrip(ctx, l.addr, req)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", p, err)
	}
	res := m.(*fetchResponse)
	if res.code == 0 {
		return res, nil
	}
	if err := segmentio.Error(res.code); !errors.Is(err, segmentio.OffsetOutOfRange) {
		return nil, fmt.Errorf("fetch %s from %d: %w", p, from, err)
	}
	start, end, err := l.bounds(ctx, p)
	if err != nil {
		return nil, err
	}
	if start <= from && from <= end {
		return nil, fmt.Errorf("fetch %s from %d: %w", p, from, segmentio.OffsetOutOfRange)
	}
	return nil, &ingest.GapError{Partition: p, Want: from, Start: start, End: end}
}

// cursor reads big-endian fields; past the end it yields zeros and says short.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.short, c.b = true, nil
		return nil
	}
	field := c.b[:n]
	c.b = c.b[n:]
	return field
}

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) uint16() uint16 {
	if f := c.take(2); f != nil {
		return binary.BigEndian.Uint16(f)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if f := c.take(4); f != nil {
		return binary.BigEndian.Uint32(f)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if f := c.take(8); f != nil {
		return binary.BigEndian.Uint64(f)
	}
	return 0
}

// varint reads a zigzag varint, as Kafka writes lengths inside a record.
func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.short, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}
