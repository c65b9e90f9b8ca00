package charging

import (
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What benchmarks/cmd/charging measures goes well: charges are started, pushed and looked
// at beside each other, and each is found active and priced.
func TestChargesUnderWay(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "roamclear")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/roamclear").CombinedOutput(); err != nil {
		t.Fatalf("build roamclear: %v\n%s", err, out)
	}
	var said strings.Builder
	err := Run(t.Context(), Options{Binary: binary, Dir: t.TempDir(), Stored: []int{20, 60}, Updates: 20, Starts: 5, Gets: 5, Connections: 4, Rounds: 1, During: time.Second,
		Out: io.MultiWriter(&said, t.Output())})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"charges under way", "| Session updates | 20/s |", "CPU of a GET of a charge"} {
		if strings.Count(said.String(), want) != 2 {
			t.Errorf("%q is not said of both", want)
		}
	}
	if strings.Contains(said.String(), "not all went well") {
		t.Error("something failed")
	}
}
