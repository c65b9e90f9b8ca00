package clickhouse

import (
	"context"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
)

// Months implements [settlement.Reader]. Of a month with which blocks of rows begin, a
// row that nothing has taken back shows that it has one; FINAL must choose where there is
// none such, and in months of few rows, all of them at once.
func (s *Store) Months(ctx context.Context, party ocpi.Party) ([]ocpi.Month, error) {
	var w where
	w.parties(party, ocpi.Party{}, ocpi.Party{})
	w.and("month > 0")
	var large, small []ocpi.Month
	err := s.leading(ctx, "list months", "results", "month", func(indexed bool, scan func(...any) error) error {
		var n uint32
		if err := scan(&n); err != nil {
			return err
		}
		if indexed {
			large = append(large, ocpi.Month(n))
		} else {
			small = append(small, ocpi.Month(n))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	booked, err := s.standingMonths(ctx, w, large)
	if err != nil {
		return nil, err
	}
	for _, m := range large {
		if !slices.Contains(booked, m) {
			small = append(small, m)
		}
	}
	for _, from := range []string{"results", "results FINAL"} { // FINAL is asked only where there is any row
		if len(small) == 0 {
			break
		}
		numbers := make([]uint32, len(small))
		for i, m := range small {
			numbers[i] = uint32(m)
		}
		still := w.counting()
		still.and("month IN ?", numbers)
		if small, err = s.distinctMonths(ctx, from+still.String(), still.args); err != nil {
			return nil, err
		}
	}
	booked = append(booked, small...)
	slices.SortFunc(booked, ocpi.Month.Compare)
	return booked, nil
}

// standingMonths returns those months that have a row which w selects and nothing
// has taken back. Of each month no more is read than it takes to find one.
func (s *Store) standingMonths(ctx context.Context, w where, months []ocpi.Month) (standing []ocpi.Month, err error) {
	const atOnce = 50 // a statement has its bounds
	for some := range slices.Chunk(months, atOnce) {
		var each []string
		var args []any
		for _, m := range some {
			here := w.counting()
			here.months(m, m)
			here.and("(partition, epoch, offset) NOT IN (SELECT partition, epoch, offset FROM results WHERE month = ? AND elsewhere)", uint32(m))
			each, args = append(each, "(SELECT month FROM results"+here.String()+" LIMIT 1)"), append(args, here.args...)
		}
		found, err := s.distinctMonths(ctx, "("+strings.Join(each, " UNION ALL ")+")", args)
		if err != nil {
			return nil, err
		}
		standing = append(standing, found...)
	}
	return standing, nil
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

// leading calls fn for each value that the first columns of a table's order have.
// indexed are those with which blocks of rows begin; rows are read only where a
// block may hold others.
func (s *Store) leading(ctx context.Context, attempt, table, columns string, fn func(indexed bool, scan func(...any) error) error) error {
	index := "(SELECT DISTINCT " + columns + " FROM mergeTreeIndex(currentDatabase(), " + table + "))"
	for _, indexed := range []bool{true, false} {
		from := index
		if !indexed {
			from = table + " WHERE (" + columns + ") NOT IN " + index
		}
		err := s.each(ctx, attempt, "SELECT DISTINCT "+columns+" FROM "+from, nil, func(rows driver.Rows) error { return fn(indexed, rows.Scan) })
		if err != nil {
			return err
		}
	}
	return nil
}
