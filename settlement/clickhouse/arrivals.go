package clickhouse

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.ArrivalReader = (*Store)(nil)

// momentSQL is the instant that a CDR is booked by, see pricing.Row.BookedAt.
const momentSQL = "multiIf(toUnixTimestamp64Nano(end) != 0, end, toUnixTimestamp64Nano(start) != 0, start, toUnixTimestamp64Nano(last_updated) != 0, last_updated, received)"

// CDRsByDay implements [settlement.ArrivalReader].
func (s *Store) CDRsByDay(ctx context.Context, party ocpi.Party, month ocpi.Month) ([]uint64, error) {
	var w where
	w.and("month = ?", uint32(month))
	w.parties(party, ocpi.Party{}, ocpi.Party{})
	days := make([]uint64, month.Add(1).Start().AddDate(0, 0, -1).Day())
	err := s.each(ctx, "count CDRs by day", "SELECT toDayOfMonth("+momentSQL+") AS day, count() FROM results FINAL"+w.counting().String()+" GROUP BY day", w.args,
		func(rows driver.Rows) error {
			var day uint8
			var n uint64
			err := rows.Scan(&day, &n)
			if day >= 1 && int(day) <= len(days) {
				days[day-1] += n
			}
			return err
		})
	return days, err
}

// PairsBefore implements [settlement.ArrivalReader].
func (s *Store) PairsBefore(ctx context.Context, party ocpi.Party, month ocpi.Month, fn func(*settlement.PairArrivals) error) error {
	var w where
	w.and("month IN (?, ?) AND emsp_party != ''", uint32(month.Add(-1)), uint32(month))
	w.parties(party, ocpi.Party{}, ocpi.Party{})
	return s.each(ctx, "count CDRs by pair", "SELECT cpo_country, cpo_party, emsp_country, emsp_party, countIf(month != ?) AS before, countIf(month = ?), max("+momentSQL+") FROM results FINAL"+
		w.counting().String()+" GROUP BY cpo_country, cpo_party, emsp_country, emsp_party HAVING before > 0 ORDER BY cpo_country, cpo_party, emsp_country, emsp_party",
		append([]any{uint32(month), uint32(month)}, w.args...),
		func(rows driver.Rows) error {
			var p settlement.PairArrivals
			var last time.Time
			if err := rows.Scan(&p.CPO.Country, &p.CPO.ID, &p.EMSP.Country, &p.EMSP.ID, &p.Before, &p.Count, &last); err != nil {
				return err
			}
			p.Last = last.UTC()
			return fn(&p)
		})
}
