package owned

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

const (
	changing = 1000             // tariffs
	every    = 15 * time.Minute // each changes
	// A position's offset has to be below the end of the log, which is short
	// here: so every few versions are of an epoch of their own.
	perEpoch = 40_000
	prices   = 1000 // distinct ones: 0.001 to 1.000 a kWh
)

var changingSince = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// versions measures a store of a thousand tariffs that have changed every
// quarter of an hour: the start, its memory, and CDRs that began at any time.
func (s *stand) versions(ctx context.Context) error {
	steps := s.Versions / changing
	all := objects{
		topic: "reference", kind: "tariff", country: "GB", party: "DUN", n: steps * changing, changes: `null`,
		id:       fmt.Sprintf("concat('V', toString(number %% %d))", changing),
		position: fmt.Sprintf("(toUInt64(2) + intDiv(number, %d)) * 1099511627776 + number %% %d", perEpoch, perEpoch),
		updated:  fmt.Sprintf("%s + toIntervalMinute(15 * intDiv(number, %d))", aYearAgo, changing),
		body:     strings.ReplaceAll(strings.ReplaceAll(tariffBody, "2025-01-01T00:00:00Z", "@WHEN@"), "@PRICE@", "@N@"),
		replace: map[string]string{
			"@WHEN@": fmt.Sprintf("formatDateTime(toDateTime('2025-01-01 00:00:00', 'UTC') + toIntervalMinute(15 * intDiv(number, %d)), '%%Y-%%m-%%dT%%H:%%i:%%SZ')", changing),
			"@N@":    fmt.Sprintf("toString(toDecimal64(1 + intDiv(number, %d) %% %d, 3) / 1000)", changing, prices),
		},
	}
	// The log has to end beyond every offset.
	d := newDriver(s.service.URL, s.Connections)
	for pushed := 0; pushed < perEpoch; {
		pushed += d.closed(ctx, s.Connections, s.During, func(int) request {
			id := fmt.Sprintf("E%x", rand.Uint64())
			return request{http.MethodPut, "/ocpi/2.2.1/receiver/tokens/NL/EXW/" + id, s.empKey, named(tokenBody, id)}
		}).Done
	}
	d.close()
	if err := s.seed(ctx, all); err != nil {
		return err
	}
	s.say("\n%d versions of %d tariffs beside these:\n", all.n, changing)
	for range 3 {
		took, err := s.restart(ctx)
		if err != nil {
			return err
		}
		s.say("- start to ready %s, %s: %s", took.Round(10*time.Millisecond), s.cpu(), s.memory())
	}
	for _, c := range []struct {
		name string
		ago  time.Duration // of the charges, at most, before the last version
	}{{"of the last six hours", 6 * time.Hour}, {"of the last two days", 48 * time.Hour}, {"of any time", time.Duration(steps) * every}} {
		if err := s.charges(ctx, c.name, changingSince.Add(time.Duration(steps)*every), c.ago); err != nil {
			return err
		}
	}
	s.say("- then: %s, %s", s.memory(), s.engine())
	return s.failed
}

// charges pushes CDRs of charges that name a tariff and do not carry it, and
// waits until all are priced: each by the version that was in force.
func (s *stand) charges(ctx context.Context, name string, end time.Time, ago time.Duration) error {
	const n = 5000
	bodies := make([][]byte, n)
	run := fmt.Sprintf("%x", rand.Uint32())
	for i := range bodies {
		start := end.Add(-time.Duration(rand.Int64N(int64(ago)))).Truncate(time.Second)
		price := int(start.Sub(changingSince)/every)%prices + 1 // thousandths, for 10 kWh
		bodies[i] = fmt.Appendf(nil, chargeBody, fmt.Sprintf("%s-%d", run, i), start.Format(time.RFC3339), start.Add(30*time.Minute).Format(time.RFC3339),
			rand.IntN(changing), start.Format(time.RFC3339), price/100, price%100, price*12/1000, price*12%1000)
	}
	d := newDriver(s.service.URL, s.Connections)
	defer d.close()
	began := time.Now()
	pushed := 0
	for _, body := range bodies {
		if answer := d.send(ctx, request{http.MethodPost, "/ocpi/2.2.1/receiver/cdrs", s.cpoKey, body}); answer != "" {
			return fmt.Errorf("push a CDR: %s", answer)
		}
		pushed++
	}
	took := time.Since(began)
	agrees, stored, err := s.priced(ctx, run, pushed)
	if err != nil {
		return err
	}
	s.say("- %d CDRs of charges %s: pushed in %s, all stored after %s, %d agree to the cent; %s", stored, name,
		took.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond), agrees, s.memory())
	if agrees != stored {
		return fmt.Errorf("%d of %d CDRs were not priced by the version in force", stored-agrees, stored)
	}
	return s.failed
}

// priced waits until n CDRs of a run are stored, and counts those whose claim
// agrees.
func (s *stand) priced(ctx context.Context, run string, n int) (agrees, stored uint64, err error) {
	store, err := s.service.Store()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for stored < uint64(n) {
		err := store.QueryRow(ctx, "SELECT countIf(claim = 'agrees'), count() FROM results FINAL WHERE startsWith(id, ?)", strings.ToUpper(run)+"-").Scan(&agrees, &stored)
		if err != nil {
			return 0, 0, fmt.Errorf("count priced CDRs: %w", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return agrees, stored, nil
}

// chargeBody is a CDR of 10 kWh whose tariff is not in it.
const chargeBody = `{"country_code":"GB","party_id":"DUN","id":"%s","start_date_time":"%s","end_date_time":"%s",` +
	`"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"012345678","type":"RFID","contract_id":"NL-EXW-C1"},"auth_method":"WHITELIST",` +
	`"cdr_location":{"id":"L1","address":"Greenmarket 1","city":"Dundee","postal_code":"DD1 4QB","country":"GBR","coordinates":{"latitude":"56.457000","longitude":"-2.970000"},` +
	`"evse_uid":"E1","evse_id":"GB*DUN*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},` +
	`"currency":"GBP","charging_periods":[{"tariff_id":"V%d","start_date_time":"%s","dimensions":[{"type":"ENERGY","volume":10}]}],` +
	`"total_cost":{"excl_vat":%d.%02d,"incl_vat":%d.%03d},"total_energy":10,"total_time":0.5,"last_updated":"2026-06-01T00:00:00Z"}`
