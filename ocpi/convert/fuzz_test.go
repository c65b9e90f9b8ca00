package convert

import (
	"errors"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// FuzzConvert converts what partners may send. What comes out is an object of the
// target version; of a body without findings the Decoder reads what comes of it; the
// last_updated stays.
func FuzzConvert(f *testing.F) {
	for i, e := range examples(f) {
		f.Add(uint8(e.kind), uint8(e.v), uint8(i), e.raw)
	}
	for _, raw := range []string{`{"total_cost":[{"excl_vat":1}],"credit":1}`, `{"evses":{"uid":1,"connectors":[null,{"standard":7}]}}`, `{"cdr_token":[],"location":[{}]}`} {
		f.Add(uint8(CDR), uint8(ocpi.V221), uint8(0), []byte(raw))
		f.Add(uint8(Session), uint8(ocpi.V211), uint8(0), []byte(raw))
		f.Add(uint8(Location), uint8(ocpi.V230), uint8(0), []byte(raw))
	}
	f.Fuzz(func(t *testing.T, kind, from, to uint8, raw []byte) {
		k := CDR + Kind(kind)%Token
		v, target := ocpi.V211+ocpi.Version(from%3), ocpi.V211+ocpi.Version(to%3)
		result, err := Convert(k, v, target, raw, knowing)
		checkHeader(t, result.Lost)
		if err != nil {
			checkError(t, err)
			return
		}
		for _, l := range result.Lost {
			if l.Path == "" || l.Reason == "" {
				t.Fatalf("lost %+v", l)
			}
		}
		if v == target {
			return
		}
		checkUpdated(t, raw, result.Body)
		findings, err := findingsOf(k, v, raw)
		if err != nil || len(findings) > 0 {
			return
		}
		if err := read(k, target, result.Body); err != nil {
			t.Fatalf("%s from %s to %s: %v\n%s\n%s", k, v, target, err, raw, result.Body)
		}
	})
}

func checkError(t *testing.T, err error) {
	_, refused := errors.AsType[*Refused](err)
	_, syntax := errors.AsType[*ocpi.SyntaxError](err)
	_, invalid := errors.AsType[*ocpi.Invalid](err)
	if !refused && !syntax && !invalid {
		t.Fatalf("%T: %v", err, err)
	}
}

func checkHeader(t *testing.T, lost []Loss) {
	header := Lost(lost)
	if len(header) > MaxLostHeader {
		t.Fatalf("a header of %d bytes", len(header))
	}
	for _, c := range []byte(header) {
		if c < ' ' || c > '~' {
			t.Fatalf("header %q", header)
		}
	}
}

func checkUpdated(t *testing.T, in, out []byte) {
	before, err := ocpi.SplitObject(in)
	if err != nil {
		t.Fatal(err)
	}
	after, err := ocpi.SplitObject(out)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if was, is := before.Value("last_updated"), after.Value("last_updated"); was != is {
		t.Fatalf("last_updated was %s, is %s", was, is)
	}
}
