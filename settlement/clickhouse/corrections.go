package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// CorrectionsRange calls fn for every correction of a CDR whose record is in
// the range, by position, and those of one CDR in the order in which they came.
func (s *Store) CorrectionsRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredCorrection) error) error {
	return s.each(ctx, fmt.Sprintf("read corrections of %s", p),
		"SELECT lands, "+changeColumns.row()+` FROM corrections FINAL
		WHERE partition = ? AND epoch = ? AND offset >= ? AND offset < ? ORDER BY offset, ver`, []any{p.Number, p.Epoch, from, to},
		func(rows driver.Rows) error {
			var lands uint32
			c, err := scanChange(rows, &lands)
			if err != nil {
				return err
			}
			return fn(settlement.StoredCorrection{Change: *c, Lands: ocpi.Month(lands)})
		})
}

// correctionSQL sums corrections by the row of the settlement report they land
// in. A CDR takes part as it was, taken off, and as it is, put on: they may be
// different eMSPs'.
const correctionSQL = `
SELECT cpo_country, cpo_party, emsp_country, emsp_party, month, currency, sum(excl), sum(incl), sum(missing)
FROM (
	SELECT partition, epoch, offset, cpo_country, cpo_party, old_emsp_country AS emsp_country, old_emsp_party AS emsp_party, lands AS month, old_currency AS currency,
		if(old_status = 'priced', -old_computed_excl, 0) AS excl, if(old_status = 'priced', -old_computed_incl, 0) AS incl,
		old_status = 'priced' AND old_computed_incl IS NULL AS missing
	FROM corrections FINAL
	UNION ALL
	SELECT partition, epoch, offset, cpo_country, cpo_party, emsp_country, emsp_party, lands AS month, old_currency AS currency,
		if(status = 'priced', computed_excl, 0) AS excl, if(status = 'priced', computed_incl, 0) AS incl,
		status = 'priced' AND computed_incl IS NULL AS missing
	FROM corrections FINAL
)%s
GROUP BY cpo_country, cpo_party, emsp_country, emsp_party, month, currency`

// correct adds the corrections that land in the selected rows, and the rows
// that have nothing else.
func (s *Store) correct(ctx context.Context, w where, out []settlement.SettlementRow) ([]settlement.SettlementRow, error) {
	at := func(a, b settlement.SettlementRow) int {
		return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.CPO.Country, b.CPO.Country), cmp.Compare(a.CPO.ID, b.CPO.ID),
			cmp.Compare(a.EMSP.Country, b.EMSP.Country), cmp.Compare(a.EMSP.ID, b.EMSP.ID), cmp.Compare(a.Currency, b.Currency))
	}
	err := s.each(ctx, "sum corrections", fmt.Sprintf(correctionSQL, w.String()), w.args, func(rows driver.Rows) error {
		var r settlement.SettlementRow
		var month uint32
		var correction sums
		err := rows.Scan(&r.CPO.Country, &r.CPO.ID, &r.EMSP.Country, &r.EMSP.ID, &month, &r.Currency,
			&correction.excl, &correction.incl, &correction.missing)
		r.Month, r.Corrections = ocpi.Month(month), correction.sum()
		i, found := slices.BinarySearchFunc(out, r, at)
		if !found {
			out = slices.Insert(out, i, r)
		}
		out[i].Corrections = r.Corrections
		return err
	})
	return out, err
}
