package lint

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Report is what was found in one tariff.
type Report struct {
	Tariff   string         `json:"tariff,omitempty"` // id as sent
	Version  string         `json:"version"`
	Findings []ocpi.Finding `json:"findings"` // the worst first
	// PriceList is the tariff as a driver could read it; nil where it was not
	// asked for or the tariff cannot be priced.
	PriceList []string `json:"price_list,omitempty"`
}

// Worst returns the highest severity found; ok is false when nothing was.
func (r *Report) Worst() (worst ocpi.Severity, ok bool) {
	for _, f := range r.Findings {
		worst, ok = max(worst, f.Severity), true
	}
	return worst, ok
}

// WriteText writes one line a finding, then the price list.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%-7s %s: %s: %s\n", f.Severity, f.Path, f.Code, f.Detail)
	}
	if len(r.Findings) == 0 {
		b.WriteString("nothing found\n")
	}
	if len(r.PriceList) > 0 {
		b.WriteString("\n" + strings.Join(r.PriceList, "\n") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Tariff finds what is wrong with a tariff's JSON text, read as version v, or
// as the version it looks like when v is 0 ([Recognize]). It never fails: a
// text that is no tariff has a serious finding that says so. It does not keep
// raw.
func Tariff(raw []byte, v ocpi.Version) Report { return read(raw, v, false) }

// Explained is [Tariff] with the price list.
func Explained(raw []byte, v ocpi.Version) Report { return read(raw, v, true) }

func read(raw []byte, v ocpi.Version, explain bool) Report {
	if v == 0 {
		v = versionOf(raw)
	}
	r := Report{Version: v.String()}
	var d ocpi.Decoder
	t, err := d.Tariff(v, raw)
	nameless, ok := errors.AsType[*ocpi.Invalid](err)
	if ok {
		t, err = d.TariffToPrice(v, raw)
	}
	if _, ok := errors.AsType[*ocpi.SyntaxError](err); ok {
		r.Findings = []ocpi.Finding{{Code: "not_json", Severity: ocpi.Serious, Path: "$", Detail: err.Error() + "; nothing else was checked"}}
		return r
	}
	c := &checker{t: t}
	if t != nil {
		c.readAs(t.Findings)
	}
	tree, parseErr := parse(raw)
	if parseErr != nil {
		r.Findings = []ocpi.Finding{{Code: "not_json", Severity: ocpi.Serious, Path: "$", Detail: parseErr.Error() + "; nothing else was checked"}}
		return r
	}
	c.text(&tree, v)
	if id := tree.member("id"); id != nil {
		r.Tariff = id.text
	}
	if nameless != nil {
		c.nameless(nameless)
	}
	if err == nil {
		c.decoded(t.Findings)
	}
	switch {
	case err != nil:
	case len(t.Unread) > 0:
		c.add("unpriceable", ocpi.Serious, "$", "the tariff cannot be read, so no CDR can be priced with it and its meaning was not checked; mend the fields listed here first")
	default:
		c.meaning()
		if _, err := tariff.Prepare(t); err != nil {
			c.add("unpriceable", ocpi.Serious, "$", "no CDR can be priced with this tariff ("+err.Error()+"); mend what is listed here")
		} else if explain {
			r.PriceList = PriceList(t)
		}
	}
	r.Findings = c.sorted()
	if r.Findings == nil {
		r.Findings = []ocpi.Finding{}
	}
	return r
}

// nameless lists why nobody knows which tariff it is, or that it is none.
func (c *checker) nameless(err *ocpi.Invalid) {
	for _, f := range err.Fields {
		if !c.has(f.Path) {
			c.add("invalid_field", ocpi.Serious, f.Path, f.Reason+"; nobody knows which tariff is meant, so it is refused")
		}
	}
}

// readAs remembers what is not written as OCPI has it and was read all the same.
func (c *checker) readAs(findings []ocpi.Finding) {
	c.read = map[string]string{}
	for _, f := range findings {
		if _, value, ok := strings.Cut(f.Detail, "read as "); ok && spelled[f.Code] {
			c.read[f.Path] = value
		}
	}
}

// spelled are the findings of package ocpi of what it read all the same.
var spelled = map[string]bool{"enum_case": true, "time_spelling": true, "date_spelling": true}

// told are the findings of package ocpi that are reported here in other words.
var told = map[string]bool{
	"quoted_number": true, "unknown_restriction": true, "unknown_enum": true, "enum_case": true, "time_spelling": true, "date_spelling": true,
}

// mends say what to do about findings of package ocpi.
var mends = map[string]string{
	"datetime_offset":       "the offset was converted to UTC, other readers may drop it and shift the validity; write the time in UTC with Z",
	"datetime_without_zone": "no zone is taken as UTC, as OCPI says, by other readers as local time; write Z",
	"datetime_unknown":      "1970-01-01T00:00:00Z stands for a time that is not known, so it does not bound the validity; leave it out",
	"currency_case":         "lower case is read, other readers reject the tariff; write upper case",
}

// decoded lists what package ocpi found.
func (c *checker) decoded(findings []ocpi.Finding) {
	for _, f := range findings {
		missing := f.Code == "missing_field" && (strings.HasSuffix(f.Path, ".step_size") || f.Path == "tax_included")
		if told[f.Code] || missing {
			continue // component.go and tax.go say what it means
		}
		if f.Code == "unreadable_member" && f.Severity == ocpi.Serious {
			if !c.has(f.Path) {
				c.add("invalid_field", ocpi.Serious, f.Path, f.Detail+"; the tariff cannot be priced")
			}
			continue
		}
		if mend, ok := mends[f.Code]; ok {
			f.Detail = mend
		}
		c.add(f.Code, f.Severity, f.Path, f.Detail)
	}
}

// versionOf returns the version a text looks like. What is no tariff at all is
// read as 2.2.1, which then says why.
func versionOf(raw []byte) ocpi.Version {
	if v, ok := ocpi.DetectTariffVersion(raw); ok {
		return v
	}
	return ocpi.V221
}
