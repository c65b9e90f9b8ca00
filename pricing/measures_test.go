package pricing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// measured prices a CDR that came at noon and returns its row.
func measured(t *testing.T, v ocpi.Version, body string) pricing.Row {
	t.Helper()
	var row pricing.Row
	rec := ingest.Record{Envelope: ingest.Envelope{Object: ingest.ObjectCDR, Version: v, Key: ocpi.NewKey("GB", "DUN", "a"), Received: ocpi.TimeOf(time.Date(2019, 1, 5, 12, 0, 0, 0, time.UTC))}, Body: []byte(body)}
	pricing.NewPricer(billed{}, policies{}).Price(&rec, &row, pricing.AsOf{})
	return row
}

// inWords is what a CDR measures, as a person writes it.
func inWords(m *pricing.Measures) string {
	return fmt.Sprintf("%ss, parked %ss, %s kW, %s, %s/%s in %s, future %t", m.Duration, m.Parking, m.PeakPower,
		[]string{"?", "AC", "DC"}[m.Supply], m.EVSEID, m.ConnectorID, m.Country, m.InFuture)
}

// What a CDR of an hour and 20 kWh measures, and what becomes of it where the CDR says
// something else.
func TestMeasures(t *testing.T) {
	const periods = `"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}],"tariff_id":"T1"}]`
	of := func(dimensions ...string) string { // each of them a period of ten minutes
		var list []string
		for i, d := range dimensions {
			list = append(list, fmt.Sprintf(`{"start_date_time":"2019-01-05T10:%02d:00Z","dimensions":[%s],"tariff_id":"T1"}`, 10*i, d))
		}
		return `"charging_periods":[` + strings.Join(list, ",") + `]`
	}
	energy := func(kwh string) string { return `{"type":"ENERGY","volume":` + kwh + `}` }
	for _, c := range []struct{ name, old, new, want string }{
		{"as it is", "", "", "3600s, parked s, 20.000 kW, AC, E/1 in GBR, future false"},
		{"direct current", "AC_3_PHASE", "DC", "3600s, parked s, 20.000 kW, DC, E/1 in GBR, future false"},
		{"no such supply", "AC_3_PHASE", "STEAM", "3600s, parked s, 20.000 kW, ?, E/1 in GBR, future false"},
		{"a country by its alpha-2 code", `"country":"GBR"`, `"country":"nl"`, "3600s, parked s, 20.000 kW, AC, E/1 in NLD, future false"},
		{"no such country", `"country":"GBR"`, `"country":"XYZ"`, "3600s, parked s, 20.000 kW, AC, E/1 in , future false"},
		{"time is rounded to the second", `"total_time":1,`, `"total_time":0.3333,"total_parking_time":0.00013888,`, "1200s, parked 0s, 20.000 kW, AC, E/1 in GBR, future false"},
		{"halves away from zero", `"total_time":1,`, `"total_time":1.000138888889,"total_parking_time":-0.000416666667,`, "3601s, parked -2s, 20.000 kW, AC, E/1 in GBR, future false"},
		{"more time than there is", `"total_time":1,`, `"total_time":999999999999999999,"total_parking_time":0,`, "999999999999999999s, parked 0s, 20.000 kW, AC, E/1 in GBR, future false"},
		{"no time", `"total_time":1,`, ``, "s, parked s, 20.000 kW, AC, E/1 in GBR, future false"},

		{"the greatest of three periods", periods, of(energy("1"), energy("3.5"), energy("2")), "3600s, parked s, 21.000 kW, AC, E/1 in GBR, future false"},
		{"rounded down to the watt", periods, of(energy("1.833499999999")), "3600s, parked s, 1.833 kW, AC, E/1 in GBR, future false"},
		{"a power that is stated counts", periods, of(energy("1")+`,{"type":"MAX_POWER","volume":11.0408}`, energy("9")+`,{"type":"MAX_POWER","volume":3}`), "3600s, parked s, 11.040 kW, AC, E/1 in GBR, future false"},
		{"a current is no power", periods, of(`{"type":"MAX_CURRENT","volume":32},{"type":"TIME","volume":1}`), "3600s, parked s,  kW, AC, E/1 in GBR, future false"},
		{"of half a minute nothing is told", periods, `"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}]},{"start_date_time":"2019-01-05T10:00:59Z","dimensions":[{"type":"TIME","volume":1}]}]`,
			"3600s, parked s,  kW, AC, E/1 in GBR, future false"},
		{"nor of periods in another order", periods, `"charging_periods":[{"start_date_time":"2019-01-05T10:30:00Z","dimensions":[{"type":"ENERGY","volume":20}]},{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"TIME","volume":1}]}]`,
			"3600s, parked s,  kW, AC, E/1 in GBR, future false"},
		{"more than all power stations give", periods, of(energy("999999999999999999")), "3600s, parked s, 999999999999999.999 kW, AC, E/1 in GBR, future false"},
		{"nothing was charged", periods, of(energy("0")), "3600s, parked s,  kW, AC, E/1 in GBR, future false"},

		{"it ends after it came", `"end_date_time":"2019-01-05T11:00:00Z"`, `"end_date_time":"2019-01-05T12:15:01Z"`, "3600s, parked s, 8.887 kW, AC, E/1 in GBR, future true"},
		{"a clock may be ahead", `"end_date_time":"2019-01-05T11:00:00Z"`, `"end_date_time":"2019-01-05T12:15:00Z"`, "3600s, parked s, 8.888 kW, AC, E/1 in GBR, future false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := cdr("a", "EXW", tariff, `{"excl_vat":5}`)
			if !strings.Contains(body, c.old) {
				t.Fatalf("%q is not in the CDR", c.old)
			}
			row := measured(t, ocpi.V221, strings.Replace(body, c.old, c.new, 1))
			if diff := cmp.Diff(c.want, inWords(&row.Measures)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	row := measured(t, ocpi.V211, cdr211("Europe/London"))
	if diff := cmp.Diff("3600s, parked s, 20.000 kW, AC, /1 in GBR, future false", inWords(&row.Measures)); diff != "" {
		t.Errorf("OCPI 2.1.1, -want +got:\n%s", diff)
	}
}

// Two CDRs are of one charge, or one connector, where their hashes are alike.
func TestHashesTellChargesAndConnectors(t *testing.T) {
	body := cdr("a", "EXW", tariff, `{"excl_vat":5}`)
	was := measured(t, ocpi.V221, body).Measures
	for _, c := range []struct {
		name, old, new            string
		sameCharge, sameConnector bool
	}{
		{"another id", `"id":"a"`, `"id":"b"`, true, true},
		{"ids in other letters", `"evse_uid":"E1"`, `"evse_uid":"e1"`, true, true},
		{"another uid of the same contract", `"uid":"U1"`, `"uid":"U2"`, true, true},
		{"another contract", `"contract_id":"C"`, `"contract_id":"D"`, false, true},
		{"another EVSE", `"evse_uid":"E1"`, `"evse_uid":"E2"`, false, false},
		{"another connector", `"connector_id":"1"`, `"connector_id":"2"`, true, false},
		{"another Location", `"id":"L1"`, `"id":"L2"`, true, false},
		{"a second later", `"start_date_time":"2019-01-05T10:00:00Z","end`, `"start_date_time":"2019-01-05T10:00:01Z","end`, false, true},
		{"a second longer", "2019-01-05T11:00:00Z", "2019-01-05T11:00:01Z", false, true},
	} {
		if !strings.Contains(body, c.old) {
			t.Fatalf("%s: %q is not in the CDR", c.name, c.old)
		}
		is := measured(t, ocpi.V221, strings.Replace(body, c.old, c.new, 1)).Measures
		if got := is.ChargeHash == was.ChargeHash; got != c.sameCharge {
			t.Errorf("%s: the same charge is %t", c.name, got)
		}
		if got := is.ConnectorHash == was.ConnectorHash; got != c.sameConnector {
			t.Errorf("%s: the same connector is %t", c.name, got)
		}
	}
	if m := measured(t, ocpi.V211, cdr211("Europe/London")).Measures; m.ChargeHash != was.ChargeHash || m.ConnectorHash != was.ConnectorHash {
		t.Errorf("OCPI 2.1.1 says another charge, or connector: %+v, want %+v", m, was)
	}
	for name, unknown := range map[string]string{"a token": strings.NewReplacer(`"uid":"U1"`, `"uid":""`, `"contract_id":"C"`, `"contract_id":""`).Replace(body),
		"an end": strings.Replace(body, `"end_date_time":"2019-01-05T11:00:00Z"`, `"end_date_time":"1970-01-01T00:00:00Z"`, 1)} {
		if m := measured(t, ocpi.V221, unknown).Measures; m.ChargeHash != 0 || m.ConnectorHash == 0 {
			t.Errorf("without %s: %+v", name, m)
		}
	}
	// They are stored: another function of today's CDRs would not meet yesterday's.
	if was.ChargeHash != 0x7c471fc8dffde6a6 || was.ConnectorHash != 0xd2738caf97ff8649 {
		t.Errorf("%#x, %#x", was.ChargeHash, was.ConnectorHash)
	}
}

// A tariff that a CDR was priced with is doubtful where something serious is wrong with it.
func TestDoubtfulTariffs(t *testing.T) {
	for _, c := range []struct {
		name, tariffs string
		want          pricing.Doubt
	}{
		{"in order", tariff, pricing.NoDoubt},
		{"a price below zero", strings.Replace(tariff, "0.25", "-0.25", 1), pricing.InDoubt},
		{"one of two", strings.NewReplacer("0.25", "-0.25", `"id":"T1"`, `"id":"T2"`).Replace(tariff) + "," + tariff, pricing.InDoubt},
		{"none", "", pricing.UnknownDoubt},
	} {
		if row := measured(t, ocpi.V221, cdr("a", "EXW", c.tariffs, `{"excl_vat":5}`)); row.Outcome.Doubt != c.want {
			t.Errorf("%s: %d, want %d (%s)", c.name, row.Outcome.Doubt, c.want, row.Outcome.Detail)
		}
	}
}

// What a connector could give is what the CDR says of it (2.1.1), else what its Location said
// then, also of a reject.
func TestConnectorPower(t *testing.T) {
	for _, c := range []struct {
		name     string
		version  ocpi.Version
		old, new string
		want     string // kW
	}{
		{"by its Location", ocpi.V221, "", "", "11.040"},
		{"of a charge that is not priced", ocpi.V221, `"currency":"GBP","tariffs"`, `"currency":"SEK","tariffs"`, "11.040"},
		{"another connector", ocpi.V221, `"connector_id":"1"`, `"connector_id":"2"`, ""},
		{"another Location", ocpi.V221, `"id":"L1"`, `"id":"L2"`, ""},
		{"no EVSE", ocpi.V221, `"evse_uid":"E1",`, ``, ""},
		{"when it began is not known", ocpi.V221, `"start_date_time":"2019-01-05T10:00:00Z","end`, `"start_date_time":"1970-01-01T00:00:00Z","end`, ""},
		{"by the CDR", ocpi.V211, "", "", "22.080"},
		{"by the CDR, of one phase", ocpi.V211, "AC_3_PHASE", "AC_1_PHASE", "7.360"},
		{"the CDR does not say", ocpi.V211, `"voltage":230,`, ``, "11.040"},
	} {
		body := cdr("a", "EXW", tariff, `{"excl_vat":5}`)
		if c.version == ocpi.V211 {
			body = cdr211("Europe/London")
		}
		if !strings.Contains(body, c.old) {
			t.Fatalf("%s: %q is not in the CDR", c.name, c.old)
		}
		row := measured(t, c.version, strings.Replace(body, c.old, c.new, 1))
		if got := row.Outcome.ConnectorPower.String(); got != c.want {
			t.Errorf("%s: %q kW, want %q", c.name, got, c.want)
		}
	}
}
