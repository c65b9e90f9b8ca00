package exchanged

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What benchmarks/cmd/exchanged measures is whole: each message is kept, with its body named.
func TestExchanged(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "roamclear")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/roamclear").CombinedOutput(); err != nil {
		t.Fatalf("build roamclear: %v\n%s", err, out)
	}
	var said strings.Builder
	if err := Run(t.Context(), Options{Binary: binary, Dir: t.TempDir(), Connections: 4, Rounds: 1, During: 300 * time.Millisecond, Charges: 200, Out: &said}); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if !strings.Contains(said.String(), " 0 were not kept") {
		t.Error(said.String())
	}
}
