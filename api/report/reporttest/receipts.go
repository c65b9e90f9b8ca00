package reporttest

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// receipts are those that q selects, those of ids where there are any, in their order.
func (s *Store) receipts(q settlement.ReceiptQuery, ids []string) (list []settlement.BookedReceipt) {
	for i := range s.All {
		d := &s.All[i]
		r := settlement.BookedReceipt{Booked: ocpi.TimeOf(d.End), Receipt: settlement.Receipt{ID: d.Key.ID, End: ocpi.TimeOf(d.End), Currency: d.Currency, Total: numberOr(d.ClaimedExcl), Energy: numberOr(d.EnergyKWh)}}
		r.Conflict = slices.ContainsFunc(s.Conflicted, func(c settlement.Conflict) bool {
			return c.Key == d.Key && slices.ContainsFunc(c.Others, func(o settlement.Copy) bool { return o.Conflict })
		})
		within := ids == nil && !d.End.Before(q.From) && d.End.Before(q.Next()) || slices.Contains(ids, d.Key.ID)
		if within && d.CPO == q.CPO && (q.Debtors == nil || slices.Contains(q.Debtors, d.EMSP)) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b settlement.BookedReceipt) int {
		return cmp.Or(a.Day().Compare(b.Day()), cmp.Compare(a.ID, b.ID))
	})
	return list
}

func numberOr(d *decimal.Decimal) (n ocpi.Number) {
	if d != nil {
		n = ocpi.MustNumber(d.String())
	}
	return n
}

// Receipts implements [settlement.ReceiptStore].
func (s *Store) Receipts(_ context.Context, q settlement.ReceiptQuery, fn func(*settlement.BookedReceipt) error) error {
	if s.Err != nil {
		return s.Err
	}
	for _, r := range s.receipts(q, nil) {
		if err := fn(&r); err != nil {
			return err
		}
	}
	return nil
}

// ReceiptPage implements [settlement.ReceiptStore].
func (s *Store) ReceiptPage(_ context.Context, q settlement.ReceiptQuery, after string, limit int) (page []settlement.BookedReceipt, next string, err error) {
	from, err := cursor(after, s.Err)
	if err != nil {
		return nil, "", err
	}
	page = s.receipts(q, nil)
	if to := from + limit; to < len(page) {
		next = strconv.Itoa(to)
		page = page[:to]
	}
	return page[min(from, len(page)):], next, nil
}

// ReceiptsOf implements [settlement.ReceiptStore].
func (s *Store) ReceiptsOf(_ context.Context, q settlement.ReceiptQuery, ids []string) ([]settlement.BookedReceipt, error) {
	return s.receipts(q, ids), s.Err
}
