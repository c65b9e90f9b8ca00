package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/roamclear/roamclear/ingest"
)

// Offset is what a group has committed for a partition.
type Offset struct {
	Next     int64  // the first offset that is not done
	Metadata string // what the member committed with it
}

// Lease is the right to work on one partition for one generation of a group.
// It implements [ingest.Lease] and is not safe for concurrent use.
type Lease struct {
	log        *Log
	group      string
	generation int32
	member     string
	partition  ingest.Partition

	committed Offset
	reader    *partitionReader
	ahead     []ingest.Record // fetched and not handed out yet
}

var _ ingest.Lease = (*Lease)(nil)

// Partition returns what the lease is for.
func (c *Lease) Partition() ingest.Partition { return c.partition }

// Committed returns what was committed when the lease began, or since by
// Commit: the next offset to work on, -1 if the group never committed one,
// and the metadata that went with it.
func (c *Lease) Committed() (next int64, metadata string) {
	return c.committed.Next, c.committed.Metadata
}

func (c *Lease) load(ctx context.Context) error {
	err := retry(ctx, func() error {
		committed, err := c.log.Committed(ctx, c.group, c.partition.Topic)
		if err != nil {
			return err
		}
		var ok bool
		if c.committed, ok = committed[c.partition]; !ok {
			c.committed = Offset{Next: -1}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOwnershipLost, err)
	}
	return nil
}

// Read returns records from an offset on, at most maxRecords and about
// maxBytes (both positive; one fetch is never more than Options.FetchBytes).
// With wait 0 it waits until there is one or ctx ends, else for that long and
// then returns none. What was fetched beyond maxRecords is kept for the next
// Read that goes on there. Bodies stay valid until Release, for ever if it is
// never called; each keeps the memory of its whole fetch alive.
//
// Errors: ctx's, and those that end a follower, see Log.Tail.
func (c *Lease) Read(ctx context.Context, from int64, maxRecords, maxBytes int, wait time.Duration) ([]ingest.Record, error) {
	if len(c.ahead) == 0 || c.ahead[0].Offset != from {
		records, err := c.log.await(ctx, c.reader, from, maxAhead, min(maxBytes, c.log.opts.FetchBytes), wait)
		if err != nil {
			return nil, err
		}
		c.ahead = records
	}
	n, bytes := 0, 0
	for n < len(c.ahead) && n < maxRecords && (n == 0 || bytes+len(c.ahead[n].Body) <= maxBytes) {
		bytes += len(c.ahead[n].Body)
		n++
	}
	records := c.ahead[:n:n]
	c.ahead = c.ahead[n:]
	return records, nil
}

// Release says that no body of any record that Read has returned will be used
// again (their envelopes may be): later reads use the memory for theirs. Call
// it once a batch is committed: it halves what reading costs, see slabs.
func (c *Lease) Release() { c.reader.memory.release(len(c.ahead) > 0) }

// maxAhead bounds the records of one fetch, however small they are.
const maxAhead = 50_000

// MaxMetadata is how many bytes of metadata a commit can keep: Kafka's default
// of offset.metadata.max.bytes.
const MaxMetadata = 4096

// Commit says that every record before next is done, and keeps metadata with
// it. The broker refuses it when the partition has gone to another member.
// Any error but that of more than MaxMetadata bytes wraps ErrOwnershipLost:
// what was done stays done, and whoever owns the partition next does it again.
func (c *Lease) Commit(ctx context.Context, next int64, metadata string) error {
	if len(metadata) > MaxMetadata {
		return fmt.Errorf("commit %d of %s for %s: metadata has %d bytes, at most %d", next, c.partition, c.group, len(metadata), MaxMetadata)
	}
	if err := c.commit(ctx, next, metadata); err != nil {
		return fmt.Errorf("commit %d of %s for %s: %w: %w", next, c.partition, c.group, ErrOwnershipLost, err)
	}
	c.committed = Offset{Next: next, Metadata: metadata}
	return nil
}

func (c *Lease) commit(ctx context.Context, next int64, metadata string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	topic, number := c.log.opts.name(string(c.partition.Topic)), int(c.partition.Number)
	res, err := c.log.admin.OffsetCommit(ctx, &segmentio.OffsetCommitRequest{
		GroupID: c.log.opts.name(c.group), GenerationID: int(c.generation), MemberID: c.member,
		Topics: map[string][]segmentio.OffsetCommit{topic: {{Partition: number, Offset: next, Metadata: metadata}}},
	})
	if err != nil {
		return err
	}
	for _, p := range res.Topics[topic] {
		if p.Partition == number {
			return p.Error
		}
	}
	return errors.New("no answer for the partition")
}

// NextOf returns the offsets that a group has committed, by partition. A
// partition it never committed is not in the map.
func (l *Log) NextOf(ctx context.Context, group string, topic ingest.Topic) (map[ingest.Partition]int64, error) {
	committed, err := l.Committed(ctx, group, topic)
	next := make(map[ingest.Partition]int64, len(committed))
	for p, o := range committed {
		next[p] = o.Next
	}
	return next, err
}

// Committed returns what a group has committed, by partition. A partition it
// never committed is not in the map; where another group kept the topic before,
// that one's commit counts.
func (l *Log) Committed(ctx context.Context, group string, topic ingest.Topic) (map[ingest.Partition]Offset, error) {
	offsets, err := l.committed(ctx, group, topic)
	spec, _ := topic.Spec()
	if err != nil || group != spec.Group || spec.Former == "" || len(offsets) == l.counts[topic] {
		return offsets, err
	}
	former, err := l.committed(ctx, spec.Former, topic)
	for p, o := range former {
		if _, ok := offsets[p]; !ok {
			offsets[p] = o
		}
	}
	return offsets, err
}

func (l *Log) committed(ctx context.Context, group string, topic ingest.Topic) (map[ingest.Partition]Offset, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	partitions := make([]int, l.counts[topic])
	for p := range partitions {
		partitions[p] = p
	}
	name := l.opts.name(string(topic))
	res, err := l.admin.OffsetFetch(ctx, &segmentio.OffsetFetchRequest{
		GroupID: l.opts.name(group), Topics: map[string][]int{name: partitions},
	})
	if err == nil {
		err = res.Error
	}
	if errors.Is(err, segmentio.GroupIdNotFound) {
		return map[ingest.Partition]Offset{}, nil // nobody has joined it yet
	}
	if err != nil {
		return nil, fmt.Errorf("read commits of %s: %w", group, err)
	}
	offsets := make(map[ingest.Partition]Offset, len(partitions))
	for _, p := range res.Topics[name] {
		if p.Error != nil {
			return nil, fmt.Errorf("read commits of %s for %s/%d: %w", group, topic, p.Partition, p.Error)
		}
		if p.CommittedOffset >= 0 {
			offsets[l.partition(topic, int32(p.Partition))] = Offset{Next: p.CommittedOffset, Metadata: p.Metadata}
		}
	}
	return offsets, nil
}
