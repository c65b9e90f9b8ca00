package ocpi

func (d *Decoder) readEVSEs(name string) []EVSE {
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	first := len(d.evses)
	a := d.openArray()
	for d.more(&a) {
		if a.n > MaxEVSEs {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		d.evses = append(d.evses, d.readEVSE())
	}
	d.leave()
	if a.n > MaxEVSEs {
		d.tooMany(name, MaxEVSEs, "EVSEs")
	}
	return d.evses[first:len(d.evses):len(d.evses)]
}

// readEVSE reads an EVSE (R-LOC-06).
func (d *Decoder) readEVSE() (e EVSE) {
	if !d.isObject("") {
		return e
	}
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "uid":
			e.UID = d.identify(o.name, d.locationIDLimit())
		case "evse_id":
			e.EVSEID = d.describe(o.name, 48)
		case "status":
			e.Status = d.enum(o.name, evseStatuses)
		case "capabilities":
			e.Capabilities = d.texts()
		case "connectors":
			e.Connectors = d.readConnectors(o.name)
		case "last_updated":
			e.LastUpdated = d.instant(o.name)
		default:
			d.skip()
		}
	}
	d.expect(&o, e.UID != "", "uid")
	d.expect(&o, e.Status != "", "status")
	d.expect(&o, len(e.Connectors) > 0, "connectors")
	d.expect(&o, e.LastUpdated.IsSet(), "last_updated")
	d.close(&o)
	return e
}

// AllMissingOfPart is AllMissing for why an EVSE, or one of its Connectors, is
// refused that was pushed by itself.
func (d *Decoder) AllMissingOfPart(v Version, raw []byte, connector bool, err error) error {
	d.start(v, raw)
	if connector {
		d.readConnector()
	} else {
		d.readEVSE()
	}
	return d.AllMissing(err)
}

func (d *Decoder) readConnectors(name string) []Connector {
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	first := len(d.connectors)
	a := d.openArray()
	for d.more(&a) {
		if len(d.connectors) == MaxConnectors {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		d.connectors = append(d.connectors, d.readConnector())
	}
	d.leave()
	if first+a.n > MaxConnectors {
		d.tooMany(name, MaxConnectors, "connectors in all")
	}
	return d.connectors[first:len(d.connectors):len(d.connectors)]
}

// readConnector reads a Connector.
func (d *Decoder) readConnector() (c Connector) {
	if !d.isObject("") {
		return c
	}
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "id":
			c.ID = d.identify(o.name, 36)
		case "standard":
			c.Standard = d.enum(o.name, connectorTypes)
		case "format":
			c.Format = d.enum(o.name, connectorFormats)
		case "power_type":
			c.PowerType = d.enum(o.name, powerTypes)
		case "last_updated":
			c.LastUpdated = d.instant(o.name)
		default:
			if d.version == V211 {
				d.connectorMember211(&c, &o)
			} else {
				d.connectorMember22(&c, &o)
			}
		}
	}
	d.expect(&o, c.ID != "", "id")
	d.expect(&o, c.Standard != "", "standard")
	d.expect(&o, c.Format != "", "format")
	d.expect(&o, c.PowerType != "", "power_type")
	voltage, amperage := "max_voltage", "max_amperage"
	if d.version == V211 {
		voltage, amperage = "voltage", "amperage"
	}
	d.expect(&o, c.MaxVoltage.IsSet(), voltage)
	d.expect(&o, c.MaxAmperage.IsSet(), amperage)
	d.expect(&o, c.LastUpdated.IsSet(), "last_updated")
	d.close(&o)
	return c
}

func (d *Decoder) connectorMember211(c *Connector, o *object) {
	switch o.name {
	case "voltage":
		c.MaxVoltage = d.number(o.name)
	case "amperage":
		c.MaxAmperage = d.number(o.name)
	case "tariff_id":
		first := len(d.tariffIDs)
		if id := d.identify(o.name, 36); id != "" {
			d.tariffIDs = append(d.tariffIDs, id)
		}
		c.TariffIDs = d.tariffIDs[first:len(d.tariffIDs):len(d.tariffIDs)]
	default:
		d.skip()
	}
}

func (d *Decoder) connectorMember22(c *Connector, o *object) {
	switch o.name {
	case "max_voltage":
		c.MaxVoltage = d.number(o.name)
	case "max_amperage":
		c.MaxAmperage = d.number(o.name)
	case "max_electric_power":
		c.MaxPower = d.number(o.name)
	case "tariff_ids":
		c.TariffIDs = d.connectorTariffs(o.name)
	case "capabilities":
		c.Capabilities = d.texts()
	default:
		d.skip()
	}
}

func (d *Decoder) connectorTariffs(name string) []string {
	if !d.isArray(name, '"') {
		return nil
	}
	d.enter(name)
	first := len(d.tariffIDs)
	a := d.openArray()
	for d.more(&a) {
		if len(d.tariffIDs) == MaxTariffIDs {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		if id := d.identify("", 36); id != "" {
			d.tariffIDs = append(d.tariffIDs, id)
		}
	}
	d.leave()
	if first+a.n > MaxTariffIDs {
		d.tooMany(name, MaxTariffIDs, "tariff ids in all")
	}
	return d.tariffIDs[first:len(d.tariffIDs):len(d.tariffIDs)]
}
