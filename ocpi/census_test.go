package ocpi

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// censusField is a member of a class as a table of the specification has it.
type censusField struct {
	name, kind string // kind without its length
	card       string // 1, ?, * or +
}

// census has the tables of the specification, see testdata/census.go: the members of the
// classes and the values of the types, by version and name.
type census struct {
	classes map[string][]censusField
	enums   map[string][]string
}

func readCensus(t *testing.T) census {
	c := census{map[string][]censusField{}, map[string][]string{}}
	for line := range strings.Lines(string(readTestdata(t, "census.txt"))) {
		f := strings.Fields(line)
		name := f[0] + " " + f[1]
		if f[2] == "enum" || f[2] == "openenum" {
			c.enums[name] = append(c.enums[name], f[3])
			continue
		}
		kind, _, _ := strings.Cut(f[3], "(")
		c.classes[name] = append(c.classes[name], censusField{f[2], kind, f[4]})
	}
	return c
}

// object makes an object of a class with every member that its table has.
func (c *census) object(t *testing.T, version, class string) map[string]any {
	o := map[string]any{}
	fields := c.classes[version+" "+class]
	if fields == nil {
		t.Fatalf("%s has no class %s", version, class)
	}
	for _, f := range fields {
		v := c.value(t, version, class, f)
		if f.card == "*" || f.card == "+" {
			v = []any{v}
		}
		o[f.name] = v
	}
	return o
}

// fit are the members whose value must be a certain one.
var fit = map[string]any{
	"country_code": "NL", "party_id": "TNM", "currency": "EUR", "country": "NLD", "time_zone": "Europe/Amsterdam", "language": "nl",
	"latitude": "52.370216", "longitude": "4.895168", "start_time": "08:00", "end_time": "20:00", "start_date": "2026-01-01", "end_date": "2026-02-01",
	"end_date_time": "2026-01-01T11:00:00Z", "stop_date_time": "2026-01-01T11:00:00Z", "end_datetime": "2026-01-01T11:00:00Z",
	"reservation": "RESERVATION", "contract_id": "NL-TNM-C00000001",
}

func (c *census) value(t *testing.T, version, class string, f censusField) any {
	if v, ok := fit[f.name]; ok {
		return v
	}
	if class == "CdrDimension" && f.name == "type" {
		return "ENERGY"
	}
	if values := c.enums[version+" "+f.kind]; values != nil {
		return values[0]
	}
	switch f.kind {
	case "string", "CiString":
		return "x"
	case "number", "int":
		return 1
	case "boolean":
		return true
	case "DateTime":
		return "2026-01-01T10:00:00Z"
	case "URL":
		return "https://example.com/"
	}
	return c.object(t, version, f.kind)
}

// decoders read the kinds of objects.
var decoders = map[string]func(d *Decoder, v Version, raw []byte) error{
	"CDR":      func(d *Decoder, v Version, raw []byte) error { _, err := d.CDR(v, raw); return err },
	"Session":  func(d *Decoder, v Version, raw []byte) error { _, err := d.Session(v, raw); return err },
	"Location": func(d *Decoder, v Version, raw []byte) error { _, err := d.Location(v, raw); return err },
	"Tariff":   func(d *Decoder, v Version, raw []byte) error { _, err := d.Tariff(v, raw); return err },
	"Token":    func(d *Decoder, v Version, raw []byte) error { _, err := d.Token(v, raw); return err },
}

// A body with every member of the specification's tables is read without a finding; of
// one that lacks a member the tables require, that is told, and of any other nothing.
func TestCensus(t *testing.T) {
	c := readCensus(t)
	var d Decoder
	for v := V211; v <= V230; v++ {
		for kind, decode := range decoders {
			whole := c.object(t, v.String(), kind)
			if err := decode(&d, v, marshal(t, whole)); err != nil || len(d.findings) > 0 {
				t.Errorf("%s of %s with all its members: %v %v", kind, v, err, d.findings)
				continue
			}
			c.without(t, v.String(), kind, whole, "", func(path, card string) {
				err := decode(&d, v, marshal(t, whole))
				told := err != nil || slices.ContainsFunc(d.findings, func(f Finding) bool { return around(path, f.Path) || around(f.Path, path) })
				if required := card == "1" || card == "+" || together[path]; told != required {
					t.Errorf("%s of %s without %s (card. %s): told %t (%v %v)", kind, v, path, card, told, err, d.findings)
				}
			})
		}
	}
}

// together are members that may be left out, but not beside what else is there: the EVSE
// of a 2.1.1 Session or CDR, and what a credit CDR credits.
var together = map[string]bool{"location.evses": true, "credit_reference_id": true}

// described are members that say something to people alone: what is in them is checked
// to be JSON and handed on.
var described = []string{
	"tariff_alt_text", "energy_mix", "related_locations", "status_schedule", "directions", "images", "operator", "suboperator", "owner",
	"opening_times", "publish_allowed_to", "parking_places", "parking", "signed_data", "energy_contract",
}

// without calls fn for each member of an object, and of what is in it, while it is left
// out.
func (c *census) without(t *testing.T, version, class string, o map[string]any, at string, fn func(path, card string)) {
	for _, f := range c.classes[version+" "+class] {
		v := o[f.name]
		delete(o, f.name)
		fn(at+f.name, f.card)
		o[f.name] = v
		path := at + f.name
		if list, ok := v.([]any); ok {
			v, path = list[0], path+"[0]"
		}
		ofEVSE := class == "EVSE" && f.name == "coordinates"
		if child, ok := v.(map[string]any); ok && !ofEVSE && !slices.Contains(described, f.name) {
			c.without(t, version, f.kind, child, path+".", fn)
		}
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// specKinds are the examples of the specification that are objects of their own, by how
// their names begin.
var specKinds = []struct{ prefix, kind string }{
	{"cdr_", "CDR"}, {"session_example", "Session"}, {"location_example", "Location"}, {"tariff_", "Tariff"}, {"token_example", "Token"}, {"token_put", "Token"},
}

// TestSpecExamples reads every JSON example of the specification: those that are wrong are
// listed with what is found in them (testdata/spec.golden). Each comes back as it was sent,
// taken apart and put together, and has one canonical form.
func TestSpecExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/spec/*/*.json")
	if err != nil || len(files) < 110 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	var d Decoder
	var b strings.Builder
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkFaithful(t, &d, file, raw)
		v, ok := ParseVersion(filepath.Base(filepath.Dir(file)))
		if !ok {
			t.Fatalf("%s: no version", file)
		}
		for _, k := range specKinds {
			if !strings.HasPrefix(filepath.Base(file), k.prefix) {
				continue
			}
			if err := decoders[k.kind](&d, v, raw); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			for _, f := range d.findings {
				fmt.Fprintf(&b, "%s %s %s %s: %s\n", v, filepath.Base(file), f.Code, f.Path, f.Detail)
			}
		}
	}
	checkGolden(t, "spec.golden", b.String())
}

func checkFaithful(t *testing.T, d *Decoder, file string, raw []byte) {
	o, err := SplitObject(raw)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	for _, m := range o {
		if !strings.Contains(string(raw), m.Value) {
			t.Errorf("%s: %s is not as it was sent", file, m.Name)
		}
	}
	sent, err := d.AppendCanonical(nil, raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][]byte{o.Bytes(), sent} {
		if again, err := d.AppendCanonical(nil, other); err != nil || string(again) != string(sent) {
			t.Errorf("%s: has another canonical form: %v", file, err)
		}
	}
}
