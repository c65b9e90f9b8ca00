package ocpi

// Session reads a Session object (mod_sessions) as a whole, which is also
// what stands after a PATCH.
func (d *Decoder) Session(v Version, raw []byte) (*Session, error) {
	d.start(v, raw)
	d.session = Session{Version: v}
	s := &d.session
	if d.isBody() {
		o := d.open()
		for d.next(&o) {
			d.weight = light
			d.sessionMember(s, &o)
		}
		d.sessionComplete(s, &o)
		d.close(&o)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	s.Findings, s.Unread = d.findings, d.unreadable
	return s, nil
}

func (d *Decoder) sessionMember(s *Session, o *object) {
	switch o.name {
	case "id":
		s.ID = d.identity(o.name, 36)
	case "kwh":
		s.KWh = d.number(o.name)
	case "auth_method":
		s.AuthMethod = d.enum(o.name, authMethods)
	case "meter_id":
		s.MeterID = d.describe(o.name, 255)
	case "currency":
		d.weight = settles
		s.Currency = d.currency(o.name)
	case "charging_periods":
		s.Periods = d.chargingPeriods(o.name, false)
	case "total_cost":
		s.TotalCost = d.price(o.name)
	case "status":
		s.Status = d.sessionStatus(o.name)
	case "last_updated":
		s.LastUpdated = d.instant(o.name)
	default:
		if d.version == V211 {
			d.sessionMember211(s, o)
		} else {
			d.sessionMember22(s, o)
		}
	}
}

// sessionStatus reads a status. OCPI's prose calls RESERVED what its table calls
// RESERVATION, and so do partners.
func (d *Decoder) sessionStatus(name string) string {
	s, ok := d.string(name)
	switch _, known := sessionStatuses[s]; {
	case known || !ok:
		return s
	case enumName(s) == "RESERVED":
		d.enumCase(name, s, "RESERVATION")
		return "RESERVATION"
	}
	return d.oddEnum(name, s, sessionStatuses, Warning)
}

func (d *Decoder) sessionMember211(s *Session, o *object) {
	switch o.name {
	case "start_datetime":
		d.weight = settles
		s.Start = d.moment(o.name)
	case "end_datetime":
		d.weight = settles
		s.End = d.moment(o.name)
	case "auth_id":
		s.Token.ContractID = d.identify(o.name, 36)
	case "location":
		l := d.cdrLocation211(o.name)
		s.LocationID, s.EVSEUID, s.ConnectorID = l.ID, l.EVSEUID, l.ConnectorID
	default:
		d.skip()
	}
}

func (d *Decoder) sessionMember22(s *Session, o *object) {
	switch o.name {
	case "country_code":
		s.CountryCode = d.country(o.name, true)
	case "party_id":
		s.PartyID = d.party(o.name, true)
	case "start_date_time":
		d.weight = settles
		s.Start = d.moment(o.name)
	case "end_date_time":
		d.weight = settles
		s.End = d.moment(o.name)
	case "cdr_token":
		s.Token = d.cdrToken(o.name)
	case "authorization_reference":
		s.AuthorizationReference = d.describe(o.name, 36)
	case "location_id":
		s.LocationID = d.identify(o.name, 36)
	case "evse_uid":
		s.EVSEUID = d.describe(o.name, 36)
	case "connector_id":
		s.ConnectorID = d.describe(o.name, 36)
	default:
		d.skip()
	}
}

func (d *Decoder) sessionComplete(s *Session, o *object) {
	d.need(o, s.ID != "", "id")
	d.expect(o, s.KWh.IsSet(), "kwh")
	d.lacks(o, s.Currency != "", "currency", settles)
	d.expect(o, s.Status != "", "status")
	d.expect(o, s.LastUpdated.IsSet(), "last_updated")
	d.expect(o, s.AuthMethod != "", "auth_method")
	if d.version == V211 {
		d.lacks(o, s.Start.IsSet(), "start_datetime", settles)
		d.lacks(o, s.Token.ContractID != "", "auth_id", settles)
		d.expect(o, s.LocationID != "", "location")
		return
	}
	d.need(o, s.CountryCode != "", "country_code")
	d.need(o, s.PartyID != "", "party_id")
	d.lacks(o, s.Start.IsSet(), "start_date_time", settles)
	d.lacks(o, s.Token.UID != "", "cdr_token", settles)
	d.expect(o, s.LocationID != "", "location_id")
	d.expect(o, s.EVSEUID != "", "evse_uid")
	d.expect(o, s.ConnectorID != "", "connector_id")
}
