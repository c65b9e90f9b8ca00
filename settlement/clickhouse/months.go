package clickhouse

import (
	"context"
	"slices"

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
// ascending. Rows are read as they stand: which of two counts matters only where
// a CDR has left, and there only in a month that has no other.
func (s *Store) bookedMonths(ctx context.Context, w where) ([]ocpi.Month, error) {
	counting := w.counting()
	months, err := s.distinctMonths(ctx, "results"+counting.String(), counting.args)
	if err != nil {
		return nil, err
	}
	stayed := counting
	stayed.and("(partition, month, epoch, offset) NOT IN (SELECT partition, month, epoch, offset FROM results WHERE elsewhere)")
	certain, err := s.distinctMonths(ctx, "results"+stayed.String(), stayed.args)
	if err != nil {
		return nil, err
	}
	var kept []ocpi.Month
	for _, m := range months {
		if !slices.Contains(certain, m) {
			still := counting
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
