package tariff

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

// An audit of what was priced and explained finds what an audit from scratch
// finds, and leaves nothing behind that changes the next one.
func TestAuditOfWhatWasPriced(t *testing.T) {
	used, out := NewEngine(), &Result{}
	for seed := range uint64(3000) {
		r := randomOf(seed)
		in := &Input{CDR: r.cdr(pick(r, ocpi.V211, ocpi.V221, ocpi.V230)), Profile: Default, Zone: mustZone(t, "Europe/Amsterdam")}
		used.Price(in, out)
		used.Explain(in, out)
		got := used.AuditPriced(in, out)
		if diff := cmp.Diff(NewEngine().Audit(in), got); diff != "" {
			t.Fatalf("seed %d (-from scratch +after pricing and explaining):\n%s", seed, diff)
		}
	}
}
