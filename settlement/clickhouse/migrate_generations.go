package clickhouse

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/pricing"
)

// tellOfGenerations says which CDRs were priced again more often than can be since 0028.
func (s *Store) tellOfGenerations(ctx context.Context) error {
	return s.each(ctx, "read what was priced again most", "SELECT country, party, count(), arrayStringConcat(arraySlice(groupArray(id), 1, 20), ' ') FROM results FINAL WHERE generation > 255 AND NOT elsewhere GROUP BY country, party ORDER BY country, party", nil,
		func(rows driver.Rows) error {
			var country, party, ids string
			var n uint64
			if err := rows.Scan(&country, &party, &n, &ids); err != nil {
				return err
			}
			s.log.Warn("CDRs were priced again more often than a result can be named by: their results stay as they are, and they cannot be priced again",
				"cpo", country+"*"+party, "cdrs", n, "most", pricing.MaxGeneration, "first", ids)
			return nil
		})
}
