package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// IssuedIn implements [statement.Books].
func (s *Store) IssuedIn(ctx context.Context, units []statement.Unit, attempts []clearing.Counted, fn func(*statement.IssuedCDR) error) error {
	if len(attempts) == 0 {
		return nil
	}
	ctx, err := withCounted(ctx, attempts)
	if err != nil {
		return err
	}
	return s.issuedIn(ctx, units, fn)
}

// issuedIn is IssuedIn by the table counted.
func (s *Store) issuedIn(ctx context.Context, units []statement.Unit, fn func(*statement.IssuedCDR) error) error {
	if len(units) == 0 {
		return nil
	}
	ctx, err := withUnits(ctx, units)
	if err != nil {
		return err
	}
	return s.issued(ctx, "("+unitSQL+") IN units", fn)
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

const pairSQL = "country, party, emsp_country, emsp_party, currency"

// withAsked makes what is asked for available to a query: the pairs and currencies as the
// table pairs, the hashes as sessions, charges and named. One of another pair that is asked
// for only causes a look.
func withAsked(ctx context.Context, of []statement.Beside) (context.Context, error) {
	pairs, err := ext.NewTable("pairs", ext.Column("country", "String"), ext.Column("party", "String"), ext.Column("emsp_country", "String"), ext.Column("emsp_party", "String"),
		ext.Column("currency", "String"))
	if err != nil {
		return nil, fmt.Errorf("make table of pairs: %w", err)
	}
	tables := []*ext.Table{pairs}
	for i, name := range []string{"sessions", "charges", "named"} {
		table, err := ext.NewTable(name, ext.Column("hash", "UInt64"))
		for j := 0; j < len(of) && err == nil; j++ {
			if hash := []uint64{of[j].Session, of[j].Charge, of[j].Credited}[i]; hash != 0 {
				err = table.Append(hash)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("make table of %s: %w", name, err)
		}
		tables = append(tables, table)
	}
	for i := range of {
		b, before := &of[i], &of[max(0, i-1)]
		if i > 0 && b.CPO == before.CPO && b.EMSP == before.EMSP && b.Currency == before.Currency {
			continue // they come by pair
		}
		if err := pairs.Append(b.CPO.Country, b.CPO.ID, b.EMSP.Country, b.EMSP.ID, b.Currency); err != nil {
			return nil, fmt.Errorf("make table of pairs: %w", err)
		}
	}
	return ch.Context(ctx, ch.WithExternalTable(tables...)), nil
}

// BookedBeside implements [statement.Books]. Lines have the hashes, in the order of pairs;
// which results they are of, their versions say.
func (s *Store) BookedBeside(ctx context.Context, of []statement.Beside, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error {
	if len(of) == 0 || len(attempts) == 0 {
		return nil
	}
	ctx, err := withCounted(ctx, attempts)
	if err != nil {
		return err
	}
	ctx, err = withAsked(ctx, of)
	if err != nil {
		return err
	}
	versions, err := ext.NewTable("versions", ext.Column("version", "UInt64"), ext.Column("debtor", "UInt64"))
	if err != nil {
		return fmt.Errorf("make table of versions: %w", err)
	}
	places, err := newPlaces("places")
	if err != nil {
		return err
	}
	err = s.each(ctx, "find what is issued beside drafts", "SELECT DISTINCT month, version, "+debtorSQL+" FROM issued PREWHERE ("+pairSQL+") IN (SELECT "+pairSQL+
		" FROM pairs) AND attempt IN (SELECT attempt FROM counted) WHERE session IN (SELECT hash FROM sessions) OR charge IN (SELECT hash FROM charges) OR credited IN (SELECT hash FROM named)", nil,
		func(rows driver.Rows) error {
			var month uint32
			var version, debtor uint64
			if err := rows.Scan(&month, &version, &debtor); err != nil {
				return err
			}
			if err := versions.Append(version, debtor); err != nil {
				return err
			}
			return places.ofVersion(version, ocpi.Month(month), below)
		})
	if err != nil || places.n == 0 {
		return err
	}
	var w where
	w.below(below)
	w.and("(" + versionSQL + ", " + debtorSQL + ") IN (SELECT version, debtor FROM versions)")
	return s.booked(ch.Context(ctx, ch.WithExternalTable(places.Table, versions)), atPlace+" IN (SELECT partition, month, epoch, offset FROM places UNION ALL "+
		placesIn(everAdopted)+")", w, fn) // of these a version does not say the place
}

// IssuedMonths implements [statement.MonthStore]. A statement has one row, so that this costs
// as little as there are statements, whatever their lines.
func (s *Store) IssuedMonths(ctx context.Context, q settlement.SettlementQuery, attempts []clearing.Counted, fn func(*statement.IssuedMonth) error) error {
	if len(attempts) == 0 {
		return nil
	}
	ctx, err := withCounted(ctx, attempts)
	if err != nil {
		return err
	}
	w := settlementWhere(q)
	return s.each(ctx, "read what is issued by months", "SELECT "+pairSQL+`, month, if(due < period, due, 0) AS due_before, if(due < period, attempt, 0) AS by, sum(lines), sum(net)
		FROM (SELECT attempt, period, cpo_country, cpo_party, `+pairSQL+`, months, dues, month_lines, month_nets FROM statements FINAL`+where{}.counted().String()+`)
		ARRAY JOIN months AS month, dues AS due, month_lines AS lines, month_nets AS net`+w.String()+" GROUP BY "+pairSQL+", month, due_before, by", w.args,
		func(rows driver.Rows) error {
			var m statement.IssuedMonth
			var month, due uint32
			err := rows.Scan(&m.CPO.Country, &m.CPO.ID, &m.EMSP.Country, &m.EMSP.ID, &m.Currency, &month, &due, &m.Attempt, &m.Count, &m.Net)
			m.Month, m.Due = ocpi.Month(month), ocpi.Month(due)
			if err != nil {
				return err
			}
			return fn(&m)
		})
}
