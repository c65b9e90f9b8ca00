package ingest

import (
	"context"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Reader is the reading end of the log.
type Reader interface {
	// Partitions lists the partitions of a topic, by number; none of a topic
	// that is not known.
	Partitions(topic Topic) []Partition
	// Place returns the partition in which all records of a key stand.
	Place(topic Topic, key ocpi.Key) Partition
	// Bounds returns the first offset there is and the one that the next
	// record will get.
	Bounds(ctx context.Context, p Partition) (start, end int64, err error)
	// Read returns records from an offset on, at most maxRecords, none at the
	// end of the log. The caller owns them.
	Read(ctx context.Context, p Partition, from int64, maxRecords int) ([]Record, error)
	// Tail hands on the records from an offset on, in order, as they come,
	// until ctx ends or fn returns an error. A gap is an error, never skipped.
	Tail(ctx context.Context, p Partition, from int64, fn func([]Record) error) error
}

// Lease is the right of one consumer to work on one partition for now, as its
// group hands it out.
type Lease interface {
	Partition() Partition
	// Committed returns the next offset and its metadata, -1 when none.
	Committed() (next int64, metadata string)
	// Read returns the records from an offset on, at least one; it waits for
	// one until ctx ends, or, with a wait other than 0, for that long, and
	// then returns none. An offset that is gone is an error, never skipped.
	Read(ctx context.Context, from int64, maxRecords, maxBytes int, wait time.Duration) ([]Record, error)
	// Release says that no body Read has returned is used any more.
	Release()
	// Commit moves the group's offset. Any error means the lease is lost.
	Commit(ctx context.Context, next int64, metadata string) error
}
