package clickhouse

import (
	"context"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.LookupStore = (*Store)(nil)

var lookupColumns = resultColumns.only("country", "party", "id", "partition", "epoch", "offset", "session_id", "session_sent", "location_id", "evse_id",
	"tariff_ids", "profile", "time_zone", "cause", "computed_excl", "computed_incl", "fixed_excl", "fixed_incl", "energy_excl", "energy_incl",
	"time_excl", "time_incl", "parking_excl", "parking_incl", "reservation_excl", "reservation_incl")

// LookupsOf implements [settlement.LookupStore].
func (s *Store) LookupsOf(ctx context.Context, keys []ocpi.Key, fn func(*settlement.Lookup) error) error {
	if len(keys) == 0 {
		return nil
	}
	places, err := s.placesOfKeys(ctx, keys)
	if err != nil {
		return err
	}
	at, err := withPlaces(places)
	if err != nil {
		return err
	}
	return s.each(ch.Context(ctx, at), "look CDRs up", "SELECT "+lookupColumns.row()+" FROM results FINAL"+atPlaces+" WHERE NOT elsewhere", nil,
		func(rows driver.Rows) error {
			r := resultRow{Row: &pricing.Row{}}
			if err := lookupColumns.scan(rows, &r); err != nil {
				return err
			}
			o := &r.Outcome
			return fn(&settlement.Lookup{
				Key: r.Record.Key, Position: r.Record.Position, SessionID: r.SessionSent, LocationID: r.LocationID, EVSEID: r.Measures.EVSEID,
				TariffIDs: o.TariffIDs, Profile: o.Profile, TimeZone: o.TimeZone, Cause: o.Cause,
				Computed: o.Computed, Fixed: o.Fixed, Energy: o.Energy, Time: o.Time, Parking: o.Parking, Reserving: o.Reservation,
			})
		})
}

// BodiesAt implements [settlement.LookupStore].
func (s *Store) BodiesAt(ctx context.Context, positions []ingest.Position, fn func(ingest.Position, ocpi.Version, []byte) error) error {
	if len(positions) == 0 {
		return nil
	}
	wanted, err := withPositions(positions)
	if err != nil {
		return err
	}
	return s.each(ch.Context(ctx, wanted), "read bodies of CDRs", `SELECT version, body, partition, epoch, offset FROM records
		WHERE topic = 'cdrs' AND (partition, epoch, offset) IN wanted`, nil,
		func(rows driver.Rows) error {
			var version uint8
			var body []byte
			var p ingest.Position
			if err := rows.Scan(&version, &body, &p.Partition, &p.Epoch, &p.Offset); err != nil {
				return err
			}
			return fn(p, ocpi.Version(version), body)
		})
}

// CopiesOf implements [settlement.LookupStore].
func (s *Store) CopiesOf(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key][]settlement.Copy, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	return s.copiesOf(ch.Context(ctx, wanted), " PREWHERE (country, party, id) IN wanted", nil)
}
