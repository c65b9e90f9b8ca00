package ocpi

// Location reads a Location object with its EVSEs (mod_locations). Whether its
// time zone is one (R-LOC-05) is for those to say who have the database.
func (d *Decoder) Location(v Version, raw []byte) (*Location, error) {
	d.start(v, raw)
	d.location = Location{Version: v}
	if d.isBody() {
		d.readLocation(&d.location, false)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	d.location.Findings = d.findings
	return &d.location, nil
}

// readLocation reads a Location; the ones nested in 2.1.1 CDRs and Sessions
// are known by their id alone.
func (d *Decoder) readLocation(l *Location, nested bool) {
	o := d.open()
	for d.next(&o) {
		d.locationMember(l, &o, nested)
	}
	d.needUnless(nested, &o, l.ID != "", "id")
	d.expect(&o, l.Address != "", "address")
	d.expect(&o, l.City != "", "city")
	d.expect(&o, l.Country != "", "country")
	d.expect(&o, l.Latitude != "", "coordinates")
	d.expect(&o, l.LastUpdated.IsSet(), "last_updated")
	if d.version == V211 {
		d.expect(&o, false, "type")
		d.expect(&o, l.PostalCode != "", "postal_code")
	} else {
		d.need(&o, l.CountryCode != "", "country_code")
		d.need(&o, l.PartyID != "", "party_id")
		d.expect(&o, l.TimeZone != "", "time_zone")
		d.expect(&o, l.Publish, "publish")
	}
	d.close(&o)
}

func (d *Decoder) locationMember(l *Location, o *object, nested bool) {
	switch o.name {
	case "id":
		if nested {
			l.ID = d.identify(o.name, d.locationIDLimit())
		} else {
			l.ID = d.identity(o.name, d.locationIDLimit())
		}
	case "name":
		l.Name = d.describe(o.name, 255)
	case "address":
		l.Address = d.describe(o.name, 255)
	case "city":
		l.City = d.describe(o.name, 45)
	case "postal_code":
		l.PostalCode = d.describe(o.name, 10)
	case "country":
		l.Country = d.country3(o.name)
	case "coordinates":
		l.Latitude, l.Longitude = d.coordinates(o.name)
	case "time_zone":
		if d.version == V211 { // may be ""
			l.TimeZone = d.describe(o.name, 255)
		} else {
			l.TimeZone = d.identify(o.name, 255)
		}
	case "facilities":
		l.Facilities = d.texts()
	case "opening_times":
		l.Opening = d.object()
	case "evses":
		l.EVSEs = d.readEVSEs(o.name)
	case "last_updated":
		l.LastUpdated = d.instant(o.name)
	default:
		if d.version == V211 {
			d.skip()
			return
		}
		d.locationMember22(l, o)
	}
}

func (d *Decoder) locationMember22(l *Location, o *object) {
	switch o.name {
	case "country_code":
		l.CountryCode = d.country(o.name, true)
	case "party_id":
		l.PartyID = d.party(o.name, true)
	case "publish":
		said := d.peek() != 'n'
		l.Publish = d.boolean(o.name)
		l.Hidden = said && !l.Publish
	case "publish_allowed_to":
		if d.absent() {
			return
		}
		l.AllowedTo = d.span()
	default:
		d.skip()
	}
}

// texts reads the strings of an array that nothing depends on but what is shown to
// drivers; what is no string is left out, and no reason for a finding.
func (d *Decoder) texts() []string {
	if d.peek() != '[' {
		d.skip()
		return nil
	}
	first := len(d.words)
	a := d.openArray()
	for d.more(&a) {
		if d.peek() != '"' || len(d.words) == MaxWords {
			d.skip()
			continue
		}
		d.words = append(d.words, d.str())
	}
	return d.words[first:len(d.words):len(d.words)]
}

// object returns the text of an object, "" for anything else.
func (d *Decoder) object() string {
	if d.peek() != '{' {
		d.skip()
		return ""
	}
	return d.span()
}

// locationIDLimit is the length of Location.id and EVSE.uid.
func (d *Decoder) locationIDLimit() int {
	if d.version == V211 {
		return 39
	}
	return 36
}

func (d *Decoder) coordinates(name string) (latitude, longitude string) {
	if !d.isObject(name) {
		return "", ""
	}
	d.enter(name)
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "latitude":
			latitude = d.coordinate(o.name, 2)
		case "longitude":
			longitude = d.coordinate(o.name, 3)
		default:
			d.skip()
		}
	}
	d.expect(&o, latitude != "", "latitude")
	d.expect(&o, longitude != "", "longitude")
	d.close(&o)
	d.leave()
	return latitude, longitude
}

// coordinate reads decimal degrees: up to whole digits before the point and
// five to seven after it (R-TYPE-10).
func (d *Decoder) coordinate(name string, whole int) string {
	s := d.describe(name, 11)
	digits := s
	if digits != "" && digits[0] == '-' {
		digits = digits[1:]
	}
	point := digitsEnd(digits, 0)
	decimals := len(digits) - point - 1
	ok := point >= 1 && point <= whole && decimals >= 5 && decimals <= 7 &&
		digits[point] == '.' && digitsEnd(digits, point+1) == len(digits)
	if !ok && s != "" {
		d.find("odd_coordinate", Info, name, "want decimal degrees with five to seven decimals")
	}
	return s
}
