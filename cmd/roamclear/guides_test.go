package main

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guideScript is the lines of a guide's blocks marked sh, as one script: a line has to end
// with 0, or with the code that its comment "# exit N" says.
func guideScript(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	exits := regexp.MustCompile(`^(.*\S)\s+# exit (\d+)$`)
	var script strings.Builder
	in := false
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "```sh" || in && line == "```":
			in = !in
		case in && exits.MatchString(line):
			script.WriteString(exits.ReplaceAllString(line, "code=0; $1 || code=$$?; [ $$code = $2 ]\n"))
		case in:
			script.WriteString(line + "\n")
		}
	}
	if script.Len() == 0 {
		t.Fatalf("%s has no block to run", path)
	}
	return script.String()
}

// The guides work beside the demo as they are printed, each from its beginning to its end,
// but for the address, which is another test's port there.
func testGuides(t *testing.T, s *testService, guides map[string][]string) {
	for name, wants := range guides {
		t.Run(name, func(t *testing.T) {
			script := strings.ReplaceAll(guideScript(t, filepath.Join("../../docs", name)), "http://127.0.0.1:8080", s.url)
			out, err := newShell(t, s.data).run(t.Context(), script)
			if err != nil {
				t.Fatalf("%v\n%s", err, script)
			}
			for _, want := range wants {
				if !strings.Contains(strings.Join(strings.Fields(out), " "), want) { // however wide columns are
					t.Errorf("want %q in\n%s", want, out)
				}
			}
		})
	}
}
