package ocpi

import "testing"

// TestHotPathDoesNotAllocate holds for the second body on, when the arenas
// have grown.
func TestHotPathDoesNotAllocate(t *testing.T) {
	var d Decoder
	for _, file := range []string{"simple1_221.json", "complex10_221.json"} {
		raw := readTestdata(t, file)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := d.CDR(V221, raw); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("CDR %s: %v allocations", file, n)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := d.CanonicalHash(raw); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("CanonicalHash %s: %v allocations", file, n)
		}
	}
}
