package statement

import "testing"

// SetBounds sets bounds for a test: how many CDRs wait together, of how many charges at
// connectors it is looked up at once which of them stand, and of how many overlaps are held.
func SetBounds(t *testing.T, waiting, atOnce, overlaps int) {
	t.Helper()
	were := [...]int{waitingCDRs, connectorsAtOnce, maxOverlaps}
	t.Cleanup(func() { waitingCDRs, connectorsAtOnce, maxOverlaps = were[0], were[1], were[2] })
	waitingCDRs, connectorsAtOnce, maxOverlaps = waiting, atOnce, overlaps
}
