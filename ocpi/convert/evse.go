package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// evseClass is an EVSE (mod_locations).
var evseClass = func() *class {
	k := newClass(
		same("uid", nil),
		same("evse_id", nil),
		same("status", nil),
		same("status_schedule", nil),
		same("capabilities", each(capabilities.optional)),
		same("connectors", nested(connectorClass)),
		same("floor_level", nil),
		same("coordinates", nestedPoint),
		same("physical_reference", nil),
		same("directions", nil),
		same("parking_restrictions", each(parkingRestrictions.optional)),
		since230("parking", nil),
		same("images", nested(imageClass)),
		since230("accepted_service_providers", nil),
		same("last_updated", nil),
	)
	k.end = needConnector
	return k
}()

// needConnector leaves an EVSE out of which no connector is left: it must have one.
func needConnector(c *conversion, x *exchange) {
	sent, err := ocpi.SplitArray(x.in.Value("connectors"), "")
	left, errLeft := ocpi.SplitArray(x.out.Value("connectors"), "")
	if err != nil || errLeft != nil || len(sent) == 0 || len(left) > 0 {
		return
	}
	c.lose("", "OCPI "+c.to.String()+" knows none of its connectors: it is left out")
	x.omit = true
}

// connectorClass is a Connector (mod_locations).
var connectorClass = newClass(
	same("id", nil),
	same("standard", connectorTypes.required()),
	same("format", nil),
	same("power_type", powerType),
	named("voltage", "max_voltage", nil),
	named("amperage", "max_amperage", nil),
	since221("max_electric_power", nil),
	named("tariff_id", "tariff_ids", connectorTariffs),
	same("terms_and_conditions", nil),
	since230("capabilities", nil),
	same("last_updated", nil),
)

// powerTypes were never opened.
var powerTypes = enumeration{
	ocpi.V211: values("AC_1_PHASE AC_3_PHASE DC"),
	ocpi.V221: values("AC_1_PHASE AC_2_PHASE AC_2_PHASE_SPLIT AC_3_PHASE DC"),
	ocpi.V230: values("AC_1_PHASE AC_2_PHASE AC_2_PHASE_SPLIT AC_3_PHASE DC"),
}

// powerType hands two phases to 2.1.1 as one; a value that no version knows stays.
func powerType(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if powerTypes.takes(ocpi.V221, m.Value) {
		onePhase(c, x, m, name)
		return
	}
	c.plain(x, m, name)
}

var onePhase = powerTypes.otherwise("AC_1_PHASE")

// connectorTariffs are the tariffs of a Connector, of which 2.1.1 names one: the
// REGULAR one in force. Where that is not known one tariff is the one, and of several
// none is named: another would promise another price.
func connectorTariffs(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	switch {
	case c.up() && ocpi.RawText(m.Value) == "":
	case c.up():
		x.add(name, "["+m.Value+"]")
	case c.down():
		c.oneTariff(x, m, name)
	default:
		c.plain(x, m, name)
	}
}

func (c *conversion) oneTariff(x *exchange, m ocpi.RawMember, name string) {
	texts := []string{m.Value}
	if m.Value[0] == '[' {
		texts, _ = ocpi.SplitArray(m.Value, "") // it is valid and an array
	}
	ids := make([]string, 0, len(texts))
	for _, t := range texts {
		if id := ocpi.RawText(t); id != "" {
			ids = append(ids, id)
		}
	}
	id, ok := c.inForce(ids)
	if ok {
		x.add(name, quote(id))
	}
	if len(ids) > 1 || len(ids) == 1 && !ok {
		c.lose(m.Name, "OCPI 2.1.1 names one tariff, the regular one in force")
	}
}

func (c *conversion) inForce(ids []string) (string, bool) {
	switch {
	case len(ids) == 0:
		return "", false
	case c.ctx.TariffInForce != nil:
		return c.ctx.TariffInForce(ids)
	}
	return ids[0], len(ids) == 1
}
