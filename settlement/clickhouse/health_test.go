package clickhouse

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

func healthDays(from, to string, cpos ...ocpi.Party) settlement.HealthQuery {
	d := days(from, to)
	return settlement.HealthQuery{CPOs: cpos, From: ocpi.TimeOf(d.From), To: ocpi.TimeOf(d.To.AddDate(0, 0, 1)), Due: settlement.CDRDue}
}

// How CDRs came is what a person finds who counts them one by one: days, shares, and
// percentiles by their rank.
func TestHealthOfRandomCDRs(t *testing.T) {
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		s := newStore(t)
		var rows []pricing.Row
		for i := range 100 {
			line := fmt.Sprintf("GB*%s NL*EXW c%d 2019-0%d-%02d GBP %d/- priced 1/1 -", []string{"DUN", "PKC", "OTH"}[rnd.IntN(3)], i, 1+rnd.IntN(3), 1+rnd.IntN(28), rnd.IntN(3))
			if i > 50 && rnd.IntN(4) == 0 {
				of := rows[rnd.IntN(50)]
				line = fmt.Sprintf("%s NL*EXW k%d 2019-0%d-28 GBP -1/- credit %s -", of.Creditor, i, 3, of.ID)
			}
			row := batchOf(t, 0, int64(i), line).Rows[0]
			switch rnd.IntN(8) {
			case 0:
				row.End = 0
			case 1:
				row.Record.Received = row.End - ocpi.Time(time.Hour)
			case 2:
				row.Record.Received = row.End + ocpi.Time(settlement.CDRDue)
			default:
				row.Record.Received = row.End + ocpi.Time(rnd.Int64N(int64(2*settlement.CDRDue)))
			}
			rows = append(rows, row)
		}
		b := &pricing.Batch{Partition: cdrsOf(0), Rows: rows, Next: int64(len(rows))}
		write(t, s, cut(b, 1+rnd.IntN(50))...)
		q := healthDays("2019-01-20", "2019-02-25", ocpi.NewParty("GB", "DUN"), ocpi.NewParty("GB", "PKC"))
		want := &settlement.CDRHealth{}
		credited, perDay, lags := map[ocpi.Key]bool{}, map[time.Time]uint64{}, []time.Duration{}
		for i := range rows {
			if rows[i].Credit {
				credited[ocpi.Key{Party: rows[i].Creditor, ID: rows[i].CreditReferenceID}] = true
			}
		}
		for i := range rows {
			r := &rows[i]
			at := r.BookedAt()
			if r.Credit || !slices.Contains(q.CPOs, r.Creditor) || at < q.From || at >= q.To {
				continue
			}
			want.CDRs++
			perDay[at.Go().Truncate(24*time.Hour)]++
			if credited[r.Record.Key] {
				want.Corrected++
			}
			if r.End.IsSet() {
				lag := max(0, time.Duration(r.Record.Received-r.End))
				if want.Timed++; lag > q.Due {
					want.Late++
				}
				lags = append(lags, lag.Truncate(time.Second))
			}
		}
		for day, n := range perDay {
			want.Days = append(want.Days, settlement.CDRDay{Day: day, CDRs: n})
		}
		slices.SortFunc(want.Days, func(a, b settlement.CDRDay) int { return a.Day.Compare(b.Day) })
		// Brute force: the first lag that a part of all lags does not exceed.
		reached := func(percent int) time.Duration {
			slices.Sort(lags)
			for _, lag := range lags {
				below := 0
				for _, other := range lags {
					if other <= lag {
						below++
					}
				}
				if 100*below >= percent*len(lags) {
					return lag
				}
			}
			return 0
		}
		want.P50, want.P95 = reached(50), reached(95)
		got, err := s.CDRHealth(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: -want +got\n%s", seed, diff)
		}
	}
	s := newStore(t)
	if got, err := s.CDRHealth(t.Context(), healthDays("2019-01-01", "2019-01-31", ocpi.NewParty("GB", "DUN"))); err != nil || got.Timed != 0 || got.CDRs != 0 {
		t.Errorf("of none: %+v, %v", got, err)
	}
}

// Differences are by cause and currency, the most frequent first, and behind them what could
// not be priced; what is credited in full is none.
func TestHealthDifferences(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, `
GB*DUN NL*EXW a1 2019-01-02 GBP 7/8.4 priced 6/7.2 -
GB*DUN NL*EXW a2 2019-01-03 GBP 7/- priced 5/6 -
GB*DUN NL*EXW a3 2019-01-03 EUR 7/- priced 5/6 -
GB*DUN NL*EXW a4 2019-01-03 EUR 5/6 priced 5/6 -
GB*DUN NL*EXW a5 2019-01-04 GBP -/- rejected tariff_unknown -
GB*DUN NL*EXW a6 2019-01-04 GBP 3/- rejected tariff_unknown -
GB*PKC NL*EXW a7 2019-01-04 GBP 3/- priced 1/1 -
GB*DUN NL*EXW a8 2019-02-01 GBP 3/- priced 1/1 -`))
	list, err := s.HealthDifferences(t.Context(), healthDays("2019-01-01", "2019-01-31", ocpi.NewParty("GB", "DUN")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range list {
		d := &list[i]
		got = append(got, fmt.Sprintf("%v %s %s %d %s/%d %s/%d", d.Rejected, d.Kind, d.Currency, d.CDRs, d.Claimed.Excl, d.UnknownClaims, d.Computed.Excl, d.UnknownPrices))
	}
	want := []string{
		"false " + settlement.CauseUnknown + " GBP 2 14/0 11/0", "false " + settlement.CauseUnknown + " EUR 1 7/0 5/0", "true tariff_unknown GBP 2 3/1 0/2",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Messages are added up by direction, object and whether one reads or pushes, each once.
func TestExchangesOfRandomMessages(t *testing.T) {
	s := newStore(t)
	rnd := rand.New(rand.NewPCG(3, 3))
	from := ocpi.TimeOf(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	to := from + ocpi.Time(3*24*time.Hour)
	var all []messages.Message
	want := map[string]settlement.Exchanges{}
	for i := range 300 {
		m := messages.Message{At: from + ocpi.Time(rnd.Int64N(int64(4*24*time.Hour))), Seq: uint64(i), Partner: fmt.Sprint("p", rnd.IntN(2)), Direction: messages.Direction(1 + rnd.IntN(2)),
			Method: []string{"GET", "PUT", "POST"}[rnd.IntN(3)], Path: fmt.Sprint("/", i), Object: []string{"cdr", "session"}[rnd.IntN(2)], HTTP: []uint16{0, 200, 200, 500}[rnd.IntN(4)], Status: []uint16{1000, 2001}[rnd.IntN(2)]}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b messages.Message) int { return cmp.Compare(a.At, b.At) })
	for _, m := range all {
		if m.Partner != "p1" || m.At >= to {
			continue
		}
		key := fmt.Sprint(m.Direction, m.Object, m.Method == "GET")
		e := want[key]
		e.Direction, e.Object, e.Reads = m.Direction.String(), m.Object, m.Method == "GET"
		e.Requests++
		e.Last, e.LastPath = m.At, m.Path
		if m.HTTP == 0 || m.HTTP >= 300 || m.Status >= 2000 {
			e.Failed++
		} else {
			e.LastDone = m.At
		}
		want[key] = e
	}
	for range 2 {
		if err := s.WriteMessages(t.Context(), append(slices.Clone(all), messages.Message{At: from, Seq: 1 << 40, Partner: "p1", NotKept: 5})); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Exchanges(t.Context(), settlement.ExchangeQuery{Partner: "p1", From: from, To: to})
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d of %d, %v", len(got), len(want), err)
	}
	for _, e := range got {
		if diff := gocmp.Diff(want[fmt.Sprint(strings.ToLower(e.Direction), e.Object, e.Reads)], e); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}
