package clickhouse

import (
	"context"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.ReceiptStore = (*Store)(nil)

// receiptColumns are those of a [settlement.BookedReceipt], and where it stands.
var receiptColumns = resultColumns.only("id", "partition", "epoch", "offset", "month", "currency", "claimed_excl", "received", "start", "end", "last_updated", "energy_kwh")

// placedReceipt is a receipt and where it stands.
type placedReceipt struct {
	settlement.BookedReceipt
	at resultPlace
}

// receiptRow reads rows of receiptColumns.row, and keeps its memory.
type receiptRow struct {
	raw string
	row pricing.Row
}

func (r *receiptRow) scan(rows driver.Rows, into *placedReceipt) error {
	if err := rows.Scan(&r.raw); err != nil {
		return err
	}
	r.row = pricing.Row{}
	result := resultRow{Row: &r.row}
	if err := receiptColumns.read(r.raw, &result); err != nil {
		return err
	}
	c := &r.row
	into.Receipt = settlement.Receipt{ID: c.Record.Key.ID, End: c.End, Currency: c.Currency, Total: c.Outcome.Claimed.Excl, Energy: c.EnergyKWh}
	into.Booked, into.Conflict = c.BookedAt(), false
	into.at = resultPlace{Position: c.Record.Position, month: result.month}
	return nil
}

// receiptsOf restricts to what a query selects but for its days. All rows of a place are
// of one CPO, so what this says of it FINAL never chooses by.
func receiptsOf(q settlement.ReceiptQuery) where {
	var w where
	w.and("country = ? AND party = ?", q.CPO.Country, q.CPO.ID)
	if q.Debtors == nil {
		return w
	}
	var either where
	for _, p := range q.Debtors {
		either.and("emsp_country = ? AND emsp_party = ?", p.Country, p.ID)
	}
	w.or(either)
	return w
}

// receiptsWhere restricts to what a query selects.
func receiptsWhere(q settlement.ReceiptQuery) where {
	w := receiptsOf(q)
	w.months(ocpi.TimeOf(q.From).Month(), ocpi.TimeOf(q.To).Month())
	w.and(momentSQL+" >= fromUnixTimestamp64Nano(?) AND "+momentSQL+" < fromUnixTimestamp64Nano(?)", q.From.UnixNano(), q.Next().UnixNano())
	return w
}

// Receipts implements [settlement.ReceiptStore]. A row is made the text it is sent as
// before it is sorted, see booked. Of one pair the rows as they stand say where its CDRs may
// be, by an index: FINAL chooses among those places alone.
func (s *Store) Receipts(ctx context.Context, q settlement.ReceiptQuery, fn func(*settlement.BookedReceipt) error) error {
	w := receiptsWhere(q)
	var at where
	at.and("country = ? AND party = ?", q.CPO.Country, q.CPO.ID)
	if len(q.Debtors) == 1 && !q.Debtors[0].IsZero() {
		narrow := w
		narrow.pair(settlement.SettlementQuery{CPO: q.CPO, EMSP: q.Debtors[0]})
		at.and(atPlace+" IN (SELECT partition, month, epoch, offset FROM results"+narrow.String()+")", narrow.args...)
	}
	query := "SELECT receipt FROM (SELECT toDate32(" + momentSQL + ") AS day, id AS place, " + receiptColumns.row() + " AS receipt FROM results FINAL" +
		strings.Replace(at.String(), " WHERE ", " PREWHERE ", 1) + w.counting().String() + ") ORDER BY day, place"
	var row receiptRow
	var r placedReceipt
	return s.each(onDisk(ctx), "read receipts", query, append(at.args, w.args...), func(rows driver.Rows) error {
		if err := row.scan(rows, &r); err != nil {
			return err
		}
		return fn(&r.BookedReceipt)
	})
}

// ReceiptPage implements [settlement.ReceiptStore].
func (s *Store) ReceiptPage(ctx context.Context, q settlement.ReceiptQuery, after string, limit int) (page []settlement.BookedReceipt, next string, err error) {
	cursor, err := decodeCursor[placeCursor](after)
	if err != nil {
		return nil, "", err
	}
	w := receiptsWhere(q)
	if after != "" {
		w.behind(cursor)
	}
	placed, err := pageOf(ctx, s, w, limit+1, false, s.receiptsAt)
	if err != nil {
		return nil, "", err
	}
	if len(placed) > limit {
		placed = placed[:limit]
		if next, err = encodeCursor(cursorAt(placed[limit-1].at)); err != nil {
			return nil, "", err
		}
	}
	page, err = s.withConflicts(ctx, q.CPO, placed)
	return page, next, err
}

// ReceiptsOf implements [settlement.ReceiptStore].
func (s *Store) ReceiptsOf(ctx context.Context, q settlement.ReceiptQuery, ids []string) ([]settlement.BookedReceipt, error) {
	keys := make([]ocpi.Key, len(ids))
	for i, id := range ids {
		keys[i] = ocpi.Key{Party: q.CPO, ID: id}
	}
	places, err := s.placesOfKeys(ctx, keys)
	if err != nil {
		return nil, err
	}
	placed, err := s.receiptsAt(ctx, places, receiptsOf(q), false)
	if err != nil {
		return nil, err
	}
	found, err := s.withConflicts(ctx, q.CPO, placed)
	slices.SortFunc(found, func(a, b settlement.BookedReceipt) int { return strings.Compare(a.ID, b.ID) })
	return found, err
}

// receiptsAt reads those receipts at those places that w selects, in an order.
func (s *Store) receiptsAt(ctx context.Context, places []resultPlace, w where, order placeOrder) (found []placedReceipt, err error) {
	if len(places) == 0 {
		return nil, nil
	}
	at, err := withPlaces(places)
	if err != nil {
		return nil, err
	}
	var row receiptRow
	err = s.each(ch.Context(ctx, at), "list receipts", "SELECT "+receiptColumns.row()+" FROM results FINAL"+atPlaces+w.counting().String()+
		order.by("month", "epoch", "offset", "partition"), w.args,
		func(rows driver.Rows) error {
			var r placedReceipt
			err := row.scan(rows, &r)
			found = append(found, r)
			return err
		})
	return found, err
}

// withConflicts notes which receipts of a CPO are of CDRs that came again with another
// content.
func (s *Store) withConflicts(ctx context.Context, cpo ocpi.Party, placed []placedReceipt) ([]settlement.BookedReceipt, error) {
	list, at, keys := make([]settlement.BookedReceipt, len(placed)), make(map[string]int, len(placed)), make([]ocpi.Key, len(placed))
	for i := range placed {
		list[i] = placed[i].BookedReceipt
		at[list[i].ID], keys[i] = i, ocpi.Key{Party: cpo, ID: list[i].ID}
	}
	if len(list) == 0 {
		return list, nil
	}
	err := s.shown(ctx, settlement.ConflictQuery{Kind: settlement.CopyConflict}, keys, func(k ocpi.Key, _ uint64) { list[at[k.ID]].Conflict = true })
	return list, err
}
