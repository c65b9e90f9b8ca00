package whatif

import (
	"fmt"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// Bounds of a charge.
const (
	MaxLength  = 31 * 24 * time.Hour // reservation, charging and parking together
	MaxEnergy  = 100_000             // kWh
	MaxPower   = 100_000             // kW
	MaxCurrent = 100_000             // A
	MaxPeriods = 2_000               // charging periods of the CDR
)

// Charge is a charge to price. Durations are whole seconds.
type Charge struct {
	Start     ocpi.Time     // when the car is plugged in, a whole second
	Duration  time.Duration // charging
	EnergyKWh ocpi.Number   // evenly over Duration
	// PowerKW and CurrentA are what restrictions on power and current are tested
	// against while charging. Unset: the power is the average, the current is not
	// known.
	PowerKW, CurrentA ocpi.Number
	ParkingAfter      time.Duration // connected after the charge, not charging
	Reserved          time.Duration // reservation before Start
	// ReservationExpired: the reservation ran out instead of being used. Only
	// without a charge.
	ReservationExpired bool
}

// ChargeError says which member of a charge cannot be used: "start",
// "duration", "energy", "power", "current", "parking", "reserved" or "length".
type ChargeError struct{ Member, Reason string }

// Error returns the member and the reason.
func (e *ChargeError) Error() string { return e.Member + ": " + e.Reason }

// Check reports what keeps a charge from being priced, a *[ChargeError].
func (c *Charge) Check() error {
	if !c.Start.IsSet() || int64(c.Start)%ocpi.Second != 0 {
		return &ChargeError{"start", "want a whole second"}
	}
	for _, d := range []struct {
		member string
		length time.Duration
	}{{"duration", c.Duration}, {"parking", c.ParkingAfter}, {"reserved", c.Reserved}} {
		switch {
		case d.length < 0:
			return &ChargeError{d.member, "is negative"}
		case d.length%time.Second != 0:
			return &ChargeError{d.member, "want whole seconds"}
		case d.length > MaxLength:
			return &ChargeError{d.member, fmt.Sprintf("longer than %d days", MaxLength/(24*time.Hour))}
		}
	}
	if c.Duration+c.ParkingAfter+c.Reserved > MaxLength {
		return &ChargeError{"length", fmt.Sprintf("reservation, charging and parking together are longer than %d days", MaxLength/(24*time.Hour))}
	}
	for _, q := range []struct {
		member string
		n      ocpi.Number
		most   int64
	}{{"energy", c.EnergyKWh, MaxEnergy}, {"power", c.PowerKW, MaxPower}, {"current", c.CurrentA, MaxCurrent}} {
		switch {
		case q.n.Sign() < 0:
			return &ChargeError{q.member, "is negative"}
		case q.n.Decimal().GreaterThan(decimal.NewFromInt(q.most)):
			return &ChargeError{q.member, fmt.Sprintf("more than %d", q.most)}
		}
	}
	charged := c.Duration > 0 || c.EnergyKWh.Sign() > 0 || c.ParkingAfter > 0
	switch {
	case c.EnergyKWh.Sign() > 0 && c.Duration == 0:
		return &ChargeError{"duration", "energy takes time to flow"}
	case c.ReservationExpired && charged:
		return &ChargeError{"reserved", "a reservation that expired has no charge after it"}
	case c.ReservationExpired && c.Reserved == 0:
		return &ChargeError{"reserved", "a reservation that expired has a length"}
	}
	return nil
}

// power is the measured power: the one that is stated, else the average.
func (c *Charge) power() ocpi.Number {
	if c.PowerKW.IsSet() || c.Duration == 0 {
		return c.PowerKW
	}
	return numberOf(c.EnergyKWh.Decimal().Mul(decimal.NewFromInt(int64(time.Hour))).DivRound(decimal.NewFromInt(int64(c.Duration)), 4))
}

// Terms are what a charge is priced with.
type Terms struct {
	Tariff     *tariff.Prepared
	Zone       *tariff.Zone // of the Location; nil: not known
	ZoneSource string
	Profile    *tariff.Profile // nil: the default
}

// Price is what a charge costs, and the CDR that was priced.
type Price struct {
	CDR         *ocpi.CDR
	Result      tariff.Result
	Explanation *tariff.Explanation
}

// Of prices a charge. The error is a *[ChargeError]; a charge that has no price
// by its tariff is none: the Result says why.
func Of(c *Charge, by *Terms) (*Price, error) {
	p, err := newPlan(c, by)
	if err != nil {
		return nil, err
	}
	in := p.input(p.cdrUntil(p.last(), false))
	return priced(&in), nil
}

// Total is Of without the explanation, for who prices very many. engine is used by one
// goroutine at a time, nil for a new one.
func Total(c *Charge, by *Terms, engine *tariff.Engine) (*tariff.Result, error) {
	p, err := newPlan(c, by)
	if err != nil {
		return nil, err
	}
	if engine == nil {
		engine = tariff.NewEngine()
	}
	in, out := p.input(p.cdrUntil(p.last(), false)), &tariff.Result{}
	engine.Price(&in, out)
	return out, nil
}

// priced calls the engine.
func priced(in *tariff.Input) *Price {
	p := &Price{CDR: in.CDR}
	engine := tariff.NewEngine()
	engine.Price(in, &p.Result)
	p.Explanation = engine.Explain(in, &p.Result)
	return p
}
