package ocpi

import "errors"

// CDRToPrice is CDR for a body that is to be priced but not settled, such as
// one in a file: its identity may be missing or wrong, and is then a finding.
func (d *Decoder) CDRToPrice(v Version, raw []byte) (*CDR, error) {
	c, err := d.CDR(v, raw)
	invalid, ok := errors.AsType[*Invalid](err)
	if !ok {
		return c, err
	}
	for _, f := range invalid.Fields {
		if f.Path == "$" {
			return nil, err
		}
		d.findings = append(d.findings, Finding{"invalid_field", Warning, f.Path, f.Reason + "; it does not bear on the price"})
	}
	d.cdr.Findings, d.cdr.Unread = d.findings, d.unreadable
	return &d.cdr, nil
}

// TariffToPrice is Tariff for a body that is to be priced with but not stored:
// like a tariff within a CDR it need not name its owner.
func (d *Decoder) TariffToPrice(v Version, raw []byte) (*Tariff, error) {
	d.start(v, raw)
	d.tariff = Tariff{Version: v}
	if d.isBody() {
		d.readTariff(&d.tariff, true)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	d.tariff.Findings = d.findings
	return &d.tariff, nil
}
