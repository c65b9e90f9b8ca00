package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// cdrLocationClass is a CdrLocation (mod_cdrs), between 2.2.1 and 2.3.0.
var cdrLocationClass = newClass(
	since221("id", nil),
	since221("name", nil),
	since221("address", nil),
	since221("city", nil),
	since221("postal_code", nil),
	since221("state", nil),
	since221("country", nil),
	since221("coordinates", nil),
	since221("evse_uid", nil),
	since221("evse_id", nil),
	since221("connector_id", nil),
	since221("connector_standard", similarConnector),
	since221("connector_format", nil),
	since221("connector_power_type", nil),
)

// similarConnector names a connector that 2.2.1 knows: the CDR requires one, and is
// not to be lost over it.
func similarConnector(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if connectorTypes.takes(c.to, m.Value) {
		c.plain(x, m, name)
		return
	}
	similar := "IEC_62196_T2"
	switch {
	case enumText(m.Value) == "SAE_J3400":
		similar = "TESLA_S" // mechanically the same
	case enumText(x.in.Value("connector_power_type")) == "DC":
		similar = "IEC_62196_T2_COMBO"
	}
	c.lose(m.Name, c.unknownTo(m.Value)+", which requires one: "+similar)
	x.put(m, name, quote(similar))
}

// cdrPlace is where the charge of a CDR took place: 2.1.1 has a whole Location with the
// one EVSE and connector.
func cdrPlace(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	switch {
	case c.up():
		x.add(name, c.cdrLocation(m))
	case c.down():
		p := cdrPlaceOf(c, m)
		if id, several := periodTariffs(x.in.Value("charging_periods")); id != "" && !several {
			p.tariffID = quote(id)
		}
		x.add(name, c.locationOf(x.in, p))
	default:
		nestedCDRLocation(c, x, m, name)
	}
}

var nestedCDRLocation = nested(cdrLocationClass)

// place is where a charge took place: texts of values, "" for what is not known.
type place struct {
	id, name, address, city, postalCode, country, coordinates string
	evseUID, evseID                                           string
	connectorID, standard, format, powerType                  string
	tariffID                                                  string
}

// members are the members of a CdrLocation and where they stand.
func (p *place) members() map[string]*string {
	return map[string]*string{
		"id": &p.id, "name": &p.name, "address": &p.address, "city": &p.city, "postal_code": &p.postalCode,
		"country": &p.country, "coordinates": &p.coordinates, "evse_uid": &p.evseUID, "evse_id": &p.evseID,
		"connector_id": &p.connectorID, "connector_standard": &p.standard, "connector_format": &p.format,
		"connector_power_type": &p.powerType,
	}
}

// cdrPlaceOf reads a CdrLocation and tells what a 2.1.1 Location has no room for.
func cdrPlaceOf(c *conversion, m ocpi.RawMember) *place {
	p := &place{}
	members := p.members()
	c.enter(m.Name)
	for _, member := range objectOf(m.Value) {
		if at := members[member.Name]; at != nil {
			*at = member.Value
		} else {
			c.plain(nil, member, "")
		}
	}
	c.leave()
	for _, at := range members {
		if *at == "null" {
			*at = ""
		}
	}
	return p
}

// sessionPlaceDown makes the Location of a 2.1.1 Session.
func sessionPlaceDown(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if name != "" {
		c.plain(x, m, name)
		return
	}
	x.add("location", c.locationOf(x.in, &place{id: m.Value, evseUID: x.in.Value("evse_uid"), connectorID: x.in.Value("connector_id")}))
}

// ofPlace is a member that sessionPlaceDown has handed on.
func ofPlace(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if name != "" {
		c.plain(x, m, name)
	}
}
