package ocpi_test

import (
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

func TestWatts(t *testing.T) {
	n := ocpi.MustNumber
	for _, tt := range []struct {
		c    ocpi.Connector
		want int64
		ok   bool
	}{
		{ocpi.Connector{MaxPower: n("150000"), MaxVoltage: n("400"), MaxAmperage: n("32"), PowerType: "DC"}, 150000, true},
		{ocpi.Connector{MaxVoltage: n("230"), MaxAmperage: n("32"), PowerType: "AC_3_PHASE"}, 22080, true},
		{ocpi.Connector{MaxVoltage: n("230"), MaxAmperage: n("32"), PowerType: "AC_2_PHASE"}, 14720, true},
		{ocpi.Connector{MaxVoltage: n("230"), MaxAmperage: n("32"), PowerType: "AC_2_PHASE_SPLIT"}, 14720, true},
		{ocpi.Connector{MaxVoltage: n("230"), MaxAmperage: n("16"), PowerType: "AC_1_PHASE"}, 3680, true},
		{ocpi.Connector{MaxVoltage: n("500"), MaxAmperage: n("125"), PowerType: "DC"}, 62500, true},
		{ocpi.Connector{MaxPower: n("0"), MaxVoltage: n("500"), MaxAmperage: n("125"), PowerType: "DC"}, 62500, true},
		{ocpi.Connector{MaxVoltage: n("500"), MaxAmperage: n("125"), PowerType: "STEAM"}, 0, false},
		{ocpi.Connector{MaxVoltage: n("-500"), MaxAmperage: n("125"), PowerType: "DC"}, 0, false},
		{ocpi.Connector{MaxPower: n("1000000001"), PowerType: "DC"}, 0, false},
		{ocpi.Connector{PowerType: "DC"}, 0, false},
	} {
		if got, ok := tt.c.Watts(); got != tt.want || ok != tt.ok {
			t.Errorf("%+v: %d W (%t), want %d (%t)", tt.c, got, ok, tt.want, tt.ok)
		}
	}
}
