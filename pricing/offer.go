package pricing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

// Why there is no Offer.
const (
	NoTariff       = "no_tariff"       // none that the eMSP may see is for roaming
	SeveralTariffs = "several_tariffs" // the connector does not say which of them applies
	Unpriceable    = "unpriceable"     // by the tariff, or the connector does not tell its power
)

// Offer is what a charge would cost that has not been made.
type Offer struct {
	Version  *reference.TariffVersion
	Charge   whatif.Charge
	Currency string
	Total    tariff.Money
}

// Offers prices one charge at many connectors, for one eMSP, and remembers what it has
// priced. It is for one goroutine.
type Offers struct {
	// Payer is the eMSP. Sees reports whether it may see a Tariff of an owner, the one
	// for everybody or, where recipient is not zero, its own.
	Payer ocpi.Party
	Sees  func(owner, recipient ocpi.Party) bool
	// Charge is what is priced; where it has no Duration, it lasts as long as its energy
	// takes at the most power of the connector, in whole seconds, rounded up.
	Charge whatif.Charge
	// Profile is how charges of a CPO are priced; nil = the default.
	Profile func(cpo ocpi.Party) *tariff.Profile

	view   *reference.View
	engine *tariff.Engine
	chosen map[ocpi.Key]choice
	lasts  map[int64]time.Duration // by watts
	priced map[offered]answer
	steps  int
}

// maxRemembered bounds what is remembered of each kind but prices, which Steps counts.
const maxRemembered = 10_000

// choice is what Choose says of a connector that names one tariff.
type choice struct {
	version *reference.TariffVersion
	reason  string
}

// offered is what an offer depends on, beside the charge.
type offered struct {
	version  *reference.TariffVersion
	zone     *tariff.Zone
	duration time.Duration
}

type answer struct {
	offer  *Offer
	reason string
}

// NewOffers returns what prices a charge by the tariffs that are known.
func NewOffers(known interface{ View() *reference.View }, payer ocpi.Party, charge whatif.Charge) *Offers {
	return &Offers{Payer: payer, Charge: charge, view: known.View(), engine: tariff.NewEngine(), chosen: map[ocpi.Key]choice{}, lasts: map[int64]time.Duration{}, priced: map[offered]answer{}}
}

// Steps is how many charges have been priced; those that are remembered count once.
func (o *Offers) Steps() int { return o.steps }

// Place is what is said of the Location whose connectors are priced.
type Place struct {
	Owner   ocpi.Party
	Zone    string // time_zone as sent
	Country string // alpha-3
}

// At prices the charge at a connector with the given power, 0 where it is not known, and
// the tariffs that it names; where there is no offer, reason says why. The error is the
// store's.
func (o *Offers) At(ctx context.Context, place *Place, tariffIDs []string, watts int64) (offer *Offer, reason string, err error) {
	v, reason, err := o.Choose(ctx, place.Owner, tariffIDs)
	if v == nil || err != nil {
		return nil, reason, err
	}
	charge := o.Charge
	if charge.Duration == 0 && charge.EnergyKWh.Sign() > 0 {
		if watts <= 0 {
			return nil, Unpriceable, nil
		}
		charge.Duration = o.length(watts)
	}
	zone, _, _ := tariff.PlaceZone(place.Zone, place.Country)
	key := offered{v, zone, charge.Duration}
	a, known := o.priced[key]
	if !known {
		o.steps++
		a = o.price(v, zone, charge)
		o.priced[key] = a
	}
	return a.offer, a.reason, nil
}

// length is how long the charge takes at a connector of so many watts.
func (o *Offers) length(watts int64) time.Duration {
	d, known := o.lasts[watts]
	if !known {
		d = lasts(o.Charge.EnergyKWh, watts)
		if len(o.lasts) < maxRemembered {
			o.lasts[watts] = d
		}
	}
	return d
}

// beyond is longer than a charge may be, in seconds.
var beyond = decimal.NewFromInt(int64(whatif.MaxLength/time.Second) + 1)

// lasts is how long so much energy takes, in whole seconds.
func lasts(energy ocpi.Number, watts int64) time.Duration {
	wattSeconds := energy.Decimal().Mul(decimal.NewFromInt(1000 * 3600))
	seconds := decimal.Min(wattSeconds.Div(decimal.NewFromInt(watts)).Ceil(), beyond)
	return time.Duration(seconds.IntPart()) * time.Second
}

func (o *Offers) price(v *reference.TariffVersion, zone *tariff.Zone, charge whatif.Charge) answer {
	prepared, err := v.Prepared()
	if err != nil {
		return answer{reason: Unpriceable}
	}
	by := whatif.Terms{Tariff: prepared, Zone: zone, ZoneSource: "location"}
	if o.Profile != nil {
		by.Profile = o.Profile(v.Key.Party)
	}
	total, err := whatif.Total(&charge, &by, o.engine)
	if err != nil || !total.OK {
		return answer{reason: Unpriceable}
	}
	return answer{offer: &Offer{Version: v, Charge: charge, Currency: prepared.Currency(), Total: total.Total}}
}

// Choose returns the version that the charge would be priced with: of the tariffs that
// the connector names and the eMSP sees the REGULAR one, else the one without a type. One
// for payment on the spot never is for roaming.
func (o *Offers) Choose(ctx context.Context, owner ocpi.Party, ids []string) (found *reference.TariffVersion, reason string, err error) {
	if len(ids) != 1 {
		return o.choose(ctx, owner, ids)
	}
	if c, known := o.chosen[ocpi.Key{Party: owner, ID: ids[0]}]; known {
		return c.version, c.reason, nil
	}
	found, reason, err = o.choose(ctx, owner, ids)
	if err == nil && len(o.chosen) < maxRemembered {
		o.chosen[ocpi.Key{Party: owner, ID: strings.Clone(ids[0])}] = choice{found, reason}
	}
	return found, reason, err
}

func (o *Offers) choose(ctx context.Context, owner ocpi.Party, ids []string) (found *reference.TariffVersion, reason string, err error) {
	versions, err := o.versions(ctx, owner, ids)
	if err != nil {
		return nil, "", err
	}
	for _, kind := range []string{"REGULAR", ""} {
		for _, v := range versions {
			switch {
			case v.Type() != kind:
			case found != nil:
				return nil, SeveralTariffs, nil
			default:
				found = v
			}
		}
		if found != nil {
			return found, "", nil
		}
	}
	return nil, NoTariff, nil
}

// versions returns the versions in force of the tariffs that a connector names, each
// once.
func (o *Offers) versions(ctx context.Context, owner ocpi.Party, ids []string) (list []*reference.TariffVersion, err error) {
	keys := distinct(ids)
	err = Gather(ctx, o.view, 1, func(int) bool {
		list = list[:0]
		for _, id := range keys {
			v, _ := o.view.Offered(ocpi.Key{Party: owner, ID: id}, o.Payer, o.Charge.Start, Present)
			if v != nil && (o.Sees == nil || o.Sees(owner, v.Recipient())) {
				list = append(list, v)
			}
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read tariffs of %s: %w", owner, err)
	}
	return list, nil
}

// distinct folds ids, each once, at most as many as a CDR may have.
func distinct(ids []string) (keys []string) {
	for _, id := range ids {
		key := ocpi.Fold(strings.TrimSpace(id))
		if key != "" && len(keys) < tariff.MaxTariffs && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
