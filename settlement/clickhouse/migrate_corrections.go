package clickhouse

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// tellOfCorrections says what the reports of months say no longer since 0029: nobody is to
// find out by adding up.
func (s *Store) tellOfCorrections(ctx context.Context) error {
	return s.each(ctx, "read corrections", `SELECT lands, old_month, old_currency, uniqExact(partition, epoch, offset),
		sum(if(status = 'priced', ifNull(computed_excl, 0), 0) - if(old_status = 'priced', ifNull(old_computed_excl, 0), 0))
		FROM corrections FINAL GROUP BY lands, old_month, old_currency ORDER BY lands, old_month, old_currency`, nil,
		func(rows driver.Rows) error {
			var lands, month uint32
			var currency string
			var cdrs uint64
			var moved decimal.Decimal
			if err := rows.Scan(&lands, &month, &currency, &cdrs, &moved); err != nil {
				return err
			}
			s.log.Warn("corrections of a closed month stood in the report of an open one: now the report of their own month says them",
				"month", ocpi.Month(month), "stood_in", ocpi.Month(lands), "currency", currency, "cdrs", cdrs, "computed_excl_vat", moved)
			return nil
		})
}

// relateCorrected has the relations of all CDRs found again where a correction says another
// debtor than the result that it replaces.
func (s *Store) relateCorrected(ctx context.Context) error {
	var moved uint64
	err := s.conn.QueryRow(ctx, "SELECT countIf((emsp_country, emsp_party) != (old_emsp_country, old_emsp_party)) FROM corrections").Scan(&moved)
	if err != nil || moved == 0 {
		return err
	}
	return s.conn.Exec(ctx, "TRUNCATE TABLE relation_progress")
}
