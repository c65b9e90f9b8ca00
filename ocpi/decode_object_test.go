package ocpi

import (
	"strings"
	"testing"
)

func TestDecodeObjectVectors(t *testing.T) {
	location := func(d *Decoder, v Version, raw []byte) (any, error) { return d.Location(v, raw) }
	session := func(d *Decoder, v Version, raw []byte) (any, error) { return d.Session(v, raw) }
	token := func(d *Decoder, v Version, raw []byte) (any, error) { return d.Token(v, raw) }
	tests := []struct {
		file   string
		v      Version
		decode func(*Decoder, Version, []byte) (any, error)
	}{
		{"location_211.json", V211, location},
		{"location_221.json", V221, location},
		{"session_211.json", V211, session},
		{"session_221.json", V221, session},
		{"session_230.json", V230, session},
		{"token_211.json", V211, token},
		{"token_221.json", V221, token},
	}
	var d Decoder
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			got, err := tt.decode(&d, tt.v, readTestdata(t, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, strings.TrimSuffix(tt.file, ".json")+".golden", got)
		})
	}
}

func TestDecodeObjectsRefuse(t *testing.T) {
	var d Decoder
	_, err := d.Location(V221, []byte(`{"publish":1,"time_zone":"../etc","evses":[{"connectors":[{"tariff_ids":[""]}]},{"uid":5}]}`))
	checkInvalid(t, "location", err, "publish", "time_zone", "evses[0].connectors[0].tariff_ids[0]", "evses[0].connectors[0].id",
		"evses[0].uid", "evses[1].uid", "id", "last_updated", "country_code", "party_id")
	_, err = d.Location(V211, []byte(`{}`))
	checkInvalid(t, "location 2.1.1", err, "id", "last_updated")
	_, err = d.Session(V221, []byte(`{"status":"","charging_periods":[{"dimensions":[]}],"total_cost":3}`))
	checkInvalid(t, "session", err, "status", "charging_periods[0].dimensions", "charging_periods[0].start_date_time", "total_cost",
		"id", "kwh", "currency", "last_updated", "country_code", "party_id", "start_date_time", "cdr_token", "location_id")
	_, err = d.Session(V211, []byte(`{"location":{}}`))
	checkInvalid(t, "session 2.1.1", err, "location.id", "id", "kwh", "currency", "status", "last_updated", "start_datetime", "auth_id")
	_, err = d.Token(V230, []byte(`{"valid":"yes"}`))
	checkInvalid(t, "token", err, "valid", "uid", "type", "contract_id", "issuer", "whitelist", "last_updated", "country_code", "party_id")
	_, err = d.Token(V211, []byte(`{"contract_id":"x"}`))
	checkInvalid(t, "token 2.1.1", err, "uid", "type", "auth_id", "issuer", "valid", "whitelist", "last_updated")
	_, err = d.Tariff(V221, []byte(`{"elements":[{}]}`))
	checkInvalid(t, "tariff", err, "elements[0].price_components", "id", "currency", "country_code", "party_id")
}
