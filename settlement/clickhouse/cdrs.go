package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// summaryColumns are the columns of results that a list shows, sentColumns those
// of an identity alone, detailColumns those that are read of one CDR as well.
var (
	summaryColumns = resultColumns.only("country", "party", "id", "partition", "epoch", "offset", "generation", "cpo_country", "cpo_party",
		"emsp_country", "emsp_party", "month", "currency", "credit", "status", "claim", "reason", "detail",
		"claimed_excl", "claimed_incl", "computed_excl", "computed_incl", "tariff_ids", "tariff_hash", "tariff_source",
		"time_zone", "zone_source", "zone_db", "profile", "engine", "cause",
		"id_sent", "received", "start", "end", "credit_of", "session_id", "location_id", "energy_kwh", "session_sent", "credit_of_sent")
	sentColumns   = resultColumns.only("country", "party", "id", "id_sent")
	detailColumns = resultColumns.without("fixed_excl", "fixed_incl", "energy_excl", "energy_incl", "time_excl", "time_incl",
		"parking_excl", "parking_incl", "reservation_excl", "reservation_incl").without(unshownColumns...)
)

// unshownColumns are columns that no list and no page shows.
var unshownColumns = append(measureColumns.names(), "doubt", "connector_watts")

// scanSummary reads the part of a summary that table results holds.
func scanSummary(rows driver.Rows, c *settlement.CDRSummary) error {
	r := resultRow{Row: &pricing.Row{}}
	if err := summaryColumns.scan(rows, &r); err != nil {
		return err
	}
	r.summarize(c)
	return nil
}

// summarize sets what table results holds of a summary.
func (r *resultRow) summarize(c *settlement.CDRSummary) { *c = settlement.SummaryOf(r.Row, r.month) }

// instant is a time as lists have it, zero where it is not known.
func instant(t ocpi.Time) time.Time {
	if !t.IsSet() {
		return time.Time{}
	}
	return t.Go()
}

// CDRs implements [settlement.Reader].
func (s *Store) CDRs(ctx context.Context, q settlement.CDRQuery) (settlement.CDRPage, error) {
	var page settlement.CDRPage
	after, err := decodeCursor[placeCursor](q.After)
	if err != nil {
		return page, err
	}
	w := cdrsWhere(q)
	order := placeOrder(q.Backwards)
	switch {
	case q.After != "":
		order.behind(&w, after)
	case q.Beside != (settlement.Place{}):
		order.behind(&w, cursorAt(resultPlace{Position: q.Beside.Position, month: q.Beside.Month}))
	}
	limit := pageSize(q.Limit)
	if q.ID != "" {
		page.CDRs, err = s.withID(ctx, q.ID, w, order)
	} else {
		page.CDRs, err = pageOf(ctx, s, w, limit+1, order, s.summariesAt)
	}
	if err != nil {
		return page, err
	}
	n := fittingSummaries(page.CDRs[:min(len(page.CDRs), limit)])
	if n < len(page.CDRs) {
		page.CDRs = page.CDRs[:n]
		page.Next, err = encodeCursor(cursorAt(resultPlace{Position: page.CDRs[n-1].Position, month: page.CDRs[n-1].Month}))
	}
	return page, err
}

// withID returns the CDRs of an id that w selects. Parties are few, and each may
// have one: where they are says table cdrs.
func (s *Store) withID(ctx context.Context, id string, w where, order placeOrder) ([]settlement.CDRSummary, error) {
	parties, err := s.creditors(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]ocpi.Key, len(parties))
	for i, p := range parties {
		keys[i] = ocpi.Key{Party: p, ID: id}
	}
	places, err := s.placesOfKeys(ctx, keys)
	if err != nil {
		return nil, err
	}
	return s.summariesAt(ctx, places, w, order)
}

// creditors returns the CPOs that have CDRs.
func (s *Store) creditors(ctx context.Context) (parties []ocpi.Party, err error) {
	err = s.leading(ctx, "list CPOs", "cdrs", "country, party", func(_ bool, scan func(...any) error) error {
		var p ocpi.Party
		err := scan(&p.Country, &p.ID)
		parties = append(parties, p)
		return err
	})
	return parties, err
}

// placeOrder is the order of a list: by month and position, true = backwards. The engine
// reads its tables in either, and stops where it has enough.
type placeOrder bool

// by is an order by columns in SQL.
func (o placeOrder) by(columns ...string) string {
	if o {
		return " ORDER BY " + strings.Join(columns, " DESC, ") + " DESC"
	}
	return " ORDER BY " + strings.Join(columns, ", ")
}

// compare orders places.
func (o placeOrder) compare(a, b resultPlace) int {
	c := cmp.Or(a.byKey(b), cmp.Compare(a.Partition, b.Partition))
	if o {
		return -c
	}
	return c
}

// behind restricts to what comes behind a place in the order. The first two conditions
// follow from the third, and are what the index understands.
func (o placeOrder) behind(w *where, c placeCursor) {
	if !o {
		w.behind(c)
		return
	}
	w.and("month <= ?", c.Month)
	w.and("month < ? OR epoch < ? OR offset <= ?", c.Month, c.Epoch, c.Offset)
	w.and("(month, epoch, offset, partition) < (?, ?, ?, ?)", c.Month, c.Epoch, c.Offset, c.Partition)
}

// pageOf returns the first CDRs that w selects, in an order, as read reads those at some
// places.
//
// results is in that order, and is read no further than the page goes: its rows
// as they stand say where a CDR may be, and of those places alone FINAL says which
// row counts, and whether that is selected.
func pageOf[T any](ctx context.Context, s *Store, w where, limit int, order placeOrder,
	read func(ctx context.Context, places []resultPlace, w where, order placeOrder) ([]T, error)) (page []T, err error) {
	rest := w
	for n := limit + besides; len(page) < limit; n = min(2*n, manyPlaces) {
		places, more, err := s.candidates(ctx, rest, n, order)
		if err != nil {
			return nil, err
		}
		found, err := read(ctx, places, w, order)
		if err != nil {
			return nil, err
		}
		page = append(page, found...)
		if !more {
			break
		}
		rest = w
		order.behind(&rest, cursorAt(places[len(places)-1]))
	}
	return page[:min(len(page), limit)], nil
}

const (
	// besides is how many rows are read beside those of a page: partitions may have
	// a row each of one place, and a replay leaves some twice.
	besides = 32
	// manyPlaces bounds the places that are looked at together. They become more
	// each time: where most rows do not count any more, a page is far to go.
	manyPlaces = 4 * maxLimit
)

// candidates returns the first places that have a row which w selects, whether it
// counts or not, and whether there may be more. The engine stops where it has
// enough only when it is asked for the very order it keeps, in which rows of several
// partitions may be one: where the last ones of n are, the next call has them all.
func (s *Store) candidates(ctx context.Context, w where, n int, order placeOrder) (places []resultPlace, more bool, err error) {
	for ; ; n *= 2 {
		places = places[:0]
		err = s.each(ctx, "list CDRs", "SELECT month, epoch, offset, partition FROM results"+w.String()+
			order.by("month", "epoch", "offset")+fmt.Sprintf(" LIMIT %d", n), w.args,
			func(rows driver.Rows) error {
				var place resultPlace
				var month uint32
				err := rows.Scan(&month, &place.Epoch, &place.Offset, &place.Partition)
				place.month = ocpi.Month(month)
				places = append(places, place)
				return err
			})
		if err != nil {
			return nil, false, err
		}
		if more = len(places) == n; more {
			last := places[n-1]
			places = slices.DeleteFunc(places, func(p resultPlace) bool { return p.byKey(last) == 0 })
		}
		if !more || len(places) > 0 {
			slices.SortFunc(places, order.compare)
			return slices.Compact(places), more, nil
		}
	}
}

// summariesAt reads those CDRs at those places that w selects, in an order.
func (s *Store) summariesAt(ctx context.Context, places []resultPlace, w where, order placeOrder) (found []settlement.CDRSummary, err error) {
	if len(places) == 0 {
		return nil, nil
	}
	at, err := withPlaces(places)
	if err != nil {
		return nil, err
	}
	here := w.counting()
	err = s.each(ch.Context(ctx, at), "list CDRs", "SELECT "+summaryColumns.row()+" FROM results FINAL"+atPlaces+here.String()+
		order.by("month", "epoch", "offset", "partition"), here.args,
		func(rows driver.Rows) error {
			var c settlement.CDRSummary
			err := scanSummary(rows, &c)
			found = append(found, c)
			return err
		})
	return found, err
}

// fittingSummaries returns how many of the first summaries fit a page, at least
// one where there is one. A summary counts as its texts and what surrounds them
// when it is written.
func fittingSummaries(cdrs []settlement.CDRSummary) int {
	const around = 800
	total := 0
	for i := range cdrs {
		c := &cdrs[i]
		total += around + len(c.ID) + len(c.CreditOf) + len(c.SessionID) + len(c.LocationID) + len(c.Reason) + len(c.Detail) + 3*len(c.Key.ID)
		if total > settlement.PageBytes {
			return max(1, i)
		}
	}
	return len(cdrs)
}

func cdrsWhere(q settlement.CDRQuery) where {
	var w where
	w.months(q.From, q.To)
	w.parties(q.Party, q.CPO, q.EMSP)
	w.noEMSP(q.NoEMSP)
	if q.Currency != "" {
		w.and("currency = ?", q.Currency)
	}
	if q.Status != 0 {
		w.and("toUInt8(status) = ?", uint8(q.Status))
	}
	if q.Claim != nil {
		w.and("toUInt8(claim) = ?", uint8(*q.Claim))
	}
	if q.Credit != nil {
		w.and("credit = ?", flag(*q.Credit))
	}
	if q.Credited != nil {
		credited, args := creditedIn(q.From, q.To)
		w.and(credited+" = ?", append(args, flag(*q.Credited))...)
	}
	if q.Reason != "" {
		w.and("reason = ?", q.Reason)
	}
	if q.Cause != "" {
		w.and("cause = ?", q.Cause)
	}
	if q.Finding != "" {
		w.and("position(findings, ?) > 0", `"code":"`+q.Finding+`"`)
	}
	if q.ID != "" {
		w.and("id = ?", q.ID)
	}
	if q.EVSE != "" {
		w.and("upper(evse_id) = ?", q.EVSE)
	}
	if q.Location != "" {
		w.and("upper(location_id) = ?", q.Location)
	}
	w.days(q.Days)
	return w
}

// ListSums implements [settlement.Reader].
func (s *Store) ListSums(ctx context.Context, q settlement.CDRQuery) ([]settlement.ListSum, error) {
	w := cdrsWhere(q).counting()
	var out []settlement.ListSum
	err := s.each(ctx, "sum CDRs", `SELECT currency, count(), sum(energy_kwh), sum(claimed_excl), sum(claimed_incl), countIf(claimed_incl IS NULL),
		sum(computed_excl), sum(computed_incl), countIf(status = 'priced' AND computed_incl IS NULL),
		sumIf(claimed_excl - computed_excl, status = 'priced'), sumIf(claimed_incl - computed_incl, status = 'priced'),
		countIf(status = 'priced' AND (claimed_incl IS NULL OR computed_incl IS NULL))
		FROM results FINAL`+w.String()+" GROUP BY currency ORDER BY currency", w.args,
		func(rows driver.Rows) error {
			var r settlement.ListSum
			var kwh *decimal.Decimal
			var claimed, computed, difference sums
			err := rows.Scan(&r.Currency, &r.Count, &kwh, &claimed.excl, &claimed.incl, &claimed.missing,
				&computed.excl, &computed.incl, &computed.missing, &difference.excl, &difference.incl, &difference.missing)
			if kwh != nil {
				r.KWh = *kwh
			}
			r.Claimed, r.Computed, r.Difference = claimed.sum(), computed.sum(), difference.sum()
			out = append(out, r)
			return err
		})
	return out, err
}

// RejectReasons implements [settlement.Reader].
func (s *Store) RejectReasons(ctx context.Context, q settlement.CDRQuery) ([]settlement.ReasonCount, error) {
	q.Status = pricing.Rejected
	w := cdrsWhere(q).counting()
	var out []settlement.ReasonCount
	err := s.each(ctx, "count rejects", `SELECT reason, currency, count() AS n,
		sum(claimed_excl), sum(claimed_incl), countIf(claimed_incl IS NULL)
		FROM results FINAL`+w.String()+" GROUP BY reason, currency ORDER BY n DESC, reason, currency", w.args,
		func(rows driver.Rows) error {
			var r settlement.ReasonCount
			var claimed sums
			err := rows.Scan(&r.Reason, &r.Currency, &r.Count, &claimed.excl, &claimed.incl, &claimed.missing)
			r.Claimed = claimed.sum()
			out = append(out, r)
			return err
		})
	return out, err
}
