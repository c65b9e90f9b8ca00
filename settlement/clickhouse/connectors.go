package clickhouse

import (
	"context"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// connectorColumns are the columns of a [settlement.ConnectorCharge].
var connectorColumns = resultColumns.only("country", "party", "id", "emsp_country", "emsp_party", "currency", "claimed_excl", "connector_id", "connector_hash", "start", "end")

// ConnectorCharges implements [statement.Books]. At which connectors any two overlap is found by
// hash, in narrow columns of the months in which charges of the spans end: then two do that
// begin one after the other. Their charges are read where they stand.
func (s *Store) ConnectorCharges(ctx context.Context, cpo ocpi.Party, within []settlement.Span, below settlement.Ends, fn func(*settlement.ConnectorCharge) error) error {
	if len(within) == 0 {
		return nil
	}
	var spans, w where
	for _, span := range within {
		spans.and("month >= ? AND month <= ? AND end > fromUnixTimestamp64Nano(?) AND start < fromUnixTimestamp64Nano(?)",
			uint32(span.Since.Month()), uint32((span.Until + settlement.LongestCharge).Month()), int64(span.Since), int64(span.Until))
	}
	w.or(spans)
	w.and("credit = 0 AND connector_hash != 0 AND toUnixTimestamp64Nano(start) != 0 AND toUnixTimestamp64Nano(end) != 0")
	w.and("start < end AND toUnixTimestamp64Nano(start) < toUnixTimestamp64Nano(end) - ?", int64(settlement.Handover))
	w.and("toUnixTimestamp64Second(end) - toUnixTimestamp64Second(start) <= ?", int64(settlement.LongestCharge)/ocpi.Second)
	if !cpo.IsZero() {
		w.and("country = ? AND party = ?", cpo.Country, cpo.ID)
	}
	w.below(below)
	w = w.counting()
	places := `SELECT c.3, c.4, c.5, c.6 FROM (SELECT arrayJoin(charges) AS c FROM (
		SELECT arraySort(groupArray((toUnixTimestamp64Nano(start), toUnixTimestamp64Nano(end) - ?, partition, month, epoch, offset))) AS charges FROM results FINAL` + w.String() + `
		GROUP BY connector_hash HAVING count() > 1 AND arrayExists((began, until) -> began < until, arrayPopFront(tupleElement(charges, 1)), arrayPopBack(tupleElement(charges, 2)))))`
	args := append([]any{int64(settlement.Handover)}, w.args...)
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_group_by": sortMemory, "max_bytes_before_external_sort": sortMemory}))
	return s.each(ctx, "read charges at connectors", "SELECT charge FROM (SELECT connector_hash, start, id, "+connectorColumns.row()+" AS charge FROM results FINAL PREWHERE "+
		atPlace+" IN ("+places+")"+w.String()+") ORDER BY connector_hash, start, id", append(args, w.args...),
		func(rows driver.Rows) error {
			r := resultRow{Row: &pricing.Row{}}
			if err := connectorColumns.scan(rows, &r); err != nil {
				return err
			}
			return fn(&settlement.ConnectorCharge{Key: r.Record.Key, EMSP: r.Debtor, Currency: r.Currency, Claimed: r.Outcome.Claimed.Excl,
				Connector: r.Measures.ConnectorHash, ConnectorID: ocpi.Fold(r.Measures.ConnectorID), Start: r.Start, End: r.End})
		})
}
