package clickhouse

import (
	"context"
	"maps"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.BookedStore = (*Store)(nil)

// bookedColumns are the columns of a [settlement.BookedCDR].
var bookedColumns = resultColumns.only(append([]string{"country", "party", "id", "partition", "epoch", "offset", "ver", "emsp_country", "emsp_party", "month", "currency",
	"credit", "credit_of", "session_id", "start", "end", "last_updated", "received", "energy_kwh", "status", "reason",
	"claimed_excl", "claimed_incl", "computed_excl", "computed_incl", "doubt", "connector_watts", "profile", "engine", "zone_db",
	"reference_offset", "control_offset", "issuers"}, measureColumns.names()...)...)

// Booked implements [settlement.BookedStore]. Of one party's CDRs the rows as they stand
// say where they may be, by narrow columns: FINAL chooses among those places alone.
func (s *Store) Booked(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	w := settlementWhere(q)
	w.below(below)
	if q.Party.IsZero() && q.CPO.IsZero() && q.EMSP.IsZero() && !q.NoEMSP {
		return s.booked(ctx, "", w, fn)
	}
	narrow := w
	narrow.pair(q)
	return s.booked(ctx, atPlace+" IN (SELECT partition, month, epoch, offset FROM results"+narrow.String()+")", w, fn, narrow.args...)
}

// BookedOf implements [settlement.BookedStore].
func (s *Store) BookedOf(ctx context.Context, keys []ocpi.Key, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	return s.bookedAmong(ctx, keys, "(country, party, id) IN wanted", "", below, fn)
}

// BookedCredits implements [settlement.BookedStore].
func (s *Store) BookedCredits(ctx context.Context, of []ocpi.Key, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	return s.bookedAmong(ctx, of, "(country, party, id) IN (SELECT country, party, id FROM credits WHERE (country, party, credit_of) IN wanted)",
		"credit AND (country, party, credit_of) IN wanted", below, fn)
}

// BookedTwins implements [statement.Books]. Sessions are found by their hash, charges by
// the index of when they began.
func (s *Store) BookedTwins(ctx context.Context, of *settlement.BookedCDR, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	alike := map[ocpi.Key]bool{}
	if of.SessionID != "" {
		at, err := s.ofSessions(ctx, []uint64{settlement.SessionHash(of.Key.Party, of.SessionID)})
		if err != nil {
			return err
		}
		keys, err := s.keysAt(ctx, at)
		if err != nil {
			return err
		}
		for _, k := range keys {
			alike[k] = true
		}
	}
	if of.Measures.ChargeHash != 0 {
		var w where
		w.and("month = ? AND start = fromUnixTimestamp64Nano(?) AND charge_hash = ?", uint32(of.Month), int64(of.Start), of.Measures.ChargeHash)
		w.and("country = ? AND party = ?", of.Key.Party.Country, of.Key.Party.ID)
		err := s.each(ctx, "find CDRs of a charge", "SELECT DISTINCT id FROM results"+w.counting().String()+" LIMIT ?", append(w.args, crowdedSession),
			func(rows driver.Rows) error {
				k := ocpi.Key{Party: of.Key.Party}
				err := rows.Scan(&k.ID)
				alike[k] = true
				return err
			})
		if err != nil {
			return err
		}
	}
	return s.bookedAmong(ctx, slices.Collect(maps.Keys(alike)), "(country, party, id) IN wanted", "credit = 0", below, fn)
}

// bookedAmong reads the CDRs whose identities a condition selects, keys being the table
// wanted, where another one holds for their results.
func (s *Store) bookedAmong(ctx context.Context, keys []ocpi.Key, identity, condition string, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	if len(keys) == 0 {
		return nil
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	var w where
	if condition != "" {
		w.and(condition)
	}
	w.below(below)
	return s.booked(ch.Context(ctx, wanted), atPlace+" IN "+placesIn(identity), w, fn)
}

// bookedOrder is one text to sort by as by CPO, eMSP, currency and id: a quarter of the work
// that six columns are. Each part but the last ends with two NULs, which no part holds: after
// a NUL of its own a 1 is put.
var bookedOrder = func() string {
	var parts []string
	for _, column := range []string{"country", "party", "emsp_country", "emsp_party", "currency"} {
		parts = append(parts, "replaceAll("+column+`, '\0', '\0\x01'), '\0\0'`)
	}
	return "concat(" + strings.Join(parts, ", ") + ", id)"
}()

// booked reads the CDRs that w selects, at places that a condition with its arguments
// selects, "" for all. A row is made the text it is sent as before it is sorted, so that two
// columns are sorted and not fifty.
func (s *Store) booked(ctx context.Context, at string, w where, fn func(*settlement.BookedCDR) error, args ...any) error {
	if at != "" {
		at = " PREWHERE " + at
	}
	var row bookedRow
	return s.each(onDisk(ctx), "read booked CDRs", "SELECT booked FROM (SELECT "+bookedOrder+" AS place, "+bookedColumns.row()+" AS booked FROM results FINAL"+at+w.counting().String()+
		") ORDER BY place", append(args, w.args...),
		func(rows driver.Rows) error {
			if err := rows.Scan(&row.raw); err != nil {
				return err
			}
			c, err := row.read()
			if err != nil {
				return err
			}
			return fn(c)
		})
}

// bookedRow reads rows of bookedColumns.row, and keeps its memory.
type bookedRow struct {
	raw string
	row pricing.Row
	c   settlement.BookedCDR
}

func (b *bookedRow) read() (*settlement.BookedCDR, error) {
	b.row = pricing.Row{}
	r := resultRow{Row: &b.row}
	if err := bookedColumns.read(b.raw, &r); err != nil {
		return nil, err
	}
	r.book(&b.c)
	return &b.c, nil
}

// book sets what a draft reads of a result.
func (r *resultRow) book(c *settlement.BookedCDR) {
	o := &r.Outcome
	*c = settlement.BookedCDR{
		Key: r.Record.Key, EMSP: r.Debtor, Position: r.Record.Position, First: firstOf(r.Record.Partition, r.ver), Version: resultVersion(r.Record.Partition, r.ver), Month: r.month, Currency: r.Currency,
		Credit: r.Credit, CreditOf: r.CreditReferenceID, SessionID: r.SessionID,
		Start: r.Start, End: r.End, LastUpdated: r.LastUpdated, Received: r.Record.Received, EnergyKWh: r.EnergyKWh, Measures: r.Measures,
		Status: o.Status, Reason: o.Reason, Claimed: o.Claimed, Computed: o.Computed, Doubt: o.Doubt, ConnectorPower: o.ConnectorPower,
		Profile: o.Profile, Engine: o.EngineVersion, ZoneDB: o.ZoneDB, AsOf: o.AsOf,
	}
}
