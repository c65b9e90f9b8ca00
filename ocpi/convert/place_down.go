package convert

import (
	"cmp"

	"github.com/roamclear/roamclear/ocpi"
)

// knownPlace is what the Location of a charge adds to what a CDR or Session says of it.
type knownPlace struct {
	location, evse, connector ocpi.RawObject // nil where it is not known
	v                         ocpi.Version
}

// knownPlace returns the Location as it was when the charge began.
func (c *conversion) knownPlace(p *place) (k knownPlace) {
	if c.ctx.Location == nil || p.id == "" {
		return k
	}
	body, v := c.ctx.Location(ocpi.RawText(p.id), c.at)
	k.v = v
	if body == nil || !known(v) {
		return k
	}
	o, err := ocpi.SplitObject(body)
	if err != nil {
		return k // damaged: as good as none
	}
	k.location = o
	k.evse = child(o, "evses", "uid", p.evseUID)
	k.connector = child(k.evse, "connectors", "id", p.connectorID)
	return k
}

// child returns the object of a list that has an id, nil where there is none.
func child(o ocpi.RawObject, list, name, id string) ocpi.RawObject {
	elements, err := ocpi.SplitArray(o.Value(list), list)
	if err != nil || id == "" {
		return nil
	}
	for _, e := range elements {
		if child := objectOf(e); child != nil && ocpi.Fold(child.Text(name)) == ocpi.Fold(ocpi.RawText(id)) {
			return child
		}
	}
	return nil
}

// member returns a member's text by its name in 2.1.1 or since 2.2.1.
func (k *knownPlace) member(o ocpi.RawObject, in211, since221 string) string {
	if k.v == ocpi.V211 {
		return o.Value(in211)
	}
	return o.Value(since221)
}

// locationOf makes the Location of a 2.1.1 CDR or Session: what the body says, then what
// the Location said when the charge began, then what stands for what is not known.
func (c *conversion) locationOf(in ocpi.RawObject, p *place) string {
	k := c.knownPlace(p)
	updated := in.Value("last_updated")
	c.enter("location")
	defer c.leave()
	x := &exchange{}
	addKnown(x, "id", p.id)
	c.need(x, "type", c.typeOf(&k), quote("UNKNOWN"))
	addKnown(x, "name", cmp.Or(p.name, k.location.Value("name")))
	c.need(x, "address", c.cut("address", cmp.Or(p.address, k.location.Value("address")), 45), quote(notAvailable))
	c.need(x, "city", cmp.Or(p.city, k.location.Value("city")), quote(notAvailable))
	c.need(x, "postal_code", cmp.Or(p.postalCode, k.location.Value("postal_code")), quote(notAvailable))
	c.need(x, "country", cmp.Or(p.country, k.location.Value("country")), quote(notAvailable))
	c.needPlace(x, cmp.Or(p.coordinates, k.location.Value("coordinates")))
	c.addEVSE(x, p, &k, updated)
	addKnown(x, "time_zone", k.location.Value("time_zone"))
	c.need(x, "last_updated", k.location.Value("last_updated"), updated)
	return string(x.out.Bytes())
}

// typeOf returns the LocationType of a Location, "" where it is not known.
func (c *conversion) typeOf(k *knownPlace) string {
	text := k.member(k.location, "type", "parking_type")
	if text == "" || parkingTypes.takes(ocpi.V211, text) {
		return text
	}
	return quote("OTHER")
}

func addKnown(x *exchange, name, text string) {
	if text != "" {
		x.add(name, text)
	}
}

// need adds a required member, or what stands for it where it is not known.
func (c *conversion) need(x *exchange, name, text, unknown string) {
	switch {
	case text != "":
		x.add(name, text)
	case unknown != "":
		c.fill(x, name, unknown)
	}
}

// needPlace adds the coordinates, those of no place where they are not known.
func (c *conversion) needPlace(x *exchange, text string) {
	if text == "" {
		c.fill(x, "coordinates", `{"latitude":"0.000000","longitude":"0.000000"}`)
		return
	}
	nestedPoint(c, x, ocpi.NewRawMember("coordinates", text), "coordinates")
}

// addEVSE adds the one EVSE with the one connector. A Location may have no EVSE, an EVSE
// must have a connector, and of a connector its standard must be known.
func (c *conversion) addEVSE(x *exchange, p *place, k *knownPlace, updated string) {
	standard := cmp.Or(p.standard, k.connector.Value("standard"))
	format := cmp.Or(p.format, k.connector.Value("format"))
	power := cmp.Or(p.powerType, k.connector.Value("power_type"))
	switch {
	case p.evseUID == "":
		return
	case standard == "" || format == "" || power == "":
		c.lose("evses", "OCPI 2.1.1 carries the connector whole, and it is not known")
		return
	case !connectorTypes.takes(ocpi.V211, standard):
		c.lose("evses", c.unknownTo(standard)+": the connector is left out, and its EVSE with it")
		return
	}
	c.enter("evses")
	defer c.leave()
	c.element(0)
	e := &exchange{}
	e.add("uid", p.evseUID)
	addKnown(e, "evse_id", cmp.Or(p.evseID, k.evse.Value("evse_id")))
	c.need(e, "status", k.evse.Value("status"), quote("UNKNOWN"))
	e.add("connectors", "["+c.connectorOf(p, k, [3]string{standard, format, power}, updated)+"]")
	c.need(e, "last_updated", k.evse.Value("last_updated"), updated)
	x.add("evses", "["+string(e.out.Bytes())+"]")
}

func (c *conversion) connectorOf(p *place, k *knownPlace, kind [3]string, updated string) string {
	c.enter("connectors")
	defer c.leave()
	c.element(0)
	x := &exchange{}
	addKnown(x, "id", p.connectorID)
	x.add("standard", kind[0])
	x.add("format", kind[1])
	powerType(c, x, ocpi.NewRawMember("power_type", kind[2]), "power_type")
	c.need(x, "voltage", k.member(k.connector, "voltage", "max_voltage"), "0")
	c.need(x, "amperage", k.member(k.connector, "amperage", "max_amperage"), "0")
	addKnown(x, "tariff_id", p.tariffID)
	c.need(x, "last_updated", k.connector.Value("last_updated"), updated)
	return string(x.out.Bytes())
}

// cut shortens a text that nobody computes with to what 2.1.1 holds.
func (c *conversion) cut(name, text string, limit int) string {
	r := []rune(ocpi.RawText(text))
	if len(r) <= limit {
		return text
	}
	c.lose(name, "cut to what OCPI 2.1.1 holds")
	return quote(string(r[:limit]))
}
