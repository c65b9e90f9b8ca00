package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// sessionHash is settlement.SessionHash in SQL.
const sessionHash = "reinterpretAsUInt64(substring(MD5(concat(country, '*', party, '*', session_id)), 1, 8))"

// crowdedSession is how many copies of CDRs of one Session are looked at
// together: an id that more share is of no Session.
const crowdedSession = 10 * settlement.MaxTwins

// SessionsTouched implements [settlement.RelationStore].
func (s *Store) SessionsTouched(ctx context.Context, in settlement.Range, keys []ocpi.Key) ([][]ocpi.Key, error) {
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	var fresh where
	fresh.within(in)
	sessions, positions := map[uint64][]ingest.Position{}, []ingest.Position(nil)
	err = s.each(ch.Context(ctx, wanted), "find touched sessions", "SELECT session, partition, epoch, offset FROM session_cdrs WHERE session IN ("+
		"SELECT session FROM session_cdrs WHERE session IN ("+
		"SELECT session FROM session_cdrs"+fresh.String()+
		" UNION ALL SELECT "+sessionHash+" FROM results WHERE "+placesOf("(country, party, id) IN wanted")+" AND session_id != ''"+
		") GROUP BY session HAVING count() > 1 AND count() <= ?)", append(fresh.args, crowdedSession),
		func(rows driver.Rows) error {
			var session uint64
			var p ingest.Position
			err := rows.Scan(&session, &p.Partition, &p.Epoch, &p.Offset)
			sessions[session], positions = append(sessions[session], p), append(positions, p)
			return err
		})
	if err != nil || len(positions) == 0 {
		return nil, err
	}
	at, err := s.keysAt(ctx, positions)
	if err != nil {
		return nil, err
	}
	sets := make([][]ocpi.Key, 0, len(sessions))
	for _, positions := range sessions {
		set, seen := []ocpi.Key(nil), map[ocpi.Key]bool{}
		for _, p := range positions {
			if k, ok := at[p]; ok && !seen[k] {
				set, seen[k] = append(set, k), true
			}
		}
		sets = append(sets, set) // of one CDR too: a twin of it may be gone
	}
	return sets, nil
}

// keysAt returns the identities of the CDRs at positions of the log.
func (s *Store) keysAt(ctx context.Context, positions []ingest.Position) (map[ingest.Position]ocpi.Key, error) {
	wanted, err := withPositions(positions)
	if err != nil {
		return nil, err
	}
	at := make(map[ingest.Position]ocpi.Key, len(positions))
	err = s.each(ch.Context(ctx, wanted), "read which CDRs stand there", `SELECT partition, epoch, offset, country, party, id FROM records
		WHERE topic = ? AND (partition, epoch, offset) IN wanted`, []any{ingest.TopicCDRs.Short()},
		func(rows driver.Rows) error {
			var p ingest.Position
			var k ocpi.Key
			err := rows.Scan(&p.Partition, &p.Epoch, &p.Offset, &k.Party.Country, &k.Party.ID, &k.ID)
			at[p] = k
			return err
		})
	return at, err
}

// SessionCDRs implements [settlement.RelationStore].
func (s *Store) SessionCDRs(ctx context.Context, keys []ocpi.Key, below settlement.Ends, fn func(settlement.SessionCDR) error) error {
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	var w where
	w.and("NOT elsewhere AND credit = 0 AND session_id != ''")
	w.and(placesOf("(country, party, id) IN wanted"))
	w.below(below)
	return s.each(ch.Context(ctx, wanted), "read CDRs of sessions", `SELECT country, party, id, emsp_country, emsp_party, month, session_id,
		(country, party, id) IN (SELECT country, party, id FROM relations FINAL WHERE kind = ? AND active AND (country, party, id) IN wanted)
		FROM results FINAL`+w.String(), append([]any{string(settlement.Credited)}, w.args...),
		func(rows driver.Rows) error {
			var c settlement.SessionCDR
			var month uint32
			var cancelled uint8
			if err := rows.Scan(&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID, &c.EMSP.Country, &c.EMSP.ID, &month, &c.Session, &cancelled); err != nil {
				return err
			}
			c.Month, c.Cancelled = ocpi.Month(month), cancelled != 0
			return fn(c)
		})
}

// TwinsHeld implements [settlement.RelationStore].
func (s *Store) TwinsHeld(ctx context.Context, keys []ocpi.Key, fn func(settlement.Relation) error) error {
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	return s.scanRelations(ch.Context(ctx, wanted), " WHERE kind = ? AND active AND (country, party, id) IN wanted",
		[]any{string(settlement.SessionBilledTwice)}, fn)
}

// SharedSessions calls fn for the hash of every Session that more than one
// stored copy of a CDR is of.
func (s *Store) SharedSessions(ctx context.Context, fn func(hash uint64) error) error {
	return s.each(ctx, "list sessions of several CDRs", `SELECT session FROM session_cdrs GROUP BY session
		HAVING count() > 1 SETTINGS optimize_aggregation_in_order = 1`, nil,
		func(rows driver.Rows) error {
			var session uint64
			if err := rows.Scan(&session); err != nil {
				return err
			}
			return fn(session)
		})
}

// UnlistedSessions returns up to limit counted CDRs that name a Session and that
// table session_cdrs does not have: share by share of the hashes, so that memory
// does not grow with what is stored.
func (s *Store) UnlistedSessions(ctx context.Context, limit int) (keys []ocpi.Key, err error) {
	const shares = 16
	for share := range shares {
		err := s.each(ctx, "look for CDRs that no session lists", fmt.Sprintf(`SELECT country, party, id FROM results FINAL
			WHERE NOT elsewhere AND credit = 0 AND session_id != '' AND %[1]s %% %[2]d = ? AND (%[1]s, partition, epoch, offset) NOT IN (
				SELECT session, partition, epoch, offset FROM session_cdrs WHERE session %% %[2]d = ?) LIMIT ?`, sessionHash, shares),
			[]any{share, share, limit - len(keys)},
			func(rows driver.Rows) error {
				var k ocpi.Key
				err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID)
				keys = append(keys, k)
				return err
			})
		if err != nil || len(keys) >= limit {
			return keys, err
		}
	}
	return keys, nil
}

// ofSessions returns where the copies of CDRs are that Sessions have, by their hashes:
// crowdedSession of them at most.
func (s *Store) ofSessions(ctx context.Context, hashes []uint64) (at []ingest.Position, err error) {
	err = s.each(ctx, "find CDRs of a session", "SELECT partition, epoch, offset FROM session_cdrs WHERE session IN ? LIMIT ?", []any{hashes, crowdedSession},
		func(rows driver.Rows) error {
			var p ingest.Position
			err := rows.Scan(&p.Partition, &p.Epoch, &p.Offset)
			at = append(at, p)
			return err
		})
	return at, err
}

// Billed reports whether a CDR of a CPO is of a Session, whose id is folded.
func (s *Store) Billed(ctx context.Context, cpo ocpi.Party, session string) (billed bool, err error) {
	_, billed, err = s.SessionCDR(ctx, cpo, session)
	return billed, err
}

// SessionCDR returns the CDR of a CPO that is of a Session, whose id is folded: of
// several, the first one by id. ok is false where none is stored.
func (s *Store) SessionCDR(ctx context.Context, cpo ocpi.Party, session string) (key ocpi.Key, ok bool, err error) {
	at, err := s.ofSessions(ctx, []uint64{settlement.SessionHash(cpo, session)})
	if err != nil || len(at) == 0 {
		return key, false, err
	}
	keys, err := s.keysAt(ctx, at)
	if err != nil {
		return key, false, err
	}
	wanted, err := withKeys(slices.Collect(maps.Values(keys)))
	if err != nil {
		return key, false, err
	}
	err = s.each(ch.Context(ctx, wanted), "read of which session CDRs are", "SELECT id FROM results FINAL WHERE "+placesOf("(country, party, id) IN wanted")+
		" AND NOT elsewhere AND credit = 0 AND country = ? AND party = ? AND session_id = ? ORDER BY id LIMIT 1", []any{cpo.Country, cpo.ID, session},
		func(rows driver.Rows) error {
			ok, key.Party = true, cpo
			return rows.Scan(&key.ID)
		})
	return key, ok, err
}

// ChargeCDRs returns CDRs that name no Session by the charge that they are of, in the order of
// their ids, limit of them at most.
func (s *Store) ChargeCDRs(ctx context.Context, q settlement.ChargeQuery, limit int) (keys []ocpi.Key, err error) {
	booked := q.From.Go().AddDate(0, 0, -1) // in the month of its end, wherever that is; or in a later one
	var w where
	w.and("month >= ? AND start BETWEEN fromUnixTimestamp64Nano(?) AND fromUnixTimestamp64Nano(?)", uint32(ocpi.MonthOf(booked.Year(), booked.Month())), int64(q.From), int64(q.To))
	w.and("NOT elsewhere AND credit = 0 AND session_id = '' AND country = ? AND party = ? AND upper(location_id) = ?", q.CPO.Country, q.CPO.ID, q.Location)
	w.and("((emsp_country, emsp_party) = (?, ?) OR emsp_party = '')", q.Debtor.Country, q.Debtor.ID)
	err = s.each(ctx, "find CDRs of a charge", "SELECT DISTINCT id FROM results"+w.String()+" ORDER BY id LIMIT ?", append(w.args, limit),
		func(rows driver.Rows) error {
			key := ocpi.Key{Party: q.CPO}
			err := rows.Scan(&key.ID)
			keys = append(keys, key)
			return err
		})
	return keys, err
}
