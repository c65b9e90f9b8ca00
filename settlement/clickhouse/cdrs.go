package clickhouse

import (
	"context"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// summaryColumns are the columns of results that scanResult reads.
const summaryColumns = `country, party, id, month, partition, epoch, offset, cpo_country, cpo_party, emsp_country, emsp_party,
	currency, credit, toUInt8(status), reason, detail, claimed_excl, claimed_incl, computed_excl, computed_incl,
	toUInt8(claim), tariff_ids, time_zone, zone_source, tariff_hash, tariff_source, zone_db, profile, engine, generation, cause`

// scanResult reads the part of a summary that table results holds; more are
// the destinations of columns behind it.
func scanResult(rows driver.Rows, c *settlement.CDRSummary, more ...any) error {
	var month uint32
	var credit, status, claim uint8
	err := rows.Scan(append([]any{&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID, &month,
		&c.Position.Partition, &c.Position.Epoch, &c.Position.Offset,
		&c.CPO.Country, &c.CPO.ID, &c.EMSP.Country, &c.EMSP.ID,
		&c.Currency, &credit, &status, &c.Reason, &c.Detail, &c.ClaimedExcl, &c.ClaimedIncl, &c.ComputedExcl, &c.ComputedIncl,
		&claim, &c.TariffIDs, &c.TimeZone, &c.ZoneSource, &c.TariffHash, &c.TariffSource, &c.ZoneDB, &c.Profile, &c.Engine, &c.Generation, &c.Cause},
		more...)...)
	c.Month, c.Credit, c.Status, c.Claim = ocpi.Month(month), credit != 0, pricing.Status(status), tariff.Claim(claim)
	return err
}

// CDRs implements [settlement.Reader].
func (s *Store) CDRs(ctx context.Context, q settlement.CDRQuery) (settlement.CDRPage, error) {
	var page settlement.CDRPage
	cursor, err := decodeCursor[keyCursor](q.After)
	if err != nil {
		return page, err
	}
	limit := pageSize(q.Limit)
	w := cdrsWhere(q)
	if q.After != "" {
		w.and("(month, country, party, id) > (?, ?, ?, ?)", cursor.Month, cursor.Country, cursor.Party, string(cursor.ID))
	}
	err = s.each(ctx, "list CDRs", "SELECT "+summaryColumns+" FROM results FINAL"+w.String()+
		fmt.Sprintf(" ORDER BY month, country, party, id LIMIT %d", limit+1), w.args,
		func(rows driver.Rows) error {
			var c settlement.CDRSummary
			err := scanResult(rows, &c)
			page.CDRs = append(page.CDRs, c)
			return err
		})
	if err != nil {
		return page, err
	}
	if err := s.completeSummaries(ctx, page.CDRs); err != nil {
		return page, err
	}
	n := fittingSummaries(page.CDRs[:min(len(page.CDRs), limit)])
	if n < len(page.CDRs) {
		page.CDRs = page.CDRs[:n]
		page.Next, err = encodeCursor(cursorOf(uint32(page.CDRs[n-1].Month), page.CDRs[n-1].Key))
	}
	return page, err
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
	if q.Reason != "" {
		w.and("reason = ?", q.Reason)
	}
	if q.Cause != "" {
		w.and("cause = ?", q.Cause)
	}
	if q.ID != "" {
		w.and("id = ?", q.ID)
	}
	return w
}

// cdrColumns are the columns of cdrs that scanCDR reads.
const cdrColumns = `country, party, id, id_sent, received, start, end, credit_of, session_id, location_id, energy_kwh`

func scanCDR(rows driver.Rows, key *ocpi.Key, c *settlement.CDRSummary, more ...any) error {
	var received, start, end time.Time
	err := rows.Scan(append([]any{&key.Party.Country, &key.Party.ID, &key.ID, &c.ID, &received, &start, &end,
		&c.CreditOf, &c.SessionID, &c.LocationID, &c.EnergyKWh}, more...)...)
	c.Received, c.Start, c.End = known(received), known(start), known(end)
	return err
}

// known returns t in UTC, or the zero time where the store has "not known".
func known(t time.Time) time.Time {
	if !ocpi.TimeOf(t).IsSet() {
		return time.Time{}
	}
	return t.UTC()
}

// completeSummaries adds what only table cdrs holds. Both tables have the same
// winner, and which one it is never changes.
func (s *Store) completeSummaries(ctx context.Context, cdrs []settlement.CDRSummary) error {
	if len(cdrs) == 0 {
		return nil
	}
	byKey := make(map[ocpi.Key]*settlement.CDRSummary, len(cdrs))
	keys := make([]ocpi.Key, len(cdrs))
	for i := range cdrs {
		keys[i] = cdrs[i].Key
		byKey[cdrs[i].Key] = &cdrs[i]
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	return s.each(ch.Context(ctx, wanted), "list CDRs", "SELECT "+cdrColumns+
		" FROM cdrs FINAL WHERE (country, party, id) IN wanted", nil,
		func(rows driver.Rows) error {
			var key ocpi.Key
			var c settlement.CDRSummary
			if err := scanCDR(rows, &key, &c); err != nil {
				return err
			}
			into := byKey[key]
			into.ID, into.Received, into.Start, into.End = c.ID, c.Received, c.Start, c.End
			into.CreditOf, into.SessionID, into.LocationID, into.EnergyKWh = c.CreditOf, c.SessionID, c.LocationID, c.EnergyKWh
			return nil
		})
}

// RejectReasons implements [settlement.Reader].
func (s *Store) RejectReasons(ctx context.Context, q settlement.CDRQuery) ([]settlement.ReasonCount, error) {
	q.Status = pricing.Rejected
	w := cdrsWhere(q)
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
