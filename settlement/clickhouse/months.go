package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
)

// Months implements [settlement.Reader].
func (s *Store) Months(ctx context.Context, party ocpi.Party) ([]ocpi.Month, error) {
	var w where
	w.parties(party, ocpi.Party{}, ocpi.Party{})
	w.and("month > 0")
	booked, err := s.bookedMonths(ctx, w)
	if err != nil {
		return nil, err
	}
	lands, err := s.distinctMonths(ctx, `(
		SELECT cpo_country, cpo_party, emsp_country, emsp_party, lands AS month FROM corrections
		UNION ALL SELECT cpo_country, cpo_party, old_emsp_country AS emsp_country, old_emsp_party AS emsp_party, lands AS month FROM corrections
		)`+w.String(), w.args)
	if err != nil {
		return nil, err
	}
	months := append(booked, lands...)
	slices.SortFunc(months, ocpi.Month.Compare)
	return slices.Compact(months), nil
}

// bookedMonths returns the months in which results has CDRs that w selects,
// ascending. A row that nothing has taken back shows that its month has one; only
// where there is none such FINAL must choose.
func (s *Store) bookedMonths(ctx context.Context, w where) ([]ocpi.Month, error) {
	var months []ocpi.Month
	err := s.leading(ctx, "list months", "results", "month", func(scan func(...any) error) error {
		var n uint32
		err := scan(&n)
		months = append(months, ocpi.Month(n))
		return err
	})
	if err != nil || len(months) == 0 {
		return nil, err
	}
	slices.SortFunc(months, ocpi.Month.Compare)
	certain, err := s.standingMonths(ctx, w, months)
	if err != nil {
		return nil, err
	}
	var kept []ocpi.Month
	for _, m := range slices.Compact(months) {
		if !slices.Contains(certain, m) {
			still := w.counting()
			still.months(m, m)
			found, err := s.distinctMonths(ctx, "results FINAL"+still.String(), still.args)
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				continue
			}
		}
		kept = append(kept, m)
	}
	return kept, nil
}

// standingMonths returns those months that have a row which w selects and nothing
// has taken back. Of each month no more is read than it takes to find one.
func (s *Store) standingMonths(ctx context.Context, w where, months []ocpi.Month) ([]ocpi.Month, error) {
	var each []string
	var args []any
	for _, m := range months {
		here := w.counting()
		here.months(m, m)
		here.and("(partition, epoch, offset) NOT IN (SELECT partition, epoch, offset FROM results WHERE month = ? AND elsewhere)", uint32(m))
		each, args = append(each, "(SELECT month FROM results"+here.String()+" LIMIT 1)"), append(args, here.args...)
	}
	return s.distinctMonths(ctx, "("+strings.Join(each, " UNION ALL ")+")", args)
}

func (s *Store) distinctMonths(ctx context.Context, from string, args []any) (months []ocpi.Month, err error) {
	err = s.each(ctx, "list months", "SELECT DISTINCT month FROM "+from+" ORDER BY month", args,
		func(rows driver.Rows) error {
			var n uint32
			err := rows.Scan(&n)
			months = append(months, ocpi.Month(n))
			return err
		})
	return months, err
}

// leading calls fn for the values that the first columns of a table's order have,
// some of them twice. Those with which blocks of rows begin are in the index; rows
// are read only where a block may hold others.
func (s *Store) leading(ctx context.Context, attempt, table, columns string, fn func(scan func(...any) error) error) error {
	indexed := "(SELECT DISTINCT " + columns + " FROM mergeTreeIndex(currentDatabase(), " + table + "))"
	return s.each(ctx, attempt, fmt.Sprintf("SELECT %[1]s FROM %[2]s UNION ALL SELECT DISTINCT %[1]s FROM %[3]s WHERE (%[1]s) NOT IN %[2]s", columns, indexed, table), nil,
		func(rows driver.Rows) error { return fn(rows.Scan) })
}
