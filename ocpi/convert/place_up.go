package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// onePlace is what the Location of a 2.1.1 CDR or Session says: it holds the one EVSE
// and the one connector that were used, else nobody knows which they were.
type onePlace struct {
	location, evse, connector ocpi.RawObject
}

func onePlaceOf(text string) (p onePlace) {
	p.location = objectOf(text)
	p.evse = onlyOf(p.location, "evses")
	p.connector = onlyOf(p.evse, "connectors")
	return p
}

// onlyOf returns the only object of a list, nil where there are more or none.
func onlyOf(o ocpi.RawObject, list string) ocpi.RawObject {
	elements, err := ocpi.SplitArray(o.Value(list), list)
	if err != nil || len(elements) != 1 {
		return nil
	}
	return objectOf(elements[0])
}

// keptOfLocation are the members of a Location that a CdrLocation has too.
var keptOfLocation = map[string]bool{"id": true, "name": true, "address": true, "city": true, "postal_code": true, "country": true, "coordinates": true}

// cdrLocation makes the CdrLocation of a 2.1.1 Location.
func (c *conversion) cdrLocation(m ocpi.RawMember) string {
	p := onePlaceOf(m.Value)
	x := &exchange{}
	c.enter(m.Name)
	for _, member := range p.location {
		switch {
		case member.Value == "null" || member.Name == "evses":
		case member.Name == "country":
			x.add("country", alpha3(member.Value))
		case member.Name == "postal_code" && ocpi.RawText(member.Value) == notAvailable:
		case keptOfLocation[member.Name]:
			x.put(member, member.Name, member.Value)
		case locationClass.by[ocpi.V211][member.Name] == nil && cdrLocationClass.by[c.to][member.Name] == nil:
			x.put(member, member.Name, member.Value)
		default:
			c.plain(x, member, "")
		}
	}
	c.tellRest(&p)
	c.leave()
	c.enter("cdr_location")
	c.addPlace(x, &p)
	c.leave()
	return string(x.out.Bytes())
}

// tellRest tells what is lost of the EVSE and the connector.
func (c *conversion) tellRest(p *onePlace) {
	c.enter("evses")
	if p.evse == nil {
		c.leave()
		if p.location.Value("evses") != "" {
			c.lose("evses", "not the one EVSE that was used")
		}
		return
	}
	c.element(0)
	c.tellMembers(p.evse, "uid evse_id connectors")
	if p.connector == nil && p.evse.Value("connectors") != "" {
		c.lose("connectors", "not the one connector that was used")
	}
	c.enter("connectors")
	c.element(0)
	c.tellMembers(p.connector, "id standard format power_type")
	c.leave()
	c.leave()
}

func (c *conversion) tellMembers(o ocpi.RawObject, kept string) {
	keep := values(kept)
	for _, m := range o {
		if !keep[ocpi.Fold(m.Name)] && m.Value != "null" {
			c.plain(nil, m, "")
		}
	}
}

// addPlace says which EVSE and connector were used: "#NA" where that is not known. What
// kind of connector it was has no word for that, and stays away.
func (c *conversion) addPlace(x *exchange, p *onePlace) {
	c.need(x, "evse_uid", p.evse.Value("uid"), quote(notAvailable))
	c.need(x, "evse_id", p.evse.Value("evse_id"), quote(notAvailable))
	c.need(x, "connector_id", p.connector.Value("id"), quote(notAvailable))
	addKnown(x, "connector_standard", p.connector.Value("standard"))
	addKnown(x, "connector_format", p.connector.Value("format"))
	addKnown(x, "connector_power_type", p.connector.Value("power_type"))
}

// sessionPlaceUp says which Location, EVSE and connector the Location of a 2.1.1
// Session is; the Location itself is an object of its own since 2.2.1.
func sessionPlaceUp(c *conversion, x *exchange, m ocpi.RawMember, _ string) {
	p := onePlaceOf(m.Value)
	c.lose(m.Name, "OCPI "+c.to.String()+" names the Location, and has it as an object of its own")
	c.need(x, "location_id", p.location.Value("id"), quote(notAvailable))
	c.need(x, "evse_uid", p.evse.Value("uid"), quote(notAvailable))
	c.need(x, "connector_id", p.connector.Value("id"), quote(notAvailable))
}

// alpha3 writes a country in three letters, which is what addresses have.
func alpha3(text string) string {
	if code, ok := ocpi.CountryAlpha3(ocpi.RawText(text)); ok {
		return quote(code)
	}
	return text
}
