package ocpi

import "testing"

func TestDetectVersion(t *testing.T) {
	for _, tt := range cdrVectors {
		if v, ok := DetectCDRVersion(readTestdata(t, tt.file)); v != tt.v || !ok {
			t.Errorf("%s: got %s, %t", tt.file, v, ok)
		}
	}
	for _, tt := range tariffVectors {
		if v, ok := DetectTariffVersion(readTestdata(t, tt.file)); v != tt.v || !ok {
			t.Errorf("%s: got %s, %t", tt.file, v, ok)
		}
	}
	tests := []struct {
		in     string
		cdr    Version
		tariff Version
	}{
		{`{"total_cost":{"excl_vat":1}}`, V221, V211},
		{`{"total_cost":{"x":{"before_taxes":1}}}`, 0, V211},
		{`{"total_cost":1}`, V211, V211},
		{`{"total_cost":"1"}`, 0, V211},
		{`{"max_price":{"before_taxes":1},"country_code":"NL"}`, 0, V230},
		{`{"country_code":"NL"}`, 0, V221},
		{`{}`, 0, V211},
		{`[]`, 0, 0},
		{``, 0, 0},
		{`{"auth_id":"x","auth_id":"y"}`, 0, 0},
		{`{"auth_id":"x"`, 0, 0},
	}
	for _, tt := range tests {
		if v, ok := DetectCDRVersion([]byte(tt.in)); v != tt.cdr || ok != (tt.cdr != 0) {
			t.Errorf("CDR %s: got %s, %t", tt.in, v, ok)
		}
		if v, ok := DetectTariffVersion([]byte(tt.in)); v != tt.tariff || ok != (tt.tariff != 0) {
			t.Errorf("tariff %s: got %s, %t", tt.in, v, ok)
		}
	}
}
