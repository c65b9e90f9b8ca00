package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// multiply copies the seed until there are enough CDRs.
func (s *scale) multiply(ctx context.Context) error {
	began := time.Now()
	shift := max(len(s.rows[0]), len(s.rows[1]))
	copies := s.cdrs / s.seed
	for k := 1; k < copies; k++ {
		for _, t := range multiplied {
			replace := strings.NewReplacer("{k}", fmt.Sprint(k), "{shift}", fmt.Sprint(k*shift)).Replace(t[1])
			err := s.sql.Exec(ctx, fmt.Sprintf(`INSERT INTO %[1]s SELECT * REPLACE (%[2]s) FROM (SELECT * FROM %[1]s WHERE offset < %[3]d)
				SETTINGS max_partitions_per_insert_block = 0, max_insert_threads = 1, optimize_on_insert = 0, async_insert = 0, insert_deduplicate = 0`, t[0], replace, shift))
			if err != nil {
				return fmt.Errorf("multiply %s: %w", t[0], err)
			}
		}
	}
	s.Printf("%d CDRs stored, multiplied by %d in %s", s.seed, copies, time.Since(began).Round(time.Second))
	return nil
}

// settle waits until the engine has merged what it merges by itself.
func (s *scale) settle(ctx context.Context) error {
	for quiet := 0; quiet < 5; {
		var n uint64
		if err := s.sql.QueryRow(ctx, "SELECT count() FROM system.merges").Scan(&n); err != nil {
			return fmt.Errorf("wait for merges: %w", err)
		}
		if quiet++; n > 0 {
			quiet = 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return nil
}

// sizes prints what a CDR takes on disk.
func (s *scale) sizes(ctx context.Context) error {
	rows, err := s.sql.Query(ctx, `SELECT table, sum(rows), sum(bytes_on_disk), count() FROM system.parts
		WHERE active AND database = currentDatabase() AND table IN ('records', 'duplicates', 'cdrs', 'sender_lists', 'results')
		GROUP BY table ORDER BY table`)
	if err != nil {
		return fmt.Errorf("measure tables: %w", err)
	}
	defer rows.Close() //nolint:errcheck // read to its end
	var cdrs uint64
	if err := s.sql.QueryRow(ctx, "SELECT count() FROM cdrs").Scan(&cdrs); err != nil {
		return fmt.Errorf("count CDRs: %w", err)
	}
	total := 0.0
	for rows.Next() {
		var table string
		var n, bytes, parts uint64
		if err := rows.Scan(&table, &n, &bytes, &parts); err != nil {
			return fmt.Errorf("measure tables: %w", err)
		}
		total += float64(bytes) / float64(cdrs)
		s.Printf("%-14s %10d rows %4d parts %7.1f B a CDR", table, n, parts, float64(bytes)/float64(cdrs))
	}
	s.Printf("%-14s %10d CDRs            %7.1f B a CDR", "all", cdrs, total)
	return rows.Err()
}

// sums holds the months' counts and claims against those of the one row of each
// identity: the one of the highest version, whatever month it is booked in.
func (s *scale) sums(ctx context.Context) error {
	var differ, months uint64
	err := s.sql.QueryRow(ctx, `SELECT count(), countIf(a.n != b.n OR a.claimed != b.claimed) FROM (
			SELECT month, count() AS n, sum(claimed_excl) AS claimed FROM results FINAL WHERE NOT elsewhere GROUP BY month
		) AS a FULL JOIN (
			SELECT m AS month, count() AS n, sum(c) AS claimed FROM (
				SELECT argMax(month, ver) AS m, argMax(claimed_excl, ver) AS c FROM results WHERE NOT elsewhere GROUP BY sipHash128(country, party, id))
			GROUP BY m
		) AS b ON a.month = b.month
		SETTINGS max_bytes_before_external_group_by = 500000000, do_not_merge_across_partitions_select_final = 1`).Scan(&months, &differ)
	if err != nil {
		return fmt.Errorf("add months up: %w", err)
	}
	if differ > 0 {
		return fmt.Errorf("%d of %d months are not the sums of their identities' rows", differ, months)
	}
	s.Printf("%d months, each the sum of the one row of its identities", months)
	return nil
}

// read measures every reading.
func (s *scale) read(ctx context.Context) error {
	from := ocpi.MonthOf(2023, 1)
	month := from.Add(s.months / 2)
	row := &s.rows[0][7]
	day := time.Date(2023, time.Month(2+s.months/2-1), 2, 0, 0, 0, 0, time.UTC)
	credited := settlement.CDRQuery{From: month, To: month}
	second, err := s.store.CDRs(ctx, credited)
	if err != nil {
		return err
	}
	next := credited
	next.After = second.Next
	list := func(q settlement.CDRQuery) func(context.Context) error {
		return func(ctx context.Context) error { _, err := s.store.CDRs(ctx, q); return err }
	}
	report := func(q settlement.SettlementQuery) func(context.Context) error {
		return func(ctx context.Context) error { _, err := s.store.Settlement(ctx, q); return err }
	}
	ocpiList := func(q settlement.OCPIQuery) func(context.Context) error {
		return func(ctx context.Context) error { _, err := s.store.OCPICDRs(ctx, q); return err }
	}
	conflicts := func(q settlement.ConflictQuery) func(context.Context) error {
		return func(ctx context.Context) error { _, err := s.store.Conflicts(ctx, q); return err }
	}
	receipts := func(q settlement.ReceiptQuery) func(context.Context) error {
		q.CPO, q.From, q.To = row.Creditor, month.Start(), month.Add(1).Start().AddDate(0, 0, -1)
		return func(ctx context.Context) error {
			var days settlement.ReceiptDays
			return s.store.Receipts(ctx, q, func(r *settlement.BookedReceipt) error { days.Add(r); return nil })
		}
	}
	emsp := []ocpi.Party{row.Debtor}
	for _, r := range []struct {
		name string
		read func(context.Context) error
	}{
		{"report, a month", report(settlement.SettlementQuery{From: month, To: month})},
		{"report, a pair and month", report(settlement.SettlementQuery{From: month, To: month, CPO: row.Creditor, EMSP: row.Debtor})},
		{"report, 12 months", report(settlement.SettlementQuery{From: month, To: month.Add(11)})},
		{"report, all months", report(settlement.SettlementQuery{})},
		{"CDRs of a month, page 1", list(credited)},
		{"CDRs of a month, page 2", list(next)},
		{"CDRs of all months, page 1", list(settlement.CDRQuery{})},
		{"CDRs by id", list(settlement.CDRQuery{ID: row.Record.Key.ID})},
		{"rejects of a month", list(settlement.CDRQuery{From: month, To: month, Status: 1})},
		{"conflicts, page 1", conflicts(settlement.ConflictQuery{})},
		{"conflicts of an eMSP, page 1", conflicts(settlement.ConflictQuery{Party: row.Debtor})},
		{"repeats, page 1", conflicts(settlement.ConflictQuery{Kind: settlement.CopyRepeat})},
		{"one CDR with its explanation", func(ctx context.Context) error { _, err := s.store.CDR(ctx, row.Record.Key); return err }},
		{"OCPI list, a day", ocpiList(settlement.OCPIQuery{Debtors: emsp, OCPIWindow: settlement.OCPIWindow{From: day, To: day.Add(24 * time.Hour)}})},
		{"OCPI list, from a day on, page 1", ocpiList(settlement.OCPIQuery{Debtors: emsp, OCPIWindow: settlement.OCPIWindow{From: day}})},
		{"OCPI list of a CPO, a day", ocpiList(settlement.OCPIQuery{Creditors: []ocpi.Party{row.Creditor}, OCPIWindow: settlement.OCPIWindow{From: day, To: day.Add(24 * time.Hour)}})},
		{"receipts of a CPO, a month", receipts(settlement.ReceiptQuery{})},
		{"receipts of a pair, a month", receipts(settlement.ReceiptQuery{Debtors: emsp})},
		{"receipts of a CPO, one by one", func(ctx context.Context) error {
			q := settlement.ReceiptQuery{CPO: row.Creditor, From: month.Start(), To: month.Add(1).Start().AddDate(0, 0, -1)}
			for after := ""; ; {
				_, next, err := s.store.ReceiptPage(ctx, q, after, 5000)
				if err != nil || next == "" {
					return err
				}
				after = next
			}
		}},
		{"months", func(ctx context.Context) error { _, err := s.store.Months(ctx, ocpi.Party{}); return err }},
		{"months of an eMSP", func(ctx context.Context) error { _, err := s.store.Months(ctx, row.Debtor); return err }},
	} {
		if err := s.measure(ctx, r.name, r.read); err != nil {
			return err
		}
	}
	return nil
}

// measure runs a reading once to warm it, and then as often as was asked for. The
// engine says itself what CPU its statements took.
func (s *scale) measure(ctx context.Context, name string, read func(context.Context) error) error {
	if err := read(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	counted, cpu := countingCPU(ctx)
	ours := ownCPU()
	began := time.Now()
	for range s.runs {
		if err := read(counted); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	n := time.Duration(s.runs)
	s.Printf("%-34s %6d ms CPU %6d ms, %d ms of ours", name, (cpu() / n).Milliseconds(), (time.Since(began) / n).Milliseconds(), ((ownCPU() - ours) / n).Milliseconds())
	return nil
}
