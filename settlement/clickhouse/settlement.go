package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// settlementSQL sums results in one query, so that amounts and taxes can never
// come from different moments. sum() leaves NULL out, which is why every sum of
// optional amounts has its count of NULLs. Taxes are summed by a text of name
// and rate, see taxesOf. A priced CDR that credits cancel in full is left out of
// what is computed and of what differs: there is nothing to compare any more.
const settlementSQL = `
SELECT cpo_country, cpo_party, emsp_country, emsp_party, month, currency,
	countIf(NOT credit), countIf(credit), countIf(rejected), countIf(credited), countIf(priced AND claim = 'differs'),
	sumIf(claimed_excl, NOT credit), sumIf(claimed_incl, NOT credit), countIf(NOT credit AND claimed_incl IS NULL),
	sumIf(claimed_excl, credit), sumIf(claimed_incl, credit), countIf(credit AND claimed_incl IS NULL),
	sumIf(computed_excl, priced), sumIf(computed_incl, priced), countIf(priced AND computed_incl IS NULL),
	sumIf(claimed_excl, rejected), sumIf(claimed_incl, rejected), countIf(rejected AND claimed_incl IS NULL),
	sumIf(claimed_excl, credited), sumIf(claimed_incl, credited), countIf(credited AND claimed_incl IS NULL),
	sumMapIf(mapFromArrays(arrayMap((n, p) -> concat(n, '\0', ifNull(toString(p), '')), tax_name, tax_percentage), tax_amount), priced)
FROM (
	SELECT *, NOT credit AND status = 'rejected' AS rejected,
		NOT credit AND status = 'priced' AND %s AS credited,
		NOT credit AND status = 'priced' AND NOT credited AS priced
	FROM results FINAL%s
)
GROUP BY cpo_country, cpo_party, emsp_country, emsp_party, month, currency
ORDER BY month, cpo_country, cpo_party, emsp_country, emsp_party, currency`

// Settlement implements [settlement.Reader]: what each CPO claims from each
// eMSP by month and currency, and what we compute. Rows come in the order of
// month, CPO, eMSP, currency. A CDR whose debtor is unknown stands in a row
// whose EMSP is zero.
func (s *Store) Settlement(ctx context.Context, q settlement.SettlementQuery) ([]settlement.SettlementRow, error) {
	credited, args := creditedIn(q.From, q.To)
	return s.settle(ctx, settlementWhere(q), credited, args)
}

// SettlementAt is Settlement over the CDRs whose record stands below next of
// its partition; of partitions that next does not name, none. The CDRs that
// credits cancel in full are those named. It is the same figure whatever has
// been stored since.
func (s *Store) SettlementAt(ctx context.Context, q settlement.SettlementQuery, next settlement.Ends, credited []ocpi.Key) ([]settlement.SettlementRow, error) {
	w := settlementWhere(q)
	if len(next) == 0 {
		return nil, nil
	}
	w.below(next)
	wanted, err := withKeys(credited)
	if err != nil {
		return nil, err
	}
	return s.settle(ch.Context(ctx, wanted), w, standsFor("wanted"), nil)
}

func settlementWhere(q settlement.SettlementQuery) where {
	var w where
	w.months(q.From, q.To)
	w.parties(q.Party, q.CPO, q.EMSP)
	w.noEMSP(q.NoEMSP)
	if q.Currency != "" {
		w.and("currency = ?", q.Currency)
	}
	return w
}

// settle sums what w selects; credited is the condition that credits cancel a CDR in full.
func (s *Store) settle(ctx context.Context, w where, credited string, args []any) ([]settlement.SettlementRow, error) {
	var out []settlement.SettlementRow
	err := s.each(ctx, "settle", fmt.Sprintf(settlementSQL, credited, w.counting().String()), append(args, w.args...), func(rows driver.Rows) error {
		row, err := scanSettlement(rows)
		out = append(out, row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.correct(ctx, w, out)
}

func scanSettlement(rows driver.Rows) (settlement.SettlementRow, error) {
	var r settlement.SettlementRow
	var month uint32
	var taxes map[string]decimal.Decimal
	claimed, credits, computed, unpriced, credited := new(sums), new(sums), new(sums), new(sums), new(sums)
	err := rows.Scan(&r.CPO.Country, &r.CPO.ID, &r.EMSP.Country, &r.EMSP.ID, &month, &r.Currency,
		&r.CDRCount, &r.CreditCount, &r.UnpricedCount, &r.CreditedCount, &r.DiffersCount,
		&claimed.excl, &claimed.incl, &claimed.missing, &credits.excl, &credits.incl, &credits.missing,
		&computed.excl, &computed.incl, &computed.missing, &unpriced.excl, &unpriced.incl, &unpriced.missing,
		&credited.excl, &credited.incl, &credited.missing, &taxes)
	if err != nil {
		return r, err
	}
	r.Month = ocpi.Month(month)
	r.Claimed, r.Credits, r.Computed = claimed.sum(), credits.sum(), computed.sum()
	r.UnpricedClaimed, r.CreditedClaimed = unpriced.sum(), credited.sum()
	r.Net = r.Claimed.Add(r.Credits)
	r.Tax, err = taxesOf(taxes)
	return r, err
}

// taxesOf reads sums by "name NUL rate", ordered by name and rate, those
// without a rate first.
func taxesOf(sums map[string]decimal.Decimal) ([]settlement.TaxSum, error) {
	var out []settlement.TaxSum
	for key, amount := range sums {
		i := strings.LastIndexByte(key, 0)
		tax := settlement.TaxSum{Name: key[:i], Amount: amount}
		if rate := key[i+1:]; rate != "" {
			percentage, err := decimal.NewFromString(rate)
			if err != nil {
				return nil, fmt.Errorf("tax rate %q: %w", rate, err)
			}
			tax.Percentage = &percentage
		}
		out = append(out, tax)
	}
	slices.SortFunc(out, func(a, b settlement.TaxSum) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 || a.Percentage == nil || b.Percentage == nil {
			return cmp.Or(c, cmp.Compare(rated(a), rated(b)))
		}
		return a.Percentage.Cmp(*b.Percentage)
	})
	return out, nil
}

func rated(t settlement.TaxSum) int {
	if t.Percentage == nil {
		return 0
	}
	return 1
}

// sums is a Sum as it is read: a sum over no amount at all is NULL.
type sums struct {
	excl, incl *decimal.Decimal
	missing    uint64
}

func (s *sums) sum() settlement.Sum { return settlement.NewSum(s.excl, s.incl, s.missing) }
