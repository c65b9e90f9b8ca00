package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// A CDR is of one kind in a settlement. A priced CDR that credits cancel in full is
// left out of what is computed and of what differs: there is nothing to compare any
// more.
const (
	kindCredit uint8 = iota + 1
	kindRejected
	kindCredited
	kindPriced
)

// settlementSQL sums results in one query, so that amounts and taxes can never
// come from different moments: by kind, which takes a third of the sums that one row
// for all kinds takes, and by the names and rates of taxes. sum() leaves NULL out,
// which is why every sum of optional amounts has its count of NULLs.
const settlementSQL = `
SELECT cpo_country, cpo_party, emsp_country, emsp_party, month, currency,
	multiIf(credit, 1, status = 'rejected', 2, status != 'priced', 0, %s, 3, 4) AS kind, taxes, count(), countIf(claim = 'differs'),
	sum(claimed_excl), sum(claimed_incl), countIf(claimed_incl IS NULL), sum(computed_excl), sum(computed_incl), countIf(computed_incl IS NULL),
	sumForEach(tax_amount)
FROM results FINAL%s
GROUP BY cpo_country, cpo_party, emsp_country, emsp_party, month, currency, kind, taxes
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
	var part settlementPart
	err := s.each(ctx, "settle", fmt.Sprintf(settlementSQL, credited, w.counting().String()), append(args, w.args...), func(rows driver.Rows) error {
		if err := part.scan(rows); err != nil {
			return err
		}
		if n := len(out); n == 0 || !part.isOf(&out[n-1]) {
			out = append(out, part.row)
		}
		return part.addTo(&out[len(out)-1])
	})
	for i := range out {
		out[i].Net = out[i].Claimed.Add(out[i].Credits)
		out[i].Tax = sumTaxes(out[i].Tax)
	}
	return out, err
}

// settlementPart is a row of settlementSQL: the CDRs of one kind and with the same
// taxes of a row of the settlement, of which row has what it is about.
type settlementPart struct {
	row               settlement.SettlementRow
	kind              uint8
	taxes             string
	count, differs    uint64
	claimed, computed sums
	amounts           []decimal.Decimal // in the order of taxes
}

func (p *settlementPart) scan(rows driver.Rows) error {
	var month uint32
	*p = settlementPart{}
	r := &p.row
	err := rows.Scan(&r.CPO.Country, &r.CPO.ID, &r.EMSP.Country, &r.EMSP.ID, &month, &r.Currency,
		&p.kind, &p.taxes, &p.count, &p.differs,
		&p.claimed.excl, &p.claimed.incl, &p.claimed.missing, &p.computed.excl, &p.computed.incl, &p.computed.missing, &p.amounts)
	r.Month = ocpi.Month(month)
	return err
}

// isOf reports whether the part is of a row.
func (p *settlementPart) isOf(r *settlement.SettlementRow) bool {
	return p.row.Month == r.Month && p.row.CPO == r.CPO && p.row.EMSP == r.EMSP && p.row.Currency == r.Currency
}

func (p *settlementPart) addTo(r *settlement.SettlementRow) error {
	claimed := p.claimed.sum()
	if p.kind == kindCredit {
		r.CreditCount, r.Credits = r.CreditCount+p.count, r.Credits.Add(claimed)
		return nil
	}
	r.CDRCount, r.Claimed = r.CDRCount+p.count, r.Claimed.Add(claimed)
	switch p.kind {
	case kindRejected:
		r.UnpricedCount, r.UnpricedClaimed = r.UnpricedCount+p.count, r.UnpricedClaimed.Add(claimed)
	case kindCredited:
		r.CreditedCount, r.CreditedClaimed = r.CreditedCount+p.count, r.CreditedClaimed.Add(claimed)
	case kindPriced:
		r.DiffersCount, r.Computed = r.DiffersCount+p.differs, r.Computed.Add(p.computed.sum())
		return p.addTaxes(r)
	}
	return nil
}

// addTaxes adds the taxes of the part to those of a row: names and rates stand as JSON,
// [["VAT"],[20]], as the column taxes has them.
func (p *settlementPart) addTaxes(r *settlement.SettlementRow) error {
	var names []string
	var rates []*decimal.Decimal
	if err := json.Unmarshal([]byte(p.taxes), &[]any{&names, &rates}); err != nil {
		return fmt.Errorf("taxes %q: %w", p.taxes, err)
	}
	if len(names) != len(rates) || len(names) != len(p.amounts) {
		return fmt.Errorf("taxes %q: %d names, %d rates, %d amounts", p.taxes, len(names), len(rates), len(p.amounts))
	}
	for i, name := range names {
		r.Tax = append(r.Tax, settlement.TaxSum{Name: name, Percentage: rates[i], Amount: p.amounts[i]})
	}
	return nil
}

// sumTaxes adds up taxes of one name and rate, in their order.
func sumTaxes(taxes []settlement.TaxSum) []settlement.TaxSum {
	slices.SortFunc(taxes, byNameAndRate)
	var out []settlement.TaxSum
	for _, t := range taxes {
		if last := len(out) - 1; last >= 0 && byNameAndRate(out[last], t) == 0 {
			out[last].Amount = out[last].Amount.Add(t.Amount)
			continue
		}
		out = append(out, t)
	}
	return out
}

// byNameAndRate orders taxes, those without a rate first.
func byNameAndRate(a, b settlement.TaxSum) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 || a.Percentage == nil || b.Percentage == nil {
		return cmp.Or(c, cmp.Compare(rated(a), rated(b)))
	}
	return a.Percentage.Cmp(*b.Percentage)
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
