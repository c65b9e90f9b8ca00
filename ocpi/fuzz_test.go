package ocpi

import (
	"bytes"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameModel compares what the Decoder and the oracle made of a body: every
// value exactly, but for the findings and a tariff's own text.
var sameModel = cmp.Options{
	cmp.Comparer(func(a, b Number) bool { return a == b }),
	cmpopts.IgnoreFields(CDR{}, "Findings"),
	cmpopts.IgnoreFields(Tariff{}, "Findings", "Raw"),
	cmpopts.EquateEmpty(),
}

// identities are the paths that may make a body unusable.
var identities = []string{"$", "id", "country_code", "party_id"}

// checkVerdict holds the Decoder to the oracle: what is not JSON is a
// *SyntaxError; only what identifies the object may be refused; every departure
// from OCPI is told, by a wrong field or a finding at its path or around it. It
// reports whether the body was read and departs in nothing, so that what was
// read of it can be compared.
func checkVerdict(t *testing.T, err, notJSON error, bad map[string]bool, findings []Finding) bool {
	if notJSON != nil {
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Fatalf("got %v, want a *SyntaxError for: %v", err, notJSON)
		}
		return false
	}
	var told []string
	for _, f := range findings {
		told = append(told, f.Path)
	}
	if err != nil {
		invalid, ok := errors.AsType[*Invalid](err)
		if !ok {
			t.Fatalf("got %v, want an *Invalid", err)
		}
		for _, f := range invalid.Fields {
			if !slices.Contains(identities, f.Path) || !bad[f.Path] {
				t.Fatalf("%s is refused (%s); departures: %v", f.Path, f.Reason, slices.Sorted(maps.Keys(bad)))
			}
			told = append(told, f.Path)
		}
	}
	if len(told) >= maxNotes {
		return false
	}
	for path := range bad {
		if !slices.ContainsFunc(told, func(other string) bool { return around(path, other) || around(other, path) }) {
			t.Fatalf("nothing is said of %s: %v", path, findings)
		}
	}
	return err == nil && len(bad) == 0
}

// around reports whether path is outer or stands within it.
func around(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func compareCDR(t *testing.T, d *Decoder, v Version, raw []byte) {
	got, err := d.CDR(v, raw)
	tree, notJSON := parseTree(raw)
	r := reading{v: v, bad: map[string]bool{}}
	var want CDR
	if notJSON == nil {
		want = r.cdr(tree)
	}
	if !checkVerdict(t, err, notJSON, r.bad, d.findings) {
		return
	}
	want.Findings = got.Findings
	for i := range min(len(want.Tariffs), len(got.Tariffs)) {
		want.Tariffs[i].Raw = got.Tariffs[i].Raw
	}
	if reflect.DeepEqual(&want, got) { // much faster than cmp
		return
	}
	if diff := cmp.Diff(&want, got, sameModel); diff != "" {
		t.Fatalf("CDR (-oracle +decoder):\n%s", diff)
	}
}

func compareTariff(t *testing.T, d *Decoder, v Version, raw []byte) {
	got, err := d.Tariff(v, raw)
	tree, notJSON := parseTree(raw)
	r := reading{v: v, bad: map[string]bool{}}
	var want Tariff
	if n, ok := tree.(node); notJSON == nil && ok {
		want = r.tariff(n, "", false)
	} else if notJSON == nil {
		r.refuse("$")
	}
	if !checkVerdict(t, err, notJSON, r.bad, d.findings) {
		return
	}
	if string(got.Raw) != string(trimJSON(raw)) {
		t.Fatalf("Raw is %q", got.Raw)
	}
	if want.Findings, want.Raw = got.Findings, got.Raw; reflect.DeepEqual(&want, got) {
		return
	}
	if diff := cmp.Diff(&want, got, sameModel); diff != "" {
		t.Fatalf("Tariff (-oracle +decoder):\n%s", diff)
	}
}

func trimJSON(raw []byte) []byte {
	for len(raw) > 0 && raw[0] != '{' {
		raw = raw[1:]
	}
	for len(raw) > 0 && raw[len(raw)-1] != '}' {
		raw = raw[:len(raw)-1]
	}
	return raw
}

func TestDecoderAgainstOracle(t *testing.T) {
	var d Decoder // one for all: what one body leaves behind must not matter
	for _, tt := range cdrVectors {
		for _, v := range []Version{V211, V221, V230} {
			raw := readTestdata(t, tt.file)
			compareCDR(t, &d, v, raw)
			compareTariff(t, &d, v, raw)
			// Every way to cut the body short is an error, and so is every
			// way to lose one byte, or the oracle takes it as well.
			for i := range raw {
				if i%7 == 0 {
					compareCDR(t, &d, v, raw[:i])
					compareCDR(t, &d, v, slices.Concat(raw[:i], raw[i+1:]))
				}
			}
		}
	}
}

// replaceValue returns a body with its n-th JSON value replaced.
func replaceValue(raw []byte, n int, value string) []byte {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	for range n {
		if _, err := d.ReadToken(); err != nil {
			return raw
		}
	}
	for d.PeekKind() == '}' || d.PeekKind() == ']' {
		if _, err := d.ReadToken(); err != nil {
			return raw
		}
	}
	old, err := d.ReadValue()
	if err != nil {
		return raw
	}
	end := int(d.InputOffset())
	return slices.Concat(raw[:end-len(old)], []byte(value), raw[end:])
}

// oddValues are put in the place of every value, and name, of every vector.
var oddValues = []string{
	"null", "true", "false", "0", "-1", "1.5", "1e-13", "1234567890123456789", "-0.000", "01", "NaN",
	`""`, `"x"`, `"1"`, `"-1.50"`, `"1 "`, `" "`, `"\u00e9"`, `"\u0041\u0042"`, `"\ud800"`, `"a\nb"`, `"EUR"`, `"eu"`, `"E1"`,
	`"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`, `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`, `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`,
	`"2019-05-06T07:30:00"`, `"2019-05-06T07:30:00.1234567890Z"`, `"2019-02-29T07:30:00Z"`, `"2019-05-06T24:00:00Z"`, `"1970-1-1T00:00:00Z"`,
	`"1678-01-01T00:00:00+23:59"`, `"2262-01-01T00:00:00Z"`, `"2019-05-06t07:30:00z"`, `"24:00"`, `"23:59"`, `"2020-02-29"`, `"2019-02-29"`, `"3000-01-01"`,
	`"ENERGY"`, `"FLAT"`, `"POWER"`, `"MONDAY"`, `"RESERVATION"`, `"YES"`, `"id"`, `"country_code"`, `"credit"`, `"Europe/Amsterdam"`,
	"[]", "{}", "[null]", "[1]", `["MONDAY"]`, "[{}]", "[[]]", `{"excl_vat":1}`, `{"before_taxes":"1","taxes":[{"amount":999999999999999999},{}]}`, `{"a":1,"a":1}`,
}

func TestDecoderAgainstOracleOddValues(t *testing.T) {
	var d Decoder
	for _, tt := range cdrVectors {
		if tt.file == "complex10_221.json" {
			continue // much of the same, and slow
		}
		raw := compact(t, readTestdata(t, tt.file))
		for n := range 1000 {
			if n > 1 && bytes.Equal(replaceValue(raw, n, "?"), raw) {
				break
			}
			for i, value := range oddValues {
				if (n+i)%3 == 0 { // every value still meets every kind of field
					compareCDR(t, &d, tt.v, replaceValue(raw, n, value))
				}
			}
		}
	}
	for _, tt := range tariffVectors {
		raw := compact(t, readTestdata(t, tt.file))
		for n := range 300 {
			for _, value := range oddValues {
				compareTariff(t, &d, tt.v, replaceValue(raw, n, value))
			}
		}
	}
}

func compact(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	v := jsontext.Value(slices.Clone(raw))
	if err := v.Compact(); err != nil {
		tb.Fatal(err)
	}
	return v
}

// The fuzz targets change a body's bytes and, because that mostly makes no
// JSON, replace its n-th value.

func FuzzDecodeCDR(f *testing.F) {
	for i, tt := range cdrVectors {
		if tt.file == "complex10_221.json" {
			continue // small bodies are found more in
		}
		raw := compact(f, readTestdata(f, tt.file))
		f.Add(uint8(tt.v), raw, uint16(0), "")
		for j, value := range oddValues {
			f.Add(uint8(tt.v), raw, uint16(1+j*7+i), value)
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, version uint8, raw []byte, n uint16, value string) {
		if n > 0 {
			raw = replaceValue(raw, int(n), value)
		}
		compareCDR(t, &d, Version(version%3)+V211, raw)
	})
}

func FuzzDecodeTariff(f *testing.F) {
	for i, tt := range tariffVectors {
		raw := compact(f, readTestdata(f, tt.file))
		f.Add(uint8(tt.v), raw, uint16(0), "")
		for j, value := range oddValues {
			f.Add(uint8(tt.v), raw, uint16(1+j*3+i), value)
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, version uint8, raw []byte, n uint16, value string) {
		if n > 0 {
			raw = replaceValue(raw, int(n), value)
		}
		compareTariff(t, &d, Version(version%3)+V211, raw)
	})
}

// FuzzDecodeObjects holds the other decoders to the same idea of JSON, and to
// refusing what is no object.
func FuzzDecodeObjects(f *testing.F) {
	for _, file := range []string{"location_211.json", "location_221.json", "session_211.json", "session_221.json", "session_230.json", "token_211.json"} {
		raw := compact(f, readTestdata(f, file))
		f.Add(uint8(0), raw, uint16(0), "")
		for j, value := range oddValues {
			f.Add(uint8(j), raw, uint16(1+j*2), value)
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, version uint8, raw []byte, n uint16, value string) {
		if n > 0 {
			raw = replaceValue(raw, int(n), value)
		}
		tree, notJSON := parseTree(raw)
		_, isObject := tree.(node)
		v := Version(version%3) + V211
		_, location := d.Location(v, raw)
		_, session := d.Session(v, raw)
		_, token := d.Token(v, raw)
		for _, err := range []error{location, session, token} {
			_, syntax := errors.AsType[*SyntaxError](err)
			if syntax != (notJSON != nil) {
				t.Fatalf("got %v, oracle: %v", err, notJSON)
			}
			if _, invalid := errors.AsType[*Invalid](err); !syntax && !isObject && !invalid {
				t.Fatalf("got %v for what is no object", err)
			}
		}
	})
}
