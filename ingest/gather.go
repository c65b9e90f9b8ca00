package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Bounds of what a Drain holds of one partition.
const (
	windowRows  = 5_000
	windowBytes = 16 << 20
	// What one sender may have waiting while others' records are read past
	// its own: a quarter.
	shareRows  = windowRows / 4
	shareBytes = windowBytes / 4
	// maxAhead bounds how far reading goes past what is not durable yet.
	maxAhead = 100_000
)

// The linger lets a turn carry many rows under load, since an insert costs the
// engine 7-19 ms of CPU whatever its size, and lets a single record through at
// once. It goes in steps, and goes on only while records keep coming fast: a
// burst that is over keeps nobody waiting. Where the window would fill within
// fillWithin it may take that long, else lingerAtMost.
const (
	lingerStep   = 150 * time.Millisecond
	busyStep     = 45        // records a step that make it worth another
	busyBytes    = 256 << 10 // of a read: as much as that says that the log has more
	lingerAtMost = 700 * time.Millisecond
	fillWithin   = 3 * time.Second
	glance       = time.Millisecond // a read that does not wait
)

// gather fills pending: it waits for a first record when nothing is pending,
// and lingers for more; when something is, it takes in what is there.
func (k *keeping) gather(ctx context.Context) error {
	if len(k.pending) > 0 || k.left >= 0 {
		return k.refill(ctx)
	}
	if _, err := k.read(ctx, 0); err != nil {
		return err
	}
	for spent := time.Duration(0); !k.full(); {
		n, err := k.drainLog(ctx)
		if err != nil || n < 0 {
			return err
		}
		if spent > 0 && (n < busyStep || spent >= lingerFor(len(k.pending), n)) {
			return nil
		}
		if !Pause(ctx, lingerStep) {
			return nil // asked to stop: finish what we have
		}
		spent += lingerStep
	}
	return nil
}

// lingerFor returns how long a turn of rows may wait for more, when the last
// step brought n.
func lingerFor(rows, n int) time.Duration {
	steps := (windowRows - rows + n - 1) / n
	if time.Duration(steps)*lingerStep <= fillWithin {
		return fillWithin
	}
	return lingerAtMost
}

// drainLog reads what is there without waiting, and returns how many records
// that were; -1 when ctx ended.
func (k *keeping) drainLog(ctx context.Context) (int, error) {
	total := 0
	for !k.full() {
		n, err := k.read(ctx, glance)
		if ctx.Err() != nil {
			return -1, nil
		}
		total += n
		if err != nil || !hasMore(k.pending[len(k.pending)-n:]) {
			return total, err
		}
	}
	return total, nil
}

// hasMore reports whether what a read brought, which did not wait, says that the
// log has more: few records may be all that there is, or large.
func hasMore(read []Record) bool { return len(read) >= busyStep || size(read) >= busyBytes }

func (k *keeping) full() bool { return len(k.pending) >= windowRows || size(k.pending) >= windowBytes }

// read appends what the log has from front on to pending.
func (k *keeping) read(ctx context.Context, wait time.Duration) (int, error) {
	records, err := k.lease.Read(ctx, k.front, windowRows-len(k.pending), max(windowBytes-size(k.pending), 1), wait)
	if err != nil || len(records) == 0 {
		return 0, k.later(err)
	}
	k.pending = append(k.pending, records...)
	k.front = records[len(records)-1].Offset + 1
	return len(records), nil
}

// later puts a gap off until what was read before it is stored.
func (k *keeping) later(err error) error {
	if _, gap := errors.AsType[*GapError](err); gap && len(k.pending) > 0 {
		return nil
	}
	return err
}

func size(records []Record) int {
	n := 0
	for i := range records {
		n += len(records[i].Body)
	}
	return n
}

// shares counts what each sender has pending.
type shares map[string]*share

type share struct{ rows, bytes int }

func sharesOf(records []Record) shares {
	s := shares{}
	for i := range records {
		s.take(&records[i])
	}
	return s
}

// take reports whether the record is within its sender's share, and counts it
// if it is.
func (s shares) take(r *Record) bool {
	of := s[r.Sender]
	if of == nil {
		of = &share{}
		s[r.Sender] = of
	}
	if of.rows >= shareRows || of.bytes+len(r.Body) > shareBytes && of.rows > 0 {
		return false
	}
	of.rows++
	of.bytes += len(r.Body)
	return true
}

// carry keeps what a turn has left for the next one, each sender's share of
// it, in memory of its own, so that what was read can be released.
func (k *keeping) carry(t *Turn) {
	var rest []Record
	var within shares
	for i := range t.Records {
		if t.durable[i] {
			continue
		}
		if within == nil {
			within = shares{}
		}
		r := t.Records[i]
		if !within.take(&r) {
			k.leave(r.Offset)
			continue
		}
		r.Body = bytes.Clone(r.Body)
		rest = append(rest, r)
	}
	clear(k.pending)
	k.pending = append(k.pending[:0], rest...)
	k.lease.Release()
}

// leave notes a record that is to be read again.
func (k *keeping) leave(offset int64) {
	if k.left < 0 || offset < k.left {
		k.left = offset
	}
}

// refill takes in, without waiting, what the senders' shares allow: first what
// was left behind, then what has arrived since. Records of others are read
// past those of one whose share is used up.
func (k *keeping) refill(ctx context.Context) error {
	within := sharesOf(k.pending)
	if err := k.reread(ctx, within); err != nil {
		return k.settle(ctx, err)
	}
	for !k.full() && k.front-k.next < maxAhead {
		records, err := k.lease.Read(ctx, k.front, windowRows, windowBytes/4, glance)
		if err != nil || len(records) == 0 {
			return k.settle(ctx, k.later(err))
		}
		for i := range records {
			if !within.take(&records[i]) {
				k.leave(records[i].Offset)
				continue
			}
			k.hold(&records[i])
		}
		k.front = records[len(records)-1].Offset + 1
		if !hasMore(records) {
			break
		}
	}
	return k.settle(ctx, nil)
}

// hold takes a record into pending in memory of its own: what is read past others
// may be one of each fetch, and would keep all of them alive.
func (k *keeping) hold(r *Record) {
	own := *r
	own.Body = bytes.Clone(r.Body)
	k.pending = append(k.pending, own)
}

// settle ends a refill with pending in order. A stop that was asked for does
// not keep what is pending from being finished.
func (k *keeping) settle(ctx context.Context, err error) error {
	if err != nil && (ctx.Err() == nil || len(k.pending) == 0) {
		return err
	}
	slices.SortFunc(k.pending, func(a, b Record) int { return cmp.Compare(a.Offset, b.Offset) })
	return nil
}

// reread takes in records that were left behind, up to the first whose sender
// has its share already.
func (k *keeping) reread(ctx context.Context, within shares) error {
	waiting := make(map[int64]bool, len(k.pending))
	for i := range k.pending {
		waiting[k.pending[i].Offset] = true
	}
	for k.left >= 0 && !k.full() {
		wait := glance
		if len(k.pending) == 0 {
			wait = 0 // the record at left is there
		}
		records, err := k.lease.Read(ctx, k.left, windowRows, windowBytes/4, wait)
		if err != nil || len(records) == 0 {
			return err
		}
		for i := range records {
			r := &records[i]
			if r.Offset >= k.front {
				k.left = -1
				return nil
			}
			if _, durable := k.ahead[r.Offset]; durable || r.Offset < k.next || waiting[r.Offset] {
				continue
			}
			if !within.take(r) {
				k.left = r.Offset
				return nil
			}
			k.hold(r)
		}
		if k.left = records[len(records)-1].Offset + 1; k.left >= k.front {
			k.left = -1
		}
	}
	return nil
}
