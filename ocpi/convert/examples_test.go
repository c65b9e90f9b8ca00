package convert

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

// parts are the examples of the specification that are no object of their own.
var parts = []string{"_patch_", "patch_", "energymix", "hours", "restriction"}

// example is an example of the specification.
type example struct {
	name string // such as "2.2.1 cdr_example.json"
	kind Kind
	v    ocpi.Version
	raw  []byte
}

func examples(t testing.TB) (list []example) {
	files, err := filepath.Glob("../testdata/spec/*/*.json")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
next:
	for _, file := range files {
		name := filepath.Base(file)
		for _, part := range parts {
			if strings.Contains(name, part) && !strings.HasPrefix(name, "location_example") {
				continue next
			}
		}
		v, ok := ocpi.ParseVersion(filepath.Base(filepath.Dir(file)))
		if !ok {
			t.Fatalf("%s: no version", file)
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, example{v.String() + " " + name, kindOfExample(t, name), v, raw})
	}
	return list
}

func kindOfExample(t testing.TB, name string) Kind {
	for prefix, kind := range map[string]Kind{
		"cdr_": CDR, "session_": Session, "location_example": Location, "location_put_example_add_evse": EVSE, "tariff_": Tariff, "token_": Token,
	} {
		if strings.HasPrefix(name, prefix) {
			return kind
		}
	}
	t.Fatalf("%s: what kind is it?", name)
	return 0
}

// TestSpecExamples converts every object among the examples of the specification to the
// other versions: testdata/examples.golden says what is lost, or why one is refused.
func TestSpecExamples(t *testing.T) {
	ctx := knowing
	ctx.At = at("2019-06-01T00:00:00Z")
	ctx.Token = func(string, ocpi.Time) (ocpi.CDRToken, bool) {
		return ocpi.CDRToken{CountryCode: "DE", PartyID: "TNM", UID: "012345678", Type: "RFID"}, true
	}
	var b strings.Builder
	for _, e := range examples(t) {
		for to := ocpi.V211; to <= ocpi.V230; to++ {
			if to == e.v {
				continue
			}
			result, err := Convert(e.kind, e.v, to, e.raw, ctx)
			refused, ok := errors.AsType[*Refused](err)
			switch {
			case ok && (refused.Path == "" || refused.Reason == ""):
				t.Errorf("%s to %s: refused without path or reason: %v", e.name, to, refused)
			case ok:
				fmt.Fprintf(&b, "%s > %s refused: %s\n", e.name, to, refused)
				continue
			case err != nil:
				t.Errorf("%s to %s: %v", e.name, to, err)
				continue
			}
			fmt.Fprintf(&b, "%s > %s: lost %s\n", e.name, to, cmp.Or(Lost(result.Lost), "nothing"))
			if err := read(e.kind, to, result.Body); err != nil {
				t.Errorf("%s to %s: what comes out cannot be read: %v", e.name, to, err)
			}
		}
	}
	const golden = "testdata/examples.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("run go test -update and review (-want +got):\n%s", d)
	}
}

// read reads an object with the Decoder, where it reads its kind.
func read(kind Kind, v ocpi.Version, raw []byte) error {
	_, err := findingsOf(kind, v, raw)
	return err
}

func findingsOf(kind Kind, v ocpi.Version, raw []byte) (findings []ocpi.Finding, err error) {
	var d ocpi.Decoder
	switch kind {
	case CDR:
		o, err := d.CDR(v, raw)
		if err != nil {
			return nil, err
		}
		return o.Findings, nil
	case Session:
		o, err := d.Session(v, raw)
		if err != nil {
			return nil, err
		}
		return o.Findings, nil
	case Location:
		o, err := d.Location(v, raw)
		if err != nil {
			return nil, err
		}
		return o.Findings, nil
	case Tariff:
		o, err := d.Tariff(v, raw)
		if err != nil {
			return nil, err
		}
		return o.Findings, nil
	case Token:
		o, err := d.Token(v, raw)
		if err != nil {
			return nil, err
		}
		return o.Findings, nil
	}
	_, err = ocpi.SplitObject(raw)
	return nil, err
}

// The same version is the very bytes, whatever they are.
func TestSameVersion(t *testing.T) {
	for _, e := range examples(t) {
		result, err := Convert(e.kind, e.v, e.v, e.raw, Context{})
		if err != nil || len(result.Lost) > 0 || &result.Body[0] != &e.raw[0] {
			t.Errorf("%s: %v, lost %v", e.name, err, result.Lost)
		}
	}
}

func TestConvertErrors(t *testing.T) {
	for _, c := range []struct {
		kind     Kind
		from, to ocpi.Version
		raw      string
		want     string
	}{
		{CDR, ocpi.V221, ocpi.V230, `{"a":1`, "not valid JSON at byte 6: the text ends where a comma or closing brace is due"},
		{CDR, ocpi.V221, ocpi.V230, `[]`, "$: want an object, got an array"},
		{0, ocpi.V221, ocpi.V230, `{}`, "convert a unknown kind from 2.2.1 to 2.3.0: no such conversion"},
		{CDR, ocpi.V221, 9, `{}`, "convert a CDR from 2.2.1 to unknown: no such conversion"},
		{Token, ocpi.V211, ocpi.V230, `{}`, "party_id: OCPI 2.1.1 does not say whose object it is, and the connection does not either"},
	} {
		if _, err := Convert(c.kind, c.from, c.to, []byte(c.raw), Context{}); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.raw, err, c.want)
		}
	}
}

func TestLost(t *testing.T) {
	many := make([]Loss, 300)
	for i := range many {
		many[i].Path = fmt.Sprintf("charging_periods[%d].tariff_id", i)
	}
	for _, c := range []struct {
		lost []Loss
		want string
	}{
		{nil, ""},
		{[]Loss{{"type", "r"}}, "1; type"},
		{[]Loss{{"a", ""}, {"b[0].c", ""}}, "2; a,b[0].c"},
		{[]Loss{{"x\r\nSet-Cookie: a=b;,%", ""}}, "1; x%0d%0aSet-Cookie:%20a=b%3b%2c%25"},
		{[]Loss{{"ö", ""}}, "1; %c3%b6"},
	} {
		if got := Lost(c.lost); got != c.want {
			t.Errorf("%v: %q, want %q", c.lost, got, c.want)
		}
	}
	long := Lost(many)
	if len(long) > MaxLostHeader || !strings.HasPrefix(long, "300; charging_periods[0].tariff_id,") || !strings.HasSuffix(long, ".tariff_id") {
		t.Errorf("%d bytes: %q", len(long), long)
	}
}

// A body that loses in ten thousand places is told of the first thousand.
func TestLossesAreBounded(t *testing.T) {
	periods := strings.Repeat(`{"tariff_id":"1"},`, 10_000)
	raw := `{"cdr_token":{"contract_id":"c"},"charging_periods":[` + strings.TrimSuffix(periods, ",") + `]}`
	result, err := Convert(Session, ocpi.V221, ocpi.V211, []byte(raw), Context{})
	if n := len(result.Lost); err != nil || n != maxLost+1 || result.Lost[n-1].Path != "$" {
		t.Errorf("%d losses, %v", n, err)
	}
}
