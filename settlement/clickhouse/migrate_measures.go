package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/pricing"
)

// measuredRow is a row of table measured, which there is while a store of before 0026 is
// migrated: what the record at a position measures.
type measuredRow struct {
	at       ingest.Position
	doubt    pricing.Doubt
	measures pricing.Measures
}

var measuredColumns = append(columns[measuredRow]{
	whole[proto.ColInt32]("partition", func(r *measuredRow) *int32 { return &r.at.Partition }, (*rowReader).i32),
	whole[proto.ColUInt8]("epoch", func(r *measuredRow) *uint8 { return &r.at.Epoch }, (*rowReader).u8),
	whole[proto.ColInt64]("offset", func(r *measuredRow) *int64 { return &r.at.Offset }, (*rowReader).i64),
	enum("doubt", func(r *measuredRow) *pricing.Doubt { return &r.doubt }),
}, lifted(measureColumns, func(r *measuredRow) *pricing.Measures { return &r.measures })...)

// measuredAtOnce is how many records' measures are held and written together.
const measuredAtOnce = 20_000

// measureCDRs writes what the CDRs of a window of a partition measure. A body that cannot
// be read, as of a CDR that was rejected for it, measures nothing.
func (s *Store) measureCDRs(ctx context.Context, p ingest.Partition, from, to int64) error {
	into := newTableRows("measured", measuredColumns)
	pricer := pricing.NewPricer(nil, nil) // it only reads
	rows := make([]measuredRow, 0, measuredAtOnce)
	flush := func() error {
		err := s.insert(ctx, into.block, fmt.Sprintf("measure/%s", p), len(rows), func(i int) error { into.append(&rows[i]); return nil })
		rows = rows[:0]
		return err
	}
	err := s.RecordsRange(ctx, p, from, to, func(r ingest.Record) error {
		row := measuredRow{at: r.Position}
		var err error
		if row.measures, row.doubt, err = pricer.Measure(&r); err != nil {
			return nil //nolint:nilerr // it is told with the CDR
		}
		if rows = append(rows, row); len(rows) < measuredAtOnce {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
