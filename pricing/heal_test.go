package pricing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// rejects is a store whose rejects are these records.
type rejects struct {
	rows   []pricing.Row
	healed []string
}

func (s *rejects) Rejects(context.Context, ingest.Partition, []string, string, int) ([]pricing.Row, string, error) {
	return s.rows, "", nil
}

func (s *rejects) WriteResults(_ context.Context, _ ingest.Partition, rows []pricing.Row) error {
	for i := range rows {
		s.healed = append(s.healed, rows[i].ID)
	}
	return nil
}

// A reject whose cause is gone is priced by itself, but not while its cause stands.
func TestHealPricesWhatCanBePriced(t *testing.T) {
	const total = `{"excl_vat":5}`
	s := &rejects{}
	for _, r := range records(
		cdr("january", "EXW", tariff, total),
		strings.ReplaceAll(cdr("february", "EXW", tariff, total), "2019-01-05T1", "2019-02-05T1"),
		strings.ReplaceAll(cdr("unknown", "XXX", tariff, total), "2019-01-05T1", "2019-02-05T1"),
	) {
		s.rows = append(s.rows, pricing.Row{Record: r, Outcome: pricing.Outcome{Status: pricing.Rejected}})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := worker(&store{}, inputs{})
		done := make(chan error)
		go func() { done <- w.Heal(ctx, cdrs, s, func() uint64 { return 1 }) }()
		time.Sleep(2 * time.Second) // of the bubble's clock
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if diff := cmp.Diff([]string{"january", "february"}, s.healed); diff != "" {
		t.Errorf("healed (-want +got):\n%s", diff)
	}
}

// opening is a gate behind which the zone is known.
type opening struct {
	inputs
	open bool
}

func (o *opening) CatchUp(context.Context) (pricing.AsOf, error) {
	o.open = true
	return present, nil
}

func (o *opening) Zone(location ocpi.Key, country string, start ocpi.Time, below int64) (string, string) {
	if !o.open || below != present.Reference {
		return "Asia/Tokyo", "country"
	}
	return o.inputs.Zone(location, country, start, below)
}

// zoned notes the zones that rejects were healed with.
type zoned struct {
	rejects
	zones []string
	asOf  []pricing.AsOf
}

func (s *zoned) WriteResults(_ context.Context, _ ingest.Partition, rows []pricing.Row) error {
	for i := range rows {
		s.zones = append(s.zones, rows[i].Outcome.TimeZone)
		s.asOf = append(s.asOf, rows[i].Outcome.AsOf)
	}
	return nil
}

// A process that has just started knows only part of the reference data. What
// it heals a reject to stays, so it must not look before it has caught up.
func TestHealWaitsForTheFollower(t *testing.T) {
	r := records(cdr("a", "EXW", tariff, `{"excl_vat":5}`))[0]
	s := &zoned{rejects: rejects{rows: []pricing.Row{{Record: r}}}}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		in := &opening{}
		w := worker(&store{}, in)
		w.Gate = in
		if err := w.Heal(ctx, cdrs, s, func() uint64 { return 1 }); err != nil {
			t.Error(err)
		}
	})
	if diff := cmp.Diff([]string{"Europe/London"}, s.zones); diff != "" {
		t.Errorf("zones of healed results (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]pricing.AsOf{present}, s.asOf); diff != "" {
		t.Errorf("healed as of (-want +got):\n%s", diff)
	}
}

// picky has memory for so many rows at once, and cannot take one.
type picky struct {
	rejects
	most    int
	refuses string
}

func (s *picky) WriteResults(ctx context.Context, p ingest.Partition, rows []pricing.Row) error {
	if len(rows) > s.most {
		return fmt.Errorf("%w: %w", ingest.ErrTooMuch, ingest.ErrUnavailable)
	}
	for i := range rows {
		if rows[i].ID == s.refuses {
			return errors.New("value out of range")
		}
	}
	return s.rejects.WriteResults(ctx, p, rows)
}

// What the store cannot take keeps no other reject from being healed.
func TestHealHalvesWhatTheStoreCannotTake(t *testing.T) {
	s := &picky{most: 3, refuses: "c2"}
	var want []string
	for i := range 9 {
		id := fmt.Sprintf("c%d", i)
		s.rows = append(s.rows, pricing.Row{Record: records(cdr(id, "EXW", tariff, `{"excl_vat":5}`))[0], Outcome: pricing.Outcome{Status: pricing.Rejected}})
		if id != s.refuses {
			want = append(want, id)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := worker(&store{}, inputs{}).Heal(ctx, cdrs, s, func() uint64 { return 1 }); err != nil {
			t.Error(err)
		}
	})
	if diff := cmp.Diff(want, s.healed); diff != "" {
		t.Errorf("healed (-want +got):\n%s", diff)
	}
}
