package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/pricing"
)

// movedSQL selects the changes of a window by which a CDR comes to be found
// elsewhere: by another debtor, or in another month.
var movedSQL = "SELECT " + resultColumns.row() + " FROM (SELECT * FROM repricings FINAL WHERE " + applicable + `) AS n INNER JOIN (
	SELECT offset, (month, emsp_country, emsp_party, last_updated) AS was
	FROM results FINAL WHERE NOT elsewhere AND partition = ? AND epoch = ? AND offset >= ? AND offset < ?
) AS c ON n.offset = c.offset
WHERE (month, emsp_country, emsp_party, last_updated) != was`

// movedRows is how many of them are written together, as one part: no CDR is
// ever in two months, or in none.
const movedRows = 1000

// applyMoved makes the changes of a window count that move a CDR.
func (s *Store) applyMoved(ctx context.Context, in ingest.Partition, args []any) error {
	var moved []placedRow
	flush := func() error {
		err := s.rebook(ctx, in, moved, false)
		moved = nil
		return err
	}
	err := s.each(ctx, fmt.Sprintf("read what a re-pricing moves in %s", in), movedSQL, args, func(rows driver.Rows) error {
		r := &resultRow{Row: &pricing.Row{}}
		if err := resultColumns.scan(rows, r); err != nil {
			return err
		}
		moved = append(moved, placedRow{Row: r.Row, ver: r.ver, at: placeOf(r.Row, r.month), result: r})
		if len(moved) < movedRows {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
