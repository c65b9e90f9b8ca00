//go:build !race

// Under the race detector sync.Pool drops what it is given at random, so
// allocations cannot be counted there.

package hub

import "testing"

// Only the strings of Location and receipt are made for a push.
func TestPostCDRAllocations(t *testing.T) {
	if n := testing.AllocsPerRun(200, hotPath(t)); n > 2 {
		t.Errorf("%v allocations, want at most 2", n)
	}
}
