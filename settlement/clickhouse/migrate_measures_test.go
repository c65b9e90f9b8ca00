package clickhouse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// measuredBody is a CDR of OCPI 2.2.1 with a doubtful tariff where the price is below
// zero.
func measuredBody(id, price string) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":%q,"start_date_time":"2019-01-15T11:00:00Z","end_date_time":"2019-01-15T12:00:00Z",
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"T1","type":"RFID","contract_id":"NL-EXW-C00000001"},"auth_method":"WHITELIST",
"cdr_location":{"id":"LOC1","address":"a","city":"c","country":"GBR","coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"evse_uid":"E1","evse_id":"GB*DUN*E%s","connector_id":"2","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"currency":"GBP","tariffs":[{"country_code":"GB","party_id":"DUN","id":"TAR1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":%s,"vat":20,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}],
"charging_periods":[{"start_date_time":"2019-01-15T11:00:00Z","dimensions":[{"type":"ENERGY","volume":11}],"tariff_id":"TAR1"}],
"total_cost":{"excl_vat":5},"total_energy":11,"total_time":1.0001,"total_parking_time":0.25,"last_updated":"2019-01-15T12:05:00Z"}`, id, id, price)
}

// measuresOf lists what the rows of a table say that CDRs measure.
func measuresOf(t *testing.T, s *Store, table string) string {
	t.Helper()
	var out strings.Builder
	err := s.each(t.Context(), "read measures", "SELECT "+measuredColumns.row()+" FROM "+table+" ORDER BY partition, epoch, offset", nil, func(rows driver.Rows) error {
		var r measuredRow
		if err := measuredColumns.scan(rows, &r); err != nil {
			return err
		}
		m := &r.measures
		fmt.Fprintf(&out, "%d/%d doubt %d: %ss, parked %ss, %s kW, supply %d, %q/%q in %q, %x %x, future %t\n", r.at.Partition, r.at.Offset, r.doubt,
			m.Duration, m.Parking, m.PeakPower, m.Supply, m.EVSEID, m.ConnectorID, m.Country, m.ChargeHash, m.ConnectorHash, m.InFuture)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Rows of a store of before 0026 get what their records measure, whatever statement an
// earlier attempt got to, and nothing else of them changes.
func TestMigrationMeasures(t *testing.T) {
	const measures = 26
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	// What stands is what this binary stores of such CDRs.
	from := newStore(t)
	b := batchOf(t, 0, 0, `
		GB*DUN NL*EXW c1 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00
		GB*DUN NL*EXW c2 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00
		GB*DUN NL*EXW c3 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00
		GB*DUN NL*EXW c4 2019-01-15 GBP 5.00/6.00 rejected unknown_tariff -
		GB*DUN NL*EXW c5 2019-01-15 GBP 5.00/6.00 rejected unreadable -
		GB*DUN NL*EXW c6 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00
		GB*DUN NL*EXW c1 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00`)
	pricer := pricing.NewPricer(nil, nil)
	for i := range b.Rows {
		r := &b.Rows[i]
		r.Record.Body = []byte(measuredBody(r.ID, map[string]string{"c1": "0.5", "c2": "-0.5", "c3": "0.5", "c4": "0.5", "c6": "-0.5"}[r.ID]))
		measures, doubt, _ := pricer.Measure(&r.Record)
		r.Measures, r.Outcome.Doubt = measures, doubt
		switch r.ID {
		case "c3": // a tariff that it does not carry is among those it was priced with
			r.Outcome.TariffSource, r.Outcome.Doubt = "store", pricing.UnknownDoubt
		case "c4":
			r.Outcome.TariffSource, r.Outcome.TariffHash, r.Outcome.Doubt = "", "", pricing.UnknownDoubt
		case "c6":
			r.Outcome.TariffSource = "store"
		}
	}
	write(t, from, b)
	moved := b.Rows[2] // and one comes to be booked in another month
	moved.End, moved.Generation = ocpi.TimeOf(received), 1
	if err := from.WriteResults(t.Context(), b.Partition, []pricing.Row{moved}); err != nil {
		t.Fatal(err)
	}
	before := resultColumns.without(append(measureColumns.names(), "doubt", "connector_watts")...).list() + ", elsewhere"
	rest := "SELECT sum(sipHash64(formatRow('RowBinary', " + before + "))) FROM results FINAL"
	want, restWas := measuresOf(t, from, "results FINAL WHERE NOT elsewhere"), count(t, from, rest)
	steps := statements(migrations[measures-1].sql)
	for done := range len(steps) + 1 {
		s := openStore(t, engine, fmt.Sprintf("%s_%d", EngineDatabase, databases.Add(1)))
		if err := s.migrate(t.Context(), migrations[:measures-1]); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"records", "cdrs", "checkpoints"} {
			if err := s.conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO %[1]s SELECT * FROM %[2]s.%[1]s SETTINGS max_partitions_per_insert_block = 0", table, quoteName(from.db))); err != nil {
				t.Fatal(err)
			}
		}
		for _, sql := range []string{
			"INSERT INTO results (%[1]s) SELECT %[1]s FROM %[2]s.results SETTINGS max_partitions_per_insert_block = 0",
			"INSERT INTO repricings (run, %[3]s, kind) SELECT 'r', %[3]s, 'k' FROM %[2]s.results WHERE id = 'C2'",
			"INSERT INTO corrections (run, %[3]s, kind, lands) SELECT 'r', %[3]s, 'k', 201903 FROM %[2]s.results WHERE id = 'C6'",
		} {
			if err := s.conn.Exec(t.Context(), fmt.Sprintf(sql, before, quoteName(from.db), strings.TrimSuffix(before, ", elsewhere"))); err != nil {
				t.Fatal(err)
			}
		}
		for i, st := range steps[:done] {
			if err := s.execute(t.Context(), migrations[measures-1], i, st); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.migrate(t.Context(), migrations[:measures]); err != nil {
			t.Fatalf("interrupted after statement %d: %v", done, err)
		}
		if diff := cmp.Diff(want, measuresOf(t, s, "results FINAL WHERE NOT elsewhere")); diff != "" {
			t.Errorf("interrupted after statement %d, -want +got:\n%s", done, diff)
		}
		if count(t, s, rest) != restWas {
			t.Errorf("interrupted after statement %d: something else of a row has changed", done)
		}
		for table, line := range map[string]string{"repricings": "0/1 ", "corrections": "0/5 "} {
			if got := measuresOf(t, s, table+" FINAL"); got == "" || !strings.Contains(want, got) || !strings.HasPrefix(got, line) {
				t.Errorf("interrupted after statement %d: %s has %q", done, table, got)
			}
		}
		if n := count(t, s, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'measured'"); n != 0 {
			t.Errorf("interrupted after statement %d: a table is left over", done)
		}
	}
	if !strings.Contains(want, `0/0 doubt 1: 3600s, parked 900s, 11.000 kW, supply 1, "GB*DUN*Ec1"/"2" in "GBR", `) || strings.Count(want, "\n") != 6 {
		t.Errorf("it measures\n%s", want)
	}
}
