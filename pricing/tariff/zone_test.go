package tariff

import (
	"sync"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// TestZoneAgainstTime compares the table with package time around every change
// and at odd instants, for zones with unusual rules.
func TestZoneAgainstTime(t *testing.T) {
	for _, name := range []string{"Europe/Amsterdam", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata", "Pacific/Apia", "UTC", "America/Sao_Paulo"} {
		z := mustZone(t, name)
		clock := wallClock{zone: z}
		check := func(at time.Time) {
			t.Helper()
			got := clock.at(ocpi.TimeOf(at))
			local := at.In(z.location)
			day := int32(time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
			second := int32(local.Hour()*3600 + local.Minute()*60 + local.Second())
			if got.day != day || got.second != second || time.Weekday(got.weekday) != local.Weekday() {
				t.Fatalf("%s at %s: %+v, want day %d second %d %s", name, at, got, day, second, local.Weekday())
			}
		}
		for _, start := range z.starts {
			for _, d := range []int64{-1, 0, 1, 3599, 3600} {
				if start+d > 0 {
					check(time.Unix(start+d, 0))
				}
			}
		}
		for at := time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2110; at = at.Add(1234567 * time.Second) {
			check(at)
		}
	}
}

func TestLoadZone(t *testing.T) {
	for _, name := range []string{"", "Local", "Europe/Nowhere", "../etc/passwd", "/Europe/Amsterdam", "Europe", "Europe/"} {
		if z, err := LoadZone(name); err == nil {
			t.Errorf("%q loaded as %s", name, z.Name())
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := LoadZone("Europe/Berlin"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if a, b := mustZone(t, "Europe/Berlin"), mustZone(t, "Europe/Berlin"); a != b {
		t.Error("not cached")
	}
}
