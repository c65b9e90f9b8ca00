package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// movedSQL selects the changes of a window by which a CDR comes to be found
// elsewhere: by another debtor, or in another month. One that has corrections may
// have moved by them.
var movedSQL = `SELECT was_month, lands, ` + resultColumns.row() + ` FROM (
	SELECT *, transform(old_month, ?, ?, toUInt32(0)) AS lands FROM repricings FINAL WHERE ` + applicable + `
) AS n INNER JOIN (
	SELECT offset, month AS was_month, (month, emsp_country, emsp_party, last_updated) AS was
	FROM results FINAL WHERE NOT elsewhere AND partition = ? AND epoch = ? AND offset >= ? AND offset < ?
) AS c ON n.offset = c.offset
WHERE (month, emsp_country, emsp_party, last_updated) != was
	OR n.offset IN (SELECT offset FROM corrections WHERE partition = ? AND epoch = ? AND offset >= ? AND offset < ?)`

// movedRows is how many of them are written together, as one part: no CDR is
// ever in two months, or in none.
const movedRows = 1000

// applyMoved makes the changes of a window count that move a CDR. Of one whose
// month is closed the result stays where it is, and its lists change.
func (s *Store) applyMoved(ctx context.Context, in ingest.Partition, args []any) error {
	var open, closed []placedRow
	flush := func() error {
		if err := s.rebook(ctx, in, open, true); err != nil {
			return err
		}
		err := s.rebook(ctx, in, closed, false)
		open, closed = nil, nil
		return err
	}
	err := s.each(ctx, fmt.Sprintf("read what a re-pricing moves in %s", in), movedSQL, args, func(rows driver.Rows) error {
		var was, lands uint32
		r := &resultRow{Row: &pricing.Row{}}
		if err := resultColumns.scan(rows, r, &was, &lands); err != nil {
			return err
		}
		row := placedRow{Row: r.Row, ver: r.ver, at: placeOf(r.Row, r.month), result: r}
		if lands == 0 {
			open = append(open, row)
		} else {
			row.at.Month = ocpi.Month(was)
			closed = append(closed, row)
		}
		if len(open)+len(closed) < movedRows {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
