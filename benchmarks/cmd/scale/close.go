package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// house is an installation in which nothing is agreed and everything is stored: what
// closes of its periods need to know.
type house struct {
	statement.Control // nobody asks for a close here
	ends              settlement.Ends
	counted           []clearing.Counted
	next              int64 // control record
}

func (h *house) Cut(context.Context) (statement.Cut, error) {
	return statement.Cut{CDRs: h.ends, Control: h.next}, nil
}
func (h *house) Reach(context.Context, statement.Cut, func(string)) error { return nil }
func (h *house) Agreed(int64) statement.Agreed                            { return h }
func (h *house) Refuses(clearing.Attempt) *clearing.NotClosed             { return nil }
func (h *house) Doomed(clearing.Attempt) bool                             { return false }
func (h *house) ClosePeriod(_ context.Context, n clearing.NewClosing) (*clearing.Closing, error) {
	h.count(n.Attempt)
	return &clearing.Closing{NewClosing: n}, nil
}

func (h *house) count(a clearing.Attempt) {
	h.counted = append(h.counted, clearing.Counted{ID: a.ID, Period: a.Period, Control: a.Control})
	h.next = max(h.next, a.Control+1)
}

func (h *house) Terms(ocpi.Party, ocpi.Party, ocpi.Month) clearing.Terms {
	return clearing.Terms{Owed: clearing.OwedClaimed, Zone: tariff.UTC, Pack: clearing.DefaultPack, Tax: clearing.Tax{Category: clearing.TaxStated}, Undecided: clearing.UndecidedCarry}
}
func (h *house) ClosedThrough(ocpi.Party, ocpi.Party) (through ocpi.Month) {
	for _, c := range h.counted {
		through = max(through, c.Period)
	}
	return through
}
func (h *house) BegunThrough(ocpi.Party, ocpi.Party) ocpi.Month { return 0 }
func (h *house) Counted() []clearing.Counted                    { return h.counted }
func (h *house) Below() int64                                   { return h.next }

// alone are books in which nobody else was at a connector.
type alone struct{ statement.Books }

func (alone) ConnectorCharges(context.Context, statement.ConnectorQuery, settlement.Ends, func(*settlement.ConnectorCharge) error) error {
	return nil
}

// close closes all months but the last two, and measures what is done month by month:
// drafts of the next one, its close, and drafts of the last. A store that was kept has
// the first closes.
func (s *scale) close(ctx context.Context) error {
	h := &house{ends: settlement.Ends{}, next: 1}
	for p := range s.rows {
		var end int64
		if err := s.sql.QueryRow(ctx, "SELECT max(offset) + 1 FROM records WHERE topic = 'cdrs' AND partition = ?", p).Scan(&end); err != nil {
			return fmt.Errorf("read where the log ends: %w", err)
		}
		h.ends[ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1, Number: int32(p)}] = end
	}
	begun, err := s.store.Attempts(ctx)
	if err != nil {
		return err
	}
	for _, a := range begun {
		h.count(a)
	}
	last := ocpi.MonthOf(2023, 1).Add(s.months - 1)
	pair := statement.Query{CPO: s.rows[0][7].Record.Key.Party, EMSP: s.rows[0][7].Debtor}
	small, err := s.smallPair(ctx, last)
	if err != nil {
		return err
	}
	s.rows = [2][]pricing.Row{} // they are no part of what a close needs, and a collector would look at them all
	closer := &statement.Closer{Books: s.store, Issues: s.store, Logs: h, Control: h}
	if len(begun) == 0 {
		if err := s.closing(ctx, closer, last.Add(-2)); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	drafts := func(books statement.Books, of statement.Query) func(context.Context) error {
		of.Period, of.Below = h.ClosedThrough(pair.CPO, pair.EMSP).Add(1), h.ends
		return func(ctx context.Context) error {
			cdrs, pairs := 0, 0
			err := (&statement.Drawer{Books: books, Agreed: h}).Draw(ctx, of, func(d *statement.Draft) error {
				cdrs, pairs = cdrs+len(d.Settled), pairs+1
				return d.Err
			})
			s.drawn = fmt.Sprintf("%d CDRs in %d drafts of %s", cdrs, pairs, of.Period)
			return err
		}
	}
	for {
		for _, r := range []struct {
			name  string
			books statement.Books
			of    statement.Query
		}{{"draft of a pair", s.store, pair}, {"draft of a small pair", s.store, small}, {"drafts of all pairs", s.store, statement.Query{}}, {"the same, connectors not asked for", alone{s.store}, statement.Query{}}} {
			if err := s.measure(ctx, r.name, drafts(r.books, r.of)); err != nil {
				return err
			}
			s.Printf("%36s", s.drawn)
		}
		if h.ClosedThrough(pair.CPO, pair.EMSP) >= last.Add(-1) {
			return nil
		}
		if err := s.closing(ctx, closer, last.Add(-1)); err != nil {
			return err
		}
	}
}

// smallPair is one of those pairs that have the fewest CDRs of a month, but some.
func (s *scale) smallPair(ctx context.Context, m ocpi.Month) (q statement.Query, err error) {
	err = s.sql.QueryRow(ctx, "SELECT country, party, emsp_country, emsp_party FROM results WHERE month = ? AND NOT elsewhere AND emsp_country != '' GROUP BY ALL HAVING count() >= 8 ORDER BY count(), cityHash64(country, party, emsp_country, emsp_party) LIMIT 1", uint32(m)).
		Scan(&q.CPO.Country, &q.CPO.ID, &q.EMSP.Country, &q.EMSP.ID)
	if err != nil {
		return q, fmt.Errorf("find a small pair: %w", err)
	}
	return q, nil
}

// closing closes what is open through a month.
func (s *scale) closing(ctx context.Context, closer *statement.Closer, through ocpi.Month) error {
	ours, began := ownCPU(), time.Now()
	ctx, theirs := countingCPU(ctx)
	result, err := closer.Close(ctx, statement.CloseRequest{Period: through, Now: ocpi.TimeOf(time.Now()), By: "scale"})
	if err != nil {
		return err
	}
	s.Printf("close through %s: %d lines, %d statements, %s CPU of the engine, %s of ours, %s", through, result.Closing.Lines, statements(result.Closing),
		theirs().Round(time.Millisecond), (ownCPU() - ours).Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	return nil
}

func statements(c *clearing.Closing) (n int64) {
	for _, of := range c.Statements {
		n += of.Count
	}
	return n
}

// countingCPU counts what CPU the engine says that the statements of a context took.
func countingCPU(ctx context.Context) (context.Context, func() time.Duration) {
	var cpu atomic.Int64
	ctx = ch.Context(ctx, ch.WithProfileEvents(func(events []ch.ProfileEvent) {
		for _, e := range events {
			if e.Name == "UserTimeMicroseconds" || e.Name == "SystemTimeMicroseconds" {
				cpu.Add(e.Value)
			}
		}
	}))
	return ctx, func() time.Duration { return time.Duration(cpu.Load()) * time.Microsecond }
}

// ownCPU is what this process took, without the engine.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // no other error than of its arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
