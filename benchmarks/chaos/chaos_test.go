package chaos

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// build builds the service.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "roamclear")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/roamclear").CombinedOutput(); err != nil {
		t.Fatalf("build roamclear: %v\n%s", err, out)
	}
	return binary
}

// A short run of make chaos: the service and its engine are killed while
// partners push, and nothing is lost or counted twice.
func TestTenRounds(t *testing.T) {
	r, err := Run(t.Context(), Options{Binary: build(t), Dir: t.TempDir(), Rounds: 10, Seed: 10, Rows: 150, Log: t.Output()})
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

// A short run of make closes: the service is killed while periods are closed, and each
// close has happened wholly or not at all.
func TestKillsDuringCloses(t *testing.T) {
	r, err := Closes(t.Context(), Options{Binary: build(t), Dir: t.TempDir(), Rounds: 8, Seed: 3, Rows: 150, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
	if r.Rounds != 8 || r.Happened+r.Not != 8 || r.Statements == 0 || r.Verified != 1 {
		t.Errorf("the run proved little: %+v", r)
	}
}
