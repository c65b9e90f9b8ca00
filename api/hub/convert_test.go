package hub

import (
	"context"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

const (
	token221 = `{"country_code":"NL","party_id":"EXW","uid":"K1","type":"RFID","contract_id":"C1","group_id":"G","issuer":"i","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`
	// 2.1.1 has no tariff that a reservation is priced with.
	reservation221 = `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"TIME","price":1,"step_size":1}],"restrictions":{"reservation":"RESERVATION"}}],"last_updated":"2019-01-01T00:00:00Z"}`
	credit221      = `{"country_code":"GB","party_id":"DUN","id":"X-C","credit":true,"credit_reference_id":"X"}`
	location221    = `{"country_code":"GB","party_id":"DUN","id":"L1","publish":true,"address":"a","city":"c","country":"GBR","coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"time_zone":"Europe/London",` +
		`"evses":[{"uid":"E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":400,"max_amperage":32,"tariff_ids":["T1","T2"],"last_updated":"2019-01-01T00:00:00Z"}],"last_updated":"2019-01-01T00:00:00Z"}],"last_updated":"2019-01-01T00:00:00Z"}`
	tariff221 = `{"country_code":"GB","party_id":"DUN","id":"T2","type":"REGULAR","currency":"GBP","elements":[{"price_components":[{"type":"TIME","price":1,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
)

// What is asked for in another version than it was sent in is converted, and what
// that lost is told; what would get another price is refused by name. The same
// version is the same bytes.
func TestGetInAnotherVersion(t *testing.T) {
	key := func(o ingest.Object, country, party, id, variant string) ingest.Target {
		return ingest.Target{Object: o, Key: ocpi.NewKey(country, party, id), Variant: variant}
	}
	b := &backend{objects: map[ingest.Target]string{
		key(ingest.ObjectToken, "NL", "EXW", "K1", "RFID"): token221, key(ingest.ObjectLocation, "GB", "DUN", "L1", ""): location221,
		key(ingest.ObjectTariff, "GB", "DUN", "T1", ""): reservation221, key(ingest.ObjectTariff, "GB", "DUN", "T2", ""): tariff221,
	}, cdr: func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) {
		return []byte(credit221), ocpi.V221, nil
	}}
	metrics := prometheus.NewRegistry()
	h := serve(t, b, func(d *Deps) { d.Metrics = api.NewMetrics(metrics) })
	for _, tt := range []struct {
		path, token string
		code        int
		has, lost   string // of what was lost, a part
	}{
		{"/2.2.1/receiver/tokens/NL/EXW/K1", exwToken, 1000, token221, ""},
		{"/2.3.0/receiver/tokens/NL/EXW/K1", exwToken, 1000, `"contract_id":"C1"`, ""},
		{"/cpo/2.1.1/tokens/NL/EXW/K1", exwToken, 1000, `"auth_id":"C1"`, "1; group_id"},
		{"/emsp/2.1.1/locations/GB/DUN/L1", dundeeToken, 1000, `"voltage":400`, "evses[0].connectors[0].tariff_ids"},
		{"/emsp/2.1.1/locations/GB/DUN/L1/E1", dundeeToken, 1000, `{"uid":"E1"`, "connectors[0].tariff_ids"},
		{"/emsp/2.1.1/locations/GB/DUN/L1/E1/1", dundeeToken, 1000, `"tariff_id":"T2"`, "tariff_ids"},
		{"/emsp/2.1.1/tariffs/GB/DUN/T1", dundeeToken, 2001, "reservation", ""},
		{"/emsp/2.1.1/cdrs/GB/DUN/X-C", dundeeToken, 2001, "credit", ""},
	} {
		resp, e := request(t, h, "GET", Prefix+tt.path, tt.token, "")
		said := string(e.Data)
		if tt.code != 1000 {
			said = e.StatusMessage
		}
		lost := resp.Header.Get("X-Roamclear-Lost")
		if resp.StatusCode != 200 || e.StatusCode != tt.code || !strings.Contains(said, tt.has) || (lost != "") != (tt.lost != "") || !strings.Contains(lost, tt.lost) || len(lost) > 512 {
			t.Errorf("%s: HTTP %d with %d %q, lost %q: %s", tt.path, resp.StatusCode, e.StatusCode, e.StatusMessage, lost, e.Data)
		}
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]int{}
	for _, f := range families {
		series[f.GetName()] = len(f.Metric)
	}
	if series["roamclear_ocpi_lost_total"] != 4 || series["roamclear_ocpi_not_converted_total"] != 2 {
		t.Errorf("series of what was lost and refused: %v", series)
	}
}
