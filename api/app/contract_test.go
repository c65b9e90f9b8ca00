package app

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What the calls answer with has the members that the contract lists, and requires, and
// no other.
func TestAnswersAreAsDocumented(t *testing.T) {
	text, err := os.ReadFile("../rest/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Required   []string
				Properties map[string]yaml.Node
			}
		}
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]any{
		"Station": locationJSON{}, "StationDetail": locationDetail{}, "StationEVSE": evseJSON{}, "StationConnector": connectorJSON{}, "StationPrice": priceJSON{},
		"Charges": listJSON{}, "Charge": sessionJSON{}, "ChargePlace": placeJSON{}, "ChargeSession": ocpiJSON{}, "ChargeCommand": commandJSON{},
		"ChargePrice": runningJSON{}, "ChargeCDR": cdrJSON{}, "ChargeQuote": quoteJSON{}, "ChargeExplanation": explanationJSON{},
		"HelpdeskCommand": helpdeskJSON{}, "Receipt": receiptJSON{},
	} {
		schema, ok := doc.Components.Schemas[name]
		if !ok {
			t.Errorf("%s is not in the contract", name)
			continue
		}
		members, always := membersOf(reflect.TypeOf(answer))
		var documented []string
		for m := range schema.Properties {
			documented = append(documented, m)
		}
		for _, list := range [][]string{members, always, documented, schema.Required} {
			slices.Sort(list)
		}
		if !slices.Equal(members, documented) {
			t.Errorf("%s has %v, documented are %v", name, members, documented)
		}
		if !slices.Equal(always, schema.Required) {
			t.Errorf("%s always has %v, documented as required are %v", name, always, schema.Required)
		}
	}
	for name, body := range map[string]any{"ChargeStart": startRequest{}, "ChargeToken": startToken{}, "ChargeLimits": limitsJSON{}, "ChargeChange": changeRequest{}} {
		members, _ := membersOf(reflect.TypeOf(body))
		for _, m := range members {
			if _, ok := doc.Components.Schemas[name].Properties[m]; !ok {
				t.Errorf("%s of a body is not in %s", m, name)
			}
		}
		if n := len(doc.Components.Schemas[name].Properties); n != len(members) {
			t.Errorf("%s documents %d members, the body has %d", name, n, len(members))
		}
	}
}

// membersOf are the members of a type's JSON, and those of them that are always there.
func membersOf(t reflect.Type) (all, always []string) {
	for f := range t.Fields() {
		if f.Anonymous {
			inner, innerAlways := membersOf(f.Type)
			all, always = append(all, inner...), append(always, innerAlways...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		all = append(all, name)
		if !strings.Contains(options, "omitempty") {
			always = append(always, name)
		}
	}
	return all, always
}
