package ocpi

// CDR reads a Charge Detail Record (mod_cdrs; R-CDR-04 to R-CDR-18). All
// departures from the schema are in the result's Findings, those of nested
// tariffs included.
func (d *Decoder) CDR(v Version, raw []byte) (*CDR, error) {
	d.start(v, raw)
	d.cdr = CDR{Version: v}
	c := &d.cdr
	if d.isBody() {
		o := d.open()
		for d.next(&o) {
			d.weight = light
			d.cdrMember(c, &o)
		}
		d.cdrComplete(c, &o)
		d.close(&o)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	c.Findings, c.Unread = d.findings, d.unreadable
	return c, nil
}

func (d *Decoder) cdrMember(c *CDR, o *object) {
	switch o.name {
	case "id":
		c.ID = d.identity(o.name, 39)
	case "start_date_time":
		d.weight = settles
		c.Start = d.moment(o.name)
	case "auth_method":
		c.AuthMethod = d.enum(o.name, authMethods)
	case "meter_id":
		c.MeterID = d.describe(o.name, 255)
	case "currency":
		d.weight = settles
		c.Currency = d.currency(o.name)
	case "tariffs":
		c.Tariffs = d.nestedTariffs(o.name)
	case "charging_periods":
		c.Periods = d.chargingPeriods(o.name, true)
	case "total_cost":
		d.weight = settles
		c.TotalCost = d.price(o.name)
	case "total_energy":
		c.TotalEnergy = d.number(o.name)
	case "total_time":
		c.TotalTime = d.number(o.name)
	case "total_parking_time":
		c.TotalParkingTime = d.number(o.name)
	case "last_updated":
		c.LastUpdated = d.moment(o.name)
	default:
		if d.version == V211 {
			d.cdrMember211(c, o)
		} else {
			d.cdrMember22(c, o)
		}
	}
}

// cdrMember211 reads what only 2.1.1 has (section 9.3.1).
func (d *Decoder) cdrMember211(c *CDR, o *object) {
	switch o.name {
	case "stop_date_time":
		d.weight = settles
		c.End = d.moment(o.name)
	case "auth_id":
		d.weight = settles
		c.Token.ContractID = d.identify(o.name, 36)
	case "location":
		c.Location = d.cdrLocation211(o.name)
	default:
		d.skip()
	}
}

// cdrMember22 reads what came with 2.2.1.
func (d *Decoder) cdrMember22(c *CDR, o *object) {
	switch o.name {
	case "country_code":
		c.CountryCode = d.country(o.name, true)
	case "party_id":
		c.PartyID = d.party(o.name, true)
	case "end_date_time":
		d.weight = settles
		c.End = d.moment(o.name)
	case "session_id":
		c.SessionID = d.describe(o.name, 36)
	case "cdr_token":
		d.weight = settles
		c.Token = d.cdrToken(o.name)
	case "authorization_reference":
		c.AuthorizationReference = d.describe(o.name, 36)
	case "cdr_location":
		c.Location = d.cdrLocation(o.name)
	case "total_fixed_cost":
		c.TotalFixedCost = d.price(o.name)
	case "total_energy_cost":
		c.TotalEnergyCost = d.price(o.name)
	case "total_time_cost":
		c.TotalTimeCost = d.price(o.name)
	case "total_parking_cost":
		c.TotalParkingCost = d.price(o.name)
	case "total_reservation_cost":
		c.TotalReservationCost = d.price(o.name)
	case "invoice_reference_id":
		c.InvoiceReferenceID = d.describe(o.name, 39)
	case "credit":
		d.weight = prices // of a credit nothing is computed
		c.Credit = d.boolean(o.name)
	case "credit_reference_id":
		d.weight = settles
		c.CreditReferenceID = d.identify(o.name, 39)
	case "home_charging_compensation":
		c.HomeCharging = d.boolean(o.name)
	default:
		d.skip()
	}
}

// cdrComplete reports what is missing and what does not go together.
func (d *Decoder) cdrComplete(c *CDR, o *object) {
	d.need(o, c.ID != "", "id")
	d.lacks(o, c.Start.IsSet(), "start_date_time", settles)
	d.lacks(o, c.Currency != "", "currency", settles)
	d.lacks(o, len(c.Periods) > 0, "charging_periods", settles)
	d.lacks(o, c.TotalCost.IsSet(), "total_cost", settles)
	d.expect(o, c.TotalEnergy.IsSet(), "total_energy")
	d.expect(o, c.TotalTime.IsSet(), "total_time")
	d.expect(o, c.LastUpdated.IsSet(), "last_updated")
	d.expect(o, c.AuthMethod != "", "auth_method")
	if d.version == V211 {
		d.lacks(o, c.End.IsSet(), "stop_date_time", settles)
		d.lacks(o, c.Token.ContractID != "", "auth_id", settles)
		d.expect(o, c.Location.ID != "", "location")
		return
	}
	d.need(o, c.CountryCode != "", "country_code")
	d.need(o, c.PartyID != "", "party_id")
	d.lacks(o, c.End.IsSet(), "end_date_time", settles)
	d.lacks(o, c.Token.UID != "", "cdr_token", settles)
	d.expect(o, c.Location.ID != "", "cdr_location")
	d.creditComplete(c, o)
	for i := range c.Tariffs {
		if t := &c.Tariffs[i]; t.CountryCode != c.CountryCode || t.PartyID != c.PartyID {
			d.foreignTariff(c, t, i)
		}
	}
}

// creditComplete checks R-CDR-06.
func (d *Decoder) creditComplete(c *CDR, o *object) {
	switch {
	case c.Credit:
		d.lacks(o, c.CreditReferenceID != "", "credit_reference_id", settles)
	case c.CreditReferenceID != "":
		d.find("credit_reference_without_credit", Serious, "credit_reference_id", "credit is not true: counted as an ordinary CDR")
	}
	if len(c.ID) > 36 && len(c.ID) <= 39 && !c.Credit {
		d.find("too_long", Info, "id", "more than 36 characters in a CDR that is not a credit")
	}
}

// foreignTariff lists a nested tariff that belongs to another party.
func (d *Decoder) foreignTariff(c *CDR, t *Tariff, i int) {
	owner := NewParty(t.CountryCode, t.PartyID)
	if t.CountryCode == "" || t.PartyID == "" || owner == NewParty(c.CountryCode, c.PartyID) {
		return
	}
	d.enter("tariffs")
	d.at(i)
	d.find("tariff_owner_differs", Info, "", "the tariff belongs to "+owner.String())
	d.leave()
}

// cdrToken reads a CdrToken (2.2.1 mod_cdrs 10.4.5).
func (d *Decoder) cdrToken(name string) (t CDRToken) {
	if !d.isObject(name) {
		return t
	}
	d.enter(name)
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "country_code":
			t.CountryCode = d.country(o.name, false)
		case "party_id":
			t.PartyID = d.party(o.name, false)
		case "uid":
			t.UID = d.identify(o.name, 36)
		case "type":
			t.Type = d.enum(o.name, tokenTypes)
		case "contract_id":
			t.ContractID = d.identify(o.name, 36)
		default:
			d.skip()
		}
	}
	d.lacks(&o, t.CountryCode != "", "country_code", settles)
	d.lacks(&o, t.PartyID != "", "party_id", settles)
	d.expect(&o, t.UID != "", "uid")
	d.expect(&o, t.ContractID != "", "contract_id")
	d.expect(&o, t.Type != "", "type")
	d.close(&o)
	d.leave()
	return t
}
