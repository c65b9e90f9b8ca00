package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// summaryColumns are the columns of results that a list shows, detailColumns
// those that are read of one CDR as well.
var (
	summaryColumns = resultColumns.only("country", "party", "id", "partition", "epoch", "offset", "generation", "cpo_country", "cpo_party",
		"emsp_country", "emsp_party", "month", "currency", "credit", "status", "claim", "reason", "detail",
		"claimed_excl", "claimed_incl", "computed_excl", "computed_incl", "tariff_ids", "tariff_hash", "tariff_source",
		"time_zone", "zone_source", "zone_db", "profile", "engine", "cause",
		"id_sent", "received", "start", "end", "credit_of", "session_id", "location_id", "energy_kwh")
	detailColumns = resultColumns.without("fixed_excl", "fixed_incl", "energy_excl", "energy_incl", "time_excl", "time_incl",
		"parking_excl", "parking_incl", "reservation_excl", "reservation_incl")
)

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
func (r *resultRow) summarize(c *settlement.CDRSummary) {
	o := &r.Outcome
	c.Key, c.Position, c.Generation = r.Record.Key, r.Record.Position, r.Generation
	c.CPO, c.EMSP, c.Month, c.Currency, c.Credit = r.Creditor, r.Debtor, r.month, r.Currency, r.Credit
	c.Status, c.Claim, c.Reason, c.Detail, c.Cause = o.Status, o.Claim, o.Reason, o.Detail, o.Cause
	c.ClaimedExcl, c.ClaimedIncl = known(o.Claimed.Excl), known(o.Claimed.Incl)
	c.ComputedExcl, c.ComputedIncl = known(o.Computed.Excl), known(o.Computed.Incl)
	c.TariffIDs, c.TariffHash, c.TariffSource = o.TariffIDs, o.TariffHash, o.TariffSource
	if c.TariffHash == "" { // rows of before 2026-12 say "cdr" of a tariff that was never found
		c.TariffSource = ""
	}
	c.TimeZone, c.ZoneSource, c.ZoneDB, c.Profile, c.Engine = o.TimeZone, o.ZoneSource, o.ZoneDB, o.Profile, o.EngineVersion
	c.ID, c.Received, c.Start, c.End = r.ID, instant(r.Record.Received), instant(r.Start), instant(r.End)
	c.CreditOf, c.SessionID, c.LocationID, c.EnergyKWh = r.CreditReferenceID, r.SessionID, r.LocationID, known(r.EnergyKWh)
}

// instant is a time as lists have it, zero where it is not known.
func instant(t ocpi.Time) time.Time {
	if !t.IsSet() {
		return time.Time{}
	}
	return t.Go()
}

// known is an amount as lists have it, nil where it is not known.
func known(n ocpi.Number) *decimal.Decimal {
	if !n.IsSet() {
		return nil
	}
	d := n.Decimal()
	return &d
}

// CDRs implements [settlement.Reader]. Which CDRs a page holds is found by few
// columns; the others are read of those alone.
func (s *Store) CDRs(ctx context.Context, q settlement.CDRQuery) (settlement.CDRPage, error) {
	var page settlement.CDRPage
	cursor, err := decodeCursor[keyCursor](q.After)
	if err != nil {
		return page, err
	}
	limit := pageSize(q.Limit)
	q.From = max(q.From, ocpi.Month(cursor.Month))
	w := cdrsWhere(q)
	if q.After != "" {
		w.and("(month, country, party, id) > (?, ?, ?, ?)", cursor.Month, cursor.Country, cursor.Party, string(cursor.ID))
	}
	months, err := s.distinctMonths(ctx, "results"+w.onlyMonths().String(), w.onlyMonths().args)
	if err == nil && q.ID != "" {
		ctx, months, err = s.withID(ctx, q.ID, &w, months)
	}
	if err != nil {
		return page, err
	}
	keys, places, err := s.pageOf(ctx, w, months, limit+1)
	if err != nil {
		return page, err
	}
	found, err := s.summariesAt(ctx, places)
	if err != nil {
		return page, err
	}
	for _, key := range keys {
		if c := found[key]; c != nil { // priced again in another month meanwhile, it is on another page
			page.CDRs = append(page.CDRs, *c)
		}
	}
	n := fittingSummaries(page.CDRs[:min(len(page.CDRs), limit)])
	if n < len(page.CDRs) {
		page.CDRs = page.CDRs[:n]
		page.Next, err = encodeCursor(cursorOf(uint32(page.CDRs[n-1].Month), page.CDRs[n-1].Key))
	}
	return page, err
}

// withID restricts to the CDRs of an id. Parties are few, and each may have one:
// where they are says table cdrs. It returns the months among those given that
// have some.
func (s *Store) withID(ctx context.Context, id string, w *where, months []ocpi.Month) (context.Context, []ocpi.Month, error) {
	var places []resultPlace
	var have []ocpi.Month
	err := s.each(ctx, "find CDRs "+id, `SELECT partition, epoch, offset, arrayJoin(months) FROM cdrs FINAL
		WHERE (country, party, id) IN (SELECT DISTINCT country, party, ? FROM cdrs)`, []any{id},
		func(rows driver.Rows) error {
			var place resultPlace
			var month uint32
			err := rows.Scan(&place.Partition, &place.Epoch, &place.Offset, &month)
			place.month = ocpi.Month(month)
			if slices.Contains(months, place.month) {
				places, have = append(places, place), append(have, place.month)
			}
			return err
		})
	if err != nil {
		return ctx, nil, err
	}
	wanted, err := withPlaces(places)
	if err != nil {
		return ctx, nil, err
	}
	w.and("(partition, month, epoch, offset) IN wanted")
	slices.Sort(have)
	return ch.Context(ctx, wanted), slices.Compact(have), nil
}

// pageOf returns the first CDRs of those months that w selects, by month and
// identity. Months are looked at in turn, twice as many each time, until there are
// enough: results is in their order, but for the identities.
func (s *Store) pageOf(ctx context.Context, w where, months []ocpi.Month, limit int) (keys []ocpi.Key, places []resultPlace, err error) {
	for n := 1; len(months) > 0 && len(keys) < limit; n *= 2 {
		n = min(n, len(months))
		here := w.counting()
		here.months(months[0], months[n-1])
		err := s.each(ctx, "list CDRs", "SELECT month, country, party, id, partition, epoch, offset FROM results FINAL"+here.String()+
			fmt.Sprintf(" ORDER BY month, country, party, id LIMIT %d", limit-len(keys)), here.args,
			func(rows driver.Rows) error {
				var key ocpi.Key
				var place resultPlace
				var month uint32
				err := rows.Scan(&month, &key.Party.Country, &key.Party.ID, &key.ID, &place.Partition, &place.Epoch, &place.Offset)
				place.month = ocpi.Month(month)
				keys, places = append(keys, key), append(places, place)
				return err
			})
		if err != nil {
			return nil, nil, err
		}
		months = months[n:]
	}
	return keys, places, nil
}

// summariesAt reads the CDRs at those places, by identity.
func (s *Store) summariesAt(ctx context.Context, places []resultPlace) (map[ocpi.Key]*settlement.CDRSummary, error) {
	if len(places) == 0 {
		return nil, nil
	}
	wanted, err := withPlaces(places)
	if err != nil {
		return nil, err
	}
	return s.summariesWhere(ch.Context(ctx, wanted), "(partition, month, epoch, offset) IN wanted")
}

// summariesWhere reads the CDRs that a condition selects, by identity.
func (s *Store) summariesWhere(ctx context.Context, condition string) (map[ocpi.Key]*settlement.CDRSummary, error) {
	found := map[ocpi.Key]*settlement.CDRSummary{}
	err := s.each(ctx, "list CDRs", "SELECT "+summaryColumns.row()+" FROM results FINAL WHERE NOT elsewhere AND "+condition, nil,
		func(rows driver.Rows) error {
			var c settlement.CDRSummary
			err := scanSummary(rows, &c)
			found[c.Key] = &c
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
		w.and("(country, party, id) IN "+credited+" = ?", append(args, flag(*q.Credited))...)
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
	return w
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
