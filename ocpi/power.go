package ocpi

import "github.com/shopspring/decimal"

// Watts is the most power of a connector, in whole watts: what it says (max_electric_power),
// else volts by amperes by phases (mod_locations, Connector); ok is false where neither is told.
func (c *Connector) Watts() (watts int64, ok bool) {
	d := c.MaxPower.Decimal()
	if !c.MaxPower.IsSet() || d.Sign() <= 0 {
		n := phasesOf(c.PowerType)
		if !c.MaxVoltage.IsSet() || !c.MaxAmperage.IsSet() || n == 0 {
			return 0, false
		}
		d = c.MaxVoltage.Decimal().Mul(c.MaxAmperage.Decimal()).Mul(decimal.NewFromInt(n))
	}
	if d.Sign() <= 0 || d.GreaterThan(maxWatts) {
		return 0, false
	}
	return d.IntPart(), true
}

// maxWatts is beyond all chargers: 1 GW.
var maxWatts = decimal.NewFromInt(1_000_000_000)

// phasesOf are the phases of a PowerType, direct current counting as one; 0 where it is none.
func phasesOf(powerType string) int64 {
	switch Fold(powerType) {
	case "AC_1_PHASE", "DC":
		return 1
	case "AC_2_PHASE", "AC_2_PHASE_SPLIT":
		return 2
	case "AC_3_PHASE":
		return 3
	}
	return 0
}
