package stations_test

import (
	"testing"

	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

func TestOpening(t *testing.T) {
	zone, err := tariff.LoadZone("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	const weekdays = `"regular_hours":[{"weekday":1,"period_begin":"08:00","period_end":"20:00"},{"weekday":5,"period_begin":"22:00","period_end":"02:00"},{"weekday":7,"period_begin":"00:00","period_end":"24:00"}]`
	for _, tt := range []struct {
		name, sent, at string
		want           stations.Opening
	}{
		{"nothing is said", ``, "2026-01-05T10:00:00Z", "unknown"},
		{"null", `null`, "2026-01-05T10:00:00Z", "unknown"},
		{"what cannot be read", `{"twentyfourseven":"perhaps"}`, "2026-01-05T10:00:00Z", "unknown"},
		{"says neither", `{"twentyfourseven":false}`, "2026-01-05T10:00:00Z", "unknown"},
		{"always", `{"twentyfourseven":true}`, "2026-01-05T10:00:00Z", "open"},
		{"Monday, local time", `{` + weekdays + `}`, "2026-01-05T07:00:00Z", "open"},
		{"a minute before", `{` + weekdays + `}`, "2026-01-05T06:59:00Z", "closed"},
		{"the end is closed", `{` + weekdays + `}`, "2026-01-05T19:00:00Z", "closed"},
		{"summer time", `{` + weekdays + `}`, "2026-07-06T06:00:00Z", "open"},
		{"Friday night, after midnight", `{` + weekdays + `}`, "2026-01-10T00:30:00Z", "open"},
		{"and no longer", `{` + weekdays + `}`, "2026-01-10T01:00:00Z", "closed"},
		{"Tuesday", `{` + weekdays + `}`, "2026-01-06T10:00:00Z", "closed"},
		{"all of Sunday", `{` + weekdays + `}`, "2026-01-11T22:59:00Z", "open"},
		{"an exceptional opening", `{` + weekdays + `,"exceptional_openings":[{"period_begin":"2026-01-06T08:00:00Z","period_end":"2026-01-06T12:00:00Z"}]}`, "2026-01-06T10:00:00Z", "open"},
		{"an exceptional closing", `{"twentyfourseven":true,"exceptional_closings":[{"period_begin":"2026-01-06T08:00:00Z","period_end":"2026-01-06T12:00:00Z"}]}`, "2026-01-06T10:00:00Z", "closed"},
		{"before it", `{"twentyfourseven":true,"exceptional_closings":[{"period_begin":"2026-01-06T08:00:00Z","period_end":"2026-01-06T12:00:00Z"}]}`, "2026-01-06T07:59:59Z", "open"},
		{"a closing overwrites an opening", `{"exceptional_openings":[{"period_begin":"2026-01-06T08:00:00Z","period_end":"2026-01-06T12:00:00Z"}],"exceptional_closings":[{"period_begin":"2026-01-06T09:00:00Z","period_end":"2026-01-06T11:00:00Z"}]}`, "2026-01-06T10:00:00Z", "closed"},
	} {
		at, _, err := ocpi.ParseTime(tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := stations.NewHours(tt.sent).At(at, zone); got != tt.want {
			t.Errorf("%s at %s: %s, want %s", tt.name, tt.at, got, tt.want)
		}
	}
	at, _, _ := ocpi.ParseTime("2026-01-05T10:00:00Z")
	if got := stations.NewHours(`{`+weekdays+`}`).At(at, nil); got != stations.Unknown {
		t.Errorf("regular hours where no zone is known: %s", got)
	}
}
