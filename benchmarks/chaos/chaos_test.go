package chaos

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// A short run of make chaos: the service and its engine are killed while
// partners push, and nothing is lost or counted twice.
func TestTenRounds(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "roamclear")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/roamclear").CombinedOutput(); err != nil {
		t.Fatalf("build roamclear: %v\n%s", err, out)
	}
	r, err := Run(t.Context(), Options{Binary: binary, Dir: t.TempDir(), Rounds: 10, Seed: 10, Rows: 150, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
	if r.Rounds != 10 || r.ServiceKills == 0 || r.EngineKills == 0 || r.CDRs == 0 {
		t.Errorf("the run proved little: %+v", r)
	}
}
