package lint_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
)

var update = flag.Bool("update", false, "rewrite what the cases expect")

// testCase is one case of testdata/*.txt, readable by a billing person:
//
//	== code: what is wrong          (or "== not code: ", or any title)
//	version 2.3.0                   (2.2.1 when left out)
//	ENERGY 0.25 10 1; TIME 2 - 60 | start_time=09:00 day_of_week=MONDAY,FRIDAY
//	currency "EUR"                  (a member of the tariff, "-" leaves it out)
//	{...}                           (instead: the whole text of the tariff)
//	->
//	findings, then with "price list" among the lines above, the price list
//
// A component is its type, price, VAT and step_size, "-" where it has none.
type testCase struct {
	title string
	lines []string
	want  string
}

func (tc *testCase) explain() bool { return slices.Contains(tc.lines, "price list") }

func (tc *testCase) run(t *testing.T) string {
	v := ocpi.V221
	for _, line := range tc.lines {
		if s, ok := strings.CutPrefix(line, "version "); ok {
			if v, ok = ocpi.ParseVersion(s); !ok {
				t.Fatalf("version %q", s)
			}
		}
	}
	read := lint.Tariff
	if tc.explain() {
		read = lint.Explained
	}
	report := read(tc.tariff(t, v), v)
	var b strings.Builder
	if err := report.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// tariff builds the JSON text of a case.
func (tc *testCase) tariff(t *testing.T, v ocpi.Version) []byte {
	members := map[string]string{"id": `"1"`, "currency": `"EUR"`, "last_updated": `"2025-01-01T00:00:00Z"`}
	if v != ocpi.V211 {
		members["country_code"], members["party_id"] = `"DE"`, `"ALL"`
	}
	if v == ocpi.V230 {
		members["tax_included"] = `"NO"`
	}
	var elements []string
	for _, line := range tc.lines {
		name, value, _ := strings.Cut(line, " ")
		switch {
		case line[0] == '{' || line[0] == '[':
			return []byte(line)
		case name == "version" || line == "price list":
		case name == strings.ToUpper(name):
			elements = append(elements, element(line))
		case value == "-":
			delete(members, name)
		default:
			members[name] = value
		}
	}
	if _, ok := members["elements"]; !ok {
		members["elements"] = "[" + strings.Join(elements, ",") + "]"
	}
	var parts []string
	for name, value := range members {
		parts = append(parts, fmt.Sprintf("%q:%s", name, value))
	}
	slices.Sort(parts)
	return []byte("{" + strings.Join(parts, ",") + "}")
}

func element(line string) string {
	components, restrictions, restricted := strings.Cut(line, " | ")
	var list []string
	for component := range strings.SplitSeq(components, "; ") {
		fields := strings.Fields(component)
		members := []string{fmt.Sprintf(`"type":%q,"price":%s`, fields[0], fields[1])}
		for i, name := range []string{"vat", "step_size"} {
			if i+2 < len(fields) && fields[i+2] != "-" {
				members = append(members, fmt.Sprintf("%q:%s", name, fields[i+2]))
			}
		}
		list = append(list, "{"+strings.Join(members, ",")+"}")
	}
	text := `{"price_components":[` + strings.Join(list, ",") + "]"
	if !restricted {
		return text + "}"
	}
	var members []string
	for restriction := range strings.FieldsSeq(restrictions) {
		if restriction == "{}" {
			continue
		}
		name, value, _ := strings.Cut(restriction, "=")
		switch {
		case value == "[]" || value == "null" || strings.HasPrefix(value, `"`):
		case name == "day_of_week":
			value = `["` + strings.ReplaceAll(value, ",", `","`) + `"]`
		case strings.Contains(name, "time") || strings.Contains(name, "date") || name == "reservation":
			value = fmt.Sprintf("%q", value)
		}
		members = append(members, fmt.Sprintf("%q:%s", name, value))
	}
	return text + `,"restrictions":{` + strings.Join(members, ",") + "}}"
}

func parseCases(t *testing.T, text string) (cases []testCase) {
	for block := range strings.SplitSeq("\n"+text, "\n== ") {
		if block = strings.TrimSpace(block); block == "" {
			continue
		}
		head, want, _ := strings.Cut(block, "\n->")
		lines := strings.Split(head, "\n")
		cases = append(cases, testCase{lines[0], lines[1:], strings.TrimSpace(want)})
	}
	return cases
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	found, avoided := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rewritten bytes.Buffer
		for _, tc := range parseCases(t, string(text)) {
			t.Run(filepath.Base(file)+"/"+tc.title, func(t *testing.T) {
				got := strings.TrimSpace(tc.run(t))
				fmt.Fprintf(&rewritten, "== %s\n%s\n->\n%s\n\n", tc.title, strings.Join(tc.lines, "\n"), got)
				if diff := cmp.Diff(tc.want, got); diff != "" && !*update {
					t.Errorf("-want +got:\n%s", diff)
				}
				name, _, _ := strings.Cut(tc.title, ":")
				code, negative := strings.CutPrefix(name, "not ")
				if has := strings.Contains(got, ": "+code+": "); negative == has && regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(code) {
					t.Errorf("%s: found is %v", tc.title, has)
				} else if negative {
					avoided[code] = true
				} else {
					found[code] = true
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, rewritten.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, code := range codes(t) {
		if code == "more_findings" || code == "analysis_bounded" {
			continue // TestBounds
		}
		if !found[code] || !avoided[code] {
			t.Errorf("code %s: want a case that finds it (%v) and one, titled %q, that does not (%v)", code, found[code], "not "+code+":", avoided[code])
		}
	}
}

// codes lists the codes in the package's source.
func codes(t *testing.T) (codes []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`(?:add\(|code, by := |code = |code, path = |Code: )"([a-z0-9_]+)"`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllSubmatch(source, -1) {
			codes = append(codes, string(m[1]))
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// TestSpecExamples holds that no example of the specification has a serious
// finding but the ones it deserves.
func TestSpecExamples(t *testing.T) {
	files, err := filepath.Glob("../../ocpi/testdata/spec/*/tariff*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, ok := ocpi.ParseVersion(filepath.Base(filepath.Dir(file)))
		if !ok {
			t.Fatalf("%s: no version", file)
		}
		report := lint.Explained(raw, v)
		if worst, _ := report.Worst(); worst == ocpi.Serious {
			text, _ := json.MarshalIndent(report.Findings, "", " ")
			t.Errorf("%s: %s", file, text)
		}
		if len(report.PriceList) == 0 {
			t.Errorf("%s: no price list", file)
		}
	}
}
