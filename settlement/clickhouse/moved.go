package clickhouse

import (
	"cmp"
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// unit is a CDR in the pair and currency that something of it was issued in.
type unit struct {
	key      ocpi.Key
	emsp     ocpi.Party
	currency string
}

const unitSQL = "country, party, emsp_country, emsp_party, currency, id"

// movedUnits is how many units are looked up together.
const movedUnits = 50_000

// IssuedMoved implements [statement.Books]. What was issued stays as it stands unless a
// row took its result's place: one of a re-pricing, or a mark that the CDR stands
// elsewhere, which two narrow columns say; or a reject was healed, whose row has the
// version next to it. So what was never touched again costs a look at these columns, and
// the results of the others alone are read, by their keys.
func (s *Store) IssuedMoved(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*statement.IssuedCDR) error) error {
	if len(attempts) == 0 {
		return nil
	}
	ctx, err := withCounted(ctx, attempts)
	if err != nil {
		return err
	}
	q.From, q.To = 0, 0
	w, err := s.touched(ctx, q)
	if err != nil || len(w.conditions) == 0 {
		return err
	}
	var units []unit
	err = s.each(onDisk(ctx), "find issued CDRs that were touched", "SELECT DISTINCT "+unitSQL+" FROM issued"+w.counted().String()+" ORDER BY "+unitSQL, w.args,
		func(rows driver.Rows) error {
			var u unit
			if err := rows.Scan(&u.key.Party.Country, &u.key.Party.ID, &u.emsp.Country, &u.emsp.ID, &u.currency, &u.key.ID); err != nil {
				return err
			}
			if units = append(units, u); len(units) < movedUnits {
				return nil
			}
			err := s.movedOf(ctx, units, below, fn)
			units = units[:0]
			return err
		})
	if err != nil {
		return err
	}
	return s.movedOf(ctx, units, below, fn)
}

// touched restricts rows of issued to CDRs whose result another row may have taken the
// place of; without any condition where none has. Hashes only ever cause a look.
func (s *Store) touched(ctx context.Context, q settlement.SettlementQuery) (w where, err error) {
	issued := settlementWhere(q)
	var months, rejected []ocpi.Month
	err = s.each(ctx, "read which months are issued", "SELECT month, countIf(bitAnd(version, 1) = 0) FROM issued"+issued.counted().String()+" GROUP BY month ORDER BY month", issued.args,
		func(rows driver.Rows) error {
			var month uint32
			var rejects uint64
			err := rows.Scan(&month, &rejects)
			months = append(months, ocpi.Month(month))
			if rejects > 0 {
				rejected = append(rejected, ocpi.Month(month))
			}
			return err
		})
	if err != nil || len(months) == 0 {
		return where{}, err
	}
	var again where
	again.and(among(months))
	again.and("elsewhere OR generation > 0")
	if !q.CPO.IsZero() {
		again.and("country = ? AND party = ?", q.CPO.Country, q.CPO.ID)
	}
	var either where
	either.and("cityHash64(country, party, id) IN (SELECT cityHash64(country, party, id) FROM results"+again.String()+")", again.args...)
	if len(rejected) > 0 {
		rejects := issued
		rejects.and("bitAnd(version, 1) = 0")
		var healed where
		healed.and(among(rejected))
		healed.and(versionSQL+" IN (SELECT version + 1 FROM issued"+rejects.counted().String()+")", rejects.args...)
		either.and("bitAnd(version, 1) = 0 AND version + 1 IN (SELECT "+versionSQL+" FROM results"+healed.String()+")", healed.args...)
	}
	w = issued
	w.or(either)
	return w, nil
}

// movedOf hands on the lines of those of some units that do not stand as they were issued.
func (s *Store) movedOf(ctx context.Context, units []unit, below settlement.Ends, fn func(*statement.IssuedCDR) error) error {
	if len(units) == 0 {
		return nil
	}
	table, err := ext.NewTable("units", ext.Column("country", "String"), ext.Column("party", "String"), ext.Column("emsp_country", "String"), ext.Column("emsp_party", "String"),
		ext.Column("currency", "String"), ext.Column("id", "String"))
	for i := 0; i < len(units) && err == nil; i++ {
		u := &units[i]
		err = table.Append(u.key.Party.Country, u.key.Party.ID, u.emsp.Country, u.emsp.ID, u.currency, u.key.ID)
	}
	if err != nil {
		return fmt.Errorf("make table of issued CDRs: %w", err)
	}
	ctx = ch.Context(ctx, ch.WithExternalTable(table))
	current, err := s.current(ctx, below)
	if err != nil {
		return err
	}
	var lines []statement.IssuedCDR // of one unit
	flush := func() error {
		if len(lines) > 0 && moved(lines, current) {
			for i := range lines {
				if err := fn(&lines[i]); err != nil {
					return err
				}
			}
		}
		lines = lines[:0]
		return nil
	}
	err = s.issued(ctx, "("+unitSQL+") IN units", func(c *statement.IssuedCDR) error {
		if len(lines) > 0 && unitOf(c) != unitOf(&lines[0]) {
			if err := flush(); err != nil {
				return err
			}
		}
		lines = append(lines, *c)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func unitOf(c *statement.IssuedCDR) unit { return unit{c.Key, c.EMSP, c.Currency} }

// standingCDR is how a CDR stands.
type standingCDR struct {
	unit
	version uint64
}

// current reads how the CDRs of the table units stand.
func (s *Store) current(ctx context.Context, below settlement.Ends) (map[ocpi.Key]standingCDR, error) {
	current := map[ocpi.Key]standingCDR{}
	var w where
	w.below(below)
	err := s.each(ctx, "read how issued CDRs stand", "SELECT "+unitSQL+", "+versionSQL+" FROM results FINAL PREWHERE "+atPlace+" IN "+placesIn("(country, party, id) IN (SELECT country, party, id FROM units)")+
		w.counting().String(), w.args,
		func(rows driver.Rows) error {
			var c standingCDR
			err := rows.Scan(&c.key.Party.Country, &c.key.Party.ID, &c.emsp.Country, &c.emsp.ID, &c.currency, &c.key.ID, &c.version)
			current[c.key] = c
			return err
		})
	return current, err
}

// moved reports whether what lines have issued of a unit may not be what it comes to now.
func moved(lines []statement.IssuedCDR, current map[ocpi.Key]standingCDR) bool {
	now, counts := current[lines[0].Key]
	here := counts && now.unit == unitOf(&lines[0])
	var left statement.IssuedCDR
	for i := range lines {
		l := &lines[i]
		if counts && l.Version == now.version {
			return false
		}
		left.Net, left.Claim = left.Net.Add(l.Net), left.Claim.Add(l.Claim)
		left.Tax, left.KWh = plus(left.Tax, l.Tax), plus(left.KWh, l.KWh)
	}
	return here || !left.Net.IsZero() || !left.Claim.IsZero() || left.Tax != nil && !left.Tax.IsZero() || left.KWh != nil && !left.KWh.IsZero()
}

// plus adds what is known.
func plus(a, b *decimal.Decimal) *decimal.Decimal {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	sum := a.Add(*b)
	return &sum
}

// IssuedOf implements [statement.Books].
func (s *Store) IssuedOf(ctx context.Context, keys []ocpi.Key, attempts []clearing.Counted, fn func(*statement.IssuedCDR) error) error {
	if len(keys) == 0 || len(attempts) == 0 {
		return nil
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	ctx, err = withCounted(ch.Context(ctx, wanted), attempts)
	if err != nil {
		return err
	}
	return s.issued(ctx, "(country, party, id) IN wanted", fn)
}

// issued reads what attempts of the table counted issued where a condition holds on the
// columns that FINAL tells rows apart by: it says which rows are read at all.
func (s *Store) issued(ctx context.Context, condition string, fn func(*statement.IssuedCDR) error) error {
	var c statement.IssuedCDR
	return s.each(onDisk(ctx), "read what is issued", "SELECT "+issuedColumns.row()+" FROM issued FINAL PREWHERE "+condition+" AND attempt IN (SELECT attempt FROM counted) ORDER BY "+unitSQL+", period, attempt", nil,
		func(rows driver.Rows) error {
			c = statement.IssuedCDR{}
			if err := issuedColumns.scan(rows, &c); err != nil {
				return err
			}
			return fn(&c)
		})
}
