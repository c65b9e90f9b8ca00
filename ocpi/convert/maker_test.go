package convert

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// maker makes objects of a version by the tables of members themselves.
type maker struct {
	*rand.Rand
	v ocpi.Version
}

// object makes an object of a class; each member is there or not.
func (m maker) object(k *class) string {
	var members []string
	for _, f := range k.fields {
		name := f.in[m.v]
		if name == "" || rare[name] && (k == tariffClass || k == restrictionsClass) && m.IntN(20) > 0 {
			continue
		}
		if m.IntN(4) > 0 || always[name] {
			members = append(members, `"`+name+`":`+m.value(k, name))
		}
	}
	if m.IntN(3) == 0 {
		members = append(members, `"x_own":[1.50,{"a":"b"}]`)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// always are the members without which nothing is converted, or that have a meaning
// where they are absent.
var always = map[string]bool{
	"auth_id": true, "cdr_token": true, "excl_vat": true, "before_taxes": true, "amount": true, "price": true, "standard": true,
	"category": true, "source": true, "postal_code": true, "publish": true, "time_zone": true, "tax_included": true, "twentyfourseven": true,
	"contract_id": true, "country_code": true, "party_id": true,
}

// rare are the members with which a Tariff is not for 2.1.1.
var rare = map[string]bool{
	"min_price": true, "max_price": true, "start_date_time": true, "end_date_time": true, "reservation": true, "min_current": true, "max_current": true,
}

func (m maker) list(k *class, least int) string {
	var elements []string
	for range least + m.IntN(3) {
		elements = append(elements, m.object(k))
	}
	return "[" + strings.Join(elements, ",") + "]"
}

func (m maker) oneOf(values ...string) string { return values[m.IntN(len(values))] }

func (m maker) number() string {
	return m.oneOf("0", "1", "0.25", "12.5", "100.00", "3.1415")
}

// value makes the value of a member.
func (m maker) value(k *class, name string) string {
	if values := m.enums(k, name); values != nil {
		return values[m.IntN(len(values))]
	}
	if inner := classOf(name); inner != nil {
		if lists[name] {
			return m.list(inner, 1)
		}
		return m.object(inner)
	}
	switch {
	case name == "total_cost" || strings.HasSuffix(name, "_cost"):
		return m.price(false)
	case name == "min_price" || name == "max_price":
		return m.price(true)
	case strings.HasPrefix(name, "total_") || name == "kwh" || name == "price" || name == "vat" || name == "volume" || strings.HasPrefix(name, "min_") || strings.HasPrefix(name, "max_"):
		return m.number()
	}
	return m.plain(name)
}

func (m maker) plain(name string) string {
	switch name {
	case "country_code":
		return `"BE"`
	case "party_id":
		return `"BEC"`
	case "country":
		return `"BEL"`
	case "time_zone":
		return `"Europe/Brussels"`
	case "latitude", "longitude":
		return m.oneOf(`"51.047599"`, `"3.729944"`)
	case "last_updated", "start_date_time", "end_date_time", "stop_date_time", "start_datetime", "end_datetime":
		return `"2025-12-01T00:00:00Z"`
	case "publish", "valid":
		return "true"
	case "twentyfourseven", "credit", "home_charging_compensation":
		return "false"
	case "tariff_ids":
		return `["T1"]`
	case "regular_hours":
		return `[{"weekday":1,"period_begin":"08:00","period_end":"20:00"}]`
	case "dimensions":
		return `[{"type":"ENERGY","volume":1.50},{"type":"TIME","volume":2}]`
	case "start_time":
		return `"08:00"`
	case "end_time":
		return `"20:00"`
	}
	return quote(name + strconv.Itoa(m.IntN(3)))
}

// lists are the members that are lists of objects.
var lists = map[string]bool{
	"evses": true, "connectors": true, "images": true, "environ_impact": true, "related_locations": true, "tariffs": true,
	"charging_periods": true, "elements": true, "price_components": true, "publish_allowed_to": true,
}

func classOf(name string) *class {
	switch name {
	case "evses":
		return evseClass
	case "connectors":
		return connectorClass
	case "images":
		return imageClass
	case "logo":
		return imageClass
	case "operator", "suboperator", "owner":
		return businessClass
	case "energy_mix":
		return energyMixClass
	case "environ_impact":
		return impactClass
	case "related_locations":
		return relatedClass
	case "coordinates":
		return pointClass
	case "opening_times":
		return hoursClass
	case "publish_allowed_to":
		return publishTokenClass
	case "tariffs":
		return tariffClass
	case "charging_periods":
		return periodClass
	case "elements":
		return elementClass
	case "price_components":
		return componentClass
	case "restrictions":
		return restrictionsClass
	case "cdr_token":
		return cdrTokenClass
	case "cdr_location":
		return cdrLocationClass
	case "location":
		return locationClass
	}
	return nil
}

// enums returns the values of a member, now and then one of the maker's own where the
// type is open.
func (m maker) enums(k *class, name string) []string {
	var e *enumeration
	switch {
	case name == "standard" || name == "connector_standard":
		e = &connectorTypes
	case name == "capabilities" && k == evseClass, name == "facilities", name == "parking_restrictions":
		return m.enumList(map[string]*enumeration{"capabilities": &capabilities, "facilities": &facilities, "parking_restrictions": &parkingRestrictions}[name])
	case name == "power_type" || name == "connector_power_type":
		e = &powerTypes
	case name == "auth_method":
		e = &authMethods
	case name == "status" && k == sessionClass:
		return []string{`"ACTIVE"`, `"COMPLETED"`, `"PENDING"`}
	case name == "category" && k == imageClass:
		e = &imageCategories
	case k == impactClass && (name == "category" || name == "source"):
		e = &impactCategories
	case k == locationClass && (name == "type" || name == "parking_type"):
		e = &parkingTypes
	case name == "type":
		return m.types(k)
	case name == "tax_included":
		return []string{`"NO"`}
	default:
		return nil
	}
	return m.named(e)
}

func (m maker) types(k *class) []string {
	switch k {
	case tokenClass, cdrTokenClass, publishTokenClass:
		return m.named(&tokenTypes)
	case componentClass:
		return []string{`"FLAT"`, `"ENERGY"`, `"TIME"`, `"PARKING_TIME"`}
	case tariffClass:
		return []string{`"REGULAR"`}
	}
	return nil
}

func (m maker) named(e *enumeration) []string {
	known := e[m.v]
	if known == nil {
		known = map[string]bool{"X_OWN": true}
		for name := range e[ocpi.V221] {
			known[name] = true
		}
	}
	var list []string
	for name := range known {
		list = append(list, quote(name))
	}
	slices.Sort(list)
	return list
}

func (m maker) enumList(e *enumeration) []string {
	values := m.named(e)
	return []string{"[" + values[m.IntN(len(values))] + "]", "[" + values[m.IntN(len(values))] + "," + values[m.IntN(len(values))] + "]", "[]"}
}

func (m maker) price(limit bool) string {
	excl := m.number()
	if m.v == ocpi.V211 {
		return excl
	}
	f := formIn(m.v, limit)
	incl := m.oneOf("", "0", "1.21", "15.125")
	switch {
	case incl == "":
		return `{"` + f.excl + `":` + excl + `}`
	case f.incl != "taxes":
		return `{"` + f.excl + `":` + excl + `,"` + f.incl + `":` + incl + `}`
	}
	tax := m.oneOf(`[{"name":"VAT","amount":`+incl+`}]`, `[{"name":"GST","percentage":5,"amount":`+incl+`},{"name":"QST","amount":0.50}]`, `[]`)
	return `{"` + f.excl + `":` + excl + `,"taxes":` + tax + `}`
}
