package ocpi

import (
	"errors"
	"strings"
	"testing"
)

const commandToken = `{"uid":"U1","type":"APP_USER"}`

func TestReadCommand(t *testing.T) {
	read := func(v Version, kind CommandType, body, wantWrong string) *Command {
		t.Helper()
		c, err := ReadCommand(v, kind, []byte(body))
		invalid, _ := errors.AsType[*Invalid](err)
		var wrong []string
		if invalid != nil {
			for _, f := range invalid.Fields {
				wrong = append(wrong, f.Path)
			}
		} else if err != nil {
			wrong = []string{"syntax"}
		}
		if got := strings.Join(wrong, " "); got != wantWrong {
			t.Errorf("%s %s %s: wrong %q, want %q (%v)", v, kind, body, got, wantWrong, err)
		}
		return c
	}
	c := read(V221, StartSession, `{"response_url":"https://e/1","token":`+commandToken+`,"location_id":"L1","evse_uid":"E1","connector_id":"1","authorization_reference":"R1"}`, "")
	if c.LocationID != "L1" || c.EVSEUID != "E1" || c.ConnectorID != "1" || c.AuthorizationReference != "R1" || string(c.Token) != commandToken || c.ResponseURL != "https://e/1" {
		t.Errorf("read as %+v", c)
	}
	if c = read(V211, StartSession, `{"response_url":"u","token":`+commandToken+`,"location_id":"L1","connector_id":7}`, ""); c.ConnectorID != "" {
		t.Errorf("2.1.1 has no connector_id: %q", c.ConnectorID)
	}
	read(V221, StartSession, `{"response_url":"u","token":`+commandToken+`,"location_id":"L1","connector_id":"1"}`, "evse_uid")
	read(V221, StartSession, `{"token":"U1","location_id":5}`, "response_url token location_id")
	read(V221, StopSession, `{"response_url":"u","session_id":null}`, "session_id")
	read(V221, UnlockConnector, `{"response_url":"`+strings.Repeat("u", 256)+`","location_id":"L1","evse_uid":"E1"}`, "response_url connector_id")
	read(V221, ReserveNow, `{"response_url":"u","token":`+commandToken+`,"expiry_date":"soon","reservation_id":"R1","location_id":"L1"}`, "expiry_date")
	if c = read(V211, ReserveNow, `{"response_url":"u","token":`+commandToken+`,"expiry_date":"2026-01-05T10:00:00Z","reservation_id":42,"location_id":"L1"}`, ""); c.ReservationID != "42" || !c.Expiry.IsSet() {
		t.Errorf("read as %+v", c)
	}
	read(V211, ReserveNow, `{"response_url":"u","token":`+commandToken+`,"expiry_date":"2026-01-05T10:00:00Z","reservation_id":"abc","location_id":"L1"}`, "reservation_id")
	read(V230, CancelReservation, `{"response_url":"u","reservation_id":"abc"}`, "")
	read(V230, CancelReservation, `{"response_url":`, "syntax")
	read(V230, CancelReservation, `[]`, "$")
}

func TestReadCommandAnswer(t *testing.T) {
	for _, tt := range []struct {
		v      Version
		result bool
		body   string
		want   CommandAnswer
		text   string
		fails  bool
	}{
		{V221, false, `{"result":"ACCEPTED","timeout":30}`, CommandAnswer{Result: "ACCEPTED", Timeout: 30}, "", false},
		{V221, false, `{"result":"accepted","timeout":"30.0"}`, CommandAnswer{Result: "ACCEPTED", Timeout: 30}, "", false},
		{V221, false, `{"result":"ACCEPTED","timeout":999999999}`, CommandAnswer{Result: "ACCEPTED", Timeout: 86400}, "", false},
		{V221, false, `{"result":"ACCEPTED","timeout":-5,"message":[{"language":"en","text":"no"}]}`, CommandAnswer{Result: "ACCEPTED"}, "no", false},
		{V221, false, `{"result":"REJECTED","message":{"language":"en","text":"no"}}`, CommandAnswer{Result: "REJECTED"}, "no", false},
		{V221, false, `{"result":"REJECTED","message":"no"}`, CommandAnswer{Result: "REJECTED"}, "no", false},
		{V221, false, `{"result":"TIMEOUT"}`, CommandAnswer{}, "", true},
		{V211, false, `{"result":"TIMEOUT","timeout":3}`, CommandAnswer{Result: "TIMEOUT"}, "", false},
		{V221, true, `{"result":"EVSE_OCCUPIED"}`, CommandAnswer{Result: "EVSE_OCCUPIED"}, "", false},
		{V211, true, `{"result":"EVSE_OCCUPIED"}`, CommandAnswer{}, "", true},
		{V211, true, `{"result":"UNKNOWN_SESSION"}`, CommandAnswer{Result: "UNKNOWN_SESSION"}, "", false},
		{V221, true, `{}`, CommandAnswer{}, "", true},
		{V221, true, `"ACCEPTED"`, CommandAnswer{}, "", true},
	} {
		read := ReadCommandResponse
		if tt.result {
			read = ReadCommandResult
		}
		got, err := read(tt.v, []byte(tt.body))
		if (err != nil) != tt.fails || got.Result != tt.want.Result || got.Timeout != tt.want.Timeout || got.Text() != tt.text {
			t.Errorf("%s %s: %+v, %v; want %+v %q", tt.v, tt.body, got, err, tt.want, tt.text)
		}
	}
	a := CommandAnswer{Result: "REJECTED", Message: []DisplayText{{"en", "no"}}}
	for want, got := range map[string][]byte{
		`{"result":"REJECTED"}`: a.EncodeResponse(V211),
		`{"result":"REJECTED","timeout":0,"message":[{"language":"en","text":"no"}]}`: a.EncodeResponse(V221),
		`{"result":"REJECTED","message":[{"language":"en","text":"no"}]}`:             a.EncodeResult(V230),
	} {
		if string(got) != want {
			t.Errorf("written %s, want %s", got, want)
		}
	}
}

func TestReadChargingPreferences(t *testing.T) {
	p, err := ReadChargingPreferences([]byte(`{"profile_type":"CHEAP","departure_time":"2026-01-05T12:00:00Z","energy_need":20,"discharge_allowed":false}`))
	if err != nil || p.ProfileType != "CHEAP" || string(*p.EnergyNeed) != "20" || *p.DischargeAllowed {
		t.Errorf("%+v, %v", p, err)
	}
	for _, wrong := range []string{`{}`, `{"profile_type":"MINE"}`, `{"profile_type":"FAST","energy_need":-1}`, `{"profile_type":"FAST","departure_time":"noon"}`, `{"profile_type":"FAST","discharge_allowed":1}`, `[`} {
		if _, err := ReadChargingPreferences([]byte(wrong)); err == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
	for body, want := range map[string]string{`"ACCEPTED"`: "ACCEPTED", `"not_possible"`: "NOT_POSSIBLE", `{"result":"ENERGY_NEED_REQUIRED"}`: "ENERGY_NEED_REQUIRED", `"OTHER"`: "", `7`: "", ``: ""} {
		if got := ReadChargingPreferencesResponse([]byte(body)); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
