package clearing_test

import (
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// known is the instant of a text, not set of "".
func known(s string) ocpi.Time {
	if s == "" {
		return 0
	}
	return instant(s)
}

func TestPeriods(t *testing.T) {
	for _, c := range []struct {
		title, zone, booked, updated string
		cutOffDay                    int
		closed, belongs, lands       ocpi.Month
	}{
		{"the month of its end", "UTC", "2019-06-30T23:59:59Z", "2019-07-01T00:00:00Z", 0, 0, 201906, 201906},
		{"which in Berlin is July's", "Europe/Berlin", "2019-06-30T22:00:00Z", "2019-07-01T00:00:00Z", 0, 0, 201907, 201907},
		{"and in New York still June's", "America/New_York", "2019-07-01T03:59:59Z", "2019-07-01T05:00:00Z", 0, 0, 201906, 201906},
		{"what is closed is closed", "UTC", "2019-06-30T10:00:00Z", "2019-07-01T00:00:00Z", 0, 201908, 201906, 201909},
		{"a close of before holds up nothing", "UTC", "2019-06-30T10:00:00Z", "2019-07-01T00:00:00Z", 0, 201905, 201906, 201906},
		{"on the cut-off day it is in time", "UTC", "2019-06-30T10:00:00Z", "2019-07-05T23:59:59Z", 5, 0, 201906, 201906},
		{"the day after it is not", "UTC", "2019-06-30T10:00:00Z", "2019-07-06T00:00:00Z", 5, 0, 201906, 201907},
		{"nor two months later", "UTC", "2019-06-30T10:00:00Z", "2019-08-02T00:00:00Z", 5, 0, 201906, 201907},
		{"the day is the zone's", "Europe/Berlin", "2019-06-30T10:00:00Z", "2019-07-05T22:00:00Z", 5, 0, 201906, 201907},
		{"after the cut-off day of a closed month", "UTC", "2019-06-30T10:00:00Z", "2019-07-06T00:00:00Z", 5, 201908, 201906, 201909},
		{"over the end of a year", "UTC", "2019-12-31T10:00:00Z", "2020-01-29T00:00:00Z", 28, 0, 201912, 202001},
		{"when it was updated is not known", "UTC", "2019-06-30T10:00:00Z", "", 5, 0, 201906, 201906},
		{"it is booked by nothing", "UTC", "", "", 0, 0, 0, 0},
	} {
		t.Run(c.title, func(t *testing.T) {
			zone, err := tariff.LoadZone(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			belongs := clearing.Belongs(known(c.booked), zone)
			lands := clearing.Lands(clearing.Due(belongs, known(c.updated), zone, c.cutOffDay), c.closed)
			if belongs != c.belongs || lands != c.lands {
				t.Errorf("belongs to %s and lands in %s, want %s and %s", belongs, lands, c.belongs, c.lands)
			}
		})
	}
}
