package tariff

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

// TestSecondReading compares the engine with the second reading on random
// tariffs and CDRs. TARIFF_PAIRS sets how many (20,000; a million for the long
// run), TARIFF_SEED where they start.
func TestSecondReading(t *testing.T) {
	pairs := envInt(t, "TARIFF_PAIRS", 20_000)
	seed := envInt(t, "TARIFF_SEED", 0)
	zones := []string{"Europe/Amsterdam", "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", ""}
	e, out := NewEngine(), &Result{}
	rejected := 0
	for i := range pairs {
		r := random{rand.New(rand.NewPCG(uint64(seed+i), 1))}
		cdr := r.cdr(pick(r, ocpi.V211, ocpi.V221, ocpi.V221, ocpi.V230))
		in := &Input{CDR: cdr, Profile: pick(r, Default, Default, pick(r, Profiles()...))}
		zone := pick(r, zones...)
		var location *time.Location
		if zone != "" {
			in.Zone = mustZone(t, zone)
			location = in.Zone.location
		}
		if r.chance(10) {
			expired := r.chance(50)
			in.ReservationExpired = &expired
		}
		e.Price(in, out)
		want := read(cdr, in.Profile, location, in.ReservationExpired)
		if diff := disagreement(out, want); diff != "" {
			t.Fatalf("seed %d, profile %s, zone %q: %s\ntariffs: %+v\nperiods: %+v\nstart %s end %s",
				seed+i, in.Profile.Name, zone, diff, cdr.Tariffs, cdr.Periods, cdr.Start, cdr.End)
		}
		if !out.OK {
			rejected++
		}
	}
	if rejected*4 > pairs {
		t.Errorf("%d of %d pairs were not priced: the test proves too little", rejected, pairs)
	}
}

func disagreement(out *Result, want *reading) string {
	if out.Reason != want.reason {
		return cmp.Diff(want.reason, out.Reason+" "+out.Detail)
	}
	if !out.OK {
		return ""
	}
	for _, x := range []struct {
		what string
		got  Money
		want *readMoney
	}{
		{"total", out.Total, want.total}, {"fixed", out.Fixed, want.fixed}, {"energy", out.Energy, want.energy},
		{"time", out.Time, want.time}, {"parking", out.Parking, want.parking}, {"reservation", out.Reservation, want.reservation},
	} {
		if !moneyAgrees(x.got, x.want) {
			return x.what + ": engine " + orDash(x.got.Excl) + " / " + orDash(x.got.Incl) + ", reading " + x.want.text()
		}
	}
	if len(out.Taxes) != len(want.taxes) {
		return "taxes: engine " + strconv.Itoa(len(out.Taxes)) + ", reading " + strconv.Itoa(len(want.taxes))
	}
	for _, tax := range out.Taxes {
		key := ""
		if tax.Percentage.IsSet() {
			key = ratNumber(tax.Percentage).RatString()
		}
		if x := want.taxes[key]; x == nil || !agrees(tax.Amount, x) {
			return "tax " + key + ": engine " + tax.Amount.String()
		}
	}
	return ""
}

func (m *readMoney) text() string {
	if m == nil {
		return "none"
	}
	side := func(x rat) string {
		if x == nil {
			return "-"
		}
		return x.FloatString(6)
	}
	return side(m.excl) + " / " + side(m.incl)
}

func envInt(t *testing.T, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
