package objects_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

func TestAuthorizationsConform(t *testing.T) {
	id := ingest.TokenAt(ocpi.NewParty("GB", "DUN"), "u1", "RFID")
	given := func(reference, emsp string) string {
		return `{"authorization_reference":"` + reference + `","allowed":"ALLOWED","emsp":"` + emsp + `","uid":"U1","by":"emsp","at":"2026-01-05T10:00:00Z"}`
	}
	objectstest.Conform(t, id, func(*objectstest.Store) objects.Fold { return objects.Authorizations{} }, []objectstest.Step{
		{Name: "what is none", Method: ingest.MethodPut, Body: `[]`},
		{Name: "the first", Method: ingest.MethodPut, Body: given("R1", "NL*EXW"), Want: `"R1"`},
		{Name: "another", Method: ingest.MethodPut, Body: given("R2", "NL*EXW"), Want: `"R1"`},
		{Name: "of another eMSP", Method: ingest.MethodPut, Body: given("R3", "DE*EMP"), Want: `"R3"`},
		{Name: "of the first again", Method: ingest.MethodPut, Body: given("R4", "NL*EXW"), Want: `"R4"`},
	})
}

func TestDeliveriesConform(t *testing.T) {
	id := ingest.DeliveryOf(ocpi.NewKey("GB", "DUN", "C1"))
	objectstest.Conform(t, id, func(*objectstest.Store) objects.Fold { return objects.Deliveries{} }, []objectstest.Step{
		{Name: "what is none", Method: ingest.MethodPut, Body: `[]`},
		{Name: "refused", Method: ingest.MethodPut, Body: `{"recipient":"NL*EXW","status_code":2001,"at":"2026-01-05T10:00:00Z"}`, Want: "2001"},
		{Name: "taken", Method: ingest.MethodPut, Body: `{"recipient":"NL*EXW","status_code":1000,"at":"2026-01-05T10:05:00Z"}`, Want: "1000"},
	})
}

// Of a Token the last twenty authorizations are held, however many there were.
func TestAuthorizationsAreBounded(t *testing.T) {
	log := ingesttest.NewLog(1)
	id := ingest.TokenAt(ocpi.NewParty("GB", "DUN"), "U1", "RFID")
	for n := range 25 {
		a := ingest.Authorization{Reference: fmt.Sprintf("R%d", n), Allowed: "ALLOWED", EMSP: "NL*EXW", UID: "U1"}
		note, err := a.Annotation(id.Key.Party, "RFID", ocpi.V221, "gb-dun-cpo")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), note.Object.Topic(), &ingest.Envelope{Object: note.Object, Method: ingest.MethodPut, Version: ocpi.V221, Key: note.Key, Variant: note.Variant}, note.Body); err != nil {
			t.Fatal(err)
		}
	}
	state, ok, err := objectstest.Follow(t, log, objectstest.NewStore(), objects.Authorizations{}).Get(t.Context(), ingest.Target{Object: id.Object, Key: id.Key, Variant: id.Variant})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	list, err := ingest.Authorizations(&state)
	if err != nil || len(list) != 20 || list[0].Reference != "R5" || list[19].Reference != "R24" || !json.Valid(state.Body) {
		t.Errorf("%d authorizations, %v: %s", len(list), err, state.Body)
	}
}
