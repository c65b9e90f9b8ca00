package ocpi

// cdrLocation reads a CdrLocation (2.2.1 mod_cdrs 10.4.4). Only its id must
// be right; "#NA" stands for what cannot be known (R-CDR-12).
func (d *Decoder) cdrLocation(name string) (l CDRLocation) {
	if !d.isObject(name) {
		return l
	}
	d.enter(name)
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "id":
			l.ID = d.identify(o.name, 36)
		case "name":
			d.describe(o.name, 255)
		case "address":
			d.describe(o.name, 255)
		case "city":
			d.describe(o.name, 45)
		case "postal_code":
			d.describe(o.name, 10)
		case "country":
			l.Country = d.country3(o.name)
		case "coordinates":
			l.Latitude, l.Longitude = d.coordinates(o.name)
		case "evse_uid":
			l.EVSEUID = d.describe(o.name, 36)
		case "evse_id":
			l.EVSEID = d.describe(o.name, 48)
		case "connector_id":
			l.ConnectorID = d.describe(o.name, 36)
		case "connector_standard":
			l.ConnectorType = d.enum(o.name, connectorTypes)
		case "connector_format":
			l.Format = d.enum(o.name, connectorFormats)
		case "connector_power_type":
			l.PowerType = d.enum(o.name, powerTypes)
		default:
			d.skip()
		}
	}
	d.cdrLocationComplete(&l, &o)
	d.close(&o)
	d.leave()
	return l
}

func (d *Decoder) cdrLocationComplete(l *CDRLocation, o *object) {
	d.expect(o, l.ID != "", "id")
	d.expect(o, false, "address")
	d.expect(o, false, "city")
	d.expect(o, l.Country != "", "country")
	d.expect(o, l.Latitude != "", "coordinates")
	d.expect(o, l.EVSEUID != "", "evse_uid")
	d.expect(o, l.EVSEID != "", "evse_id")
	d.expect(o, l.ConnectorID != "", "connector_id")
	d.expect(o, l.ConnectorType != "", "connector_standard")
	d.expect(o, l.Format != "", "connector_format")
	d.expect(o, l.PowerType != "", "connector_power_type")
}

// cdrLocation211 reads the full Location of a 2.1.1 CDR or Session, which
// holds the one EVSE and the one connector that were used.
func (d *Decoder) cdrLocation211(name string) CDRLocation {
	if !d.isObject(name) {
		return CDRLocation{}
	}
	d.enter(name)
	defer d.leave()
	var l Location
	d.readLocation(&l, true)
	c := CDRLocation{
		ID: l.ID, Country: l.Country, Latitude: l.Latitude, Longitude: l.Longitude, TimeZone: l.TimeZone,
	}
	if len(l.EVSEs) == 0 {
		d.find("missing_field", Warning, "evses", "want the EVSE that was used")
		return c
	}
	e := l.EVSEs[0]
	c.EVSEUID, c.EVSEID = e.UID, e.EVSEID
	if len(l.EVSEs) > 1 || len(e.Connectors) > 1 {
		d.find("several_connectors", Warning, "evses", "want the one EVSE and connector that were used; the first is taken")
	}
	if len(e.Connectors) > 0 {
		k := e.Connectors[0]
		c.ConnectorID, c.ConnectorType, c.Format, c.PowerType = k.ID, k.Standard, k.Format, k.PowerType
		c.MaxVoltage, c.MaxAmperage = k.MaxVoltage, k.MaxAmperage
	}
	return c
}
