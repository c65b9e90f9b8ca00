package clickhouse

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Resends of one insert whose connection broke. Together they bridge a restart
// of the embedded engine; whoever called bridges longer outages.
const (
	insertResends = 4
	resendAfter   = 250 * time.Millisecond // doubled each time
)

// blockRows is how many rows are encoded at a time. Measured with 3.7 KB bodies
// and batches of 5,000: all rows at once 10 µs of CPU and 32 KB of garbage per
// CDR, 64 to 512 at a time 5.3 to 6 µs (no difference beyond the noise) and 0.6
// to 3.3 KB. Larger blocks mean fewer for the server to join.
// blockBytes bounds the texts of a block of large rows: a connection keeps
// memory for the largest that it has sent.
const (
	blockRows  = 256
	blockBytes = 1 << 20
)

// block is the rows of one insert, column by column. Columns are filled with
// typed appends into ch-go columns that keep their memory, and handed to
// clickhouse-go's batch as they would come off the wire. That is several times
// cheaper than its own Append, which takes decimals as big integers and
// low-cardinality values as interfaces, one allocation each; what is sent is
// the same.
type block struct {
	table   string
	query   string
	columns []blockColumn
	encoded proto.Buffer
	source  bytes.Reader
	reader  *proto.Reader
}

// blockColumn is one column: texts, or anything else ch-go encodes.
type blockColumn struct {
	name  string
	texts *[]string
	data  proto.ColInput
}

// newBlock returns a block of the named columns; each is a *[]string or a
// ch-go column, owned by the caller, who appends one value per row to each.
func newBlock(table string, columns ...blockColumn) *block {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	b := &block{table: table, columns: columns}
	b.query = fmt.Sprintf("INSERT INTO %s (%s)", table, strings.Join(names, ", "))
	b.reader = proto.NewReader(&b.source)
	return b
}

func texts(name string, v *[]string) blockColumn { return blockColumn{name: name, texts: v} }

func values(name string, v proto.ColInput) blockColumn { return blockColumn{name: name, data: v} }

// rows returns the number of rows appended.
func (b *block) rows() int {
	if c := b.columns[0]; c.texts != nil {
		return len(*c.texts)
	}
	return b.columns[0].data.Rows()
}

// lastTexts is how many bytes of text the row appended last has.
func (b *block) lastTexts() int {
	n := 0
	for _, c := range b.columns {
		if c.texts != nil && len(*c.texts) > 0 {
			n += len((*c.texts)[len(*c.texts)-1])
		}
	}
	return n
}

// reset empties the block and drops every reference to the rows' memory.
func (b *block) reset() {
	for _, c := range b.columns {
		if c.texts != nil {
			clear(*c.texts)
			*c.texts = (*c.texts)[:0]
			continue
		}
		c.data.(proto.Resettable).Reset()
	}
}

// load hands the block's columns to a batch's, which are in the same order.
func (b *block) load(into []column.Interface) error {
	if len(into) != len(b.columns) {
		return fmt.Errorf("table %s has %d of %d columns", b.table, len(into), len(b.columns))
	}
	for i, c := range b.columns {
		if c.texts != nil {
			if _, err := into[i].Append(*c.texts); err != nil {
				return fmt.Errorf("column %s.%s: %w", b.table, c.name, err)
			}
			continue
		}
		if p, ok := c.data.(proto.Preparable); ok {
			if err := p.Prepare(); err != nil {
				return fmt.Errorf("column %s.%s: %w", b.table, c.name, err)
			}
		}
		b.encoded.Reset()
		c.data.EncodeColumn(&b.encoded)
		b.source.Reset(b.encoded.Buf)
		if err := into[i].Decode(b.reader, b.rows()); err != nil {
			return fmt.Errorf("column %s.%s: %w", b.table, c.name, err)
		}
	}
	return nil
}

// insert stores n rows as one insert, which becomes one part. fill appends row
// i to the block; it is called again for every row when the rows are sent
// again. what names the rows for people.
func (s *Store) insert(ctx context.Context, b *block, what string, n int, fill func(i int) error) error {
	if n == 0 {
		return nil
	}
	what = b.table + "/" + what
	if err := s.space(); err != nil {
		return fmt.Errorf("insert %s: %w: %w", what, settlement.ErrUnavailable, err)
	}
	began, wait := time.Now(), resendAfter
	for resend := 0; ; resend++ {
		err := s.send(ctx, b, n, fill)
		if err == nil {
			break
		}
		if !lost(err) || resend == insertResends {
			return fail("insert "+what, err)
		}
		// Nobody knows whether the server took it. Rows that it has twice are one
		// to every reader, as after a replay.
		s.metrics.retries.Inc()
		s.log.Warn("insert sent again", "table", b.table, "error", err)
		select {
		case <-ctx.Done():
			return fail("insert "+what, ctx.Err())
		case <-time.After(wait):
		}
		wait *= 2
	}
	s.metrics.rows.WithLabelValues(b.table).Add(float64(n))
	s.metrics.inserts.WithLabelValues(b.table).Observe(time.Since(began).Seconds())
	return nil
}

// send sends the rows in blocks that stay in the processor's cache; the server
// joins them into one part.
func (s *Store) send(ctx context.Context, b *block, n int, fill func(i int) error) error {
	defer b.reset()
	batch, err := s.conn.PrepareBatch(ctx, b.query)
	if err != nil {
		return err
	}
	columns, bytes := batch.Columns(), 0
	for i := range n {
		if b.rows() == blockRows || bytes >= blockBytes {
			if err := b.flush(batch, columns); err != nil {
				return err
			}
			bytes = 0
		}
		if err := fill(i); err != nil {
			_ = batch.Abort()
			return err
		}
		bytes += b.lastTexts()
	}
	if err := b.load(columns); err != nil {
		_ = batch.Abort()
		return err
	}
	return batch.Send()
}

// flush sends the rows that the block has, and empties it.
func (b *block) flush(batch driver.Batch, columns []column.Interface) error {
	err := b.load(columns)
	if err == nil {
		err = batch.Flush()
	}
	if err != nil {
		_ = batch.Abort() // the driver would keep the connection's place in the pool for ever
		return err
	}
	b.reset()
	return nil
}

// moneyScale is the scale of every Decimal(38, 12) column.
const moneyScale = ocpi.MaxNumberDecimals

var pow10 = [moneyScale + 1]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// decimal128 returns n × 10^12 as ClickHouse stores it: exact for every
// Number, since 18 digits times 10^12 stay below 2^127.
func decimal128(n ocpi.Number) proto.Decimal128 {
	coef := n.Coef()
	magnitude := uint64(coef)
	if coef < 0 {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, pow10[moneyScale-n.Scale()])
	if coef < 0 {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return proto.Decimal128{Low: lo, High: hi}
}

// optional returns n, or NULL when it is absent.
func optional(n ocpi.Number) proto.Nullable[proto.Decimal128] {
	if !n.IsSet() {
		return proto.Nullable[proto.Decimal128]{}
	}
	return proto.NewNullable(decimal128(n))
}

// nanoseconds returns an empty DateTime64(9) column.
func nanoseconds() proto.ColDateTime64 {
	return proto.ColDateTime64{Precision: proto.PrecisionNano, PrecisionSet: true, Location: time.UTC}
}
