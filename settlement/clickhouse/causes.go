package clickhouse

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// causesSQL counts what is priced and not credited in full, as settlementSQL does.
// The readings of a claim that several give are read from its reconciliation: a
// few rows. A row from before reconciliations were kept differs for no known cause.
const causesSQL = `
SELECT cpo_country, cpo_party, emsp_country, emsp_party, month, currency,
	multiIf(claim != 'differs', '', cause = '', '` + settlement.CauseUnknown + `', cause) AS why,
	if(why = 'several', arraySort(arrayDistinct(arrayMap(r -> JSONExtractString(r, 'code'), JSONExtractArrayRaw(reconciliation, 'readings')))), []) AS codes,
	count(), sum(claimed_excl), sum(claimed_incl), countIf(claimed_incl IS NULL),
	sum(computed_excl), sum(computed_incl), countIf(computed_incl IS NULL)
FROM results FINAL`

// Causes implements [settlement.Reader]. Counts come in the order of month, CPO,
// eMSP, currency, cause.
func (s *Store) Causes(ctx context.Context, q settlement.SettlementQuery) (counts []settlement.CauseCount, err error) {
	w := settlementWhere(q).counting()
	credited, args := creditedIn(q.From, q.To)
	w.and("NOT credit AND status = 'priced' AND NOT "+credited, args...)
	err = s.each(ctx, "count causes", causesSQL+w.String()+`
GROUP BY cpo_country, cpo_party, emsp_country, emsp_party, month, currency, why, codes
ORDER BY month, cpo_country, cpo_party, emsp_country, emsp_party, currency, why, codes`, w.args,
		func(rows driver.Rows) error {
			var c settlement.CauseCount
			var month uint32
			claimed, computed := new(sums), new(sums)
			err := rows.Scan(&c.CPO.Country, &c.CPO.ID, &c.EMSP.Country, &c.EMSP.ID, &month, &c.Currency, &c.Cause, &c.Readings,
				&c.Count, &claimed.excl, &claimed.incl, &claimed.missing, &computed.excl, &computed.incl, &computed.missing)
			c.Month, c.Claimed, c.Computed = ocpi.Month(month), claimed.sum(), computed.sum()
			counts = append(counts, c)
			return err
		})
	return counts, err
}
