package rest

import (
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// publicDatum is a kind of data that operators of publicly accessible recharging points make
// available (Regulation (EU) 2023/1804, Article 20(2)), as the tables of the annex of
// Implementing Regulation (EU) 2025/655 number them: A and B are static, F is dynamic.
type publicDatum struct {
	Code, What string
	Members    string       // of OCPI, that say it; "" where OCPI has none
	From       ocpi.Version // the first version that has them
	Each       bool         // EVSE says it, not the Location
	says       func(o *publicObject) bool
}

// publicObject is a Location with an EVSE of it as JSON; the EVSE is nil where it is not
// about one.
type publicObject struct {
	location, evse map[string]any
	cpo            ocpi.Party
	adHoc          func(tariff ocpi.Key) bool // may be charged by without a contract
}

func textIn(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return strings.TrimSpace(s)
}

func objectsIn(o map[string]any, name string) []map[string]any {
	list, _ := o[name].([]any)
	var found []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found
}

func there(o map[string]any, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		switch v := o[name].(type) {
		case nil:
			return false
		case string:
			return strings.TrimSpace(v) != ""
		case []any:
			return len(v) > 0
		case map[string]any:
			return len(v) > 0
		}
		return true
	})
}

// onLocation and onEVSE say that one of some members is there; every that each connector has one.
func onLocation(names ...string) func(*publicObject) bool {
	return func(o *publicObject) bool { return there(o.location, names...) }
}

func onEVSE(names ...string) func(*publicObject) bool {
	return func(o *publicObject) bool { return there(o.evse, names...) }
}

func every(fn func(c map[string]any) bool) func(*publicObject) bool {
	return func(o *publicObject) bool {
		list := objectsIn(o.evse, "connectors")
		return len(list) > 0 && !slices.ContainsFunc(list, func(c map[string]any) bool { return !fn(c) })
	}
}

// operator says that whoever runs a Location is named.
func operator(o *publicObject) bool {
	for _, name := range []string{"operator", "owner", "suboperator"} {
		if who, ok := o.location[name].(map[string]any); ok && textIn(who, "name") != "" {
			return true
		}
	}
	return false
}

// parked says that a parking place says one of some things of itself.
func parked(names ...string) func(*publicObject) bool {
	return func(o *publicObject) bool {
		return slices.ContainsFunc(objectsIn(o.location, "parking_places"), func(p map[string]any) bool { return there(p, names...) })
	}
}

// listed says that a list is there, be it empty: what is not in it is not offered.
func listed(name string) func(*publicObject) bool {
	return func(o *publicObject) bool {
		_, inLocation := o.location[name].([]any)
		_, inEVSE := o.evse[name].([]any)
		return inLocation || inEVSE
	}
}

// publicData are the kinds of data, in the order of the annex.
var publicData = []publicDatum{
	{Code: "A1", What: "legal name of the operator or owner", Members: "operator.name, owner.name", From: ocpi.V211, says: operator},
	{Code: "A2", What: "commercial name of the operator or owner", Members: "operator.name, suboperator.name", From: ocpi.V211, says: operator},
	{Code: "A3", What: "number of recharging points", Members: "evses", From: ocpi.V211, says: onLocation("evses")},
	{Code: "A4", What: "staff on site"},
	{Code: "A5", What: "telephone number of the helpdesk", Members: "help_phone", From: ocpi.V230, says: onLocation("help_phone")},
	{Code: "A6", What: "facilities", Members: "facilities", From: ocpi.V211, says: listed("facilities")},
	{Code: "A7", What: "geographic coordinates", Members: "coordinates", From: ocpi.V211, says: func(o *publicObject) bool {
		at, _ := o.location["coordinates"].(map[string]any)
		return textIn(at, "latitude") != "" && textIn(at, "longitude") != ""
	}},
	{Code: "A8", What: "additional information on the place", Members: "directions, related_locations, evses.floor_level, evses.physical_reference", From: ocpi.V211, says: func(o *publicObject) bool {
		return there(o.location, "directions", "related_locations") || slices.ContainsFunc(objectsIn(o.location, "evses"), func(e map[string]any) bool {
			return there(e, "floor_level", "physical_reference", "directions")
		})
	}},
	{Code: "A9", What: "country", Members: "country", From: ocpi.V211, says: onLocation("country")},
	{Code: "A10", What: "region", Members: "state", From: ocpi.V221, says: onLocation("state")},
	{Code: "A11", What: "city or place", Members: "city", From: ocpi.V211, says: onLocation("city")},
	{Code: "A12", What: "postal code", Members: "postal_code", From: ocpi.V211, says: onLocation("postal_code")},
	{Code: "A13", What: "address", Members: "address", From: ocpi.V211, says: onLocation("address")},
	{Code: "A14", What: "opening hours", Members: "opening_times", From: ocpi.V211, says: onLocation("opening_times")},
	{Code: "A15", What: "time zone", Members: "time_zone", From: ocpi.V211, says: onLocation("time_zone")},
	{Code: "A16", What: "types of vehicles", Members: "parking_places.vehicle_types", From: ocpi.V230, says: parked("vehicle_types")},
	{Code: "A17", What: "largest vehicle", Members: "parking_places.max_vehicle_weight, …_height, …_length, …_width", From: ocpi.V230,
		says: parked("max_vehicle_weight", "max_vehicle_height", "max_vehicle_length", "max_vehicle_width")},
	{Code: "A18", What: "number of parking places", Members: "parking_places", From: ocpi.V230, says: onLocation("parking_places")},
	{Code: "A19", What: "parking places for people with disabilities", Members: "parking_places.vehicle_types, evses.parking_restrictions", From: ocpi.V211, says: func(o *publicObject) bool {
		return there(o.location, "parking_places") || slices.ContainsFunc(objectsIn(o.location, "evses"), func(e map[string]any) bool {
			_, ok := e["parking_restrictions"].([]any)
			return ok
		})
	}},
	{Code: "A20", What: "payment by a card reader", Members: "evses.capabilities", From: ocpi.V211, Each: true, says: listed("capabilities")},
	{Code: "A21", What: "contactless payment", Members: "evses.capabilities", From: ocpi.V211, Each: true, says: listed("capabilities")},
	{Code: "A22", What: "other payment ad hoc", Members: "evses.capabilities", From: ocpi.V211, Each: true, says: listed("capabilities")},
	{Code: "A23", What: "payment service providers"},
	{Code: "A24", What: "payment by contract", Members: "evses.capabilities", From: ocpi.V211, Each: true, says: listed("capabilities")},
	{Code: "B1", What: "identification code of the recharging point", Members: "evses.evse_id", From: ocpi.V211, Each: true, says: onEVSE("evse_id")},
	{Code: "B2", What: "number of connectors", Members: "evses.connectors", From: ocpi.V211, Each: true, says: onEVSE("connectors")},
	{Code: "B3", What: "type of connector", Members: "evses.connectors.standard", From: ocpi.V211, Each: true, says: every(func(c map[string]any) bool { return there(c, "standard") })},
	{Code: "B4", What: "type of current", Members: "evses.connectors.power_type", From: ocpi.V211, Each: true, says: every(func(c map[string]any) bool { return there(c, "power_type") })},
	{Code: "B5", What: "power of the recharging station"},
	{Code: "B6", What: "power of the recharging point", Members: "evses.connectors.max_electric_power, max_voltage and max_amperage", From: ocpi.V211, Each: true, says: every(func(c map[string]any) bool {
		return there(c, "max_electric_power") || there(c, "max_voltage", "voltage") && there(c, "max_amperage", "amperage")
	})},
	{Code: "B7", What: "mobility service providers", Members: "evses.accepted_service_providers", From: ocpi.V230, Each: true, says: onEVSE("accepted_service_providers")},
	{Code: "B8", What: "plug and charge", Members: "evses.capabilities, evses.connectors.capabilities", From: ocpi.V230, Each: true, says: func(o *publicObject) bool {
		return listed("capabilities")(o) || every(func(c map[string]any) bool { _, ok := c["capabilities"].([]any); return ok })(o)
	}},
	{Code: "B9", What: "smart recharging", Members: "evses.capabilities", From: ocpi.V211, Each: true, says: listed("capabilities")},
	{Code: "B10", What: "renewable electricity", Members: "energy_mix.is_green_energy", From: ocpi.V211, says: func(o *publicObject) bool {
		mix, _ := o.location["energy_mix"].(map[string]any)
		return there(mix, "is_green_energy")
	}},
	{Code: "F1", What: "operational status", Members: "evses.status", From: ocpi.V211, Each: true, says: knownStatus},
	{Code: "F2", What: "availability", Members: "evses.status", From: ocpi.V211, Each: true, says: knownStatus},
	{Code: "F3", What: "price ad hoc", Members: "evses.connectors.tariff_ids, and that Tariff with type AD_HOC_PAYMENT or none", From: ocpi.V211, Each: true, says: func(o *publicObject) bool {
		return every(func(c map[string]any) bool {
			ids, _ := c["tariff_ids"].([]any)
			if id := textIn(c, "tariff_id"); id != "" {
				ids = append(ids, id)
			}
			return slices.ContainsFunc(ids, func(id any) bool {
				s, _ := id.(string)
				return s != "" && o.adHoc(ocpi.Key{Party: o.cpo, ID: ocpi.Fold(s)})
			})
		})(o)
	}},
}

func knownStatus(o *publicObject) bool {
	s := ocpi.Fold(textIn(o.evse, "status"))
	return s != "" && s != "UNKNOWN"
}
