package whatif

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// input is what the engine prices.
func (p *plan) input(cdr *ocpi.CDR) tariff.Input {
	return tariff.Input{
		CDR: cdr, Tariffs: []*tariff.Prepared{p.by.Tariff}, Zone: p.by.Zone, ZoneSource: p.by.ZoneSource,
		Profile: p.by.Profile, ReservationExpired: &p.ReservationExpired,
	}
}

// cdrUntil writes the CDR of the charge as it would be had it ended at a
// point. begun also lists the period that starts there, which has no volume
// yet but may have a fee.
func (p *plan) cdrUntil(end point, begun bool) *ocpi.CDR {
	n := 0
	for n < len(p.points) && (p.points[n].compare(end) < 0 || begun && p.points[n].compare(end) == 0) {
		n++
	}
	n = max(n, 1) // a CDR has a period even if it has no length
	c := &ocpi.CDR{
		Version: p.by.Tariff.Version(), Start: p.begin, End: end.at, Currency: p.by.Tariff.Currency(),
		Periods: make([]ocpi.ChargingPeriod, n), TotalEnergy: numberOf(end.kwh),
		TotalTime:        hours(max(0, end.at-p.Start)),
		TotalParkingTime: hours(max(0, end.at-p.charged)),
	}
	for i := range n {
		until := end
		if i+1 < n {
			until = p.points[i+1]
		}
		c.Periods[i] = p.period(p.points[i], until)
	}
	return c
}

// period measures what happens between two points, which is either reservation,
// charging or parking.
func (p *plan) period(from, until point) ocpi.ChargingPeriod {
	c := ocpi.ChargingPeriod{Start: from.at}
	add := func(d ocpi.Dimension, n ocpi.Number) {
		c.Dimensions = append(c.Dimensions, ocpi.Volume{Dimension: d, Volume: n})
	}
	length := hours(until.at - from.at)
	switch {
	case from.at < p.Start:
		add(ocpi.DimReservationTime, length)
	case from.at >= p.charged && from.kwh.Equal(p.EnergyKWh.Decimal()) && p.ParkingAfter > 0:
		add(ocpi.DimParkingTime, length)
	default:
		add(ocpi.DimEnergy, numberOf(until.kwh.Sub(from.kwh)))
		add(ocpi.DimTime, length)
		if p.power.IsSet() {
			add(ocpi.DimMinPower, p.power)
			add(ocpi.DimMaxPower, p.power)
		}
		if p.CurrentA.IsSet() {
			add(ocpi.DimMinCurrent, p.CurrentA)
			add(ocpi.DimMaxCurrent, p.CurrentA)
		}
	}
	return c
}

// hours writes a length with the four decimals that OCPI gives to hours. The
// engine finds the seconds again by the clock (P-05).
func hours(length ocpi.Time) ocpi.Number {
	return numberOf(decimal.NewFromInt(int64(length)).DivRound(decimal.NewFromInt(ocpi.Hour), 4))
}

// numberOf converts a quantity, which the bounds of a charge keep within what a
// Number holds.
func numberOf(d decimal.Decimal) ocpi.Number {
	n, err := ocpi.ParseNumber(d.String())
	if err != nil {
		panic("whatif: " + d.String() + ": " + err.Error())
	}
	return n
}

// OfSession prices a Session as it stands, from its charging periods: until
// its end, or while it is under way until it was last updated (mod_sessions).
// Several tariffs are those its periods name, or candidates in order of
// preference.
func OfSession(s *ocpi.Session, tariffs []*tariff.Prepared, zone *tariff.Zone, zoneSource string, profile *tariff.Profile) *Price {
	end := s.End
	if !end.IsSet() {
		end = s.LastUpdated
	}
	in := tariff.Input{Tariffs: tariffs, Zone: zone, ZoneSource: zoneSource, Profile: profile, CDR: &ocpi.CDR{
		Version: s.Version, CountryCode: s.CountryCode, PartyID: s.PartyID, ID: s.ID, SessionID: s.ID,
		Start: s.Start, End: end, Token: s.Token, AuthMethod: s.AuthMethod, AuthorizationReference: s.AuthorizationReference,
		Location: ocpi.CDRLocation{ID: s.LocationID, EVSEUID: s.EVSEUID, ConnectorID: s.ConnectorID},
		MeterID:  s.MeterID, Currency: s.Currency, Periods: s.Periods, TotalCost: s.TotalCost, TotalEnergy: s.KWh,
		LastUpdated: s.LastUpdated, Unread: s.Unread,
	}}
	return priced(&in)
}
