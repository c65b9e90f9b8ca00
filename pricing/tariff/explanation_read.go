package tariff

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// UnmarshalJSON reads what AppendJSON wrote. The error says which member is
// not as it was written.
func (x *Explanation) UnmarshalJSON(data []byte) error {
	var s storedExplanation
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read explanation: %w", err)
	}
	version, _ := ocpi.ParseVersion(s.Version)
	claim, err := parseClaim(s.Claim)
	if err != nil {
		return err
	}
	*x = Explanation{
		Engine: s.Engine, Profile: s.Profile, Version: version, Currency: s.Currency,
		Zone: s.Zone, ZoneSource: s.ZoneSource, ZoneDB: s.ZoneDB, Credit: s.Credit, Reason: s.Reason, Detail: s.Detail, Truncated: s.Truncated,
		More: More{Lines: s.More.N, Amount: s.More.A.money()}, MissesLeftOut: s.MissesLeftOut,
		Limit: s.Limit.money(), Rounding: s.Rounding.money(), Total: s.Total.money(), Claimed: s.Claimed.money(), Claim: claim, TaxesStated: s.TaxesStated,
	}
	for _, t := range s.Tariffs {
		ref, err := t.ref()
		if err != nil {
			return err
		}
		x.Tariffs = append(x.Tariffs, ref)
	}
	if x.Lines, err = readLines(s.Lines); err != nil {
		return err
	}
	if x.Unpriced, err = readLines(s.Unpriced); err != nil {
		return err
	}
	for _, l := range append(x.Lines[:len(x.Lines):len(x.Lines)], x.Unpriced...) {
		if l.Tariff < 0 || l.Tariff >= len(x.Tariffs) {
			return fmt.Errorf("read explanation: tariff %d of %d", l.Tariff, len(x.Tariffs))
		}
	}
	for _, l := range s.Limits {
		x.Limits = append(x.Limits, LimitHit{l.Max, l.AfterTax, l.Bound.Number})
	}
	for _, t := range s.Taxes {
		x.Taxes = append(x.Taxes, Tax{t.Name, t.Percentage.Number, t.Amount.Number})
	}
	return nil
}

func parseClaim(s string) (Claim, error) {
	for c := ClaimAbsent; c <= ClaimDiffers; c++ {
		if s == c.String() || s == "" {
			return c, nil
		}
	}
	return 0, fmt.Errorf("read explanation: claim %q", s)
}

// storedNumber reads a JSON number without losing a digit.
type storedNumber struct{ ocpi.Number }

func (n *storedNumber) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		n.Number = ocpi.Number{}
		return nil
	}
	v, err := ocpi.ParseNumber(data)
	if err != nil {
		return fmt.Errorf("number %s: %w", data, err)
	}
	n.Number = v
	return nil
}

type storedMoney [2]storedNumber

func (m storedMoney) money() Money { return Money{m[0].Number, m[1].Number} }

type storedExplanation struct {
	Engine     string         `json:"engine"`
	Profile    string         `json:"profile"`
	Version    string         `json:"version"`
	Currency   string         `json:"currency"`
	Zone       string         `json:"zone"`
	ZoneSource string         `json:"zone_source"`
	ZoneDB     string         `json:"zone_db"`
	Credit     bool           `json:"credit"`
	Reason     string         `json:"reason"`
	Detail     string         `json:"detail"`
	Truncated  bool           `json:"truncated"`
	Tariffs    []storedTariff `json:"tariffs"`
	Lines      []storedLine   `json:"lines"`
	More       struct {
		N int         `json:"n"`
		A storedMoney `json:"a"`
	} `json:"more"`
	MissesLeftOut int          `json:"missed_left_out"`
	Unpriced      []storedLine `json:"unpriced"`
	Limits        []struct {
		Max      bool         `json:"max"`
		AfterTax bool         `json:"after_tax"`
		Bound    storedNumber `json:"bound"`
	} `json:"limits"`
	Limit    storedMoney `json:"limit"`
	Rounding storedMoney `json:"rounding"`
	Taxes    []struct {
		Name       string       `json:"name"`
		Percentage storedNumber `json:"percentage"`
		Amount     storedNumber `json:"amount"`
	} `json:"taxes"`
	TaxesStated bool        `json:"taxes_stated"`
	Total       storedMoney `json:"total"`
	Claimed     storedMoney `json:"claimed"`
	Claim       string      `json:"claim"`
}

type storedTariff struct {
	ID       string          `json:"id"`
	Owner    string          `json:"owner"`
	Version  string          `json:"version"`
	Updated  string          `json:"updated"`
	Embedded bool            `json:"embedded"`
	Elements []storedElement `json:"elements"`
}

type storedElement struct {
	I           int          `json:"i"`
	StartTime   string       `json:"start_time"`
	EndTime     string       `json:"end_time"`
	StartDate   string       `json:"start_date"`
	EndDate     string       `json:"end_date"`
	MinKWh      storedNumber `json:"min_kwh"`
	MaxKWh      storedNumber `json:"max_kwh"`
	MinCurrent  storedNumber `json:"min_current"`
	MaxCurrent  storedNumber `json:"max_current"`
	MinPower    storedNumber `json:"min_power"`
	MaxPower    storedNumber `json:"max_power"`
	MinDuration storedNumber `json:"min_duration"`
	MaxDuration storedNumber `json:"max_duration"`
	DayOfWeek   []string     `json:"day_of_week"`
	Reservation string       `json:"reservation"`
}

type storedLine struct {
	T       int             `json:"t"`
	E       int             `json:"e"`
	C       int             `json:"c"`
	K       string          `json:"k"`
	R       bool            `json:"r"`
	Q       storedNumber    `json:"q"`
	Surplus storedNumber    `json:"surplus"`
	Of      storedNumber    `json:"of"`
	Billed  storedNumber    `json:"billed"`
	Step    storedNumber    `json:"step"`
	P       storedNumber    `json:"p"`
	VAT     storedNumber    `json:"vat"`
	A       storedMoney     `json:"a"`
	S       []storedSegment `json:"s"`
}

type storedSegment struct {
	F      int             `json:"f"`
	L      *int            `json:"l"`
	Q      storedNumber    `json:"q"`
	At     string          `json:"at"`
	S      storedNumber    `json:"s"`
	KWh    storedNumber    `json:"kwh"`
	A      [2]storedNumber `json:"A"`
	KW     [2]storedNumber `json:"kW"`
	Missed []storedMiss    `json:"missed"`
}

// storedMiss is [element, "restriction"].
type storedMiss struct{ Miss }

func (m *storedMiss) UnmarshalJSON(data []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[0], &m.Element); err != nil {
		return err
	}
	var name string
	if err := json.Unmarshal(pair[1], &name); err != nil {
		return err
	}
	i := slices.Index(restrictionNames[:], name)
	if i < 0 {
		return fmt.Errorf("restriction %q", name)
	}
	m.On = Restriction(i)
	return nil
}

func (t *storedTariff) ref() (TariffRef, error) {
	version, _ := ocpi.ParseVersion(t.Version)
	ref := TariffRef{ID: t.ID, Owner: t.Owner, Version: version, Embedded: t.Embedded}
	if t.Updated != "" {
		at, err := time.Parse(time.RFC3339Nano, t.Updated)
		if err != nil {
			return ref, fmt.Errorf("read explanation: tariff %q: %w", t.ID, err)
		}
		ref.Updated = ocpi.TimeOf(at)
	}
	for i := range t.Elements {
		r, err := t.Elements[i].restrictions()
		if err != nil {
			return ref, fmt.Errorf("read explanation: tariff %q: %w", t.ID, err)
		}
		ref.Elements = append(ref.Elements, ElementRef{Index: t.Elements[i].I, Restrictions: r})
	}
	return ref, nil
}

func (e *storedElement) restrictions() (r ocpi.Restrictions, err error) {
	for i, n := range []ocpi.Number{
		e.MinKWh.Number, e.MaxKWh.Number, e.MinCurrent.Number, e.MaxCurrent.Number,
		e.MinPower.Number, e.MaxPower.Number, e.MinDuration.Number, e.MaxDuration.Number,
	} {
		*restrictionNumbers(&r)[i].n = n
	}
	for _, c := range []struct {
		s  string
		to *ocpi.TimeOfDay
	}{{e.StartTime, &r.StartTime}, {e.EndTime, &r.EndTime}} {
		if c.s != "" {
			at, err := time.Parse("15:04", c.s)
			if err != nil {
				return r, err
			}
			*c.to = ocpi.NewTimeOfDay(at.Hour(), at.Minute())
		}
	}
	for _, c := range []struct {
		s  string
		to *ocpi.Date
	}{{e.StartDate, &r.StartDate}, {e.EndDate, &r.EndDate}} {
		if c.s != "" {
			at, err := time.Parse(time.DateOnly, c.s)
			if err != nil {
				return r, err
			}
			*c.to = ocpi.Date{Year: int16(at.Year()), Month: uint8(at.Month()), Day: uint8(at.Day())}
		}
	}
	for _, day := range e.DayOfWeek {
		i := slices.Index(weekdayNames[:], day)
		if i < 0 {
			return r, fmt.Errorf("weekday %q", day)
		}
		r.DayOfWeek |= 1 << i
	}
	i := slices.Index(reservationNames[:3], e.Reservation)
	if i < 0 {
		return r, fmt.Errorf("reservation %q", e.Reservation)
	}
	r.Reservation = ocpi.ReservationRestriction(i)
	return r, nil
}

// orZero is the number, zero where it was left out.
func orZero(n storedNumber) ocpi.Number {
	if !n.IsSet() {
		return ocpi.NewNumber(0, 0)
	}
	return n.Number
}

func readLines(stored []storedLine) ([]Line, error) {
	var lines []Line
	for i := range stored {
		s := &stored[i]
		l := Line{
			Tariff: s.T, Element: s.E, Component: s.C, Reservation: s.R, Measured: s.Q.Number,
			Surplus: s.Surplus.Number, SurplusOf: s.Of.Number, Billed: s.Billed.Number, Step: s.Step.Number,
			Price: s.P.Number, VAT: s.VAT.Number, Amount: s.A.money(),
		}
		for l.Kind = ocpi.ComponentParkingTime; l.Kind.String() != s.K; l.Kind-- {
			if l.Kind == ocpi.ComponentUnknown {
				return nil, fmt.Errorf("read explanation: dimension %q", s.K)
			}
		}
		if !l.Billed.IsSet() && l.Element >= 0 {
			l.Billed = l.Measured
		}
		for _, g := range s.S {
			local, err := parseLocalMinute(g.At)
			if err != nil {
				return nil, fmt.Errorf("read explanation: local time: %w", err)
			}
			seg := Segment{
				First: g.F, Last: g.F, Quantity: g.Q.Number, Local: local, Elapsed: orZero(g.S), KWh: orZero(g.KWh),
				Current: [2]ocpi.Number{g.A[0].Number, g.A[1].Number}, Power: [2]ocpi.Number{g.KW[0].Number, g.KW[1].Number},
			}
			if g.L != nil {
				seg.Last = *g.L
			}
			if len(s.S) == 1 {
				seg.Quantity = l.Measured
			}
			for _, m := range g.Missed {
				seg.Missed = append(seg.Missed, m.Miss)
			}
			l.Segments = append(l.Segments, seg)
		}
		lines = append(lines, l)
	}
	return lines, nil
}
