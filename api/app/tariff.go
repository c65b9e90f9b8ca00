package app

import (
	"context"

	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/whatif"
)

// tariffJSON is a tariff in words.
type tariffJSON struct {
	TariffID string   `json:"tariff_id"`
	Version  string   `json:"version"`
	Currency string   `json:"currency"`
	Words    []string `json:"words"`
}

// maxTariffs bounds the tariffs of one Location that are put into words.
const maxTariffs = 50

// tariffs returns those that connectors of a Location are priced with, each once, in
// the order in which they are named.
func (f *finder) tariffs(ctx context.Context, owner ocpi.Party, l *ocpi.Location) ([]tariffJSON, error) {
	offers := f.offers
	if offers == nil {
		q := f.priceNow()
		offers = q.offers
	}
	list, seen := []tariffJSON{}, map[*reference.TariffVersion]bool{}
	for i := range l.EVSEs {
		if !stations.Stands(&l.EVSEs[i]) {
			continue
		}
		for j := range l.EVSEs[i].Connectors {
			v, _, err := offers.Choose(ctx, owner, l.EVSEs[i].Connectors[j].TariffIDs)
			if err != nil {
				return nil, unavailable("read tariffs", err)
			}
			if v == nil || seen[v] || len(list) == maxTariffs {
				continue
			}
			seen[v] = true
			if t, ok := inWords(v); ok {
				list = append(list, t)
			}
		}
	}
	return list, nil
}

// priceNow is a finder of the same caller for which a charge begins now.
func (f *finder) priceNow() *finder {
	q := *f.query
	q.price = &priceOf{charge: whatif.Charge{Start: f.now}}
	return f.finder(f.who, &q)
}

// inWords puts a tariff into words, in the order in which prices are to be shown to
// drivers: by the kWh, by the minute, by the session, other.
func inWords(v *reference.TariffVersion) (t tariffJSON, ok bool) {
	read, err := new(ocpi.Decoder).Tariff(v.Version, v.Body)
	if err != nil {
		return t, false // of an earlier version that accepted more
	}
	t = tariffJSON{TariffID: read.ID, Version: v.Since().String(), Currency: read.Currency, Words: []string{}}
	if _, err := v.Prepared(); err == nil { // else nothing is priced by it
		t.Words = lint.DriverPrices(read)
	}
	return t, true
}

// tariffID is the id of a tariff as its owner writes it.
func tariffID(v *reference.TariffVersion) string {
	if id := ocpi.Text(v.Body, "id"); id != "" {
		return id
	}
	return v.Key.ID
}
