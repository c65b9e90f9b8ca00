package ocpi

import (
	"strings"
	"testing"
)

var tariffVectors = []struct {
	file string
	v    Version
}{
	{"tariff_211.json", V211},
	{"tariff_221.json", V221},
	{"tariff_230.json", V230},
}

func TestDecodeTariffVectors(t *testing.T) {
	var d Decoder
	for _, tt := range tariffVectors {
		t.Run(tt.file, func(t *testing.T) {
			raw := readTestdata(t, tt.file)
			tariff, err := d.Tariff(tt.v, raw)
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, strings.TrimSuffix(tt.file, ".json")+".golden", tariff)
			compareTariff(t, &d, tt.v, raw)
		})
	}
}
