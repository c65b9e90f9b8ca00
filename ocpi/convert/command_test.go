package convert

import (
	"errors"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

func TestCommand(t *testing.T) {
	const token22 = `{"country_code":"SE","party_id":"EMP","uid":"U1","type":"APP_USER","contract_id":"SE-EMP-C1","issuer":"I","valid":true,"whitelist":"NEVER","last_updated":"2026-01-05T10:00:00Z"}`
	const token211 = `{"uid":"U1","type":"OTHER","auth_id":"SE-EMP-C1","issuer":"I","valid":true,"whitelist":"NEVER","last_updated":"2026-01-05T10:00:00Z"}`
	ctx := Context{Owner: ocpi.NewParty("SE", "EMP")}
	for _, tt := range []struct {
		name     string
		from, to ocpi.Version
		kind     ocpi.CommandType
		body     string
		change   CommandChange
		want     string
		lost     string
	}{
		{"the same version, with what we do not know", ocpi.V221, ocpi.V221, ocpi.StartSession, `{"response_url":"theirs","token":` + token22 + `,"location_id":"L1","x_own":[1]}`,
			CommandChange{ResponseURL: "ours"}, `{"response_url":"ours","token":` + token22 + `,"location_id":"L1","x_own":[1]}`, ""},
		{"a start to 2.1.1", ocpi.V230, ocpi.V211, ocpi.StartSession,
			`{"response_url":"theirs","token":` + token22 + `,"location_id":"L1","evse_uid":"E1","connector_id":"1","authorization_reference":"R"}`,
			CommandChange{ResponseURL: "ours"}, `{"response_url":"ours","token":` + token211 + `,"location_id":"L1","evse_uid":"E1"}`, "connector_id authorization_reference"},
		{"a start from 2.1.1", ocpi.V211, ocpi.V221, ocpi.StartSession, `{"response_url":"theirs","token":` + token211 + `,"location_id":"L1"}`,
			CommandChange{ResponseURL: "ours"}, `"contract_id":"SE-EMP-C1"`, ""},
		{"a reservation to 2.1.1", ocpi.V221, ocpi.V211, ocpi.ReserveNow,
			`{"response_url":"theirs","token":` + token22 + `,"expiry_date":"2026-01-05T12:00:00Z","reservation_id":"abc","location_id":"L1"}`,
			CommandChange{ResponseURL: "ours", Reservation: "17"}, `"reservation_id":17,`, ""},
		{"a reservation from 2.1.1", ocpi.V211, ocpi.V230, ocpi.ReserveNow,
			`{"response_url":"theirs","token":` + token211 + `,"expiry_date":"2026-01-05T12:00:00Z","reservation_id":17,"location_id":"L1"}`,
			CommandChange{ResponseURL: "ours"}, `"reservation_id":"17",`, ""},
		{"unlocking names a connector in all", ocpi.V221, ocpi.V211, ocpi.UnlockConnector, `{"response_url":"theirs","location_id":"L1","evse_uid":"E1","connector_id":"1"}`,
			CommandChange{ResponseURL: "ours"}, `{"response_url":"ours","location_id":"L1","evse_uid":"E1","connector_id":"1"}`, ""},
	} {
		c, err := ocpi.ReadCommand(tt.from, tt.kind, []byte(tt.body))
		if err != nil {
			t.Fatal(tt.name, err)
		}
		r, err := Command(c, tt.to, tt.change, ctx)
		if err != nil || !strings.Contains(string(r.Body), tt.want) {
			t.Errorf("%s: %s, %v; want %s", tt.name, r.Body, err, tt.want)
		}
		for _, path := range strings.Fields(tt.lost) {
			if !strings.Contains(Lost(r.Lost), path) {
				t.Errorf("%s: lost %q, want %s", tt.name, Lost(r.Lost), path)
			}
		}
		if _, err := ocpi.ReadCommand(tt.to, tt.kind, r.Body); err != nil {
			t.Errorf("%s: cannot be read again: %v", tt.name, err)
		}
	}
	c, err := ocpi.ReadCommand(ocpi.V221, ocpi.CancelReservation, []byte(`{"response_url":"u","reservation_id":"abc"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Command(c, ocpi.V211, CommandChange{}, ctx); !errors.As(err, new(*Refused)) {
		t.Errorf("CANCEL_RESERVATION in 2.1.1: %v", err)
	}
}

func TestCommandAnswers(t *testing.T) {
	for _, tt := range []struct {
		response bool
		from, to ocpi.Version
		in       ocpi.CommandAnswer
		result   string
		timeout  int
		message  bool
	}{
		{true, ocpi.V211, ocpi.V221, ocpi.CommandAnswer{Result: "ACCEPTED"}, "ACCEPTED", 30, false},
		{true, ocpi.V211, ocpi.V230, ocpi.CommandAnswer{Result: "TIMEOUT"}, "REJECTED", 30, true},
		{true, ocpi.V221, ocpi.V211, ocpi.CommandAnswer{Result: "UNKNOWN_SESSION", Timeout: 9, Message: []ocpi.DisplayText{{Text: "x"}}}, "UNKNOWN_SESSION", 0, false},
		{true, ocpi.V221, ocpi.V230, ocpi.CommandAnswer{Result: "ACCEPTED", Timeout: 9}, "ACCEPTED", 9, false},
		{true, ocpi.V211, ocpi.V211, ocpi.CommandAnswer{Result: "TIMEOUT"}, "TIMEOUT", 0, false},
		{false, ocpi.V211, ocpi.V221, ocpi.CommandAnswer{Result: "UNKNOWN_SESSION"}, "FAILED", 0, false},
		{false, ocpi.V211, ocpi.V221, ocpi.CommandAnswer{Result: "TIMEOUT"}, "TIMEOUT", 0, false},
		{false, ocpi.V230, ocpi.V211, ocpi.CommandAnswer{Result: "EVSE_OCCUPIED"}, "REJECTED", 0, false},
		{false, ocpi.V230, ocpi.V211, ocpi.CommandAnswer{Result: "CANCELED_RESERVATION"}, "REJECTED", 0, false},
		{false, ocpi.V230, ocpi.V211, ocpi.CommandAnswer{Result: "TIMEOUT"}, "TIMEOUT", 0, false},
		{false, ocpi.V230, ocpi.V221, ocpi.CommandAnswer{Result: "EVSE_OCCUPIED"}, "EVSE_OCCUPIED", 0, false},
	} {
		convert := CommandResult
		if tt.response {
			convert = CommandResponse
		}
		got := convert(tt.in, tt.from, tt.to)
		if got.Result != tt.result || got.Timeout != tt.timeout || (len(got.Message) > 0) != tt.message {
			t.Errorf("%s to %s, %+v: %+v", tt.from, tt.to, tt.in, got)
		}
	}
}
