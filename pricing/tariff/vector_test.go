package tariff

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

var update = flag.Bool("update", false, "rewrite what stands below --- in testdata/vectors")

// TestSpecVectors prices every worked example of the specifications and the
// derived ones (testdata/vectors/README.md). What a person expects stands above
// the line ---, what the engine says below it; -update rewrites only the latter.
func TestSpecVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d vector files, error %v; want at least 80", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			head, golden, ok := strings.Cut(string(text), "\n---\n")
			if !ok {
				t.Fatal("no line ---")
			}
			v := parseVector(t, head)
			e, out := NewEngine(), &Result{}
			e.Price(&v.in, out)
			v.check(t, out)
			got := report(e, &v.in, out)
			if *update {
				if err := os.WriteFile(file, []byte(head+"\n---\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(golden, got); d != "" {
				t.Errorf("run go test -update and review (-want +got):\n%s", d)
			}
		})
	}
}

// vector is one file: an input and what is expected of it.
type vector struct {
	in     Input
	expect [][2]string
}

func (v *vector) check(t *testing.T, out *Result) {
	t.Helper()
	if !out.OK {
		t.Fatalf("not priced: %s: %s", out.Reason, out.Detail)
	}
	got := map[string]Money{"total": out.Total, "fixed": out.Fixed, "energy": out.Energy, "time": out.Time, "parking": out.Parking, "reservation": out.Reservation}
	for _, x := range v.expect {
		what, want := x[0], x[1]
		if percent, ok := strings.CutPrefix(what, "tax "); ok {
			if tax := findTax(out.Taxes, ocpi.MustNumber(percent)); tax == nil || tax.Amount.Cmp(ocpi.MustNumber(want)) != 0 {
				t.Errorf("tax %s%%: got %+v, want %s", percent, tax, want)
			}
			continue
		}
		if what == "claim" {
			if out.Claim.String() != want {
				t.Errorf("claim %s, want %s", out.Claim, want)
			}
			continue
		}
		m, ok := got[what]
		if !ok {
			t.Fatalf("expect %s: not something to expect", what)
		}
		excl, incl, _ := strings.Cut(want, " / ")
		checkNumber(t, what+" before tax", m.Excl, excl)
		checkNumber(t, what+" after tax", m.Incl, incl)
	}
}

// checkNumber compares with a figure, "-" for unknown, "*" for anything.
func checkNumber(t *testing.T, what string, got ocpi.Number, want string) {
	t.Helper()
	switch {
	case want == "*":
	case want == "-":
		if got.IsSet() {
			t.Errorf("%s: got %s, want none", what, got)
		}
	case !got.IsSet() || got.Cmp(ocpi.MustNumber(want)) != 0:
		t.Errorf("%s: got %q, want %s", what, got, want)
	}
}

func findTax(taxes []Tax, percentage ocpi.Number) *Tax {
	for i := range taxes {
		if taxes[i].Percentage.Cmp(percentage) == 0 {
			return &taxes[i]
		}
	}
	return nil
}

// report renders what the engine says about a price.
func report(e *Engine, in *Input, out *Result) string {
	var b bytes.Buffer
	line := func(what string, m Money) {
		if m.Excl.IsSet() || m.Incl.IsSet() {
			fmt.Fprintf(&b, "%-12s %12s %12s\n", what, orDash(m.Excl), orDash(m.Incl))
		}
	}
	line("total", out.Total)
	line("fixed", out.Fixed)
	line("energy", out.Energy)
	line("time", out.Time)
	line("parking", out.Parking)
	line("reservation", out.Reservation)
	for _, tax := range out.Taxes {
		fmt.Fprintf(&b, "%s %s%% %s\n", tax.Name, orDash(tax.Percentage), tax.Amount)
	}
	for _, f := range out.Findings {
		fmt.Fprintf(&b, "finding: %s (%s) %s\n", f.Code, f.Severity, f.Path)
	}
	b.WriteString("\n")
	if err := e.Explain(in, out).Text(&b); err != nil {
		b.WriteString(err.Error()) // not for a buffer
	}
	return b.String()
}

func orDash(n ocpi.Number) string {
	if !n.IsSet() {
		return "-"
	}
	return n.String()
}

func parseVector(t *testing.T, text string) *vector {
	t.Helper()
	v := &vector{}
	cdr := &ocpi.CDR{Currency: "EUR", Version: ocpi.V221}
	v.in.CDR = cdr
	s := bufio.NewScanner(strings.NewReader(text))
	for s.Scan() {
		line := strings.TrimSpace(s.Text())
		key, value, ok := strings.Cut(line, ": ")
		if strings.HasPrefix(line, "#") || line == "" || key == "section" {
			continue
		}
		if !ok {
			t.Fatalf("line %q: want key: value", line)
		}
		v.parseLine(t, key, value)
	}
	if len(cdr.Tariffs) > 0 {
		cdr.Currency = cdr.Tariffs[0].Currency
	}
	return v
}

func (v *vector) parseLine(t *testing.T, key, value string) {
	t.Helper()
	cdr := v.in.CDR
	switch key {
	case "version":
		version, ok := ocpi.ParseVersion(value)
		if !ok {
			t.Fatalf("version %q", value)
		}
		cdr.Version = version
	case "profile":
		p, ok := ProfileByName(value)
		if !ok {
			t.Fatalf("profile %q", value)
		}
		v.in.Profile = p
	case "zone":
		v.in.Zone, v.in.ZoneSource = mustZone(t, value), "location"
	case "tariff":
		if rest, ok := strings.CutPrefix(value, "inline "); ok {
			cdr.Tariffs = append(cdr.Tariffs, inlineTariff(t, cdr.Version, rest))
			return
		}
		cdr.Tariffs = append(cdr.Tariffs, *mustTariff(t, cdr.Version, inputFile(value)))
	case "element":
		tariff := &cdr.Tariffs[len(cdr.Tariffs)-1]
		tariff.Elements = append(tariff.Elements, inlineElement(t, value))
	case "cdr":
		*cdr = *mustCDR(t, cdr.Version, inputFile(value))
	case "period":
		p := inlinePeriod(t, value)
		if !cdr.Start.IsSet() {
			cdr.Start = p.Start
		}
		cdr.Periods = append(cdr.Periods, p)
	case "end":
		cdr.End = mustTime(t, value)
	case "claimed":
		cdr.TotalCost = inlinePrice(t, strings.ReplaceAll(value, " ", ""))
	case "credit":
		cdr.Credit, cdr.CreditReferenceID = true, value
	default:
		what, ok := strings.CutPrefix(key, "expect ")
		if !ok {
			t.Fatalf("unknown key %q", key)
		}
		v.expect = append(v.expect, [2]string{what, value})
	}
}

func mustZone(tb testing.TB, name string) *Zone {
	tb.Helper()
	z, err := LoadZone(name)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

func mustTime(tb testing.TB, s string) ocpi.Time {
	tb.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		tb.Fatal(err)
	}
	return ocpi.TimeOf(at)
}

func mustTariff(tb testing.TB, version ocpi.Version, file string) *ocpi.Tariff {
	tb.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	t, err := new(ocpi.Decoder).Tariff(version, raw)
	if err != nil {
		tb.Fatalf("decode %s: %v", file, err)
	}
	return t
}

func mustCDR(tb testing.TB, version ocpi.Version, file string) *ocpi.CDR {
	tb.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := new(ocpi.Decoder).CDR(version, raw)
	if err != nil {
		tb.Fatalf("decode %s: %v", file, err)
	}
	return c
}

// inputFile is where a vector's file stands: an example of the specification among the
// test data of ocpi, any other here.
func inputFile(name string) string {
	if strings.HasPrefix(name, "spec/") {
		return filepath.Join("../../ocpi/testdata", name)
	}
	return filepath.Join("testdata", name)
}
