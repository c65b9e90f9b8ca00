package clickhouse

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// span is a window of last_updated, [since, until) in Unix nanoseconds.
type span struct{ since, until int64 }

// maxSpans is how many windows of a party are kept, of those that do not touch: who
// polls has one. Of more, those that end first are let go of.
const maxSpans = 16

// joined is what spans cover together with one more, ascending.
func joined(spans []span, more span) []span {
	all := append(slices.Clone(spans), more)
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.since, b.since) })
	out := all[:1]
	for _, s := range all[1:] {
		if last := &out[len(out)-1]; s.since <= last.until {
			last.until = max(last.until, s.until)
		} else {
			out = append(out, s)
		}
	}
	return out[max(0, len(out)-maxSpans):]
}

// covers reports whether one of the spans holds all of another.
func covers(spans []span, s span) bool {
	return slices.ContainsFunc(spans, func(c span) bool { return c.since <= s.since && s.until <= c.until })
}

// untold is how far what is noted in the store may be behind what was read: who polls
// has read a little more every time, and an insert for each would be one too many. A
// CDR in that little is not counted as late by another process, or after a restart.
const untold = 5 * time.Minute

// toldOf is what is as good as noted, where spans are.
func toldOf(spans []span) []span {
	told := slices.Clone(spans)
	for i := range told {
		told[i].until += min(int64(untold), math.MaxInt64-told[i].until)
	}
	return told
}

// reads are the windows that parties are known here to have read, and those of them
// that are in the store.
type reads struct {
	mu        sync.Mutex
	of, noted map[ocpi.Party][]span
}

// add adds a window of parties, and returns those of whom it is to be noted.
func (r *reads) add(parties []ocpi.Party, s span) (list []ocpi.Party) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of, r.noted = map[ocpi.Party][]span{}, map[ocpi.Party][]span{}
	}
	for _, p := range parties {
		r.of[p] = joined(r.of[p], s)
		if !covers(toldOf(r.noted[p]), s) {
			list = append(list, p)
		}
	}
	return list
}

// stored adds what the store has of a party, and returns what it has read then.
func (r *reads) stored(p ocpi.Party, stored []span) []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range stored {
		r.of[p] = joined(r.of[p], s)
		r.noted[p] = joined(r.noted[p], s)
	}
	return r.of[p]
}

// has reports whether a party is known here to have read a window.
func (r *reads) has(p ocpi.Party, s span) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return covers(r.of[p], s)
}

// noteRead keeps that eMSPs have read a window of their lists of CDRs to its end, as
// it was at an instant: what has a later last_updated is of the next one.
func (s *Store) noteRead(ctx context.Context, parties []ocpi.Party, w *settlement.OCPIWindow, at time.Time) error {
	read := span{math.MinInt64, at.UnixNano()}
	if !w.From.IsZero() {
		read.since = w.From.UnixNano()
	}
	if !w.To.IsZero() {
		read.until = min(read.until, w.To.UnixNano())
	}
	if read.since >= read.until {
		return nil
	}
	parties = s.reads.add(parties, read)
	stored, err := s.readBy(ctx, parties)
	if err != nil {
		return err
	}
	for _, p := range parties {
		all := s.reads.stored(p, stored[p])
		if covers(toldOf(stored[p]), read) {
			continue
		}
		since, until := make([]int64, len(all)), make([]int64, len(all))
		for i := range all {
			since[i], until[i] = all[i].since, all[i].until
		}
		err := s.conn.Exec(ctx, "INSERT INTO list_reads (country, party, since, until, noted) VALUES (?, ?, ?, ?, ?)", p.Country, p.ID, since, until, time.Now().UnixNano())
		if err != nil {
			return fail("note what "+p.String()+" has read", err)
		}
		s.reads.stored(p, all)
	}
	return nil
}

// readBy returns what parties have read.
func (s *Store) readBy(ctx context.Context, parties []ocpi.Party) (map[ocpi.Party][]span, error) {
	of := map[ocpi.Party][]span{}
	if len(parties) == 0 {
		return of, nil
	}
	set, args := tuples(len(parties), 2, func(i int) []any { return []any{parties[i].Country, parties[i].ID} })
	err := s.each(ctx, "look what parties have read", "SELECT country, party, since, until FROM list_reads FINAL WHERE (country, party) IN "+set, args,
		func(r driver.Rows) error {
			var p ocpi.Party
			var since, until []int64
			err := r.Scan(&p.Country, &p.ID, &since, &until)
			for i := range min(len(since), len(until)) {
				of[p] = append(of[p], span{since[i], until[i]})
			}
			return err
		})
	return of, err
}

// late returns those rows that come late to their eMSP's list: with a last_updated in
// a window that it has read to its end. A hub does not change last_updated, so who
// asks for one window after the other does not meet them.
func (s *Store) late(ctx context.Context, rows []placedRow) ([]*placedRow, error) {
	parties := map[ocpi.Party]bool{}
	for i := range rows {
		if p := rows[i].at.EMSP; !p.IsZero() && rows[i].at.LastUpdated.IsSet() {
			parties[p] = true
		}
	}
	read, err := s.readBy(ctx, slices.Collect(maps.Keys(parties)))
	if err != nil {
		return nil, err
	}
	var late []*placedRow
	for i := range rows {
		p, at := rows[i].at.EMSP, int64(rows[i].at.LastUpdated)
		window := span{at, at + 1}
		if rows[i].at.LastUpdated.IsSet() && (covers(read[p], window) || s.reads.has(p, window)) {
			late = append(late, &rows[i])
		}
	}
	return late, nil
}

// lateRows are rows of table late_cdrs.
type lateRows struct {
	*block
	position
	country, party *proto.ColLowCardinality[string]
	received       proto.ColDateTime64
}

func newLateRows() *lateRows {
	l := &lateRows{country: lowCard(), party: lowCard(), received: nanoseconds()}
	l.block = newBlock("late_cdrs", values("country", l.country), values("party", l.party),
		values("partition", &l.partition), values("epoch", &l.epoch), values("offset", &l.offset), values("received", &l.received))
	return l
}

func (l *lateRows) append(r *placedRow) {
	l.position.append(r.Record.Position)
	l.country.Append(r.at.EMSP.Country)
	l.party.Append(r.at.EMSP.ID)
	l.received.AppendRaw(proto.DateTime64(r.came()))
}

// writeLate stores which of the rows come late.
func (s *Store) writeLate(ctx context.Context, into *blocks, what string, rows []placedRow) error {
	late, err := s.late(ctx, rows)
	if err != nil {
		return err
	}
	err = s.insert(ctx, into.late.block, what, len(late), func(i int) error { into.late.append(late[i]); return nil })
	if err == nil {
		s.metrics.cameLate(late)
	}
	return err
}

// LateCDRs returns how many CDRs came late to the lists of some eMSPs.
func (s *Store) LateCDRs(ctx context.Context, parties []ocpi.Party) (late settlement.LateCDRs, err error) {
	if len(parties) == 0 {
		return late, nil
	}
	set, args := tuples(len(parties), 2, func(i int) []any { return []any{parties[i].Country, parties[i].ID} })
	var n uint64
	var last time.Time
	// FINAL reads rows in the order of the table; to tell millions apart each would be held.
	err = s.conn.QueryRow(ctx, "SELECT count(), max(received) FROM late_cdrs FINAL WHERE (country, party) IN "+set, args...).Scan(&n, &last)
	if err != nil || n == 0 {
		return late, fail("count what came late", err)
	}
	return settlement.LateCDRs{Count: int(n), Last: ocpi.TimeOf(last)}, nil
}

// ListReads returns what eMSPs have read of their lists of CDRs, by what is noted.
func (s *Store) ListReads(ctx context.Context) (map[ocpi.Party]settlement.ListRead, error) {
	all := map[ocpi.Party]settlement.ListRead{}
	err := s.each(ctx, "read what parties have read", "SELECT country, party, since, until, noted FROM list_reads FINAL", nil, func(r driver.Rows) error {
		var p ocpi.Party
		var since, until []int64
		var noted int64
		err := r.Scan(&p.Country, &p.ID, &since, &until, &noted)
		read := settlement.ListRead{Noted: ocpi.Time(noted), Full: len(since) >= maxSpans}
		for i := range min(len(since), len(until)) {
			read.Spans = append(read.Spans, settlement.Span{Since: ocpi.Time(since[i]), Until: ocpi.Time(until[i])})
		}
		all[p] = read
		return err
	})
	return all, err
}

// LateRange calls fn for the CDRs that are noted to have come late, by their position.
func (s *Store) LateRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredLate) error) error {
	return s.inRange(ctx, "country, party, partition, epoch, offset, received", "late_cdrs FINAL", "", p, from, to, func(rows driver.Rows) error {
		var l settlement.StoredLate
		var received time.Time
		err := rows.Scan(&l.Party.Country, &l.Party.ID, &l.Position.Partition, &l.Position.Epoch, &l.Position.Offset, &received)
		l.Received = ocpi.TimeOf(received)
		if err != nil {
			return err
		}
		return fn(l)
	})
}
