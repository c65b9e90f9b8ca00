package ocpi

import "unsafe"

// Tariff reads a Tariff object (mod_tariffs). A missing last_updated is a
// finding only (R-TARIFF-06): the log knows when the tariff was received.
func (d *Decoder) Tariff(v Version, raw []byte) (*Tariff, error) {
	d.start(v, raw)
	d.tariff = Tariff{Version: v}
	if d.isBody() {
		d.readTariff(&d.tariff, false)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	d.tariff.Findings = d.findings
	return &d.tariff, nil
}

// nestedTariffs reads the tariffs of a CDR. Their findings are the CDR's.
func (d *Decoder) nestedTariffs(name string) []Tariff {
	d.weight = settles // what a tariff that is none would have priced, nobody knows
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	first := len(d.tariffs)
	a := d.openArray()
	for d.more(&a) {
		if a.n > MaxTariffs {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		if !d.isObject("") {
			continue
		}
		n := len(d.tariffs)
		d.tariffs = append(d.tariffs, Tariff{Version: d.version})
		if !d.readTariff(&d.tariffs[n], true) {
			d.tariffs = d.tariffs[:n] // an empty object stands for no tariff
		}
	}
	d.leave()
	if a.n > MaxTariffs {
		d.tooMany(name, MaxTariffs, "tariffs")
	}
	return d.tariffs[first:len(d.tariffs):len(d.tariffs)]
}

// readTariff reads a tariff; some says that it has members.
func (d *Decoder) readTariff(t *Tariff, nested bool) (some bool) {
	d.peek()
	start, around := d.pos, d.unreadable
	d.unreadable = nil
	o := d.open()
	for d.next(&o) {
		d.weight = light
		d.tariffMember(t, &o, nested)
	}
	end := d.pos
	d.tariffComplete(t, &o, nested)
	d.close(&o)
	t.Unread, d.unreadable = d.unreadable, around
	d.weight = settles
	if d.err == nil {
		text := d.src[start:end]
		t.Raw = unsafe.Slice(unsafe.StringData(text), len(text))
	}
	return o.seen != 0
}

func (d *Decoder) tariffMember(t *Tariff, o *object, nested bool) {
	switch o.name {
	case "id":
		if nested {
			t.ID = d.identify(o.name, 36)
		} else {
			t.ID = d.identity(o.name, 36)
		}
	case "currency":
		d.weight = prices
		t.Currency = d.currency(o.name)
	case "elements":
		d.weight = prices
		t.Elements = d.tariffElements(o.name)
	case "last_updated":
		t.LastUpdated = d.instant(o.name)
	default:
		if d.version == V211 {
			d.skip()
			return
		}
		d.tariffMember22(t, o, nested)
	}
}

// tariffMember22 reads what came with 2.2.1 and 2.3.0.
func (d *Decoder) tariffMember22(t *Tariff, o *object, nested bool) {
	switch {
	case o.name == "country_code":
		t.CountryCode = d.country(o.name, !nested)
	case o.name == "party_id":
		t.PartyID = d.party(o.name, !nested)
	case o.name == "type":
		t.Type = d.enum(o.name, tariffTypes)
	case o.name == "min_price":
		d.weight = prices
		t.MinPrice = d.priceLimit(o.name)
	case o.name == "max_price":
		d.weight = prices
		t.MaxPrice = d.priceLimit(o.name)
	case o.name == "start_date_time":
		d.weight = prices
		t.Start = d.instant(o.name)
	case o.name == "end_date_time":
		d.weight = prices
		t.End = d.instant(o.name)
	case o.name == "tax_included" && d.version == V230:
		d.weight = prices
		t.TaxIncluded = d.taxIncluded(o.name)
	default:
		d.skip()
	}
}

func (d *Decoder) taxIncluded(name string) TaxIncluded {
	c := d.peek()
	if c == 't' || c == 'f' {
		if d.boolean(name); c == 't' {
			d.enumCase(name, "true", "YES")
			return TaxYes
		}
		d.enumCase(name, "false", "NO")
		return TaxNo
	}
	s, ok := d.string(name)
	if !ok {
		return TaxUnstated
	}
	spelled := enumName(s)
	included, known := taxIncludedNames[spelled]
	switch {
	case !known:
		d.unknownEnum(name, s, Serious)
	case spelled != s:
		d.enumCase(name, s, spelled)
	}
	return included
}

var taxIncludedNames = map[string]TaxIncluded{"YES": TaxYes, "NO": TaxNo, "N/A": TaxNotApplicable}

func (d *Decoder) tariffComplete(t *Tariff, o *object, nested bool) {
	d.needUnless(nested, o, t.ID != "", "id")
	d.lacks(o, t.Currency != "", "currency", settles)
	d.lacks(o, len(t.Elements) > 0, "elements", prices)
	d.expect(o, t.LastUpdated.IsSet(), "last_updated")
	if d.version == V211 {
		return
	}
	d.needUnless(nested, o, t.CountryCode != "", "country_code")
	d.needUnless(nested, o, t.PartyID != "", "party_id")
	if d.version == V230 {
		d.expect(o, t.TaxIncluded != TaxUnstated, "tax_included")
	}
}
