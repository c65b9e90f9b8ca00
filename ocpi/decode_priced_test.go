package ocpi

import (
	"errors"
	"testing"
)

func TestCDRToPrice(t *testing.T) {
	const periods = `"start_date_time":"2025-01-01T00:00:00Z","charging_periods":[{"start_date_time":"2025-01-01T00:00:00Z","dimensions":[{"type":"ENERGY","volume":1}]}]`
	for _, c := range []struct {
		name, body, wrong string // wrong: path of the field that makes it unpriceable
		findings          int
	}{
		{"only what is needed", `{` + periods + `}`, "", 12},
		{"a token that is no object", `{` + periods + `,"cdr_token":1}`, "", 12},
		{"no object", `[]`, "$", 0},
	} {
		var d Decoder
		cdr, err := d.CDRToPrice(V221, []byte(c.body))
		if c.wrong != "" {
			invalid, ok := errors.AsType[*Invalid](err)
			if !ok || len(invalid.Fields) != 1 || invalid.Fields[0].Path != c.wrong {
				t.Errorf("%s: got %v, want %s", c.name, err, c.wrong)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(cdr.Periods) != 1 || len(cdr.Findings) != c.findings {
			t.Errorf("%s: %d periods, %d findings: %v", c.name, len(cdr.Periods), len(cdr.Findings), cdr.Findings)
		}
	}
	var d Decoder
	if _, err := d.CDRToPrice(V221, []byte(`{`)); err == nil {
		t.Error("half a body was accepted")
	}
}

func TestTariffToPrice(t *testing.T) {
	const body = `{"id":"1","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"vat":10,"step_size":1}]}]}`
	var d Decoder
	if _, err := d.Tariff(V221, []byte(body)); err == nil {
		t.Error("a tariff to be stored needs an owner")
	}
	tariff, err := d.TariffToPrice(V221, []byte(body))
	if err != nil || len(tariff.Elements) != 1 {
		t.Fatalf("%+v, %v", tariff, err)
	}
}
