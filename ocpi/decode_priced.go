package ocpi

import (
	"errors"
	"strings"
)

// CDRToPrice is CDR for a body that is to be priced but not settled, such as
// one in a file: what only identifies or settles it (owner, id, token,
// location, totals) may be missing or wrong and is then a finding. What the
// price depends on may not be wrong; of it, only the end, the currency and
// total_cost may be missing.
func (d *Decoder) CDRToPrice(v Version, raw []byte) (*CDR, error) {
	c, err := d.CDR(v, raw)
	invalid, ok := errors.AsType[*Invalid](err)
	if !ok {
		return c, err
	}
	var fatal []FieldError
	for _, f := range invalid.Fields {
		if bearsOnPrice(f) {
			fatal = append(fatal, f)
			continue
		}
		d.findings = append(d.findings, Finding{"invalid_field", Warning, f.Path, f.Reason + "; it does not bear on the price"})
	}
	if fatal != nil {
		return nil, &Invalid{Fields: fatal}
	}
	d.cdr.Findings = d.findings
	return &d.cdr, nil
}

// bearsOnPrice reports whether a wrong field of a CDR may change its price.
func bearsOnPrice(f FieldError) bool {
	root := f.Path
	if i := strings.IndexAny(root, ".["); i >= 0 {
		root = root[:i]
	}
	switch root {
	case "$", "start_date_time", "charging_periods", "tariffs", "credit":
		return true
	case "end_date_time", "stop_date_time", "currency", "total_cost":
		return f.Path != root || f.Reason != "missing"
	}
	return false
}

// TariffToPrice is Tariff for a body that is to be priced with but not stored:
// like a tariff within a CDR it need not name its owner.
func (d *Decoder) TariffToPrice(v Version, raw []byte) (*Tariff, error) {
	d.start(v, raw)
	d.tariff = Tariff{Version: v}
	if d.isObject("") {
		d.readTariff(&d.tariff, true)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	d.tariff.Findings = d.findings
	return &d.tariff, nil
}
