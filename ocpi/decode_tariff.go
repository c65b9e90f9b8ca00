package ocpi

import "unsafe"

// Tariff reads a Tariff object (mod_tariffs). A missing last_updated is a
// finding only (R-TARIFF-06): the log knows when the tariff was received.
func (d *Decoder) Tariff(v Version, raw []byte) (*Tariff, error) {
	d.start(v, raw)
	d.tariff = Tariff{Version: v}
	if d.isObject("") {
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
	if !d.isArray(name) {
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
		d.tariffs = append(d.tariffs, Tariff{Version: d.version})
		if d.isObject("") {
			d.readTariff(&d.tariffs[len(d.tariffs)-1], true)
		}
	}
	d.leave()
	if a.n > MaxTariffs {
		d.tooMany(name, MaxTariffs, "tariffs")
	}
	return d.tariffs[first:len(d.tariffs):len(d.tariffs)]
}

func (d *Decoder) readTariff(t *Tariff, nested bool) {
	d.peek()
	start := d.pos
	o := d.open()
	for d.next(&o) {
		d.tariffMember(t, &o)
	}
	d.tariffComplete(t, &o, nested)
	d.close(&o)
	if d.err == nil {
		text := d.src[start:d.pos]
		t.Raw = unsafe.Slice(unsafe.StringData(text), len(text))
	}
}

func (d *Decoder) tariffMember(t *Tariff, o *object) {
	switch o.name {
	case "id":
		t.ID = d.identify(o.name, 36)
	case "currency":
		t.Currency = d.currency(o.name)
	case "elements":
		t.Elements = d.tariffElements(o.name)
	case "last_updated":
		t.LastUpdated = d.instant(o.name)
	default:
		if d.version == V211 {
			d.skip()
			return
		}
		d.tariffMember22(t, o)
	}
}

// tariffMember22 reads what came with 2.2.1 and 2.3.0.
func (d *Decoder) tariffMember22(t *Tariff, o *object) {
	switch {
	case o.name == "country_code":
		t.CountryCode = d.country(o.name)
	case o.name == "party_id":
		t.PartyID = d.party(o.name)
	case o.name == "type":
		t.Type = d.enum(o.name, tariffTypes)
	case o.name == "min_price":
		t.MinPrice = d.priceLimit(o.name)
	case o.name == "max_price":
		t.MaxPrice = d.priceLimit(o.name)
	case o.name == "start_date_time":
		t.Start = d.instant(o.name)
	case o.name == "end_date_time":
		t.End = d.instant(o.name)
	case o.name == "tax_included" && d.version == V230:
		t.TaxIncluded = d.taxIncluded(o.name)
	default:
		d.skip()
	}
}

func (d *Decoder) taxIncluded(name string) TaxIncluded {
	s, ok := d.string(name)
	switch {
	case !ok:
	case s == "YES":
		return TaxYes
	case s == "NO":
		return TaxNo
	case s == "N/A":
		return TaxNotApplicable
	default:
		d.unknownEnum(name, s, Serious)
	}
	return TaxUnstated
}

func (d *Decoder) tariffComplete(t *Tariff, o *object, nested bool) {
	d.need(o, t.ID != "", "id")
	d.need(o, t.Currency != "", "currency")
	d.need(o, len(t.Elements) > 0, "elements")
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
