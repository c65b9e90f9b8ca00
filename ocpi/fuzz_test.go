package ocpi

import (
	"errors"
	"maps"
	"slices"
	"testing"

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

// checkVerdict compares the Decoder's error with the oracle's, and reports
// whether the body was accepted.
func checkVerdict(t *testing.T, err, notJSON error, bad map[string]bool) bool {
	t.Helper()
	if notJSON != nil {
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Fatalf("got %v, want a *SyntaxError for: %v", err, notJSON)
		}
		return false
	}
	if len(bad) == 0 {
		if err != nil {
			t.Fatalf("got %v, the oracle takes it", err)
		}
		return true
	}
	invalid, ok := errors.AsType[*Invalid](err)
	if !ok {
		t.Fatalf("got %v, want these refused: %v", err, slices.Sorted(maps.Keys(bad)))
	}
	if len(bad) >= maxNotes {
		return false
	}
	got := map[string]bool{}
	for _, f := range invalid.Fields {
		got[f.Path] = true
	}
	if diff := cmp.Diff(bad, got); diff != "" {
		t.Fatalf("fields refused (-oracle +decoder):\n%s", diff)
	}
	return false
}

func compareCDR(t *testing.T, d *Decoder, v Version, raw []byte) {
	t.Helper()
	got, err := d.CDR(v, raw)
	tree, notJSON := parseTree(raw)
	r := reading{v: v, bad: map[string]bool{}}
	var want CDR
	if notJSON == nil {
		want = r.cdr(tree)
	}
	if !checkVerdict(t, err, notJSON, r.bad) {
		return
	}
	if diff := cmp.Diff(&want, got, sameModel); diff != "" {
		t.Fatalf("CDR (-oracle +decoder):\n%s", diff)
	}
}

func compareTariff(t *testing.T, d *Decoder, v Version, raw []byte) {
	t.Helper()
	got, err := d.Tariff(v, raw)
	tree, notJSON := parseTree(raw)
	r := reading{v: v, bad: map[string]bool{}}
	var want Tariff
	if n, ok := tree.(node); notJSON == nil && ok {
		want = r.tariff(n, "", false)
	} else if notJSON == nil {
		r.refuse("$")
	}
	if !checkVerdict(t, err, notJSON, r.bad) {
		return
	}
	if diff := cmp.Diff(&want, got, sameModel); diff != "" {
		t.Fatalf("Tariff (-oracle +decoder):\n%s", diff)
	}
	if string(got.Raw) != string(trimJSON(raw)) {
		t.Fatalf("Raw is %q", got.Raw)
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

func FuzzDecodeCDR(f *testing.F) {
	for _, tt := range cdrVectors {
		f.Add(uint8(tt.v), readTestdata(f, tt.file))
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, version uint8, raw []byte) {
		compareCDR(t, &d, Version(version%3)+V211, raw)
	})
}

func FuzzDecodeTariff(f *testing.F) {
	for _, tt := range tariffVectors {
		f.Add(uint8(tt.v), readTestdata(f, tt.file))
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, version uint8, raw []byte) {
		compareTariff(t, &d, Version(version%3)+V211, raw)
	})
}
