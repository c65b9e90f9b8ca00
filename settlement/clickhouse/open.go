package clickhouse

import (
	"context"
	"fmt"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

var _ statement.Books = (*Store)(nil)

// partitionStep parts versions of different partitions of the log: it is odd above the
// nine bits that ranks take, see resultRank and pricing.MaxGeneration, so that no two
// results of fewer than 128 partitions have one version, and of more none by any chance
// worth a word. Stored rows rest on it: it never changes.
const partitionStep = 0x9E3779B97F4A0200

// resultVersion names a row of results among all there are: its ver does among those of
// its partition, for that is its record's position and the rank of what it came to.
func resultVersion(partition int32, ver uint64) uint64 {
	return ver + uint64(partition)*partitionStep
}

// versionSQL is resultVersion of a row of results.
var versionSQL = fmt.Sprintf("(ver + toUInt64(partition) * %d)", uint64(partitionStep))

// debtorSQL tells one pair and currency from others among rows of one version, which are
// of one CPO. A close of the pair that a CDR has left may name the version by which the
// CDR is another's; there are few of these, so that 64 bits are more than enough.
const debtorSQL = "cityHash64(emsp_country, emsp_party, currency)"

// rankMask is the rank in a version. What is left without it is its base, which all results
// of one position have: but a mark has the version of the row that took its place.
const rankMask = 1<<9 - 1

// baseOf is the base of the versions at a position.
func baseOf(p ingest.Position) uint64 { return resultVersion(p.Partition, rowVersion(p, 0)) }

// Bases: of a row of issued, and of the position of a row of results.
var (
	baseSQL   = fmt.Sprintf("bitAnd(version, %d)", ^uint64(rankMask))
	atBaseSQL = fmt.Sprintf("(bitShiftLeft(toUInt64(%d - bitOr(bitShiftLeft(toUInt64(epoch), %d), toUInt64(offset))), %d) + toUInt64(partition) * %d)", uint64(1<<48-1), offsetBits, rankBits, uint64(partitionStep))
)

// atPlace is the place of a row of results.
const atPlace = "(partition, month, epoch, offset)"

// withCounted makes attempts available to a query as the table named counted.
func withCounted(ctx context.Context, attempts []clearing.Counted) (context.Context, error) {
	table, err := ext.NewTable("counted", ext.Column("attempt", "UInt64"), ext.Column("control", "Int64"))
	for i := 0; i < len(attempts) && err == nil; i++ {
		err = table.Append(attempts[i].ID, attempts[i].Control)
	}
	if err != nil {
		return nil, fmt.Errorf("make table of attempts: %w", err)
	}
	return ch.Context(ctx, ch.WithExternalTable(table)), nil
}

// counted restricts rows of issued to those of the table counted.
func (w where) counted() where {
	w.conditions = append([]string{"attempt IN (SELECT attempt FROM counted)"}, w.conditions...)
	return w
}

// issuedMonths are the months in which attempts issued something.
type issuedMonths struct {
	months  []ocpi.Month
	lines   []uint64 // of each
	rejects []uint64 // of these, those by results that are rejects
}

// monthsIssued reads in which months attempts issued something of what w selects.
func (s *Store) monthsIssued(ctx context.Context, w where) (m issuedMonths, err error) {
	err = s.each(ctx, "read which months are issued", "SELECT month, count(), countIf(bitAnd(version, 1) = 0) FROM issued"+w.counted().String()+" GROUP BY month ORDER BY month", w.args,
		func(rows driver.Rows) error {
			var month uint32
			var lines, rejects uint64
			err := rows.Scan(&month, &lines, &rejects)
			m.months, m.lines, m.rejects = append(m.months, ocpi.Month(month)), append(m.lines, lines), append(m.rejects, rejects)
			return err
		})
	return m, err
}

// among is the condition that a month is one of these.
func among(months []ocpi.Month) string {
	if len(months) == 0 {
		return "false"
	}
	list := make([]string, len(months))
	for i, m := range months {
		list[i] = fmt.Sprint(uint32(m))
	}
	return "month IN (" + strings.Join(list, ", ") + ")"
}

// setLines is how many lines go into one set of the engine's, 16 bytes each and twice
// that while it grows: months are taken together up to it, so that one pair's are one
// query.
const setLines = 2_000_000

// inTurn calls fn for months that have about setLines together.
func (m *issuedMonths) inTurn(fn func(months []ocpi.Month) error) error {
	for first := 0; first < len(m.months); {
		next, lines := first+1, m.lines[first]
		for next < len(m.months) && lines+m.lines[next] <= setLines {
			lines += m.lines[next]
			next++
		}
		if err := fn(m.months[first:next]); err != nil {
			return err
		}
		first = next
	}
	return nil
}

// issuedOf is the query of what is issued in some months of what w selects of its rows.
func issuedOf(months []ocpi.Month, w where) string {
	w.and(among(months))
	return "SELECT version, " + debtorSQL + " FROM issued" + w.counted().String()
}

// opened is where the CDRs are that are not issued as they stand.
type opened struct {
	ctx    context.Context // with attempts and places
	query  settlement.SettlementQuery
	q      where // what is asked for, of results as of issued
	below  settlement.Ends
	months []ocpi.Month // in which attempts issued some
	all    bool         // no party is asked for
}

// openedIn finds where CDRs may be that are not issued as they stand. Rows as they stand
// say so, by narrow columns: among them are some that others have replaced since, so FINAL
// has to choose at those places. Months in which nothing is issued are not looked at.
func (s *Store) openedIn(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted) (*opened, error) {
	ctx, err := withCounted(ctx, attempts)
	if err != nil {
		return nil, err
	}
	o := &opened{ctx: ctx, query: q, q: settlementWhere(q), below: below, all: q.Party.IsZero() && q.CPO.IsZero() && q.EMSP.IsZero() && !q.NoEMSP}
	issued, err := s.monthsIssued(ctx, o.q)
	if err != nil {
		return nil, err
	}
	o.months = issued.months
	places, err := newPlaces("places")
	if err != nil {
		return nil, err
	}
	err = issued.inTurn(func(months []ocpi.Month) error {
		w := o.q
		w.below(below)
		w.and(among(months))
		w.pair(q)
		w.and("("+versionSQL+", "+debtorSQL+") NOT IN ("+issuedOf(months, o.q)+")", o.q.args...)
		return s.each(ctx, "find what is not issued", "SELECT partition, month, epoch, offset FROM results"+w.counting().String(), w.args,
			func(rows driver.Rows) error { return places.scan(rows) })
	})
	o.ctx = ch.Context(ctx, ch.WithExternalTable(places.Table))
	return o, err
}

// at is where in results the CDRs may be.
func (o *opened) at() (condition string, args []any) {
	switch {
	case len(o.months) == 0 && o.all:
		return "", nil
	case o.all:
		return "NOT " + among(o.months) + " OR " + atPlace + " IN places", nil
	}
	w := o.q
	w.below(o.below)
	w.pair(o.query)
	w.and("NOT " + among(o.months))
	return atPlace + " IN (SELECT partition, month, epoch, offset FROM places UNION ALL SELECT partition, month, epoch, offset FROM results" + w.counting().String() + ")", w.args
}

// where restricts the rows that FINAL chose to those that are not issued as they stand.
func (o *opened) where() where {
	w := o.q
	w.below(o.below)
	if len(o.months) > 0 {
		here := o.q // of the versions at these places alone
		here.and("version IN (SELECT " + versionSQL + " FROM results WHERE " + atPlace + " IN (SELECT partition, month, epoch, offset FROM places))")
		w.and("NOT "+among(o.months)+" OR "+"("+versionSQL+", "+debtorSQL+") NOT IN ("+issuedOf(o.months, here)+")", here.args...)
	}
	return w
}

// BookedOpen implements [statement.Books]. CDRs that are priced again while it reads are
// as they stood at one moment of that; one that goes into another month then may be
// missed, and is open to the next reading. There are none of no month, for that of their
// receipt is taken then.
func (s *Store) BookedOpen(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error {
	if len(attempts) == 0 {
		return s.Booked(ctx, q, below, fn)
	}
	o, err := s.openedIn(ctx, q, below, attempts)
	if err != nil {
		return err
	}
	at, args := o.at()
	return s.booked(o.ctx, at, o.where(), fn, args...)
}

// places is a table of places in results that goes with queries.
type places struct {
	*ext.Table
	n int
}

func newPlaces(name string, beside ...func(*ext.Table) error) (*places, error) {
	table, err := ext.NewTable(name, append([]func(*ext.Table) error{ext.Column("partition", "Int32"), ext.Column("month", "UInt32"),
		ext.Column("epoch", "UInt8"), ext.Column("offset", "Int64")}, beside...)...)
	if err != nil {
		return nil, fmt.Errorf("make table of places: %w", err)
	}
	return &places{Table: table}, nil
}

// ofVersion adds where the row of a version is that was booked in a month: its position
// follows from it once the partition is known, and of those that count mostly one gives
// a position that there is. Who reads there compares versions.
func (p *places) ofVersion(version uint64, m ocpi.Month, below settlement.Ends) error {
	for of, end := range below {
		at := positionOf(of.Number, 1<<48-1-(version-uint64(of.Number)*partitionStep)>>rankBits)
		if at.Epoch != of.Epoch || at.Offset >= end {
			continue
		}
		p.n++
		if err := p.Append(at.Partition, uint32(m), at.Epoch, at.Offset); err != nil {
			return err
		}
	}
	return nil
}

// scan adds the place that a row begins with, and reads what follows.
func (p *places) scan(rows driver.Rows, rest ...any) error {
	var at resultPlace
	var month uint32
	if err := rows.Scan(append([]any{&at.Partition, &month, &at.Epoch, &at.Offset}, rest...)...); err != nil {
		return err
	}
	p.n++
	return p.Append(at.Partition, month, at.Epoch, at.Offset)
}
