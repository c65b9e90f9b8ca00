package batch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/pricing/batch"
	"github.com/roamclear/roamclear/pricing/tariff"
)

var update = flag.Bool("update", false, "rewrite what the cases expect")

// TestGolden runs the cases of testdata/lines.txt: a title, what is the
// default, the line, and below the arrow its answer, each finding on a line of
// its own and without those of members that do not matter here.
func TestGolden(t *testing.T) {
	const file = "testdata/lines.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rewritten bytes.Buffer
	for block := range strings.SplitSeq("\n"+string(text), "\n== ") {
		if block = strings.TrimSpace(block); block == "" {
			continue
		}
		head, want, _ := strings.Cut(block, "\n->")
		title, input, _ := strings.Cut(head, "\n")
		t.Run(title, func(t *testing.T) {
			defaults := batch.Defaults{Scale: 4}
			lines := strings.Split(strings.TrimSpace(input), "\n")
			for len(lines) > 1 {
				name, value, _ := strings.Cut(lines[0], " ")
				lines = lines[1:]
				switch name {
				case "tariff":
					defaults.Tariffs = append(defaults.Tariffs, []byte(value))
				case "zone":
					if defaults.Zone, err = tariff.LoadZone(value); err != nil {
						t.Fatal(err)
					}
				case "scale":
					defaults.Scale = value[0] - '0'
				default:
					t.Fatalf("unknown default %q", name)
				}
			}
			var out bytes.Buffer
			if _, err := batch.Run(context.Background(), strings.NewReader(lines[0]), &out, defaults, 2); err != nil {
				t.Fatal(err)
			}
			got := readable(t, out.Bytes())
			rewritten.WriteString("== " + title + "\n" + strings.TrimSpace(input) + "\n->\n" + got + "\n\n")
			if diff := cmp.Diff(strings.TrimSpace(want), got); diff != "" && !*update {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, rewritten.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readable(t *testing.T, answer []byte) string {
	var a struct {
		Findings []struct{ Code, Severity, Path, Detail string }
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	text, rest, found := strings.Cut(string(answer), `"findings":[`)
	end := strings.LastIndex(rest, "]")
	if !found || end < 0 {
		t.Fatalf("no findings: %s", answer)
	}
	lines := []string{strings.TrimSpace(text + `"findings":[…` + rest[end:])}
	for _, f := range a.Findings {
		if f.Code != "missing_field" {
			lines = append(lines, strings.TrimRight(f.Severity+" "+f.Path+": "+f.Code+": "+f.Detail, " "))
		}
	}
	return strings.Join(lines, "\n")
}
