package clickhouse

import (
	"context"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/statement"
)

// connectorColumns are the columns of a [settlement.ConnectorCharge].
var connectorColumns = resultColumns.only("country", "party", "id", "partition", "epoch", "offset", "connector_id", "connector_hash", "start", "end")

// ConnectorCharges implements [statement.Books]. Which charges overlap is found by hash, in narrow
// columns of the months in which charges of the spans end: by when those that began before at
// the connector end, and when the next one begins. These few are then read by their versions:
// sorting whole rows would cost more.
func (s *Store) ConnectorCharges(ctx context.Context, q statement.ConnectorQuery, below settlement.Ends, fn func(*settlement.ConnectorCharge) error) error {
	within := q.Within
	if len(within) == 0 {
		return nil
	}
	until := func(span settlement.Span) ocpi.Month { return (span.Until + settlement.LongestCharge).Month() }
	// What names a place, and so is alike in all of its rows, is looked at before FINAL chooses
	// among these: the other columns are read where the CPO's CDRs are, or those at connectors. A
	// mark that a CDR stands elsewhere says no connector.
	var places, spans, w where
	var large sets
	at := ""
	places.months(within[0].Since.Month(), until(within[len(within)-1]))
	if !q.CPO.IsZero() {
		places.and("country = ? AND party = ?", q.CPO.Country, q.CPO.ID)
	}
	if q.Connectors != nil {
		set, args := large.numbers(q.Connectors)
		places.and("connector_hash IN "+set+" OR elsewhere", args...)
	}
	if !q.CPO.IsZero() || q.Connectors != nil {
		at = " PREWHERE " + strings.TrimPrefix(places.String(), " WHERE ")
	}
	for _, span := range within {
		spans.and("month >= ? AND month <= ? AND end > fromUnixTimestamp64Nano(?) AND start < fromUnixTimestamp64Nano(?)",
			uint32(span.Since.Month()), uint32(until(span)), int64(span.Since), int64(span.Until))
	}
	w.or(spans)
	w.and("credit = 0 AND connector_hash != 0 AND toUnixTimestamp64Nano(start) != 0 AND toUnixTimestamp64Nano(end) != 0")
	w.and("toUnixTimestamp64Nano(start) < toUnixTimestamp64Nano(end) - ?", int64(settlement.Handover))
	w.and("toUnixTimestamp64Second(end) - toUnixTimestamp64Second(start) <= ?", int64(settlement.LongestCharge)/ocpi.Second)
	w.below(below)
	from := "results" + places.counting().String() + ` AND (partition, ver) IN (SELECT partition, ver FROM (
		SELECT partition, ver, toUnixTimestamp64Nano(start) AS began, toUnixTimestamp64Nano(end) - ? AS until,
			max(until) OVER (PARTITION BY connector_hash ORDER BY began ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS others,
			leadInFrame(began, 1, until) OVER (PARTITION BY connector_hash ORDER BY began ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next
		FROM results FINAL` + at + w.counting().String() + ") WHERE (others > began OR next < until))"
	args := append(slices.Clip(places.args), int64(settlement.Handover))
	if at != "" {
		args = append(args, places.args...)
	}
	if large.err != nil {
		return large.err
	}
	ctx = ch.Context(large.with(ctx), ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory}))
	return s.each(ctx, "read charges at connectors", "SELECT charge FROM (SELECT connector_hash, start, id, "+connectorColumns.row()+" AS charge FROM "+from+") ORDER BY connector_hash, start, id", append(args, w.args...),
		func(rows driver.Rows) error {
			r := resultRow{Row: &pricing.Row{}}
			if err := connectorColumns.scan(rows, &r); err != nil {
				return err
			}
			return fn(&settlement.ConnectorCharge{Key: r.Record.Key, Position: r.Record.Position,
				Connector: r.Measures.ConnectorHash, ConnectorID: ocpi.Fold(r.Measures.ConnectorID), Start: r.Start, End: r.End})
		})
}
