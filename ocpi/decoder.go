package ocpi

import (
	"slices"
	"strconv"
)

// Decoder reads OCPI bodies into the canonical model in one pass. It owns an
// arena that every call reuses: what a call returns, and every string and
// slice in it, is valid until the next call of CDR, Tariff, Location, Session
// or Token on the same Decoder and only as long as the caller leaves the
// body's bytes alone. (CanonicalHash disturbs nothing.) Not for concurrent
// use; the zero value is ready.
//
// Errors are *SyntaxError (not JSON: HTTP 400) or *Invalid (JSON, but who owns
// the object, or its id, is missing or wrong: OCPI 2001). Everything else is
// read as far as it can be read: a departure from OCPI that has one meaning is
// read with that meaning and a finding; what cannot be read counts as absent,
// with a finding, and where a price rests on it, stands in Unread. Members that
// OCPI does not know are checked to be JSON, then left alone. A null member
// counts as absent.
type Decoder struct {
	scanner
	version    Version
	path       Path
	weight     weight // of the member that is being read
	invalid    []FieldError
	unreadable []FieldError // of the CDR, Session or Tariff that is being read
	findings   []Finding
	codes      map[string]bool // of those, once there are maxNotes; see firstOf

	cdr      CDR
	tariff   Tariff
	location Location
	session  Session
	token    Token
	invoice  InvoiceReconciliation

	tariffs    []Tariff
	elements   []TariffElement
	components []PriceComponent
	periods    []ChargingPeriod
	volumes    []Volume
	taxes      []TaxAmount
	evses      []EVSE
	connectors []Connector
	tariffIDs  []string
	words      []string

	canon canonicalizer
}

// Bounds of what is read of one body. More is left out, and then there is no
// price.
const (
	MaxPeriods        = 10_000 // charging_periods
	MaxDimensions     = 50_000 // of all periods
	MaxTariffs        = 1_000  // in one CDR
	MaxTariffElements = 1_000  // of all tariffs in one body
	MaxComponents     = 5_000  // of all elements
	MaxTaxes          = 5_000  // of all prices
	MaxEVSEs          = 10_000
	MaxConnectors     = 20_000 // of all EVSEs
	MaxTariffIDs      = 50_000 // of all connectors
	MaxWords          = 50_000 // facilities and capabilities of a Location

	// maxNotes bounds the findings, and the field errors, of one body: beyond it the
	// first finding of each kind is listed.
	maxNotes = 100
)

// start makes d ready for a new body.
func (d *Decoder) start(v Version, raw []byte) {
	d.begin(raw)
	d.version = v
	d.path, d.invalid, d.findings, d.codes = d.path[:0], nil, reuse(d.findings, maxNotes), nil
	d.weight, d.unreadable = light, nil
	d.tariffs = reuse(d.tariffs, 64)
	d.elements = reuse(d.elements, MaxTariffElements)
	d.components = reuse(d.components, MaxComponents)
	d.periods = reuse(d.periods, 1024)
	d.volumes = reuse(d.volumes, 8192)
	d.taxes = reuse(d.taxes, 1024)
	d.evses = reuse(d.evses, 1024)
	d.connectors = reuse(d.connectors, 1024)
	d.tariffIDs = reuse(d.tariffIDs, 1024)
	d.words = reuse(d.words, 1024)
}

// end returns what is wrong with the body, nil when nothing is.
func (d *Decoder) end() error {
	if err := d.finish(); err != nil {
		return err
	}
	if len(d.invalid) > 0 {
		return &Invalid{Fields: d.invalid}
	}
	return nil
}

// AllMissing returns the error of the body that was decoded last with the other
// members that OCPI requires and that are not there: who has to send it again is
// told all of them at once. An error that is no *Invalid is returned as it is.
func (d *Decoder) AllMissing(err error) error {
	invalid, ok := err.(*Invalid) //nolint:errorlint // the decoder's own, never wrapped
	if !ok {
		return err
	}
	whole := &Invalid{Fields: slices.Clone(invalid.Fields)}
	for i := range d.findings {
		f := &d.findings[i]
		told := slices.ContainsFunc(invalid.Fields, func(other FieldError) bool { return other.Path == f.Path })
		if f.Code == missingField && !told {
			whole.Fields = append(whole.Fields, FieldError{f.Path, "missing"})
		}
	}
	return whole
}

// enter goes one level down in the path.
func (d *Decoder) enter(name string) { d.path.Enter(name) }

// at sets the array index of the current level.
func (d *Decoder) at(i int) { d.path.At(i) }

// leave goes one level up.
func (d *Decoder) leave() { d.path.Leave() }

// pathTo writes the path of a member of the current level.
func (d *Decoder) pathTo(name string) string { return d.path.To(name) }

// refuse lists a field without which nobody knows which object is meant.
func (d *Decoder) refuse(name, reason string) {
	switch {
	case d.err != nil || len(d.invalid) > maxNotes:
	case len(d.invalid) == maxNotes:
		d.invalid = append(d.invalid, FieldError{"$", "more fields are wrong than are listed"})
	default:
		d.invalid = append(d.invalid, FieldError{d.pathTo(name), reason})
	}
}

// tooMany lists that a list is longer than is read.
func (d *Decoder) tooMany(name string, limit int, what string) {
	d.unread(name, "more than "+strconv.Itoa(limit)+" "+what)
}

// find lists a departure that does no harm.
func (d *Decoder) find(code string, severity Severity, name, detail string) {
	switch {
	case d.err != nil:
	case len(d.findings) < maxNotes || d.firstOf(code):
		d.findings = append(d.findings, Finding{code, severity, d.pathTo(name), detail})
	case d.firstOf("more_findings"):
		d.findings = append(d.findings, Finding{"more_findings", Info, "$", "more was found than is listed"})
	}
}

// firstOf reports whether no departure of a kind is listed yet, and notes it: beyond
// the bound the first of each still is, for there may be a policy about it.
func (d *Decoder) firstOf(code string) bool {
	if d.codes == nil {
		d.codes = map[string]bool{}
		for i := range d.findings {
			d.codes[d.findings[i].Code] = true
		}
	}
	first := !d.codes[code]
	d.codes[code] = true
	return first
}

// need refuses the body when a member is missing. ok says that its value is
// known to be there; otherwise a value that was sent and is wrong has been
// refused by its reader, and only a missing one is left to report.
func (d *Decoder) need(o *object, ok bool, name string) {
	if !ok && d.err == nil && !d.has(o, name) {
		d.refuse(name, "missing")
	}
}

// needUnless is need for an object of its own, expect for a nested one.
func (d *Decoder) needUnless(nested bool, o *object, ok bool, name string) {
	if nested {
		d.expect(o, ok, name)
		return
	}
	d.need(o, ok, name)
}

// isBody reports whether the body is an object; nothing else has an identity.
func (d *Decoder) isBody() bool {
	c := d.peek()
	if c != '{' {
		d.skip()
		d.refuse("", "want an object, got "+kind(c))
	}
	return c == '{'
}

// wrongKind skips a value and lists that it cannot be read.
func (d *Decoder) wrongKind(name, want string) {
	got := kind(d.peek())
	d.skip()
	if d.weight == light {
		d.find("wrong_type", Warning, name, "want "+want+", got "+got)
		return
	}
	d.unread(name, "want "+want+", got "+got)
}

// kind names the type of the value that starts with c.
func kind(c byte) string {
	switch c {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
