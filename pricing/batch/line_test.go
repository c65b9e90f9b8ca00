package batch

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestParseLine compares with package encoding/json what an envelope holds.
func TestParseLine(t *testing.T) {
	for _, line := range []string{
		`{"id":"a","cdr":{"x":"}]\"\\"},"tariffs":[{"y":[1,2,"]"]},{}],"time_zone":"Europe/Paris","profile":"STEP_NONE"}`,
		` { "cdr" : { } , "id" : 12.50 , "unknown" : [ [ ] , { "cdr" : 1 } ] , "reservation_expired" : true } `,
		`{"cdr":{"a":"\\\\","b":"\\\""},"id":"\u00e4\n","tariffs":null,"reservation_expired":null,"version":null}`,
		`{"id":"ä","cdr":"\\"}`,
	} {
		var want struct {
			ID      json.RawMessage `json:"id"`
			CDR     json.RawMessage `json:"cdr"`
			Tariffs json.RawMessage `json:"tariffs"`
			Zone    string          `json:"time_zone"`
			Profile string          `json:"profile"`
			Expired *bool           `json:"reservation_expired"`
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		if string(want.Tariffs) == "null" {
			want.Tariffs = nil
		}
		var r Request
		if err := parseLine([]byte(line), &r, names{}); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		got, exp := []any{string(r.ID), string(r.CDR), string(r.Tariffs), r.TimeZone, r.Profile, r.ReservationExpired},
			[]any{string(want.ID), string(want.CDR), string(want.Tariffs), want.Zone, want.Profile, want.Expired}
		if diff := cmp.Diff(exp, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", line, diff)
		}
	}
}

func TestParseLineRefuses(t *testing.T) {
	for _, line := range []string{
		``, `[]`, `{`, `{"cdr"`, `{"cdr":`, `{"cdr":{`, `{"cdr":{}`, `{"cdr":{},}`, `{"cdr":{}}}`, `{"cdr":{} "id":1}`, `{cdr:{}}`,
		`{"cdr":"`, `{"cdr":"\"`, `{"cdr":{"a":"\"}}`, `{"id":{},"cdr":{}}`, `{"id":"\x","cdr":{}}`, `{"version":2,"cdr":{}}`, `{"reservation_expired":"yes","cdr":{}}`,
	} {
		if err := parseLine([]byte(line), &Request{}, names{}); err == nil {
			t.Errorf("%s: accepted", line)
		}
	}
}
