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

const unitSQL = "country, party, emsp_country, emsp_party, currency, id"

// withUnits makes units available to a query as the table named units.
func withUnits(ctx context.Context, units []statement.Unit) (context.Context, error) {
	table, err := ext.NewTable("units", ext.Column("country", "String"), ext.Column("party", "String"), ext.Column("emsp_country", "String"), ext.Column("emsp_party", "String"),
		ext.Column("currency", "String"), ext.Column("id", "String"))
	for i := 0; i < len(units) && err == nil; i++ {
		u := &units[i]
		err = table.Append(u.Key.Party.Country, u.Key.Party.ID, u.EMSP.Country, u.EMSP.ID, u.Currency, u.Key.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("make table of issued CDRs: %w", err)
	}
	return ch.Context(ctx, ch.WithExternalTable(table)), nil
}

// touched is a unit of which lines were issued by versions whose position has another row
// now.
type touched struct {
	statement.Unit
	versions []issuedVersion
}

// issuedVersion is a version that a line names, and the month that its row is in.
type issuedVersion struct {
	version uint64
	month   ocpi.Month
}

// fewRejects is how many issued rejects are looked at one by one.
var fewRejects uint64 = 10_000 // a variable for tests

// movedVersions is of how many versions it is looked up together how they stand.
const movedVersions = 100_000

// IssuedMoved implements [statement.Books]. What was issued stays as it stands unless a
// row took its result's place: one of a re-pricing, or a mark that the CDR stands
// elsewhere, which two narrow columns say; or a reject was healed, whose row has the
// version next to it. All of them stand at the position of the result, which its version
// says. So what was never touched again costs a look at numbers, and how the others
// stand is mostly said by what is at their places now; those that stand as a line has them,
// as after a re-pricing that was issued, are left at that.
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
	var units []touched
	n := 0
	err = s.each(onDisk(ctx), "find issued CDRs that were touched", "SELECT "+unitSQL+", month, version FROM issued"+w.counted().String()+" ORDER BY "+unitSQL, w.args,
		func(rows driver.Rows) error {
			var u statement.Unit
			var month uint32
			var version uint64
			if err := rows.Scan(&u.Key.Party.Country, &u.Key.Party.ID, &u.EMSP.Country, &u.EMSP.ID, &u.Currency, &u.Key.ID, &month, &version); err != nil {
				return err
			}
			if last := len(units) - 1; last < 0 || units[last].Unit != u {
				if n >= movedVersions {
					if err := s.movedOf(ctx, units, below, fn); err != nil {
						return err
					}
					units, n = units[:0], 0
				}
				units = append(units, touched{Unit: u})
			}
			last := &units[len(units)-1]
			last.versions = append(last.versions, issuedVersion{version, ocpi.Month(month)})
			n++
			return nil
		})
	if err != nil {
		return err
	}
	return s.movedOf(ctx, units, below, fn)
}

// touched restricts rows of issued to those whose result another row may have taken the
// place of; without any condition where none has.
func (s *Store) touched(ctx context.Context, q settlement.SettlementQuery) (w where, err error) {
	issued := settlementWhere(q)
	ofCPO := func(w *where) {
		if !q.CPO.IsZero() {
			w.and("country = ? AND party = ?", q.CPO.Country, q.CPO.ID)
		}
	}
	in, err := s.monthsIssued(ctx, issued)
	if err != nil || len(in.months) == 0 {
		return where{}, err
	}
	var rejected []ocpi.Month
	all := uint64(0) // rejects
	for i, n := range in.rejects {
		if all += n; n > 0 {
			rejected = append(rejected, in.months[i])
		}
	}
	var again where
	again.and(among(in.months))
	again.and("elsewhere OR generation > 0") // as index touched has it
	ofCPO(&again)
	var either where
	either.and(baseSQL+" IN (SELECT "+atBaseSQL+" FROM results"+again.String()+")", again.args...)
	switch {
	case all == 0:
	case all <= fewRejects: // to look where they stand is less than to look for what healed
		either.and("bitAnd(version, 1) = 0")
	default:
		rejects := issued
		rejects.and("bitAnd(version, 1) = 0")
		var healed where
		healed.and(among(rejected))
		ofCPO(&healed)
		healed.and(versionSQL+" IN (SELECT version + 1 FROM issued"+rejects.counted().String()+")", rejects.args...)
		either.and("bitAnd(version, 1) = 0 AND version + 1 IN (SELECT "+versionSQL+" FROM results"+healed.String()+")", healed.args...)
	}
	w = issued
	w.or(either)
	return w, nil
}

// movedOf hands on the lines of those of some units that do not stand as they were issued.
func (s *Store) movedOf(ctx context.Context, units []touched, below settlement.Ends, fn func(*statement.IssuedCDR) error) error {
	stand, err := s.standing(ctx, units, below)
	if err != nil {
		return err
	}
	var moved, unknown []statement.Unit
	current := map[ocpi.Key]standingCDR{}
	for i := range units {
		u := &units[i]
		now, known, stands := u.now(stand)
		if stands {
			continue
		}
		if moved = append(moved, u.Unit); known {
			current[u.Key] = now
		} else {
			unknown = append(unknown, u.Unit)
		}
	}
	if err := s.current(ctx, unknown, below, current); err != nil {
		return err
	}
	return s.linesOfMoved(ctx, moved, current, fn)
}

// standingCDR is how a CDR stands.
type standingCDR struct {
	emsp     ocpi.Party
	currency string
	version  uint64
}

// now is how a unit's CDR stands by the rows of the positions of its versions; known
// without doubt where one of them stands. stands: as a line has it.
func (u *touched) now(stand map[uint64]standingCDR) (now standingCDR, known, stands bool) {
	for _, v := range u.versions {
		at, ok := stand[v.version&^rankMask]
		if !ok {
			continue
		}
		if known && now != at {
			return standingCDR{}, false, false
		}
		now, known = at, true
		stands = stands || at.version == v.version
	}
	return now, known, stands
}

// standing reads which rows stand where those of some units' versions did, by the base of
// these. At a place the highest version stands; a CDR whose row there is a mark now stands
// elsewhere.
func (s *Store) standing(ctx context.Context, units []touched, below settlement.Ends) (map[uint64]standingCDR, error) {
	stand := map[uint64]standingCDR{}
	places, err := newPlaces("places")
	if err != nil {
		return nil, err
	}
	for i := range units {
		for _, v := range units[i].versions {
			if err := places.ofVersion(v.version, v.month, below); err != nil {
				return nil, err
			}
		}
	}
	if places.n == 0 {
		return stand, nil
	}
	type standingRow struct {
		standingCDR
		ver       uint64
		elsewhere uint8
	}
	rows := map[resultPlace]standingRow{}
	err = s.each(ch.Context(ctx, ch.WithExternalTable(places.Table)), "read how touched CDRs stand",
		"SELECT partition, month, epoch, offset, ver, elsewhere, emsp_country, emsp_party, currency FROM results WHERE "+atPlace+" IN (SELECT partition, month, epoch, offset FROM places)", nil,
		func(r driver.Rows) error {
			var at resultPlace
			var row standingRow
			var month uint32
			if err := r.Scan(&at.Partition, &month, &at.Epoch, &at.Offset, &row.ver, &row.elsewhere, &row.emsp.Country, &row.emsp.ID, &row.currency); err != nil {
				return err
			}
			at.month, row.version = ocpi.Month(month), resultVersion(at.Partition, row.ver)
			if before, ok := rows[at]; !ok || before.ver < row.ver {
				rows[at] = row
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	several := map[uint64]bool{}
	for at, row := range rows {
		if row.elsewhere != 0 {
			continue
		}
		of := baseOf(at.Position)
		if _, ok := stand[of]; ok {
			several[of] = true // of two months: one of them may be half written
		}
		stand[of] = row.standingCDR
	}
	for of := range several {
		delete(stand, of)
	}
	return stand, nil
}

// current reads how the CDRs of some units stand, by their keys.
func (s *Store) current(ctx context.Context, units []statement.Unit, below settlement.Ends, into map[ocpi.Key]standingCDR) error {
	if len(units) == 0 {
		return nil
	}
	ctx, err := withUnits(ctx, units)
	if err != nil {
		return err
	}
	var w where
	w.below(below)
	return s.each(ctx, "read how issued CDRs stand", "SELECT country, party, id, emsp_country, emsp_party, currency, "+versionSQL+" FROM results FINAL PREWHERE "+
		atPlace+" IN "+placesIn("(country, party, id) IN (SELECT country, party, id FROM units)")+w.counting().String(), w.args,
		func(rows driver.Rows) error {
			var key ocpi.Key
			var c standingCDR
			err := rows.Scan(&key.Party.Country, &key.Party.ID, &key.ID, &c.emsp.Country, &c.emsp.ID, &c.currency, &c.version)
			into[key] = c
			return err
		})
}

// linesOfMoved hands on the lines of those of some units that do not stand as they were
// issued.
func (s *Store) linesOfMoved(ctx context.Context, units []statement.Unit, current map[ocpi.Key]standingCDR, fn func(*statement.IssuedCDR) error) error {
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
	err := s.issuedIn(ctx, units, func(c *statement.IssuedCDR) error {
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

func unitOf(c *statement.IssuedCDR) statement.Unit {
	return statement.Unit{Key: c.Key, EMSP: c.EMSP, Currency: c.Currency}
}

// moved reports whether what lines have issued of a unit may not be what it comes to now.
func moved(lines []statement.IssuedCDR, current map[ocpi.Key]standingCDR) bool {
	now, counts := current[lines[0].Key]
	here := counts && now.emsp == lines[0].EMSP && now.currency == lines[0].Currency
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
