package ocpi

import (
	"slices"
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

// Only what identifies an object is needed of it.
func TestDecodeObjectsRefuse(t *testing.T) {
	var d Decoder
	_, err := d.Location(V221, []byte(`{"publish":"?","time_zone":"../etc","evses":[{"connectors":[{"tariff_ids":[""]}]},{"uid":{}},null]}`))
	checkInvalid(t, "location", err, "id", "country_code", "party_id")
	_, err = d.Location(V211, []byte(`{}`))
	checkInvalid(t, "location 2.1.1", err, "id")
	_, err = d.Session(V221, []byte(`{"status":"","charging_periods":[{"dimensions":[]}],"total_cost":3}`))
	checkInvalid(t, "session", err, "id", "country_code", "party_id")
	_, err = d.Session(V211, []byte(`{"location":{}}`))
	checkInvalid(t, "session 2.1.1", err, "id")
	_, err = d.Token(V230, []byte(`{"valid":"yes"}`))
	checkInvalid(t, "token", err, "uid", "type", "country_code", "party_id")
	_, err = d.Token(V211, []byte(`{"contract_id":"x"}`))
	checkInvalid(t, "token 2.1.1", err, "uid", "type")
	_, err = d.Tariff(V221, []byte(`{"elements":[{}]}`))
	checkInvalid(t, "tariff", err, "id", "country_code", "party_id")
}

// One odd member loses no Location: CDRs need its time zone.
func TestLocationIsReadAsFarAsItCanBe(t *testing.T) {
	const before, after = `{"country_code":"NL","party_id":"ABC","id":"L","publish":true,"address":"a","city":"c","country":"NLD","coordinates":{"latitude":"52.370216","longitude":"4.895168"},` +
		`"time_zone":"Europe/Amsterdam","last_updated":"2020-01-01T00:00:00Z","evses":[{"uid":"e","status":"AVAILABLE","last_updated":"2020-01-01T00:00:00Z","connectors":[{"id":"1",` +
		`"standard":"CHADEMO","format":"CABLE","power_type":"DC","max_voltage":400,"max_amperage":125,"last_updated":"2020-01-01T00:00:00Z","tariff_ids":`, `}]}]}`
	var d Decoder
	for ids, want := range map[string]string{
		`[null]`: "empty_element", `[""]`: "empty_id", `"T1"`: "wrong_type", `[7]`: "wrong_type", `{}`: "wrong_type", `[]`: "", `["T1"]`: "", `null`: "",
	} {
		l, err := d.Location(V221, []byte(before+ids+after))
		if err != nil || l.TimeZone != "Europe/Amsterdam" {
			t.Errorf("%s: %v", ids, err)
			continue
		}
		got := strings.Fields(findingsText(l.Findings) + " ")
		if want == "" && len(got) > 0 || want != "" && (len(got) != 2 || got[0] != want || !strings.HasPrefix(got[1], "evses[0].connectors[0].tariff_ids")) {
			t.Errorf("%s: findings %q, want %q", ids, got, want)
		}
	}
}

// Ids that an object is looked up by, or that are kept with each of its states, are
// no longer than ids are: a longer one names nothing, and what names it is taken all
// the same.
func TestALongContractIDNamesNothing(t *testing.T) {
	const token221 = `{"country_code":"NL","party_id":"EXW","uid":"u","type":"RFID","issuer":"i","valid":true,"whitelist":"NEVER","last_updated":"2020-01-01T00:00:00Z","contract_id":"`
	const token211 = `{"uid":"u","type":"RFID","issuer":"i","valid":true,"whitelist":"NEVER","last_updated":"2020-01-01T00:00:00Z","auth_id":"`
	const session211 = `{"id":"s","auth_id":"`
	var d Decoder
	tokenOf := func(v Version, begun string) func(id string) (string, []Finding) {
		return func(id string) (string, []Finding) {
			o, err := d.Token(v, []byte(begun+id+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			return o.ContractID, o.Findings
		}
	}
	for name, read := range map[string]func(id string) (string, []Finding){
		"token 2.2.1": tokenOf(V221, token221),
		"token 2.1.1": tokenOf(V211, token211),
		"session 2.1.1": func(id string) (string, []Finding) {
			o, err := d.Session(V211, []byte(session211+id+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			return o.Token.ContractID, o.Findings
		},
		"cdr 2.2.1": func(id string) (string, []Finding) {
			o, err := d.CDR(V221, cdrWith(`"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"u","type":"RFID","contract_id":"`+id+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			return o.Token.ContractID, o.Findings
		},
	} {
		for n, want := range map[int]int{36: 36, MaxIdentity: MaxIdentity, MaxIdentity + 1: 0, 1 << 20: 0} {
			got, findings := read(strings.Repeat("a", n))
			long := slices.ContainsFunc(findings, func(f Finding) bool { return f.Code == "too_long" })
			if len(got) != want || long != (n > 36) {
				t.Errorf("%s, %d bytes: %d, want %d; %s", name, n, len(got), want, findingsText(findings))
			}
		}
	}
}
