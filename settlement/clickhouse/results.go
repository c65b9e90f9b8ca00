package clickhouse

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// resultRow is a row of table results: a CDR's row with what the table has of its
// own.
type resultRow struct {
	*pricing.Row
	ver      uint64
	month    ocpi.Month
	findings []byte // JSON, nil when there are none
	// elsewhere: the CDR stood here, and does so no more.
	elsewhere bool
}

// resultColumns are the columns of table results but for the mark elsewhere: the
// one place that names them. Another column is a line here and a migration that
// adds it to results and repricings.
var resultColumns = slices.Concat(
	columns[resultRow]{
		label("country", func(r *resultRow) *string { return &r.Record.Key.Party.Country }),
		label("party", func(r *resultRow) *string { return &r.Record.Key.Party.ID }),
		prose("id", func(r *resultRow) *string { return &r.Record.Key.ID }),
		whole[proto.ColInt32]("partition", func(r *resultRow) *int32 { return &r.Record.Partition }, (*rowReader).i32),
		whole[proto.ColUInt8]("epoch", func(r *resultRow) *uint8 { return &r.Record.Epoch }, (*rowReader).u8),
		whole[proto.ColInt64]("offset", func(r *resultRow) *int64 { return &r.Record.Offset }, (*rowReader).i64),
		whole[proto.ColUInt64]("ver", func(r *resultRow) *uint64 { return &r.ver }, (*rowReader).u64),
		whole[proto.ColUInt16]("generation", func(r *resultRow) *uint16 { return &r.Generation }, (*rowReader).u16),
		label("cpo_country", func(r *resultRow) *string { return &r.Creditor.Country }),
		label("cpo_party", func(r *resultRow) *string { return &r.Creditor.ID }),
		label("emsp_country", func(r *resultRow) *string { return &r.Debtor.Country }),
		label("emsp_party", func(r *resultRow) *string { return &r.Debtor.ID }),
		calendar("month", func(r *resultRow) *ocpi.Month { return &r.month }),
		label("currency", func(r *resultRow) *string { return &r.Currency }),
		yes("credit", func(r *resultRow) *bool { return &r.Credit }),
		enum("status", func(r *resultRow) *pricing.Status { return &r.Outcome.Status }),
		enum("claim", func(r *resultRow) *tariff.Claim { return &r.Outcome.Claim }),
		label("reason", func(r *resultRow) *string { return &r.Outcome.Reason }),
		prose("detail", func(r *resultRow) *string { return &r.Outcome.Detail }),
	},
	money("claimed", func(r *resultRow) *tariff.Money { return &r.Outcome.Claimed }),
	money("computed", func(r *resultRow) *tariff.Money { return &r.Outcome.Computed }),
	money("fixed", func(r *resultRow) *tariff.Money { return &r.Outcome.Fixed }),
	money("energy", func(r *resultRow) *tariff.Money { return &r.Outcome.Energy }),
	money("time", func(r *resultRow) *tariff.Money { return &r.Outcome.Time }),
	money("parking", func(r *resultRow) *tariff.Money { return &r.Outcome.Parking }),
	money("reservation", func(r *resultRow) *tariff.Money { return &r.Outcome.Reservation }),
	taxes(func(r *resultRow) *[]tariff.Tax { return &r.Outcome.Taxes }),
	columns[resultRow]{
		prose("tariff_ids", func(r *resultRow) *string { return &r.Outcome.TariffIDs }),
		prose("tariff_hash", func(r *resultRow) *string { return &r.Outcome.TariffHash }),
		label("tariff_source", func(r *resultRow) *string { return &r.Outcome.TariffSource }),
		label("time_zone", func(r *resultRow) *string { return &r.Outcome.TimeZone }),
		label("zone_source", func(r *resultRow) *string { return &r.Outcome.ZoneSource }),
		label("zone_db", func(r *resultRow) *string { return &r.Outcome.ZoneDB }),
		label("profile", func(r *resultRow) *string { return &r.Outcome.Profile }),
		label("engine", func(r *resultRow) *string { return &r.Outcome.EngineVersion }),
		document("explanation", func(r *resultRow) *[]byte { return &r.Outcome.Explanation }),
		document("findings", func(r *resultRow) *[]byte { return &r.findings }),
		label("cause", func(r *resultRow) *string { return &r.Outcome.Cause }),
		document("reconciliation", func(r *resultRow) *[]byte { return &r.Outcome.Reconciliation }),
		whole[proto.ColInt64]("reference_offset", func(r *resultRow) *int64 { return &r.Outcome.AsOf.Reference }, (*rowReader).i64),
		whole[proto.ColInt64]("control_offset", func(r *resultRow) *int64 { return &r.Outcome.AsOf.Control }, (*rowReader).i64),
		label("issuers", func(r *resultRow) *string { return &r.Outcome.AsOf.Issuers }),
		asSent("id_sent", func(r *resultRow) (*string, string) { return &r.ID, r.Record.Key.ID }),
		moment("received", func(r *resultRow) *ocpi.Time { return &r.Record.Received }),
		moment("start", func(r *resultRow) *ocpi.Time { return &r.Start }),
		moment("end", func(r *resultRow) *ocpi.Time { return &r.End }),
		moment("last_updated", func(r *resultRow) *ocpi.Time { return &r.LastUpdated }),
		prose("credit_of", func(r *resultRow) *string { return &r.CreditReferenceID }),
		prose("session_id", func(r *resultRow) *string { return &r.SessionID }),
		prose("location_id", func(r *resultRow) *string { return &r.LocationID }),
		amount("energy_kwh", func(r *resultRow) *ocpi.Number { return &r.EnergyKWh }),
		asSent("session_sent", func(r *resultRow) (*string, string) { return &r.SessionSent, r.SessionID }),
		asSent("credit_of_sent", func(r *resultRow) (*string, string) { return &r.CreditReferenceSent, r.CreditReferenceID }),
		enum("doubt", func(r *resultRow) *pricing.Doubt { return &r.Outcome.Doubt }),
		decimals64("connector_watts", 3, func(r *resultRow) *ocpi.Number { return &r.Outcome.ConnectorPower }),
	},
	lifted(measureColumns, func(r *resultRow) *pricing.Measures { return &r.Measures }))

// measureColumns are the columns of results that say what a CDR measures.
var measureColumns = columns[pricing.Measures]{
	decimals64("duration_s", 0, func(m *pricing.Measures) *ocpi.Number { return &m.Duration }),
	decimals64("parking_s", 0, func(m *pricing.Measures) *ocpi.Number { return &m.Parking }),
	decimals64("peak_watts", 3, func(m *pricing.Measures) *ocpi.Number { return &m.PeakPower }),
	enum("supply", func(m *pricing.Measures) *pricing.Supply { return &m.Supply }),
	prose("evse_id", func(m *pricing.Measures) *string { return &m.EVSEID }),
	prose("connector_id", func(m *pricing.Measures) *string { return &m.ConnectorID }),
	label("charge_country", func(m *pricing.Measures) *string { return &m.Country }),
	whole[proto.ColUInt64]("charge_hash", func(m *pricing.Measures) *uint64 { return &m.ChargeHash }, (*rowReader).u64),
	whole[proto.ColUInt64]("connector_hash", func(m *pricing.Measures) *uint64 { return &m.ConnectorHash }, (*rowReader).u64),
	yes("in_future", func(m *pricing.Measures) *bool { return &m.InFuture }),
}

// placedColumns are all columns of table results.
var placedColumns = append(slices.Clone(resultColumns), yes("elsewhere", func(r *resultRow) *bool { return &r.elsewhere }))

// storedColumns are the columns of a [settlement.StoredResult]: all but what is
// for people to read.
var storedColumns = resultColumns.without("detail", "tariff_ids", "tariff_source", "zone_source", "explanation", "findings", "cause", "reconciliation",
	"id_sent", "received", "start", "end", "last_updated", "credit_of", "session_id", "location_id", "energy_kwh", "session_sent", "credit_of_sent")

// resultRows are rows of table results.
type resultRows struct {
	*tableRows[resultRow]
	row resultRow // scratch
}

func newResultRows() *resultRows {
	return &resultRows{tableRows: newTableRows("results", placedColumns)}
}

// append appends the row of a CDR, and the marks where it stood before.
func (r *resultRows) append(row *placedRow) error {
	if row.result != nil {
		r.tableRows.append(row.result)
	} else {
		if err := r.row.of(row.Row); err != nil {
			return err
		}
		r.row.ver = row.ver
		r.tableRows.append(&r.row)
	}
	r.leave(row)
	return nil
}

// leave appends the marks where a CDR stood before.
func (r *resultRows) leave(row *placedRow) {
	for _, p := range row.left() {
		mark := pricing.Row{Record: ingest.Record{Position: row.Record.Position, Envelope: ingest.Envelope{Key: row.Record.Key}}}
		mark.Record.Epoch, mark.Record.Offset = p.Epoch, p.Offset
		mark.Outcome.Status = pricing.Rejected // the column wants one
		r.tableRows.append(&resultRow{Row: &mark, ver: row.ver, month: p.Month, elsewhere: true})
	}
}

// of makes r the row that stores a CDR's result.
func (r *resultRow) of(row *pricing.Row) (err error) {
	*r = resultRow{Row: row, ver: rowVersion(row.Record.Position, resultRank(row.Generation, row.Outcome.Status)), month: row.Booked()}
	if len(row.Outcome.Findings) > 0 {
		if r.findings, err = json.Marshal(row.Outcome.Findings); err != nil {
			return fmt.Errorf("encode findings of %s: %w", row.Record.Key, err)
		}
	}
	return nil
}

// checkResult refuses what the table cannot express.
func checkResult(row *pricing.Row) error {
	o := &row.Outcome
	if row.Generation > pricing.MaxGeneration {
		return fmt.Errorf("store result of %s: re-priced more than %d times", row.Record.Key, pricing.MaxGeneration)
	}
	if o.Status < pricing.Rejected || o.Status > pricing.Credited || o.Claim > tariff.ClaimDiffers {
		return fmt.Errorf("store result of %s: status %d, claim %d", row.Record.Key, o.Status, o.Claim)
	}
	return checkPosition(row.Record.Position)
}

// readStored returns what reads rows of storedColumns.row and hands them on.
func readStored(fn func(*settlement.StoredResult) error) func(driver.Rows) error {
	return func(rows driver.Rows) error {
		var s settlement.StoredResult
		r := resultRow{Row: &s.Row}
		if err := storedColumns.scan(rows, &r); err != nil {
			return err
		}
		s.Month, s.Version = r.month, r.ver
		return fn(&s)
	}
}
