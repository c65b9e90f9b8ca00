package rest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// someLocations are Locations of a CPO, in the order of their ids.
type someLocations []ingest.ObjectState

func (l someLocations) LocationsOf(_ context.Context, _ ocpi.Party, _ []string, fn func(*ingest.ObjectState) error) error {
	for i := range l {
		if err := fn(&l[i]); err != nil {
			return err
		}
	}
	return nil
}

func locationOf(v ocpi.Version, id, body string) ingest.ObjectState {
	return ingest.ObjectState{Object: ingest.ObjectLocation, Key: ocpi.NewKey("SE", "ABC", id), Version: v, Body: []byte(body)}
}

// wholeLocation says all that OCPI 2.3.0 can.
const wholeLocation = `{"country_code":"SE","party_id":"ABC","id":"whole","publish":true,"operator":{"name":"Example AB"},"help_phone":"+46 8123456","facilities":[],
"coordinates":{"latitude":"57.7","longitude":"11.9"},"directions":[{"language":"en","text":"behind the mill"}],"country":"SWE","state":"Västra Götaland","city":"Göteborg","postal_code":"41101","address":"Kajen 1",
"opening_times":{"twentyfourseven":true},"time_zone":"Europe/Stockholm","energy_mix":{"is_green_energy":false},
"parking_places":[{"id":"P1","vehicle_types":["PERSONAL_VEHICLE","DISABLED"],"max_vehicle_height":2.1,"restricted_to_type":false,"reservation_required":false}],
"evses":[{"uid":"E1","evse_id":"SE*ABC*E1","status":"AVAILABLE","capabilities":["CREDIT_CARD_PAYABLE"],"accepted_service_providers":["Example"],
"connectors":[{"id":"1","standard":"IEC_62196_T2","power_type":"AC_3_PHASE","max_voltage":400,"max_amperage":32,"tariff_ids":["reg","adhoc"]}]}]}`

func adHocTariff(k ocpi.Key) bool { return k == ocpi.NewKey("SE", "ABC", "adhoc") }

// Each kind of data is missed where just its members are not there, and nowhere else.
func TestEachKindOfPublicDataIsMissed(t *testing.T) {
	lacking := func(v ocpi.Version, body string) []string {
		t.Helper()
		d := PublicData{Store: someLocations{locationOf(v, "whole", body)}, AdHoc: adHocTariff}
		r, _, err := d.read(t.Context(), ocpi.NewParty("SE", "ABC"), "", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		codes := []string{}
		for _, l := range r.Lacking {
			for _, m := range l.Missing {
				codes = append(codes, m.Code)
			}
		}
		return codes
	}
	if got := lacking(ocpi.V230, wholeLocation); len(got) != 0 {
		t.Errorf("a Location that says all lacks %v", got)
	}
	tested := map[string]bool{}
	for _, tt := range []struct{ cut, lacks string }{
		{`"operator":{"name":"Example AB"},`, "A1 A2"}, {`"help_phone":"+46 8123456",`, "A5"}, {`"facilities":[],`, "A6"}, {`"longitude":"11.9"`, "A7"},
		{`"directions":[{"language":"en","text":"behind the mill"}],`, "A8"}, {`"country":"SWE",`, "A9"}, {`"state":"Västra Götaland",`, "A10"}, {`"city":"Göteborg",`, "A11"},
		{`"postal_code":"41101",`, "A12"}, {`"address":"Kajen 1",`, "A13"}, {`"opening_times":{"twentyfourseven":true},`, "A14"}, {`"time_zone":"Europe/Stockholm",`, "A15"},
		{`"max_vehicle_height":2.1,`, "A17"}, {`"vehicle_types":["PERSONAL_VEHICLE","DISABLED"],`, "A16"}, {`"is_green_energy":false`, "B10"}, {`"evse_id":"SE*ABC*E1",`, "B1"},
		{`"status":"AVAILABLE",`, "F1 F2"}, {`"capabilities":["CREDIT_CARD_PAYABLE"],`, "A20 A21 A22 A24 B8 B9"}, {`"accepted_service_providers":["Example"],`, "B7"},
		{`"standard":"IEC_62196_T2",`, "B3"}, {`"power_type":"AC_3_PHASE",`, "B4"}, {`"max_voltage":400,`, "B6"}, {`,"adhoc"`, "F3"},
		{`{"id":"1","standard":"IEC_62196_T2","power_type":"AC_3_PHASE","max_voltage":400,"max_amperage":32,"tariff_ids":["reg","adhoc"]}`, "B2 B3 B4 B6 F3"},
		{`{"id":"P1","vehicle_types":["PERSONAL_VEHICLE","DISABLED"],"max_vehicle_height":2.1,"restricted_to_type":false,"reservation_required":false}`, "A16 A17 A18 A19"},
	} {
		if !strings.Contains(wholeLocation, tt.cut) {
			t.Fatalf("there is no %s", tt.cut)
		}
		body := strings.NewReplacer(",}", "}", "{,", "{").Replace(strings.Replace(wholeLocation, tt.cut, "", 1))
		if diff := cmp.Diff(strings.Fields(tt.lacks), lacking(ocpi.V230, body)); diff != "" {
			t.Errorf("without %s (-want +got):\n%s", tt.cut, diff)
		}
		for _, code := range strings.Fields(tt.lacks) {
			tested[code] = true
		}
	}
	for _, k := range publicData {
		if k.says != nil && !tested[k.Code] && k.Code != "A3" {
			t.Errorf("%s is missed nowhere", k.Code)
		}
	}
	if got := lacking(ocpi.V230, `{"id":"bare","publish":true}`); !slices.Contains(got, "A3") {
		t.Errorf("without EVSEs it lacks %v", got)
	}
	if got := lacking(ocpi.V221, strings.Replace(wholeLocation, `"help_phone":"+46 8123456",`, "", 1)); len(got) != 0 {
		t.Errorf("what a version cannot say is missing: %v", got)
	}
}

// The sums are of all, whatever the page; what is not public is not counted.
func TestPublicDataPageByPage(t *testing.T) {
	var all someLocations
	for i := range 7 {
		body := strings.ReplaceAll(wholeLocation, `"whole"`, fmt.Sprintf(`"L%d"`, i))
		if i%2 == 0 {
			body = strings.Replace(body, `"evse_id":"SE*ABC*E1",`, "", 1)
		}
		all = append(all, locationOf(ocpi.V230, fmt.Sprint("L", i), body))
	}
	all = append(all, locationOf(ocpi.V230, "L8", `{"id":"L8","publish":false}`), locationOf(ocpi.V221, "L9", `{"id":"L9","publish":true,"evses":[{"uid":"x","status":"REMOVED"}]}`))
	d, cursor := PublicData{Store: all, AdHoc: adHocTariff}, ""
	var ids []string
	for {
		r, next, err := d.read(t.Context(), ocpi.NewParty("SE", "ABC"), "B1", cursor, 3)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(r.Rows, func(p PublicDatum) bool { return p.Code == "B1" })
		if r.Locations != 8 || r.EVSEs != 7 || r.NotPublic != 1 || r.Rows[at].Missing != 4 || r.Rows[at].Of != 7 {
			t.Fatalf("%d Locations, %d EVSEs, %d not public, %+v", r.Locations, r.EVSEs, r.NotPublic, r.Rows[at])
		}
		for _, l := range r.Lacking {
			ids = append(ids, l.ID)
		}
		if cursor = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"L0", "L2", "L4", "L6"}, ids); diff != "" {
		t.Error(diff)
	}
}
