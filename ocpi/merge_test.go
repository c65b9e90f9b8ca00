package ocpi

import (
	"errors"
	"testing"
)

const fullSession = `{"id":"S1","kwh":1.50,"x_own":{"a":[1,2]},"end_date_time":"2020-01-01T01:00:00Z","charging_periods":[` +
	`{"start_date_time":"2020-01-01T00:00:00Z","dimensions":[{"type":"ENERGY","volume":1}]}],"last_updated":"2020-01-01T00:00:00Z"}`

func TestMergeSession(t *testing.T) {
	const first = `{"start_date_time":"2020-01-01T00:00:00Z","dimensions":[{"type":"ENERGY","volume":1}]}`
	const second = `{"start_date_time":"2020-01-01T00:30:00Z","dimensions":[{"type":"ENERGY","volume":2}]}`
	const firstAgain = `{"start_date_time":"2020-01-01T01:00:00+01:00","dimensions":[{"type":"ENERGY","volume":9}]}`
	base := func(periods string) string { return `{"id":"S1","charging_periods":[` + periods + `]}` }
	tests := []struct{ name, base, patch, want string }{
		{"members replace", `{"kwh":1.50,"x":{"a": [1, 2]}}`, `{"kwh":2.0}`, `{"kwh":2.0,"x":{"a": [1, 2]}}`},
		{"new members come last, unknown ones too", `{"kwh":1}`, `{"y" : true}`, `{"kwh":1,"y":true}`},
		{"null clears", `{"kwh":1,"meter_id":"m","x":2}`, `{"meter_id":null,"z":null}`, `{"kwh":1,"x":2}`},
		{"names by what they stand for", `{"kw\u0068":1}`, `{"kwh":2}`, `{"kw\u0068":2}`},
		{"periods are appended", base(first), `{"charging_periods":[` + second + `]}`, base(first + "," + second)},
		{"a repeat changes nothing", base(first + "," + second), `{"charging_periods":[` + second + `]}`, base(first + "," + second)},
		{"one that starts at the same instant replaces", base(first + "," + second), `{"charging_periods":[` + firstAgain + `]}`, base(firstAgain + "," + second)},
		{"an empty list changes nothing", base(first), `{"charging_periods":[]}`, base(first)},
		{"null changes no periods", base(first), `{"charging_periods":null}`, base(first)},
		{"first periods", `{"id":"S1"}`, `{"charging_periods":[` + first + `]}`, base(first)},
		{"periods that were null", `{"id":"S1","charging_periods":null}`, `{"charging_periods":[` + first + `]}`, base(first)},
	}
	for _, tt := range tests {
		got, err := MergeSession([]byte(tt.base), []byte(tt.patch))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", tt.name, got, err, tt.want)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	tests := []struct{ patch, path string }{
		{`[]`, "$"},
		{`{"charging_periods":1}`, "charging_periods"},
	}
	for _, tt := range tests {
		_, err := MergeSession([]byte(fullSession), []byte(tt.patch))
		checkInvalid(t, tt.patch, err, tt.path)
	}
	for _, patch := range notJSON() {
		_, err := MergeSession([]byte(fullSession), []byte(patch))
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("%.60q: got %v, want a *SyntaxError", patch, err)
		}
	}
	_, err := MergeObject([]byte(`{"stored":`), []byte(`{}`))
	if _, ok := errors.AsType[*SyntaxError](err); ok || err == nil {
		t.Errorf("damage of our own: got %v, want an error that blames no sender", err)
	}
}

// checkInvalid checks that exactly these fields were refused.
func checkInvalid(t *testing.T, what string, err error, paths ...string) {
	t.Helper()
	invalid, ok := errors.AsType[*Invalid](err)
	if !ok {
		t.Errorf("%s: got %v, want %q refused", what, err, paths)
		return
	}
	same := len(invalid.Fields) == len(paths)
	for i := 0; same && i < len(paths); i++ {
		same = invalid.Fields[i].Path == paths[i]
	}
	if !same {
		t.Errorf("%s: got %v, want %q refused", what, err, paths)
	}
}

func TestMergeObject(t *testing.T) {
	got, err := MergeObject([]byte(`{"uid":"1","valid":true,"x":[1, 2]}`), []byte(`{"valid":false,"charging_periods":[]}`))
	const want = `{"uid":"1","valid":false,"x":[1, 2],"charging_periods":[]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

const mergeLocation = `{"id":"L","x":1,"evses":[{"uid":"E1","y":2,"connectors":[{"id":"1","standard":"CHADEMO","last_updated":"2020-01-01T00:00:00Z"}],` +
	`"last_updated":"2020-01-01T00:00:00Z"},{"uid":"E2","last_updated":"2020-01-05T00:00:00Z"}],"last_updated":"2020-01-05T00:00:00Z"}`

func TestChangeLocation(t *testing.T) {
	put := func(evse, connector string) func(l, b []byte) ([]byte, error) {
		if connector == "" {
			return func(l, b []byte) ([]byte, error) { return PutEVSE(l, evse, b) }
		}
		return func(l, b []byte) ([]byte, error) { return PutConnector(l, evse, connector, b) }
	}
	patch := func(evse, connector string) func(l, b []byte) ([]byte, error) {
		return func(l, b []byte) ([]byte, error) { return PatchLocation(l, evse, connector, b) }
	}
	const e1Old = `{"uid":"E1","y":2,"connectors":[{"id":"1","standard":"CHADEMO","last_updated":"2020-01-01T00:00:00Z"}],"last_updated":"2020-01-01T00:00:00Z"}`
	const e2 = `{"uid":"E2","last_updated":"2020-01-05T00:00:00Z"}`
	location := func(evses, updated string) string {
		return `{"id":"L","x":1,"evses":[` + evses + `],"last_updated":"` + updated + `"}`
	}
	tests := []struct {
		name   string
		change func(l, b []byte) ([]byte, error)
		body   string
		want   string
	}{
		{"put an EVSE, id in other case", put("e1", ""), `{"uid":"e1","last_updated":"2020-02-01T00:00:00Z"}`,
			location(`{"uid":"e1","last_updated":"2020-02-01T00:00:00Z"},`+e2, "2020-02-01T00:00:00Z")},
		{"put a new EVSE", put("E3", ""), `{"uid":"E3","last_updated":"2020-02-01T00:00:00Z"}`,
			location(e1Old+","+e2+`,{"uid":"E3","last_updated":"2020-02-01T00:00:00Z"}`, "2020-02-01T00:00:00Z")},
		{"an older EVSE does not set the Location back", put("E2", ""), `{"uid":"E2","last_updated":"2020-01-04T00:00:00Z"}`,
			location(e1Old+`,{"uid":"E2","last_updated":"2020-01-04T00:00:00Z"}`, "2020-01-05T00:00:00Z")},
		{"put a Connector", put("E1", "1"), `{"id":"1","last_updated":"2020-02-01T00:00:00Z"}`,
			location(`{"uid":"E1","y":2,"connectors":[{"id":"1","last_updated":"2020-02-01T00:00:00Z"}],"last_updated":"2020-02-01T00:00:00Z"},`+e2, "2020-02-01T00:00:00Z")},
		{"put the first Connector", put("E2", "A"), `{"id":"A","last_updated":"2020-02-01T00:00:00Z"}`,
			location(e1Old+`,{"uid":"E2","last_updated":"2020-02-01T00:00:00Z","connectors":[{"id":"A","last_updated":"2020-02-01T00:00:00Z"}]}`, "2020-02-01T00:00:00Z")},
		{"patch the Location", patch("", ""), `{"x":2,"last_updated":"2020-02-01T00:00:00Z"}`,
			`{"id":"L","x":2,"evses":[` + e1Old + "," + e2 + `],"last_updated":"2020-02-01T00:00:00Z"}`},
		{"patch an EVSE", patch("E2", ""), `{"status":"CHARGING","last_updated":"2020-02-01T00:00:00Z"}`,
			location(e1Old+`,{"uid":"E2","last_updated":"2020-02-01T00:00:00Z","status":"CHARGING"}`, "2020-02-01T00:00:00Z")},
		{"patch a Connector", patch("E1", "1"), `{"format":"CABLE","standard":null,"last_updated":"2020-02-01T00:00:00Z"}`,
			location(`{"uid":"E1","y":2,"connectors":[{"id":"1","last_updated":"2020-02-01T00:00:00Z","format":"CABLE"}],"last_updated":"2020-02-01T00:00:00Z"},`+e2, "2020-02-01T00:00:00Z")},
		{"patch EVSEs by uid, Connectors by id", patch("", ""),
			`{"evses":[{"uid":"E1","connectors":[{"id":"1","standard":"MCS"},{"id":"2"}]}],"last_updated":"2020-02-01T00:00:00Z"}`,
			location(`{"uid":"E1","y":2,"connectors":[{"id":"1","standard":"MCS","last_updated":"2020-01-01T00:00:00Z"},{"id":"2"}],"last_updated":"2020-01-01T00:00:00Z"},`+e2, "2020-02-01T00:00:00Z")},
	}
	for _, tt := range tests {
		got, err := tt.change([]byte(mergeLocation), []byte(tt.body))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", tt.name, got, err, tt.want)
		}
	}
}

func TestChangeLocationRefuses(t *testing.T) {
	l := []byte(mergeLocation)
	_, err := PutEVSE(nil, "E1", []byte(`{"uid":"E1"}`))
	checkNoParent(t, "no Location", err)
	_, err = PutConnector(l, "E9", "1", []byte(`{"id":"1"}`))
	checkNoParent(t, "no EVSE", err)
	_, err = PatchLocation(l, "E9", "", []byte(`{}`))
	checkNoParent(t, "patch of no EVSE", err)
	_, err = PatchLocation(l, "E1", "9", []byte(`{}`))
	checkNoParent(t, "patch of no Connector", err)
	_, err = PutEVSE(l, "E1", []byte(`{"uid":"E2"}`))
	checkInvalid(t, "another uid than in the URL", err, "uid")
	_, err = PutConnector(l, "E1", "1", []byte(`{}`))
	checkInvalid(t, "no id", err, "id")
	_, err = PatchLocation(l, "E1", "", []byte(`{"uid":"E3"}`))
	checkInvalid(t, "a patch of the uid", err, "uid")
	_, err = PatchLocation(l, "E1", "1", []byte(`{"id":null}`))
	checkInvalid(t, "a patch of the id", err, "id")
	_, err = PatchLocation(l, "", "", []byte(`{"evses":[{"uid":"E1"},{}]}`))
	checkInvalid(t, "an element without uid", err, "evses[1].uid")
	_, err = PatchLocation(l, "", "", []byte(`{"evses":[{"uid":"E1","connectors":[1]}]}`))
	checkInvalid(t, "a number for a Connector", err, "evses[0].connectors[0]")
}

func checkNoParent(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, ErrNoParent) {
		t.Errorf("%s: got %v, want ErrNoParent", what, err)
	}
}

func TestSub(t *testing.T) {
	tests := []struct {
		evse, connector, want string
		ok                    bool
	}{
		{"", "", mergeLocation, true},
		{"e2", "", `{"uid":"E2","last_updated":"2020-01-05T00:00:00Z"}`, true},
		{"E1", "1", `{"id":"1","standard":"CHADEMO","last_updated":"2020-01-01T00:00:00Z"}`, true},
		{"E3", "", "", false},
		{"E1", "2", "", false},
		{"E2", "1", "", false},
	}
	for _, tt := range tests {
		got, ok := Sub([]byte(mergeLocation), tt.evse, tt.connector)
		if string(got) != tt.want || ok != tt.ok {
			t.Errorf("%s/%s: got %s, %t", tt.evse, tt.connector, got, ok)
		}
	}
	if _, ok := Sub(nil, "", ""); ok {
		t.Error("found something in nothing")
	}
}
