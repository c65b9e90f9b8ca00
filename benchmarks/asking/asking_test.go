package asking

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What benchmarks/cmd/asking measures is answered as it should be: by the store and by
// the eMSP, kept and passed on, over plain HTTP and to who comes with a certificate.
func TestAsking(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "roamclear")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/roamclear").CombinedOutput(); err != nil {
		t.Fatalf("build roamclear: %v\n%s", err, out)
	}
	var said strings.Builder
	if err := Run(t.Context(), Options{Binary: binary, Dir: t.TempDir(), Connections: 2, Rounds: 1, During: 300 * time.Millisecond, Out: &said}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"that the eMSP is asked for |", "that is passed on |", "certificate of the client, a connection each |"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not told of:\n%s", want, said.String())
		}
	}
}
