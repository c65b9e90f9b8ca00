package main

import "testing"

func TestLintCommand(t *testing.T) {
	const complexTariff = "../../ocpi/testdata/spec/2.3.0/tariff_4_complex.json"
	for name, c := range map[string]struct {
		stdin string
		args  []string
	}{
		"explain":      {args: []string{"--explain", complexTariff}},
		"json":         {args: []string{"--format", "json", "--explain", nightTariff}},
		"fail_on_info": {args: []string{"--fail-on", "info", complexTariff}},
		"array":        {stdin: `[{"id":"1"},{"country_code":"DE","party_id":"ALL","id":"2","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"vat":0.21,"step_size":1}]}],"last_updated":"2025-01-01T00:00:00Z"}]`, args: []string{"-"}},
		"version":      {args: []string{"--ocpi", "2.2.1", nightTariff}},
		"no_json":      {stdin: `[{`, args: []string{"-"}},
		"no_file":      {args: []string{nightTariff, "testdata/price/missing.json"}},
		"no_arguments": {args: []string{}},
		"unknown_flag": {args: []string{"--explian", nightTariff}},
		"bad_severity": {args: []string{"--fail-on", "fatal", nightTariff}},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := runCommand(t, newLintCmd(), c.stdin, c.args...)
			checkGolden(t, "lint/"+name, stdout, stderr, code)
		})
	}
}
