package clickhouse

import (
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// repricedRow is a row of table repricings: a result, and what it was compared
// with.
type repricedRow struct {
	resultRow
	run    string
	change settlement.Change // its result is the embedded one
	old    uint64            // version of the row it was compared with
}

// repricedColumns are the columns of table repricings.
var repricedColumns = slices.Concat(
	columns[repricedRow]{prose("run", func(r *repricedRow) *string { return &r.run })},
	lifted(resultColumns, func(r *repricedRow) *resultRow { return &r.resultRow }),
	columns[repricedRow]{
		label("kind", func(r *repricedRow) *string { return (*string)(&r.change.Kind) }),
		label("causes", func(r *repricedRow) *string { return &r.change.Causes }),
		whole[proto.ColUInt64]("old_ver", func(r *repricedRow) *uint64 { return &r.old }, (*rowReader).u64),
		calendar("old_month", func(r *repricedRow) *ocpi.Month { return &r.change.Month }),
		label("old_currency", func(r *repricedRow) *string { return &r.change.Currency }),
		label("old_emsp_country", func(r *repricedRow) *string { return &r.change.Old.EMSP.Country }),
		label("old_emsp_party", func(r *repricedRow) *string { return &r.change.Old.EMSP.ID }),
		enum("old_status", func(r *repricedRow) *pricing.Status { return &r.change.Old.Status }),
		enum("old_claim", func(r *repricedRow) *tariff.Claim { return &r.change.Old.Claim }),
		label("old_reason", func(r *repricedRow) *string { return &r.change.Old.Reason }),
	},
	money("old_computed", func(r *repricedRow) *tariff.Money { return &r.change.Old.Computed }),
	columns[repricedRow]{
		prose("old_tariff_hash", func(r *repricedRow) *string { return &r.change.Old.TariffHash }),
		label("old_time_zone", func(r *repricedRow) *string { return &r.change.Old.TimeZone }),
		label("old_zone_db", func(r *repricedRow) *string { return &r.change.Old.ZoneDB }),
		label("old_profile", func(r *repricedRow) *string { return &r.change.Old.Profile }),
		label("old_engine", func(r *repricedRow) *string { return &r.change.Old.Engine }),
	})

// changeColumns are the columns of a [settlement.Change].
var changeColumns = repricedColumns.only("country", "party", "id", "partition", "epoch", "offset", "cpo_country", "cpo_party",
	"emsp_country", "emsp_party", "status", "claim", "reason", "computed_excl", "computed_incl",
	"tariff_hash", "time_zone", "zone_db", "profile", "engine", "reference_offset", "control_offset", "issuers", "kind", "causes", "old_month", "old_currency",
	"old_emsp_country", "old_emsp_party", "old_status", "old_claim", "old_reason", "old_computed_excl", "old_computed_incl",
	"old_tariff_hash", "old_time_zone", "old_zone_db", "old_profile", "old_engine")

// of makes r the row that stores a change of a run.
func (r *repricedRow) of(run string, c *settlement.Repriced) error {
	r.run, r.change, r.old = run, c.Change, c.Version
	err := r.resultRow.of(&c.Row)
	r.ver = ranked(c.Version, uint16(r.ver&ranksMask))
	return err
}

// scanChange reads a row of changeColumns.row; before are the destinations of
// the columns before it.
func scanChange(rows driver.Rows, before ...any) (*settlement.Change, error) {
	r := repricedRow{resultRow: resultRow{Row: &pricing.Row{}}}
	if err := changeColumns.scan(rows, &r, before...); err != nil {
		return nil, err
	}
	c := r.change
	c.Key, c.Position, c.CPO, c.New = r.Record.Key, r.Record.Position, r.Creditor, settlement.SideOf(r.Row)
	return &c, nil
}
