package attack

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// What one partner does to the service costs the others little. make attack
// does the same in full size.
func TestAttacks(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "roamclear")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/roamclear").CombinedOutput(); err != nil {
		t.Fatalf("build roamclear: %v\n%s", err, out)
	}
	for _, a := range Attacks() {
		t.Run(a.Name, func(t *testing.T) {
			// Other packages' tests share the processors: a bystander may wait for them.
			r, err := Run(t.Context(), &a, Options{Binary: binary, Dir: t.TempDir(), Within: 30 * time.Second, Log: t.Output()})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Violations {
				t.Error(v)
			}
			if r.Pushed == 0 {
				t.Errorf("the attack proved little: %s", r)
			}
		})
	}
}
