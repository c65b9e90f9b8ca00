package tariff

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quoted are texts in the form of a code.
var quoted = regexp.MustCompile(`"([a-z]+(?:_[a-z0-9]+)+)"`)

// Every code that the sources of the reconciliation have is a known cause: who
// asks for one that is not is told so.
func TestCausesAreKnown(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") || !strings.Contains(string(text), "(r *reconciler)") {
			continue
		}
		for _, match := range quoted.FindAllStringSubmatch(string(text), -1) {
			if n++; !KnownCause(match[1]) {
				t.Errorf("%s has the code %s, which is not in the list of causes", file, match[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d codes were found", n)
	}
	for code, want := range map[string]bool{
		"several": true, "STEP_NONE": true, "energy_not_charged": true, "energy_and_time_not_charged": true, Default.Name: true,
		"": false, "vat_forgoten": false, "_not_charged": false, "energy_and_not_charged": false, "water_not_charged": false, "step_none": false,
	} {
		if KnownCause(code) != want {
			t.Errorf("%q: %v", code, !want)
		}
	}
}
