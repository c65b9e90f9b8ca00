package clickhouse

import (
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// Statements of before 0033 get what this binary writes with them from their lines, however
// often it is begun.
func TestMigrationOfMonths(t *testing.T) {
	const months = 33
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	from := newStore(t)
	issues := []statement.Issue{
		{Attempt: 7, CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("NL", "EXW"), Period: 201902, Currency: "GBP", Digest: "ab", Totals: statement.Totals{Lines: 4}},
		{Attempt: 7, CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("NL", "EXW"), Period: 201902, Currency: "EUR", Digest: "cd", Totals: statement.Totals{Lines: 1}},
		{Attempt: 9, CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("NL", "EXW"), Period: 201903, Currency: "EUR", Digest: "ef", Totals: statement.Totals{Lines: 1}},
	}
	for _, c := range []struct {
		of             int // of issues
		id             string
		month, belongs ocpi.Month
		net            string
	}{
		{0, "C1", 201901, 201901, "1.25"}, {0, "C2", 201901, 201901, "2"}, {0, "C3", 201901, 201902, "-0.000000000001"}, {0, "C4", 201902, 201902, "4"},
		{1, "C5", 201902, 201902, "5"}, {2, "C5", 201903, 201901, "-5"},
	} {
		i := &issues[c.of]
		key, net := ocpi.NewKey("GB", "DUN", c.id), decimal.RequireFromString(c.net)
		of := statement.MonthLines{Month: c.month, Due: c.belongs, Lines: settlement.Lines{Count: 1, Net: net}}
		if last := len(i.Months) - 1; last >= 0 && i.Months[last].Month == c.month && i.Months[last].Due == c.belongs {
			i.Months[last].Lines = i.Months[last].Add(of.Lines)
		} else {
			i.Months = append(i.Months, of)
		}
		line := statement.IssuedLine{IssuedCDR: statement.IssuedCDR{Attempt: i.Attempt, Period: i.Period, Key: key, EMSP: i.EMSP, Currency: i.Currency, Month: c.month, Net: net},
			Line: statement.Line{CDR: key.String(), Kind: statement.CDR, Belongs: c.belongs, Net: net}}
		for range 2 {
			if err := from.WriteLines(t.Context(), i.Attempt, 0, []statement.IssuedLine{line}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range issues {
		if err := from.WriteIssues(t.Context(), issues[i].Attempt, i, issues[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	read := func(s *Store) (rows []string) {
		t.Helper()
		err := s.each(t.Context(), "read months", "SELECT digest, toString(months), toString(dues), toString(month_lines), toString(month_nets) FROM statements FINAL ORDER BY digest", nil, func(r driver.Rows) error {
			var c [5]string
			err := r.Scan(&c[0], &c[1], &c[2], &c[3], &c[4])
			rows = append(rows, fmt.Sprint(c))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	want := read(from)
	steps := statements(migrations[months-1].sql)
	for done := range 3 {
		s := openStore(t, engine, fmt.Sprintf("%s_%d", EngineDatabase, databases.Add(1)))
		if err := s.migrate(t.Context(), migrations[:months-1]); err != nil {
			t.Fatal(err)
		}
		for _, sql := range []string{
			"INSERT INTO statements SELECT * EXCEPT (months, dues, month_lines, month_nets) FROM %s.statements SETTINGS max_partitions_per_insert_block = 0",
			"INSERT INTO statement_lines SELECT * FROM %s.statement_lines SETTINGS max_partitions_per_insert_block = 0",
		} {
			if err := s.conn.Exec(t.Context(), fmt.Sprintf(sql, quoteName(from.db))); err != nil {
				t.Fatal(err)
			}
		}
		for i, st := range steps[:done] {
			if err := s.execute(t.Context(), migrations[months-1], i, st); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("interrupted after statement %d: %v", done, err)
		}
		if diff := cmp.Diff(want, read(s)); diff != "" {
			t.Errorf("interrupted after statement %d, -want +got:\n%s", done, diff)
		}
		var tells []uint64
		err := s.IssuedMonths(t.Context(), settlement.SettlementQuery{}, []clearing.Counted{{ID: 7}}, func(m *statement.IssuedMonth) error {
			tells = append(tells, m.Count)
			return nil
		})
		if err != nil || len(tells) != 4 {
			t.Errorf("%v: months of %v lines", err, tells)
		}
	}
}
