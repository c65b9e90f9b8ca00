package tariff

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

func TestWallClockBounds(t *testing.T) {
	amsterdam, err := LoadZone("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	night := ocpi.Restrictions{StartTime: ocpi.NewTimeOfDay(22, 0), EndTime: ocpi.NewTimeOfDay(2, 30)}
	weekend := ocpi.Restrictions{DayOfWeek: 1<<time.Saturday | 1<<time.Sunday}
	for _, tc := range []struct {
		name         string
		restrictions ocpi.Restrictions
		from, until  string
		want         []string
	}{
		{"an evening", night, "2025-06-02T18:00:00Z", "2025-06-02T22:00:00Z", []string{"2025-06-02T20:00:00Z"}},
		{"the ends themselves are no change inside", night, "2025-06-02T20:00:00Z", "2025-06-03T00:30:00Z", nil},
		{"the clocks skip 02:30", night, "2025-03-29T23:00:00Z", "2025-03-30T03:00:00Z", []string{"2025-03-30T01:00:00Z"}},
		{"the clocks show 02:30 twice", night, "2025-10-25T22:00:00Z", "2025-10-26T03:00:00Z",
			[]string{"2025-10-26T00:30:00Z", "2025-10-26T01:00:00Z", "2025-10-26T01:30:00Z"}},
		{"weekdays change at local midnight", weekend, "2025-06-06T12:00:00Z", "2025-06-08T12:00:00Z",
			[]string{"2025-06-06T22:00:00Z", "2025-06-07T22:00:00Z"}},
		{"no local time", ocpi.Restrictions{MinKWh: ocpi.MustNumber("5")}, "2025-06-06T12:00:00Z", "2025-06-08T12:00:00Z", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := Prepare(&ocpi.Tariff{Elements: []ocpi.TariffElement{{Restrictions: tc.restrictions}}})
			if err != nil {
				t.Fatal(err)
			}
			bounds, err := p.WallClockBounds(amsterdam, instant(t, tc.from), instant(t, tc.until), 3)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, at := range bounds {
				got = append(got, at.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func instant(t *testing.T, s string) ocpi.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return ocpi.TimeOf(at)
}

// On no instant that is not listed does any restriction change.
func TestWallClockBoundsAreAll(t *testing.T) {
	amsterdam, err := LoadZone("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	start := instant(t, "2025-10-24T22:00:00Z")
	for seed := range uint64(200) {
		r := randomOf(seed)
		from := r.tariff(ocpi.V221, "T", "EUR")
		p, err := Prepare(&from)
		if err != nil {
			continue // a component that cannot be priced
		}
		until := start + ocpi.Time(60*ocpi.Hour)
		bounds, err := p.WallClockBounds(amsterdam, start, until, 1000)
		if err != nil {
			t.Fatal(err)
		}
		clock := wallClock{zone: amsterdam}
		holds := func(at ocpi.Time) (list []bool) {
			w := clock.at(at)
			for i := range p.elements {
				c := p.compiled[i]
				c.has &= hasTime | hasDate | hasWeekday
				list = append(list, c.failsOn(&state{wall: w}) == NoRestriction)
			}
			return list
		}
		before := holds(start)
		for at := start + ocpi.Time(60*ocpi.Second); at < until; at += ocpi.Time(60 * ocpi.Second) {
			now := holds(at)
			if !slices.Equal(before, now) && !slices.Contains(bounds, at) {
				t.Fatalf("seed %d: at %s a restriction changes; listed are %v", seed, at, bounds)
			}
			before = now
		}
	}
}

func TestWallClockBoundsAreBounded(t *testing.T) {
	daily := ocpi.Restrictions{StartTime: ocpi.NewTimeOfDay(9, 0)}
	p, err := Prepare(&ocpi.Tariff{Elements: []ocpi.TariffElement{{Restrictions: daily}}})
	if err != nil {
		t.Fatal(err)
	}
	start := instant(t, "2025-06-02T00:00:00Z")
	if _, err := p.WallClockBounds(UTC, start, start+ocpi.Time(72*ocpi.Hour), 4); err == nil {
		t.Error("five bounds are not too many for four")
	}
	if list, err := p.WallClockBounds(UTC, start, start+ocpi.Time(72*ocpi.Hour), 5); err != nil || len(list) != 5 {
		t.Errorf("%v, %v; want 5", list, err)
	}
}

func TestBoundsAscend(t *testing.T) {
	p, err := Prepare(&ocpi.Tariff{Elements: []ocpi.TariffElement{
		{Restrictions: ocpi.Restrictions{MinKWh: ocpi.MustNumber("20"), MaxKWh: ocpi.MustNumber("30.5"), MinDuration: ocpi.MustNumber("3600")}},
		{Restrictions: ocpi.Restrictions{MaxKWh: ocpi.MustNumber("20.0"), MaxDuration: ocpi.MustNumber("1800")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.ElapsedBounds(), []int64{1800 * ocpi.Second, ocpi.Hour}; !slices.Equal(got, want) {
		t.Errorf("elapsed %v, want %v", got, want)
	}
	if got := p.EnergyBounds(); len(got) != 2 || got[0].String() != "20" || got[1].String() != "30.5" {
		t.Errorf("energies %v, want 20 and 30.5", got)
	}
}
