package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

var _ statement.DecisionStore = (*Store)(nil)

// storedDecision is a row of table decisions.
type storedDecision struct {
	statement.Decided
	act, side, covers string
	copyEpoch         uint8 // with copyOffset the copy that was adopted, in the partition of the CDR
	copyOffset        int64 // -1: none
}

// decisionColumns are the columns of table decisions.
var decisionColumns = columns[storedDecision]{
	label("country", func(d *storedDecision) *string { return &d.Key.Party.Country }),
	label("party", func(d *storedDecision) *string { return &d.Key.Party.ID }),
	prose("id", func(d *storedDecision) *string { return &d.Key.ID }),
	whole[proto.ColInt64]("control", func(d *storedDecision) *int64 { return &d.Offset }, (*rowReader).i64),
	label("act", func(d *storedDecision) *string { return &d.act }),
	label("side", func(d *storedDecision) *string { return &d.side }),
	label("covers", func(d *storedDecision) *string { return &d.covers }),
	label("decider", func(d *storedDecision) *string { return &d.By }),
	prose("reason", func(d *storedDecision) *string { return &d.Reason }),
	moment("at", func(d *storedDecision) *ocpi.Time { return &d.At }),
	whole[proto.ColInt32]("partition", func(d *storedDecision) *int32 { return &d.Position.Partition }, (*rowReader).i32),
	whole[proto.ColUInt8]("epoch", func(d *storedDecision) *uint8 { return &d.Position.Epoch }, (*rowReader).u8),
	whole[proto.ColInt64]("offset", func(d *storedDecision) *int64 { return &d.Position.Offset }, (*rowReader).i64),
	whole[proto.ColUInt8]("copy_epoch", func(d *storedDecision) *uint8 { return &d.copyEpoch }, (*rowReader).u8),
	whole[proto.ColInt64]("copy_offset", func(d *storedDecision) *int64 { return &d.copyOffset }, (*rowReader).i64),
}

// of makes d the row of a decision.
func (d *storedDecision) of(decided *statement.Decided) error {
	*d = storedDecision{Decided: *decided, copyOffset: -1}
	if a := decided.Adopted; a != nil {
		d.act, d.copyEpoch, d.copyOffset = string(clearing.Adopt), a.Epoch, a.Offset
		if a.Partition != d.Position.Partition || decided.Decision != nil {
			return fmt.Errorf("store the decision about %s at %d: copy %s of %s, %+v", d.Key, decided.Offset, a, d.Position, decided.Decision)
		}
		return nil
	}
	if decided.Decision == nil {
		return nil
	}
	d.act, d.side, d.covers = string(decided.Decision.Act), string(decided.Decision.At), strings.Join(decided.Decision.Covers, " ")
	if d.act == "" || slices.ContainsFunc(decided.Decision.Covers, func(code string) bool { return code == "" || strings.Contains(code, " ") }) {
		return fmt.Errorf("store the decision about %s at %d: act %q, covers %q", d.Key, decided.Offset, d.act, decided.Decision.Covers)
	}
	return nil
}

// read reads a row of decisionColumns.row.
func (d *storedDecision) read(raw string) error {
	*d = storedDecision{}
	if err := decisionColumns.read(raw, d); err != nil {
		return err
	}
	switch {
	case d.copyOffset >= 0:
		d.Adopted = &ingest.Position{Epoch: d.copyEpoch, Partition: d.Position.Partition, Offset: d.copyOffset}
	case d.act != "":
		d.Decision = &clearing.Decision{Act: clearing.Act(d.act), At: clearing.Owed(d.side)}
		if d.covers != "" {
			d.Decision.Covers = strings.Split(d.covers, " ")
		}
	}
	return nil
}

// controlLog is the one partition of the control log: it has no epochs.
var controlLog = ingest.Partition{Topic: ingest.TopicControl}

// WriteDecisions implements [statement.DecisionStore].
func (s *Store) WriteDecisions(ctx context.Context, decisions []statement.Decided, next int64) error {
	var row storedDecision
	for i := range decisions {
		if err := row.of(&decisions[i]); err != nil {
			return err
		}
	}
	rows := newTableRows("decisions", decisionColumns)
	err := s.insert(ctx, rows.block, fmt.Sprintf("below %d", next), len(decisions), func(i int) error {
		err := row.of(&decisions[i])
		rows.append(&row)
		return err
	})
	if err != nil {
		return err
	}
	return s.writeCheckpoint(ctx, newCheckpointRows(), controlLog, next)
}

// DecisionsNext implements [statement.DecisionStore].
func (s *Store) DecisionsNext(ctx context.Context) (int64, error) {
	return s.Checkpoint(ctx, controlLog)
}

// DecisionHistory implements [statement.DecisionStore].
func (s *Store) DecisionHistory(ctx context.Context, key ocpi.Key) (history []statement.Decided, err error) {
	var w where
	w.key(key)
	err = s.decisions(ctx, "SELECT "+decisionColumns.row()+" FROM decisions FINAL"+w.String()+" ORDER BY control", w.args,
		func(d *statement.Decided) error { history = append(history, *d); return nil })
	return history, err
}

func (s *Store) decisions(ctx context.Context, query string, args []any, fn func(*statement.Decided) error) error {
	var d storedDecision
	return s.each(ctx, "read decisions", query, args, func(rows driver.Rows) error {
		var raw string
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		if err := d.read(raw); err != nil {
			return err
		}
		return fn(&d.Decided)
	})
}

// lastDecisions is the query of the last decision about each CDR that w selects.
func lastDecisions(w where) string {
	return "(SELECT country, party, id, control, " + decisionColumns.row() + " AS decided FROM decisions FINAL" + w.String() +
		" ORDER BY country, party, id, control DESC LIMIT 1 BY country, party, id)"
}

// BookedDecided implements [statement.Books]. Which decisions are in no line yet is found
// by narrow columns: most of what was ever decided is in one.
func (s *Store) BookedDecided(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, control int64, attempts []clearing.Counted, fn func(*settlement.BookedCDR, *statement.Decided) error) error {
	ctx, err := withCounted(ctx, attempts)
	if err != nil {
		return err
	}
	q.From, q.To = 0, 0
	var decided where
	decided.and("control < ?", control)
	if !q.CPO.IsZero() {
		decided.and("country = ? AND party = ?", q.CPO.Country, q.CPO.ID)
	}
	about := "(country, party, id) IN (SELECT country, party, id FROM decisions" + decided.String() + ")"
	w := settlementWhere(q)
	w.below(below)
	issued := settlementWhere(q)
	issued.and(about, decided.args...)
	args := slices.Concat(decided.args, w.args, decided.args, issued.args)
	pending, err := newPlaces("places")
	if err != nil {
		return err
	}
	byKey := map[ocpi.Key]statement.Decided{}
	err = s.each(onDisk(ctx), "read what was decided", `SELECT r.partition, r.month, r.epoch, r.offset, d.decided FROM (
			SELECT `+unitSQL+", partition, month, epoch, offset FROM results FINAL PREWHERE "+atPlace+" IN "+placesIn(about)+w.counting().String()+`
		) AS r INNER JOIN `+lastDecisions(decided)+` AS d ON r.country = d.country AND r.party = d.party AND r.id = d.id LEFT JOIN (
			SELECT `+unitSQL+`, max(counted.control) AS until FROM issued INNER JOIN counted ON issued.attempt = counted.attempt`+issued.String()+` GROUP BY `+unitSQL+`
		) AS i ON r.country = i.country AND r.party = i.party AND r.emsp_country = i.emsp_country AND r.emsp_party = i.emsp_party AND r.currency = i.currency AND r.id = i.id
		WHERE i.until <= d.control`, args,
		func(rows driver.Rows) error {
			var d storedDecision
			var raw string
			if err := pending.scan(rows, &raw); err != nil {
				return err
			}
			err := d.read(raw)
			byKey[d.Key] = d.Decided
			return err
		})
	if err != nil || len(byKey) == 0 {
		return err
	}
	return s.booked(ch.Context(ctx, ch.WithExternalTable(pending.Table)), atPlace+" IN (SELECT partition, month, epoch, offset FROM places)", w, func(c *settlement.BookedCDR) error {
		d, decided := byKey[c.Key]
		if !decided {
			return nil
		}
		return fn(c, &d)
	})
}

// DecidedOf implements [statement.Books].
func (s *Store) DecidedOf(ctx context.Context, keys []ocpi.Key, below int64, fn func(*statement.Decided) error) error {
	if len(keys) == 0 {
		return nil
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	var w where
	w.and("(country, party, id) IN wanted")
	w.and("control < ?", below)
	return s.decisions(onDisk(ch.Context(ctx, wanted)), "SELECT decided FROM "+lastDecisions(w)+" ORDER BY country, party, id", w.args, fn)
}

// KeysAt implements [statement.DecisionStore].
func (s *Store) KeysAt(ctx context.Context, p ingest.Partition, offsets []int64, fn func(offset int64, key ocpi.Key) error) error {
	if len(offsets) > statement.MaxKeysAt {
		return fmt.Errorf("read the keys of %d records of %s: %d at most", len(offsets), p, statement.MaxKeysAt)
	}
	if len(offsets) == 0 {
		return nil
	}
	table, err := ext.NewTable("wanted", ext.Column("offset", "Int64"))
	for i := 0; i < len(offsets) && err == nil; i++ {
		err = table.Append(offsets[i])
	}
	if err != nil {
		return fmt.Errorf("make table of offsets: %w", err)
	}
	return s.each(ch.Context(ctx, ch.WithExternalTable(table)), fmt.Sprintf("read which CDRs records of %s are of", p),
		"SELECT DISTINCT offset, country, party, id FROM records WHERE topic = ? AND partition = ? AND epoch = ? AND offset IN wanted ORDER BY offset", []any{p.Topic.Short(), p.Number, p.Epoch},
		func(rows driver.Rows) error {
			var offset int64
			var key ocpi.Key
			if err := rows.Scan(&offset, &key.Party.Country, &key.Party.ID, &key.ID); err != nil {
				return err
			}
			return fn(offset, key)
		})
}
