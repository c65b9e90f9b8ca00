package reference_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

func fold(kind ingest.Object) func(*objectstest.Store) objects.Fold {
	return func(store *objectstest.Store) objects.Fold {
		return foldOf(reference.NewIndex(referencetest.Of(store)), kind)
	}
}

func foldOf(x *reference.Index, kind ingest.Object) objects.Fold {
	for _, f := range x.Folds() {
		if f.Kind() == kind {
			return f
		}
	}
	panic("no fold of " + kind.String())
}

func TestTariffsConform(t *testing.T) {
	id := ingest.Identity{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", "T1")}
	step := func(name string, m ingest.Method, price string, minute int, want string) objectstest.Step {
		body := ""
		if price != "" {
			body = stamped(tariffBody(price, ""), minute)
		}
		return objectstest.Step{Name: name, Method: m, Body: body, Want: want}
	}
	objectstest.Conform(t, id, fold(id.Object), []objectstest.Step{
		step("DELETE of what nobody PUT", ingest.MethodDelete, "", 0, ""),
		step("PATCH of what nobody PUT", ingest.MethodPatch, "0.90", 9, ""),
		step("PUT", ingest.MethodPut, "0.10", 5, `"price":0.10`),
		step("the same again", ingest.MethodPut, "0.10", 5, `"price":0.10`),
		step("an older last_updated is ignored", ingest.MethodPut, "0.20", 4, `"price":0.10`),
		step("an equal one counts", ingest.MethodPut, "0.30", 5, `"price":0.30`),
		{Name: "what is no Tariff", Method: ingest.MethodPut, Body: `{"country_code":"GB","party_id":"DUN"}`, Want: `"price":0.30`},
		step("DELETE", ingest.MethodDelete, "", 0, ""),
		step("DELETE again", ingest.MethodDelete, "", 0, ""),
		step("PATCH of what was deleted", ingest.MethodPatch, "0.90", 9, ""),
		step("PUT again, older", ingest.MethodPut, "0.40", 3, `"price":0.40`),
	})
}

func TestTokensConform(t *testing.T) {
	const (
		token = `{"country_code":"GB","party_id":"DUN","uid":"U1","type":"RFID","contract_id":"%s","issuer":"i","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`
		patch = `{"contract_id":"%s","last_updated":"2019-01-01T00:00:00Z"}`
	)
	id := ingest.Identity{Object: ingest.ObjectToken, Key: ocpi.NewKey("GB", "DUN", "U1"), Variant: "RFID"}
	step := func(name string, m ingest.Method, form, contract string, minute int, want string) objectstest.Step {
		return objectstest.Step{Name: name, Method: m, Body: stamped(fmt.Sprintf(form, contract), minute), Want: want}
	}
	objectstest.Conform(t, id, fold(id.Object), []objectstest.Step{
		step("PATCH of what nobody PUT", ingest.MethodPatch, patch, "C0", 9, ""),
		step("PUT", ingest.MethodPut, token, "C1", 5, `"contract_id":"C1"`),
		step("PUT, older", ingest.MethodPut, token, "C2", 4, `"contract_id":"C1"`),
		step("PATCH, older", ingest.MethodPatch, patch, "C3", 4, `"contract_id":"C1"`),
		step("PATCH", ingest.MethodPatch, patch, "C4", 6, `"contract_id":"C4"`),
	})
}

func TestLocationsConform(t *testing.T) {
	const (
		evse      = `{"uid":"E1","status":"%s","last_updated":"2019-01-01T00:00:00Z"}`
		connector = `{"id":"1","format":"%s","last_updated":"2019-01-01T00:00:00Z"}`
		city      = `{"city":"%s","last_updated":"2019-01-01T00:00:00Z"}`
		format    = `{"format":"%s","last_updated":"2019-01-01T00:00:00Z"}`
		status    = `{"status":"%s","last_updated":"2019-01-01T00:00:00Z"}`
	)
	whole := strings.Replace(locationBody("%s"), `"last_updated"`, `"evses":[{"uid":"E1","status":"AVAILABLE","last_updated":"2019-01-01T00:00:00Z"}],"last_updated"`, 1)
	id := ingest.Identity{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "L1")}
	step := func(name string, m ingest.Method, path, form, word string, minute int, want string) objectstest.Step {
		return objectstest.Step{Name: name, Method: m, Path: path, Body: stamped(fmt.Sprintf(form, word), minute), Want: want}
	}
	objectstest.Conform(t, id, fold(id.Object), []objectstest.Step{
		step("EVSE of what nobody PUT", ingest.MethodPut, "E1", evse, "CHARGING", 1, ""),
		step("PUT", ingest.MethodPut, "", whole, "Europe/London", 5, `"status":"AVAILABLE"`),
		step("EVSE", ingest.MethodPut, "E1", evse, "CHARGING", 8, `"status":"CHARGING"`),
		step("PATCH of the EVSE, older", ingest.MethodPatch, "E1", status, "BLOCKED", 7, `"status":"CHARGING"`),
		step("EVSE, older", ingest.MethodPut, "E1", evse, "RESERVED", 7, `"status":"CHARGING"`),
		step("PUT, older than what the EVSE made it", ingest.MethodPut, "", whole, "Europe/London", 6, `"status":"CHARGING"`),
		step("connector", ingest.MethodPut, "E1/1", connector, "SOCKET", 2, `"format":"SOCKET"`),
		step("connector, older", ingest.MethodPut, "E1/1", connector, "CABLE", 1, `"format":"SOCKET"`),
		step("PATCH of the connector", ingest.MethodPatch, "E1/1", format, "CABLE", 3, `"format":"CABLE"`),
		step("PATCH, older", ingest.MethodPatch, "", city, "older", 7, `"city":"c"`),
		step("PATCH", ingest.MethodPatch, "", city, "newer", 9, `"city":"newer"`),
		step("another zone", ingest.MethodPut, "", whole, "Europe/Dublin", 10, `"time_zone":"Europe/Dublin"`),
	})
}

// What the store keeps of every kind says when its owner last changed it.
func TestLastUpdatedIsKept(t *testing.T) {
	log := ingesttest.NewLog(1)
	push(t, log, 1, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.10", ""))
	push(t, log, 1, ingest.ObjectLocation, ingest.MethodPut, "L1", locationBody("Europe/London"))
	push(t, log, 1, ingest.ObjectToken, ingest.MethodPut, "U1", `{"country_code":"GB","party_id":"DUN","uid":"U1","type":"RFID","contract_id":"C","issuer":"i","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`)
	p := log.Partitions(ingest.TopicReference)[0]
	records, err := log.Read(t.Context(), p, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	states := follow(t, log, objectstest.NewStore()).States(p, records)
	if len(states) != 3 {
		t.Errorf("%d states, want 3", len(states))
	}
	for _, s := range states {
		if s.LastUpdated.String() != "2019-01-01T00:00:00Z" {
			t.Errorf("%s was last updated %s", s.Identity(), s.LastUpdated)
		}
	}
}
