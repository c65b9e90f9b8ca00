package reference_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

// A Location that parts and PATCHes made too large for one more stays as it is,
// wherever the record stands in the log.
func TestALocationHasALimit(t *testing.T) {
	f := fold(ingest.ObjectLocation)(objectstest.NewStore())
	key := ocpi.NewKey("GB", "DUN", "L1")
	var s *ingest.ObjectState
	step := func(m ingest.Method, path, body string) error {
		next, err := f.Apply(s, &ingest.Record{Envelope: ingest.Envelope{Object: ingest.ObjectLocation, Method: m, Version: ocpi.V221, Key: key, Path: path}, Body: []byte(body)})
		if err == nil {
			s = next
		}
		return err
	}
	if err := step(ingest.MethodPut, "", locationBody("Europe/London")); err != nil {
		t.Fatal(err)
	}
	evse := func(i int) error {
		uid := fmt.Sprintf("E%d", i)
		return step(ingest.MethodPut, uid, fmt.Sprintf(`{"uid":%q,"status":"AVAILABLE","x":%q,"last_updated":"2019-01-01T00:00:00Z"}`, uid, strings.Repeat("x", 900_000)))
	}
	for i := range 4 {
		if err := evse(i); err != nil {
			t.Fatalf("EVSE %d: %v", i, err)
		}
	}
	if err := evse(4); err == nil || !strings.Contains(err.Error(), "at most 4194304") || strings.Contains(string(s.Body), `"E4"`) {
		t.Errorf("the fifth EVSE: %v, want the limit", err)
	}
}

// Changes that prices rest on are kept for ever, so there are only so many: what
// would be one more does not apply, wherever the record stands in the log.
func TestChangesHaveALimit(t *testing.T) {
	const token = `{"country_code":"GB","party_id":"DUN","uid":"U1","type":"RFID","contract_id":"C%d","issuer":"i","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`
	for kind, body := range map[ingest.Object]func(i int) string{
		ingest.ObjectLocation: func(i int) string { return locationBody([]string{"Europe/London", "Europe/Dublin"}[i%2]) },
		ingest.ObjectToken:    func(i int) string { return fmt.Sprintf(token, i) },
	} {
		f := fold(kind)(objectstest.NewStore())
		var s *ingest.ObjectState
		put := func(i int) error {
			r := &ingest.Record{Position: ingest.Position{Offset: int64(i)}, Body: []byte(body(i)), Envelope: ingest.Envelope{
				Object: kind, Method: ingest.MethodPut, Version: ocpi.V221, Key: ocpi.NewKey("GB", "DUN", "X1")}}
			next, err := f.Apply(s, r)
			if err == nil {
				s = next
			}
			return err
		}
		for i := range ingest.MaxChanges {
			if err := put(i); err != nil {
				t.Fatalf("%s, change %d: %v", kind, i, err)
			}
		}
		if err := put(ingest.MaxChanges); err == nil || len(s.Changes) != ingest.MaxChanges {
			t.Errorf("%s: %d changes, then %v; want the limit", kind, len(s.Changes), err)
		}
		if err := put(ingest.MaxChanges - 1); err != nil {
			t.Errorf("%s: what says nothing new: %v", kind, err)
		}
	}
}
