package tariff

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

func randomOf(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 11))} }

// FuzzPrice feeds bodies as partners send them: whatever decodes must price
// or be refused with a reason, and explain itself to the last decimal.
func FuzzPrice(f *testing.F) {
	for _, pattern := range []string{"../../ocpi/testdata/spec/*/cdr_example.json", "testdata/bench/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(ocpi.V221), uint8(0), raw)
			f.Add(uint8(ocpi.V230), uint8(3), raw)
			f.Add(uint8(ocpi.V211), uint8(5), raw)
		}
	}
	f.Fuzz(func(t *testing.T, version, profile uint8, raw []byte) {
		cdr, err := new(ocpi.Decoder).CDR(ocpi.V211+ocpi.Version(version%3), raw)
		if err != nil {
			return
		}
		checkAny(t, &Input{CDR: cdr, Zone: amsterdam, Profile: profiles[int(profile)%len(profiles)]})
	})
}

// FuzzPriceValues feeds structs that no decoder made: extreme numbers, times
// and counts.
func FuzzPriceValues(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed, int64(1)<<62, uint8(12))
	}
	f.Fuzz(func(t *testing.T, seed uint64, extreme int64, scale uint8) {
		r := randomOf(seed)
		cdr := r.cdr(anyVersion(r))
		n := ocpi.NewNumber(extreme%(maxCoefficient+1), scale%13) // what a decoder can make
		p := &cdr.Periods[r.IntN(len(cdr.Periods))]
		switch r.IntN(6) {
		case 0:
			p.Dimensions[0].Volume = n
		case 1:
			p.Start = ocpi.Time(extreme)
		case 2:
			cdr.Tariffs[0].Elements[0].Components[0].Price = n
		case 3:
			cdr.Tariffs[0].Elements[0].Components[0].VAT = n
		case 4:
			cdr.Tariffs[0].Elements[0].Components[0].StepSize = n
		default:
			cdr.Tariffs[0].MaxPrice.Excl, cdr.Tariffs[0].Elements[0].Restrictions.MinDuration = n, n
		}
		checkAny(t, &Input{CDR: cdr, Zone: amsterdam, Profile: pick(r, Profiles()...)})
	})
}

// FuzzPrepare feeds tariffs as partners send them, and prices a charge by
// whatever can be prepared.
func FuzzPrepare(f *testing.F) {
	files, err := filepath.Glob("../../ocpi/testdata/spec/*/tariff*.json")
	if err != nil || len(files) < 40 {
		f.Fatal(len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(len(file)), raw)
	}
	f.Fuzz(func(t *testing.T, version uint8, raw []byte) {
		v := ocpi.V211 + ocpi.Version(version%3)
		tariff, err := new(ocpi.Decoder).Tariff(v, raw)
		if err != nil {
			return
		}
		cdr := randomOf(uint64(version)).cdr(v)
		cdr.Tariffs, cdr.Currency = []ocpi.Tariff{*tariff}, tariff.Currency
		for i := range cdr.Periods {
			cdr.Periods[i].TariffID = ""
		}
		checkAny(t, &Input{CDR: cdr, Zone: amsterdam})
	})
}

// FuzzExplanation reads stored explanations, whatever they hold.
func FuzzExplanation(f *testing.F) {
	in, e, out := benchInput(f, "complex10"), NewEngine(), &Result{}
	e.Price(in, out)
	f.Add(e.Explain(in, out).AppendJSON(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var x Explanation
		if json.Unmarshal(raw, &x) == nil {
			if err := x.Text(discard{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// checkAny holds what is true of every input.
func checkAny(t *testing.T, in *Input) {
	t.Helper()
	e, out := NewEngine(), &Result{}
	e.Price(in, out)
	if out.OK == (out.Reason != "") {
		t.Fatalf("ok %t with reason %q", out.OK, out.Reason)
	}
	x := e.Explain(in, out)
	checkSum(t, x)
	checkRoundTrip(t, x)
	if err := x.Text(discard{}); err != nil {
		t.Fatal(err)
	}
	if out.OK {
		fits(t, x, max(2<<10, least(x)))
	}
	e.Audit(in)
	e.Reconcile(in, in.CDR.TotalCost)
}
