package pricing

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// said are the places in the sources where a reason is said.
var said = regexp.MustCompile(`(?:\bReason\w+ += |unpriceable\()"([a-z_]+)"`)

// Every reason that the sources have is known: who asks for one that is not is
// told so.
func TestReasonsAreKnown(t *testing.T) {
	n := 0
	for _, pattern := range []string{"*.go", "tariff/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range said.FindAllStringSubmatch(string(text), -1) {
				if n++; !KnownReason(match[1]) && !strings.HasSuffix(file, "_test.go") {
					t.Errorf("%s has the reason %s, which is not in the list", file, match[1])
				}
			}
		}
	}
	if n < 25 || KnownReason("") || KnownReason("unknown_tarif") {
		t.Errorf("%d reasons were found", n)
	}
}
