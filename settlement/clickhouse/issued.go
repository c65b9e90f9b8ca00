package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

var _ statement.IssueStore = (*Store)(nil)

// issuedColumns are the columns of table issued.
var issuedColumns = columns[statement.IssuedCDR]{
	whole[proto.ColUInt64]("attempt", func(c *statement.IssuedCDR) *uint64 { return &c.Attempt }, (*rowReader).u64),
	calendar("period", func(c *statement.IssuedCDR) *ocpi.Month { return &c.Period }),
	label("country", func(c *statement.IssuedCDR) *string { return &c.Key.Party.Country }),
	label("party", func(c *statement.IssuedCDR) *string { return &c.Key.Party.ID }),
	prose("id", func(c *statement.IssuedCDR) *string { return &c.Key.ID }),
	label("emsp_country", func(c *statement.IssuedCDR) *string { return &c.EMSP.Country }),
	label("emsp_party", func(c *statement.IssuedCDR) *string { return &c.EMSP.ID }),
	label("currency", func(c *statement.IssuedCDR) *string { return &c.Currency }),
	calendar("month", func(c *statement.IssuedCDR) *ocpi.Month { return &c.Month }),
	whole[proto.ColUInt64]("version", func(c *statement.IssuedCDR) *uint64 { return &c.Version }, (*rowReader).u64),
	sum("net", func(c *statement.IssuedCDR) *decimal.Decimal { return &c.Net }),
	maybeSum("tax", func(c *statement.IssuedCDR) **decimal.Decimal { return &c.Tax }),
	maybeSum("kwh", func(c *statement.IssuedCDR) **decimal.Decimal { return &c.KWh }),
	sum("claim", func(c *statement.IssuedCDR) *decimal.Decimal { return &c.Claim }),
	yes("zeroed", func(c *statement.IssuedCDR) *bool { return &c.Zeroed }),
}

// issuedRow is a row of table issued.
type issuedRow struct {
	statement.IssuedCDR
	statement.Hashes
}

// issuedRowColumns are the columns that are written of it.
var issuedRowColumns = slices.Concat(
	lifted(issuedColumns, func(r *issuedRow) *statement.IssuedCDR { return &r.IssuedCDR }),
	columns[issuedRow]{
		whole[proto.ColUInt64]("session", func(r *issuedRow) *uint64 { return &r.Session }, (*rowReader).u64),
		whole[proto.ColUInt64]("charge", func(r *issuedRow) *uint64 { return &r.Charge }, (*rowReader).u64),
		whole[proto.ColUInt64]("credited", func(r *issuedRow) *uint64 { return &r.Credited }, (*rowReader).u64),
	})

// lineColumns are the columns of table statement_lines: what was issued, and what its
// statement says beside.
var lineColumns = slices.Concat(
	lifted(issuedColumns, func(l *statement.IssuedLine) *statement.IssuedCDR { return &l.IssuedCDR }),
	columns[statement.IssuedLine]{
		label("kind", func(l *statement.IssuedLine) *string { return (*string)(&l.Line.Kind) }),
		prose("of", func(l *statement.IssuedLine) *string { return &l.Line.Of }),
		calendar("belongs", func(l *statement.IssuedLine) *ocpi.Month { return &l.Line.Belongs }),
		label("charge_country", func(l *statement.IssuedLine) *string { return &l.Line.Country }),
		moment("start", func(l *statement.IssuedLine) *ocpi.Time { return &l.Line.Start }),
		moment("end", func(l *statement.IssuedLine) *ocpi.Time { return &l.Line.End }),
		maybeSum("line_tax", func(l *statement.IssuedLine) **decimal.Decimal { return &l.Line.LineTax }),
		label("category", func(l *statement.IssuedLine) *string { return (*string)(&l.Line.Category) }),
		amount("rate", func(l *statement.IssuedLine) *ocpi.Number { return &l.Line.Rate }),
	})

// storedIssue is a row of table statements.
type storedIssue struct {
	statement.Issue
	lines, rank uint64
}

// issueColumns are the columns of table statements.
var issueColumns = append(columns[storedIssue]{
	whole[proto.ColUInt64]("attempt", func(i *storedIssue) *uint64 { return &i.Attempt }, (*rowReader).u64),
	calendar("period", func(i *storedIssue) *ocpi.Month { return &i.Period }),
	label("country", func(i *storedIssue) *string { return &i.CPO.Country }),
	label("party", func(i *storedIssue) *string { return &i.CPO.ID }),
	label("emsp_country", func(i *storedIssue) *string { return &i.EMSP.Country }),
	label("emsp_party", func(i *storedIssue) *string { return &i.EMSP.ID }),
	label("currency", func(i *storedIssue) *string { return &i.Currency }),
	label("zone", func(i *storedIssue) *string { return &i.Zone }),
	label("owed", func(i *storedIssue) *string { return (*string)(&i.Terms.Owed) }),
	label("category", func(i *storedIssue) *string { return (*string)(&i.Terms.Category) }),
	amount("rate", func(i *storedIssue) *ocpi.Number { return &i.Terms.Rate }),
	whole[proto.ColUInt64]("lines", func(i *storedIssue) *uint64 { return &i.lines }, (*rowReader).u64),
	sum("kwh", func(i *storedIssue) *decimal.Decimal { return &i.KWh }),
	sum("net", func(i *storedIssue) *decimal.Decimal { return &i.Net }),
	sum("rounding", func(i *storedIssue) *decimal.Decimal { return &i.Rounding }),
	maybeSum("tax", func(i *storedIssue) **decimal.Decimal { return &i.Tax }),
	maybeSum("payable", func(i *storedIssue) **decimal.Decimal { return &i.Payable }),
	label("debtor_country", func(i *storedIssue) *string { return &i.Debtor.Country }),
	label("debtor_party", func(i *storedIssue) *string { return &i.Debtor.ID }),
	whole[proto.ColUInt64]("rank", func(i *storedIssue) *uint64 { return &i.rank }, (*rowReader).u64),
	prose("digest", func(i *storedIssue) *string { return &i.Digest }),
}, monthColumns...)

// monthColumns are an element each for each of the months of a statement.
var monthColumns = columns[storedIssue]{
	perItem("months", true, monthsOf, func() proto.ColumnOf[[]uint32] { return proto.NewArray[uint32](new(proto.ColUInt32)) },
		func(m *statement.MonthLines) uint32 { return uint32(m.Month) }, func(r *rowReader, m *statement.MonthLines) { m.Month = ocpi.Month(r.u32()) }),
	perItem("dues", false, monthsOf, func() proto.ColumnOf[[]uint32] { return proto.NewArray[uint32](new(proto.ColUInt32)) },
		func(m *statement.MonthLines) uint32 { return uint32(m.Due) }, func(r *rowReader, m *statement.MonthLines) { m.Due = ocpi.Month(r.u32()) }),
	perItem("month_lines", false, monthsOf, func() proto.ColumnOf[[]uint64] { return proto.NewArray[uint64](new(proto.ColUInt64)) },
		func(m *statement.MonthLines) uint64 { return m.Count }, func(r *rowReader, m *statement.MonthLines) { m.Count = r.u64() }),
	perItem("month_nets", false, monthsOf, func() proto.ColumnOf[[]proto.Decimal128] {
		return proto.NewArray[proto.Decimal128](new(proto.ColDecimal128))
	},
		func(m *statement.MonthLines) proto.Decimal128 { return decimal128Of(m.Net) }, func(r *rowReader, m *statement.MonthLines) { m.Net = r.sum() }),
}

func monthsOf(i *storedIssue) *[]statement.MonthLines { return &i.Months }

// attemptColumns are the columns of table attempts.
var attemptColumns = columns[clearing.Attempt]{
	whole[proto.ColUInt64]("id", func(a *clearing.Attempt) *uint64 { return &a.ID }, (*rowReader).u64),
	label("cpo_country", func(a *clearing.Attempt) *string { return &a.Scope.CPO.Country }),
	label("cpo_party", func(a *clearing.Attempt) *string { return &a.Scope.CPO.ID }),
	label("emsp_country", func(a *clearing.Attempt) *string { return &a.Scope.EMSP.Country }),
	label("emsp_party", func(a *clearing.Attempt) *string { return &a.Scope.EMSP.ID }),
	calendar("period", func(a *clearing.Attempt) *ocpi.Month { return &a.Period }),
	whole[proto.ColInt64]("control", func(a *clearing.Attempt) *int64 { return &a.Control }, (*rowReader).i64),
}

// Begin implements [statement.IssueStore].
func (s *Store) Begin(ctx context.Context, a clearing.Attempt) error {
	rows := newTableRows("attempts", attemptColumns)
	return s.insert(ctx, rows.block, attemptName(a.ID), 1, func(int) error { rows.append(&a); return nil })
}

func attemptName(id uint64) string { return fmt.Sprintf("attempt %016x", id) }

// WriteLines implements [statement.IssueStore]. What was issued is written before the
// lines: an attempt is read back line by line before a record names it, and whoever finds
// a line there knows that it is found as issued too. Of what is written twice readers see
// one row.
func (s *Store) WriteLines(ctx context.Context, attempt uint64, block int, lines []statement.IssuedLine) error {
	what := fmt.Sprintf("%s/%d", attemptName(attempt), block)
	said := make([]*statement.IssuedLine, 0, len(lines))
	for i := range lines {
		l := &lines[i]
		if err := checkLine(attempt, l); err != nil {
			return fmt.Errorf("store lines of %s: %w", what, err)
		}
		if l.Line.Kind != "" {
			said = append(said, l)
		}
	}
	issued := newTableRows("issued", issuedRowColumns)
	// A block has lines of as many months as its CDRs were booked in: a part for each.
	months := ch.Context(ctx, ch.WithSettings(ch.Settings{"max_partitions_per_insert_block": 0}))
	err := s.insert(months, issued.block, what, len(lines), func(i int) error { issued.append(&issuedRow{lines[i].IssuedCDR, lines[i].Hashes}); return nil })
	if err != nil {
		return err
	}
	into := newTableRows("statement_lines", lineColumns)
	return s.insert(ctx, into.block, what, len(said), func(i int) error { into.append(said[i]); return nil })
}

// checkLine refuses what the tables cannot express.
func checkLine(attempt uint64, l *statement.IssuedLine) error {
	mark := l.Line.Kind == ""
	switch {
	case l.Attempt != attempt:
		return fmt.Errorf("the line of %s is of %s", l.Key, attemptName(l.Attempt))
	case mark && !l.Net.IsZero():
		return fmt.Errorf("%s: a mark issues nothing, not %s", l.Key, l.Net)
	case !mark && (l.Line.CDR != l.Key.String() || !l.Line.Net.Equal(l.Net) || !same(l.Line.KWh, l.KWh)):
		return fmt.Errorf("the line of %s says another CDR, net or volume than is issued: %s", l.Key, l.Line.CDR)
	}
	for _, d := range []*decimal.Decimal{&l.Net, l.Tax, l.KWh, &l.Claim, l.Line.LineTax} {
		if err := fits(d); err != nil {
			return fmt.Errorf("the line of %s: %w", l.Key, err)
		}
	}
	return nil
}

func same(a, b *decimal.Decimal) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// WriteIssues implements [statement.IssueStore].
func (s *Store) WriteIssues(ctx context.Context, attempt uint64, block int, issues []statement.Issue) error {
	what := fmt.Sprintf("%s/%d", attemptName(attempt), block)
	for i := range issues {
		issue := &issues[i]
		if issue.Attempt != attempt || issue.Rank < 0 {
			return fmt.Errorf("store statements of %s: %s to %s is of %s, number %d", what, issue.CPO, issue.EMSP, attemptName(issue.Attempt), issue.Rank)
		}
		for _, d := range []*decimal.Decimal{&issue.KWh, &issue.Net, &issue.Rounding, issue.Tax, issue.Payable} {
			if err := fits(d); err != nil {
				return fmt.Errorf("store the statement of %s to %s: %w", issue.CPO, issue.EMSP, err)
			}
		}
		for n := range issue.Months {
			if err := fits(&issue.Months[n].Net); err != nil {
				return fmt.Errorf("store the statement of %s to %s, %s: %w", issue.CPO, issue.EMSP, issue.Months[n].Month, err)
			}
		}
	}
	rows := newTableRows("statements", issueColumns)
	return s.insert(ctx, rows.block, what, len(issues), func(i int) error {
		rows.append(&storedIssue{Issue: issues[i], lines: uint64(issues[i].Lines), rank: uint64(issues[i].Rank)})
		return nil
	})
}

// issueWhere restricts to what q selects of attempts. All of it is among the columns that
// rows are one by: it may say which rows are read at all. ctx is that of the query.
func issueWhere(ctx context.Context, q statement.IssueQuery, attempts []uint64) (context.Context, where, error) {
	var w where
	w.parties(q.Party, q.CPO, q.EMSP)
	if q.Currency != "" {
		w.and("currency = ?", q.Currency)
	}
	if !q.Period.IsZero() {
		w.and("period = ?", uint32(q.Period))
	}
	if len(attempts) == 1 { // whose rows stand in their order
		w.and("attempt = ?", attempts[0])
		return ctx, w, nil
	}
	wanted, err := withAttempts(attempts)
	w.and("attempt IN wanted")
	return ch.Context(ctx, wanted), w, err
}

// withAttempts makes ids of attempts available to a query as the table named wanted.
func withAttempts(attempts []uint64) (ch.QueryOption, error) {
	table, err := ext.NewTable("wanted", ext.Column("attempt", "UInt64"))
	for i := 0; i < len(attempts) && err == nil; i++ {
		err = table.Append(attempts[i])
	}
	if err != nil {
		return nil, fmt.Errorf("make table of attempts: %w", err)
	}
	return ch.WithExternalTable(table), nil
}

// Lines implements [statement.IssueStore].
func (s *Store) Lines(ctx context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.IssuedLine) error) error {
	if len(attempts) == 0 {
		return nil
	}
	ctx, w, err := issueWhere(ctx, q, attempts)
	if err != nil {
		return err
	}
	var l statement.IssuedLine
	return s.each(onDisk(ctx), "read lines of statements", "SELECT "+lineColumns.row()+" FROM statement_lines FINAL"+w.String()+
		" ORDER BY country, party, emsp_country, emsp_party, currency, belongs, id, attempt", w.args,
		func(rows driver.Rows) error {
			l = statement.IssuedLine{}
			if err := lineColumns.scan(rows, &l); err != nil {
				return err
			}
			l.Line.CDR, l.Line.Net, l.Line.KWh = l.Key.String(), l.Net, l.KWh
			return fn(&l)
		})
}

// onDisk has the engine sort on disk what is more than sortMemory.
func onDisk(ctx context.Context) context.Context {
	return ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory, "query_plan_execute_functions_after_sorting": 0}))
}

// Issues implements [statement.IssueStore].
func (s *Store) Issues(ctx context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.Issue) error) error {
	if len(attempts) == 0 {
		return nil
	}
	ctx, w, err := issueWhere(ctx, q, attempts)
	if err != nil {
		return err
	}
	return s.each(ctx, "read statements", "SELECT "+issueColumns.row()+" FROM statements FINAL"+w.String()+
		" ORDER BY period, country, party, emsp_country, emsp_party, currency, attempt", w.args,
		func(rows driver.Rows) error {
			var i storedIssue
			if err := issueColumns.scan(rows, &i); err != nil {
				return err
			}
			i.Lines, i.Rank = int(i.lines), int(i.rank)
			return fn(&i.Issue)
		})
}

// Attempts implements [statement.IssueStore], in the order of their ids.
func (s *Store) Attempts(ctx context.Context) (attempts []clearing.Attempt, err error) {
	err = s.each(ctx, "read attempts", "SELECT "+attemptColumns.row()+" FROM attempts FINAL ORDER BY id", nil, func(rows driver.Rows) error {
		var a clearing.Attempt
		err := attemptColumns.scan(rows, &a)
		attempts = append(attempts, a)
		return err
	})
	return attempts, err
}

// Sweep implements [statement.IssueStore]. Only partitions that have such rows are
// touched, and in these what is written meanwhile is left alone. What says that there is
// something to sweep goes last.
func (s *Store) Sweep(ctx context.Context, attempts []clearing.Attempt) error {
	if len(attempts) == 0 {
		return nil
	}
	var ids where
	list := make([]uint64, len(attempts))
	for i := range attempts {
		list[i] = attempts[i].ID
	}
	ids.and("attempt IN (?)", list)
	for _, table := range []string{"issued", "statement_lines", "statements"} {
		var partitions []string
		err := s.each(ctx, "look for rows of attempts in "+table, "SELECT DISTINCT _partition_id FROM "+table+ids.String(), ids.args, func(rows driver.Rows) error {
			var id string
			err := rows.Scan(&id)
			partitions = append(partitions, id)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range partitions {
			if err := s.conn.Exec(ctx, "DELETE FROM "+table+" IN PARTITION ID '"+id+"'"+ids.String(), ids.args...); err != nil {
				return fail("sweep attempts from "+table, err)
			}
		}
	}
	return fail("sweep attempts", s.conn.Exec(ctx, "DELETE FROM attempts"+strings.ReplaceAll(ids.String(), "attempt", "id"), ids.args...))
}
