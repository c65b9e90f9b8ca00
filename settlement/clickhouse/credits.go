package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.RelationStore = (*Store)(nil)

// below restricts rows of results to CDRs whose first copy stands below the end of its
// partition; of partitions that have no end, to none. That another copy counts now brings
// no CDR to a time in which it was not there, nor out of one in which it was.
func (w *where) below(ends settlement.Ends) {
	// One number for epoch and partition, as transform takes it.
	partitions, offsets := []int64{-1}, []int64{0} // transform wants one at least
	for p, end := range ends {
		partitions, offsets = append(partitions, int64(p.Epoch)<<32|int64(p.Number)), append(offsets, end)
	}
	w.and(firstOffsetSQL+" < transform(bitOr(bitShiftLeft("+firstEpochSQL+", 32), toInt64(partition)), ?, ?, toInt64(0))", partitions, offsets)
}

// within restricts to rows whose record stands in the range.
func (w *where) within(in settlement.Range) {
	w.and("partition = ? AND epoch = ? AND offset >= ? AND offset < ?", in.Number, in.Epoch, in.From, in.To)
}

// ends reads a table of offsets by partition.
func (s *Store) ends(ctx context.Context, attempt, query string, args ...any) (settlement.Ends, error) {
	ends := settlement.Ends{}
	err := s.each(ctx, attempt, query, args, func(rows driver.Rows) error {
		p, next := ingest.Partition{Topic: ingest.TopicCDRs}, int64(0)
		err := rows.Scan(&p.Number, &p.Epoch, &next)
		ends[p] = next
		return err
	})
	return ends, err
}

// CDRCheckpoints implements [settlement.RelationStore].
func (s *Store) CDRCheckpoints(ctx context.Context) (settlement.Ends, error) {
	return s.ends(ctx, "read checkpoints of CDRs",
		"SELECT partition, epoch, max(next) FROM checkpoints WHERE topic = ? GROUP BY partition, epoch", ingest.TopicCDRs.Short())
}

// RelationProgress implements [settlement.RelationStore].
func (s *Store) RelationProgress(ctx context.Context) (settlement.Ends, error) {
	return s.ends(ctx, "read progress of relations",
		"SELECT partition, epoch, max(next) FROM relation_progress GROUP BY partition, epoch")
}

// CreditsTouched implements [settlement.RelationStore]. records are in the
// order of offsets, and credits are few: what it reads follows from the range.
// What crowds a CDR are credits, not copies of one: a partner may repeat itself.
func (s *Store) CreditsTouched(ctx context.Context, in settlement.Range) (touched []settlement.Touched, err error) {
	var credits, records where
	credits.within(in)
	records.and("topic = ?", in.Topic.Short())
	records.within(in)
	err = s.each(ctx, "find touched credits",
		"SELECT country, party, credit_of, length(groupUniqArray(?)(id)) > ? FROM credits WHERE (country, party, credit_of) IN ("+
			"SELECT country, party, credit_of FROM credits"+credits.String()+
			" UNION ALL SELECT country, party, id FROM records"+records.String()+
			") GROUP BY country, party, credit_of ORDER BY country, party, credit_of",
		append(append([]any{settlement.MaxCredits + 1, settlement.MaxCredits}, credits.args...), records.args...),
		func(rows driver.Rows) error {
			var t settlement.Touched
			var crowded uint8
			err := rows.Scan(&t.Key.Party.Country, &t.Key.Party.ID, &t.Key.ID, &crowded)
			t.Crowded = crowded != 0
			touched = append(touched, t)
			return err
		})
	return touched, err
}

// CreditsAbout implements [settlement.RelationStore].
func (s *Store) CreditsAbout(ctx context.Context, keys []ocpi.Key) (about []ocpi.Key, err error) {
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	err = s.each(ch.Context(ctx, wanted), "find credits of changed CDRs", `SELECT country, party, credit_of FROM credits
		WHERE credit_of != '' AND ((country, party, credit_of) IN wanted OR (country, party, credit_of) IN (
			SELECT country, party, credit_of FROM credits WHERE (country, party, id) IN wanted))
		GROUP BY country, party, credit_of HAVING length(groupUniqArray(?)(id)) <= ?
		ORDER BY country, party, credit_of`, []any{settlement.MaxCredits + 1, settlement.MaxCredits},
		func(rows driver.Rows) error {
			var of ocpi.Key
			err := rows.Scan(&of.Party.Country, &of.Party.ID, &of.ID)
			about = append(about, of)
			return err
		})
	return about, err
}

// CreditsUndecided implements [settlement.RelationStore].
func (s *Store) CreditsUndecided(ctx context.Context, after ocpi.Key, limit int) (keys []ocpi.Key, err error) {
	err = s.each(ctx, "list undecided credits", `SELECT DISTINCT other_country, other_party, other_id FROM relations FINAL
		WHERE kind = ? AND active AND (other_country, other_party, other_id) > (?, ?, ?)
		ORDER BY other_country, other_party, other_id LIMIT ?`,
		[]any{string(settlement.CreditUndecided), after.Party.Country, after.Party.ID, after.ID, limit},
		func(rows driver.Rows) error {
			var k ocpi.Key
			err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID)
			keys = append(keys, k)
			return err
		})
	return keys, err
}

// Claims implements [settlement.RelationStore].
func (s *Store) Claims(ctx context.Context, keys []ocpi.Key, below settlement.Ends, fn func(settlement.StoredClaim) error) error {
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	var w where
	w.and("NOT elsewhere AND " + placesOf("(country, party, id) IN wanted"))
	w.below(below)
	return s.each(ch.Context(ctx, wanted), "read credited CDRs", `SELECT country, party, id, credit, month, toUnixTimestamp64Nano(end), toUnixTimestamp64Nano(start), toUnixTimestamp64Nano(last_updated), emsp_country, emsp_party,
		currency, claimed_excl, claimed_incl FROM results FINAL`+w.String(), w.args,
		func(rows driver.Rows) error {
			var c settlement.StoredClaim
			var credit uint8
			var month uint32
			var end, start, lastUpdated int64
			if err := rows.Scan(&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID, &credit, &month, &end, &start, &lastUpdated,
				&c.EMSP.Country, &c.EMSP.ID, &c.Currency, &c.Excl, &c.Incl); err != nil {
				return err
			}
			c.Credit, c.Month = credit != 0, ocpi.Month(month)
			c.Booked = ocpi.BookedAt(ocpi.Time(end), ocpi.Time(start), ocpi.Time(lastUpdated))
			return fn(c)
		})
}

// countedCredits returns a query over the counted credits that name the keys in the
// table wanted: table credits says which may, results which do.
func countedCredits(in settlement.Range, below settlement.Ends) (query string, args []any) {
	var named, w where
	named.and("(country, party, credit_of) IN wanted")
	if in != (settlement.Range{}) {
		named.within(in)
	}
	w.and("NOT elsewhere AND credit AND (country, party, credit_of) IN wanted")
	w.and(placesOf("(country, party, id) IN (SELECT country, party, id FROM credits"+named.String()+")"), named.args...)
	w.below(below)
	return `(SELECT country, party, id, credit_of, month, emsp_country, emsp_party, currency, claimed_excl, claimed_incl, control_offset
		FROM results FINAL` + w.String() + ")", w.args
}

// CreditSums implements [settlement.RelationStore].
func (s *Store) CreditSums(ctx context.Context, keys []ocpi.Key, below settlement.Ends, fn func(sum settlement.StoredCredit, n uint64) error) error {
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	query, args := countedCredits(settlement.Range{}, below)
	return s.each(ch.Context(ctx, wanted), "sum credits", `SELECT country, party, credit_of, control_offset, emsp_country, emsp_party, currency,
		sum(claimed_excl), sum(claimed_incl), count() FROM `+query+`
		GROUP BY country, party, credit_of, control_offset, emsp_country, emsp_party, currency, sign(claimed_excl), sign(claimed_incl)`, args,
		func(rows driver.Rows) error {
			var sum settlement.StoredCredit
			var n uint64
			if err := rows.Scan(&sum.Of.Party.Country, &sum.Of.Party.ID, &sum.Of.ID, &sum.Control, &sum.EMSP.Country, &sum.EMSP.ID, &sum.Currency,
				&sum.Excl, &sum.Incl, &n); err != nil {
				return err
			}
			sum.Credit = true
			return fn(sum, n)
		})
}

// CreditsOf implements [settlement.RelationStore].
func (s *Store) CreditsOf(ctx context.Context, keys []ocpi.Key, in settlement.Range, below settlement.Ends, fn func(settlement.StoredCredit) error) error {
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	query, args := countedCredits(in, below)
	return s.each(ch.Context(ctx, wanted), "read credits", `SELECT country, party, id, credit_of, control_offset, month, emsp_country, emsp_party, currency,
		claimed_excl, claimed_incl FROM `+query, args,
		func(rows driver.Rows) error {
			var c settlement.StoredCredit
			var month uint32
			if err := rows.Scan(&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID, &c.Of.ID, &c.Control, &month,
				&c.EMSP.Country, &c.EMSP.ID, &c.Currency, &c.Excl, &c.Incl); err != nil {
				return err
			}
			c.Credit, c.Month, c.Of.Party = true, ocpi.Month(month), c.Key.Party
			return fn(c)
		})
}

// CreditsNamed calls fn for everything that a stored copy of a credit names.
func (s *Store) CreditsNamed(ctx context.Context, fn func(of ocpi.Key) error) error {
	return s.each(ctx, "list what credits name", "SELECT DISTINCT country, party, credit_of FROM credits", nil,
		func(rows driver.Rows) error {
			var of ocpi.Key
			if err := rows.Scan(&of.Party.Country, &of.Party.ID, &of.ID); err != nil {
				return err
			}
			return fn(of)
		})
}

// WriteRelationProgress implements [settlement.RelationStore].
func (s *Store) WriteRelationProgress(ctx context.Context, p ingest.Partition, next int64) error {
	return fail(fmt.Sprintf("note progress of relations of %s", p), s.conn.Exec(ctx, "INSERT INTO relation_progress (partition, epoch, next) VALUES (?, ?, ?)", p.Number, p.Epoch, next))
}
