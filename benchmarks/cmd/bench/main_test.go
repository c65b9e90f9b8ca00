package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/settlement/clickhouse"
)

func TestMain(m *testing.M) {
	if clickhouse.MaybeRunChild() {
		return // this process was the engine
	}
	os.Exit(m.Run())
}

// One small round of make bench goes through to its report: the product, the
// baseline and the floors all still do their work.
func TestOneRound(t *testing.T) {
	t.Chdir("../../..")
	dir := t.TempDir()
	o := options{
		binary: filepath.Join(dir, "roamclear"), rounds: 1, count: 300, connections: []int{8},
		charges: "", rows: 300, seed: 1, out: dir, name: "test",
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", o.binary, "./cmd/roamclear").CombinedOutput(); err != nil {
		t.Fatalf("build roamclear: %v\n%s", err, out)
	}
	if err := run(t.Context(), &o, t.Output()); err != nil {
		t.Fatal(err)
	}
	reports, err := filepath.Glob(filepath.Join(dir, "*-test.md"))
	if err != nil || len(reports) != 1 {
		t.Fatalf("reports %v: %v", reports, err)
	}
	report, err := os.ReadFile(reports[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"baseline", "roamclear", "fetch"} {
		if !strings.Contains(string(report), part) {
			t.Errorf("the report has no figures of %q:\n%s", part, report)
		}
	}
}
