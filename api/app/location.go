package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// locationJSON is a Location as an app needs it. What is not known is null.
type locationJSON struct {
	CountryCode string           `json:"country_code"`
	PartyID     string           `json:"party_id"`
	LocationID  string           `json:"location_id"`
	Name        *string          `json:"name"`
	Address     *string          `json:"address"`
	City        *string          `json:"city"`
	PostalCode  *string          `json:"postal_code"`
	Country     *string          `json:"country"`
	Coordinates *coordinatesJSON `json:"coordinates"`
	DistanceM   *int             `json:"distance_m"`
	TimeZone    *string          `json:"time_zone"`
	Opening     stations.Opening `json:"opening"`
	EVSEs       []evseJSON       `json:"evses"`
}

type coordinatesJSON struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
}

type evseJSON struct {
	UID        string          `json:"uid"`
	EVSEID     *string         `json:"evse_id"`
	Status     string          `json:"status"`
	StatusAt   *string         `json:"status_at"`
	StatusAge  *int64          `json:"status_age_s"`
	LastCharge *string         `json:"last_charge_at"`
	Failed     *int            `json:"failed_starts_7d"`
	Connectors []connectorJSON `json:"connectors"`
}

type connectorJSON struct {
	ID          string     `json:"id"`
	Standard    *string    `json:"standard"`
	Format      *string    `json:"format"`
	PowerType   *string    `json:"power_type"`
	MaxPowerW   *int64     `json:"max_electric_power"`
	Startable   *bool      `json:"startable"`
	Price       *priceJSON `json:"price"`
	PriceReason *string    `json:"price_reason"`

	offer *pricing.Offer
}

// priceJSON is what a charge would cost at a connector.
type priceJSON struct {
	Basis     string  `json:"basis"`
	TariffID  string  `json:"tariff_id"`
	Version   string  `json:"version"`
	AsOf      string  `json:"as_of"`
	Currency  string  `json:"currency"`
	EnergyKWh string  `json:"energy_kwh"`
	DurationS int64   `json:"duration_s"`
	ExclVAT   *string `json:"excl_vat"`
	InclVAT   *string `json:"incl_vat"`
}

// roamingTariff is the basis of a price that the eMSP pays the CPO.
const roamingTariff = "roaming_tariff"

// notConvertible is why there is no price in the currency that was asked for: amounts are
// never converted.
const notConvertible = "not_convertible"

// show writes a Location as a search finds it, nil where it does not fit after all. It
// holds on to l's texts.
func (f *finder) show(ctx context.Context, key ocpi.Key, l *ocpi.Location) (*locationJSON, error) {
	q := f.query
	if !f.holdsText(l) || q.Facility != 0 && !hasFacility(l, q.Facility) {
		return nil, nil
	}
	zone, _, _ := tariff.PlaceZone(l.TimeZone, l.Country)
	hours := stations.NewHours(l.Opening)
	if q.openAt.IsSet() && hours.At(q.openAt, zone) != stations.Open {
		return nil, nil
	}
	v := &locationJSON{
		CountryCode: key.Party.Country, PartyID: key.Party.ID, LocationID: l.ID, Name: said(l.Name), Address: said(l.Address), City: said(l.City),
		PostalCode: said(l.PostalCode), Country: said(l.Country), TimeZone: said(l.TimeZone), Opening: hours.At(f.now, zone), EVSEs: make([]evseJSON, 0, len(l.EVSEs)),
	}
	if zone != nil && l.TimeZone == "" {
		v.TimeZone = said(zone.Name())
	}
	if at, ok := stations.ParsePoint(l.Latitude, l.Longitude); ok {
		v.Coordinates = &coordinatesJSON{l.Latitude, l.Longitude}
		if q.Circle != nil {
			metres := stations.Distance(q.Circle.Centre, at)
			v.DistanceM = &metres
		}
	}
	fits, err := f.evses(ctx, v, key, l)
	if err != nil || !fits {
		return nil, err
	}
	return v, nil
}

// evses adds the EVSEs with the connectors that fit; where all are asked for, the others
// too. fits says that there is one.
func (f *finder) evses(ctx context.Context, v *locationJSON, key ocpi.Key, l *ocpi.Location) (fits bool, err error) {
	place := &pricing.Place{Owner: key.Party, Zone: l.TimeZone, Country: l.Country}
	first := f.offered()
	for i := range l.EVSEs {
		e := &l.EVSEs[i]
		if !stations.Stands(e) {
			continue
		}
		shown := newEVSE(e, f.now)
		lately := f.lately(&shown, key.Party, l.ID, e)
		if !lately && !f.query.all {
			continue
		}
		for j := range e.Connectors {
			c := &e.Connectors[j]
			fit := lately && f.query.Plug.Fits(e, c)
			if !fit && !f.query.all {
				continue
			}
			k := newConnector(e, c)
			if err := f.priceAt(ctx, &k, place, c, f.offered()-first); err != nil {
				return false, err
			}
			if fit = fit && f.cheapEnough(&k); fit || f.query.all {
				shown.Connectors = append(shown.Connectors, k)
			}
			fits = fits || fit
		}
		if len(shown.Connectors) > 0 || f.query.all || f.query.bare() {
			v.EVSEs = append(v.EVSEs, shown)
			fits = fits || lately && f.query.bare()
		}
	}
	return fits, nil
}

// lately tells how an EVSE worked, and reports whether that is what was asked for: what is
// not known is not.
func (f *finder) lately(v *evseJSON, owner ocpi.Party, location string, e *ocpi.EVSE) bool {
	q := f.query
	if q.statusAge > 0 && (v.StatusAge == nil || *v.StatusAge > int64(q.statusAge/time.Second)) {
		return false
	}
	if f.Worked == nil || !f.Worked.Ready() {
		return q.workedWithin == 0 && q.mostFailed == nil
	}
	l := f.Worked.Of(owner, location, e, f.now)
	v.Failed = &l.Failed
	if l.LastCharge.IsSet() {
		v.LastCharge = said(l.LastCharge.String())
	}
	return (q.workedWithin == 0 || l.LastCharge.IsSet() && l.LastCharge >= f.now-ocpi.Time(q.workedWithin)) &&
		(q.mostFailed == nil || l.Failed <= *q.mostFailed)
}

// bare reports whether nothing is asked of connectors, so that an EVSE of which none is
// told is shown.
func (q *query) bare() bool { return q.Plug.Empty() && (q.price == nil || q.price.most == nil) }

// offered is how many prices have been computed.
func (f *finder) offered() int {
	if f.offers == nil {
		return 0
	}
	return f.offers.Steps()
}

// priceAt sets what the charge that is asked for costs at a connector. spent is how many
// prices its Location has taken.
func (f *finder) priceAt(ctx context.Context, k *connectorJSON, place *pricing.Place, c *ocpi.Connector, spent int) error {
	if f.query.price == nil {
		return nil
	}
	reason := pricing.Unpriceable
	var offer *pricing.Offer
	if spent < maxPricesEach {
		watts, _ := c.Watts()
		var err error
		if offer, reason, err = f.offers.At(ctx, place, c.TariffIDs, watts); err != nil {
			return unavailable("price a charge", err)
		}
	}
	if offer != nil && f.query.price.currency != "" && ocpi.Fold(offer.Currency) != f.query.price.currency {
		offer, reason = nil, notConvertible
	}
	if offer == nil {
		k.PriceReason = &reason
		return nil
	}
	k.Price = f.priceOf(offer)
	k.offer = offer
	return nil
}

// priceOf writes an offer, the same one once: most connectors of a page have that of the
// one before.
func (f *finder) priceOf(o *pricing.Offer) *priceJSON {
	v := f.prices[o]
	if v == nil {
		v = newPrice(o, f.now)
		f.prices[o] = v
	}
	return v
}

// cheapEnough reports whether the price is known and within what was asked for.
func (f *finder) cheapEnough(k *connectorJSON) bool {
	p := f.query.price
	if p == nil || p.most == nil {
		return true
	}
	return k.offer != nil && k.offer.Total.Excl.IsSet() && !k.offer.Total.Excl.Decimal().GreaterThan(*p.most)
}

func newPrice(o *pricing.Offer, now ocpi.Time) *priceJSON {
	return &priceJSON{
		Basis: roamingTariff, TariffID: tariffID(o.Version), Version: o.Version.Since().String(), AsOf: now.String(), Currency: o.Currency,
		EnergyKWh: rest.Quantity(o.Charge.EnergyKWh.Decimal()), DurationS: int64(o.Charge.Duration / time.Second), ExclVAT: rest.MoneyOf(o.Total.Excl), InclVAT: rest.MoneyOf(o.Total.Incl),
	}
}

func newEVSE(e *ocpi.EVSE, now ocpi.Time) evseJSON {
	v := evseJSON{UID: e.UID, EVSEID: said(e.EVSEID), Status: e.Status, Connectors: make([]connectorJSON, 0, len(e.Connectors))}
	if v.Status == "" {
		v.Status = "UNKNOWN"
	}
	if e.LastUpdated.IsSet() {
		v.StatusAt = said(e.LastUpdated.String())
		age := max(0, int64(now-e.LastUpdated)/ocpi.Second)
		v.StatusAge = &age
	}
	return v
}

// remoteStart is the capability of an EVSE that a START_SESSION starts.
const remoteStart = "REMOTE_START_STOP_CAPABLE"

func newConnector(e *ocpi.EVSE, c *ocpi.Connector) connectorJSON {
	k := connectorJSON{ID: c.ID, Standard: said(c.Standard), Format: said(c.Format), PowerType: said(c.PowerType)}
	if watts, ok := c.Watts(); ok {
		k.MaxPowerW = &watts
	}
	if len(e.Capabilities) > 0 {
		can := slices.ContainsFunc(e.Capabilities, func(s string) bool { return strings.EqualFold(s, remoteStart) })
		k.Startable = &can
	}
	return k
}

// holdsText reports whether all words of q are in what the Location says of itself.
func (f *finder) holdsText(l *ocpi.Location) bool {
	if f.query.text == "" {
		return true
	}
	all := stations.Plain(strings.Join(stations.Texts(l), "\n"))
	for _, word := range strings.Fields(f.query.text) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

func hasFacility(l *ocpi.Location, wanted uint8) bool {
	return slices.ContainsFunc(l.Facilities, func(s string) bool { return stations.Facilities.Of(s) == wanted })
}

// said is nil for what is not said.
func said(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
