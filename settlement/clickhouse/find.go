package clickhouse

import (
	"context"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.Finder = (*Store)(nil)

// FindCDRs implements [settlement.Finder]. cdrs is in the order of owner and id, and
// owners are few: of each a range is read.
func (s *Store) FindCDRs(ctx context.Context, party ocpi.Party, prefix string, limit int) ([]settlement.CDRSummary, error) {
	var w where
	w.and("id >= ?", prefix)
	if end := behindPrefix(prefix); end != "" {
		w.and("id < ?", end)
	}
	if !party.IsZero() {
		w.and("(country = ? AND party = ?) OR (emsp_country = ? AND emsp_party = ?)", party.Country, party.ID, party.Country, party.ID)
	}
	var keys []ocpi.Key
	err := s.each(ctx, "find CDRs by id", "SELECT DISTINCT country, party, id FROM cdrs"+w.String()+" ORDER BY country, party, id LIMIT ?",
		append(w.args, limit), func(rows driver.Rows) error {
			var k ocpi.Key
			err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID)
			keys = append(keys, k)
			return err
		})
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	return s.summariesInOrder(ctx, keys)
}

// behindPrefix is the first text that is behind all that begin so, "" where there is none.
func behindPrefix(prefix string) string {
	b := []byte(prefix)
	for len(b) > 0 {
		if last := len(b) - 1; b[last] < 0xff {
			b[last]++
			return string(b)
		}
		b = b[:len(b)-1]
	}
	return ""
}

// summariesInOrder reads CDRs by their keys, in their order. Those that there are none
// of are left out.
func (s *Store) summariesInOrder(ctx context.Context, keys []ocpi.Key) ([]settlement.CDRSummary, error) {
	known, err := s.summaries(ctx, keys)
	if err != nil {
		return nil, err
	}
	found := make([]settlement.CDRSummary, 0, len(known))
	for _, k := range keys {
		if c := known[k]; c != nil {
			found = append(found, *c)
		}
	}
	return found, nil
}

// FindSessionCDRs implements [settlement.Finder]: session_cdrs has a hash of owner and
// id, so that of each owner is asked for.
func (s *Store) FindSessionCDRs(ctx context.Context, party ocpi.Party, session string, limit int) ([]settlement.CDRSummary, error) {
	owners, err := s.creditors(ctx)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	hashes := make([]uint64, len(owners))
	for i, p := range owners {
		hashes[i] = settlement.SessionHash(p, session)
	}
	at, err := s.ofSessions(ctx, hashes)
	if err != nil || len(at) == 0 {
		return nil, err
	}
	copies, err := s.keysAt(ctx, at)
	if err != nil {
		return nil, err
	}
	var keys []ocpi.Key
	for _, k := range copies {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b ocpi.Key) int { return strings.Compare(a.String(), b.String()) })
	found, err := s.summariesInOrder(ctx, slices.Compact(keys))
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(c settlement.CDRSummary) bool {
		return ocpi.Fold(c.SessionID) != session || !party.IsZero() && party != c.CPO && party != c.EMSP // a hash may be another's
	})
	return found[:min(len(found), limit)], nil
}

// FindAt implements [settlement.Finder].
func (s *Store) FindAt(ctx context.Context, at ingest.Position) (key ocpi.Key, ok bool, err error) {
	keys, err := s.keysAt(ctx, []ingest.Position{at})
	key, ok = keys[at]
	return key, ok, err
}
