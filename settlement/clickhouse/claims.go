package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/statement"
)

var _ statement.ClaimStore = (*Store)(nil)

// BookedClaims implements [statement.ClaimStore]. What a CDR claims is said once more here,
// on purpose: it is what statement.Claims is held against.
func (s *Store) BookedClaims(ctx context.Context, below settlement.Ends, fn func(cpo, emsp ocpi.Party, currency string, t statement.Tally) error) error {
	var w where
	w.below(below)
	return s.each(ctx, "add up what CDRs claim", `SELECT country, party, emsp_country, emsp_party, currency, count(),
			sum(multiIf(claimed_excl IS NOT NULL, assumeNotNull(claimed_excl), credit = 0 AND status = 'priced' AND computed_excl IS NOT NULL, assumeNotNull(computed_excl), toDecimal128(0, 12)))
		FROM results FINAL`+w.counting().String()+`
		GROUP BY country, party, emsp_country, emsp_party, currency ORDER BY country, party, emsp_country, emsp_party, currency`, w.args,
		func(rows driver.Rows) error {
			var cpo, emsp ocpi.Party
			var currency string
			var count uint64
			var t statement.Tally
			if err := rows.Scan(&cpo.Country, &cpo.ID, &emsp.Country, &emsp.ID, &currency, &count, &t.Net); err != nil {
				return fmt.Errorf("what CDRs claim: %w", err)
			}
			t.Count = int(count)
			return fn(cpo, emsp, currency, t)
		})
}

// IssuedClaims calls fn for the pairs and currencies of which attempts issued lines in q's
// period, with what these claim and come to, in the order of CPO, eMSP and currency.
func (s *Store) IssuedClaims(ctx context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.IssuedClaim) error) error {
	if len(attempts) == 0 {
		return nil
	}
	ctx, w, err := issueWhere(ctx, q, attempts)
	if err != nil {
		return err
	}
	return s.each(ctx, "sum what was issued", "SELECT country, party, emsp_country, emsp_party, currency, count(), sum(claim), sum(net), sumIf(claim, zeroed != 0) FROM statement_lines FINAL"+w.String()+
		" GROUP BY country, party, emsp_country, emsp_party, currency ORDER BY country, party, emsp_country, emsp_party, currency", w.args,
		func(rows driver.Rows) error {
			var c statement.IssuedClaim
			if err := rows.Scan(&c.CPO.Country, &c.CPO.ID, &c.EMSP.Country, &c.EMSP.ID, &c.Currency, &c.Lines, &c.Claim, &c.Net, &c.Zeroed); err != nil {
				return err
			}
			return fn(&c)
		})
}
