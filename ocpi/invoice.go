package ocpi

// InvoiceReconciliation says which CDRs an invoice is made of (OCPI 2.3.0,
// edition 2, mod_invoice_reconciliation). Strings and slices alias the decoded
// body: see [Decoder].
type InvoiceReconciliation struct {
	CountryCode string // of the CPO or, with reverse billing, of the eMSP
	PartyID     string
	ID          string
	InvoiceID   string
	CDRs        []string // ids
	LastUpdated Time
	Findings    []Finding
}

// InvoiceReconciliation reads an InvoiceReconciliationRecord. The specification
// has the ids of CDRs as strings in its table and as objects in its diagrams, and
// makes them shorter than those of credit CDRs are: both forms are read, and all
// 39 characters.
func (d *Decoder) InvoiceReconciliation(v Version, raw []byte) (*InvoiceReconciliation, error) {
	d.start(v, raw)
	d.invoice = InvoiceReconciliation{}
	r := &d.invoice
	if d.isBody() {
		o := d.open()
		for d.next(&o) {
			d.invoiceMember(r, &o)
		}
		d.need(&o, r.CountryCode != "", "country_code")
		d.need(&o, r.PartyID != "", "party_id")
		d.need(&o, r.ID != "", "id")
		d.expect(&o, r.InvoiceID != "", "invoice_id")
		d.expect(&o, len(r.CDRs) > 0, "cdrs")
		d.expect(&o, r.LastUpdated.IsSet(), "last_updated")
		d.close(&o)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	r.Findings = d.findings
	return r, nil
}

func (d *Decoder) invoiceMember(r *InvoiceReconciliation, o *object) {
	switch o.name {
	case "country_code":
		r.CountryCode = d.country(o.name, true)
	case "party_id":
		r.PartyID = d.party(o.name, true)
	case "id":
		r.ID = d.identity(o.name, 36)
	case "invoice_id":
		r.InvoiceID = d.identify(o.name, 255)
	case "cdrs":
		r.CDRs = d.invoicedCDRs(o.name)
	case "last_updated":
		r.LastUpdated = d.instant(o.name)
	default:
		d.skip()
	}
}

// MaxInvoiced bounds the CDRs of one record that are read.
const MaxInvoiced = MaxTariffIDs

func (d *Decoder) invoicedCDRs(name string) []string {
	if !d.isArray(name, '"') {
		return nil
	}
	d.enter(name)
	first := len(d.tariffIDs) // an arena of ids
	a := d.openArray()
	for d.more(&a) {
		if len(d.tariffIDs)-first == MaxInvoiced {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		if id := d.invoicedCDR(); id != "" {
			d.tariffIDs = append(d.tariffIDs, id)
		}
	}
	d.leave()
	if a.n > MaxInvoiced {
		d.tooMany(name, MaxInvoiced, "CDRs")
	}
	return d.tariffIDs[first:len(d.tariffIDs):len(d.tariffIDs)]
}

// invoicedCDR reads the id of a CDR, or an object that holds it.
func (d *Decoder) invoicedCDR() (id string) {
	if d.peek() != '{' {
		return d.identify("", 39)
	}
	o := d.open()
	for d.next(&o) {
		if o.name == "id" {
			id = d.identify(o.name, 39)
			continue
		}
		d.skip()
	}
	d.expect(&o, id != "", "id")
	d.close(&o)
	return id
}
