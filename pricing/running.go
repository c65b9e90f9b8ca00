package pricing

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

// Present is the end of everything that has been folded: what nobody keeps is
// priced as of now.
const Present = math.MaxInt64

// Known is what the running price of a Session is computed from: the same
// choices as a CDR's, and the Locations, whose connectors name tariffs.
type Known interface {
	View() *reference.View
	Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
}

// Running prices a Session of owner as it stands, by the tariffs its periods
// name; where they name none, by those of its connector. Versions are chosen as
// for a CDR that comes now. A price that cannot be computed has its reason.
func Running(ctx context.Context, known Known, owner ocpi.Party, session *ocpi.Session) (*whatif.Price, error) {
	location := ocpi.Key{Party: owner, ID: ocpi.Fold(session.LocationID)}
	place, err := knownLocation(ctx, known, location)
	if err != nil {
		return nil, err
	}
	payer := ocpi.NewParty(session.Token.CountryCode, session.Token.PartyID)
	view, versions := known.View(), []*reference.TariffVersion{}
	err = Gather(ctx, view, 1, func(int) bool {
		versions = versions[:0]
		for _, id := range sessionTariffs(session, place) {
			if v, _ := view.Tariff(ocpi.Key{Party: owner, ID: ocpi.Fold(id)}, payer, session.Start, Present); v != nil {
				versions = append(versions, v) // of one that is unknown the engine says that it misses it
			}
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read tariffs of session %s: %w", session.ID, err)
	}
	var tariffs []*tariff.Prepared
	for _, v := range versions {
		p, err := v.Prepared()
		if err != nil {
			return &whatif.Price{Result: tariff.Result{Reason: "unpriceable_tariff", Detail: "tariff " + v.Key.ID + ": " + err.Error()}}, nil
		}
		tariffs = append(tariffs, p)
	}
	name, source := view.Zone(location, ocpi.Fold(place.Country), session.Start, Present)
	zone, byCountry, _ := tariff.PlaceZone(name, place.Country)
	switch {
	case zone == nil:
		source = "" // the engine says if it needs one
	case byCountry:
		source = "country"
	}
	return whatif.OfSession(session, tariffs, zone, source, nil), nil
}

// InForce returns the version of a Tariff for everybody that a charge which begins at start is
// priced with as of now, nil where none is known.
func InForce(ctx context.Context, known interface{ View() *reference.View }, key ocpi.Key, start ocpi.Time) (v *reference.TariffVersion, err error) {
	view := known.View()
	err = Gather(ctx, view, 1, func(int) bool {
		v, _ = view.Tariff(key, ocpi.Party{}, start, Present)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read versions of tariff %s: %w", key, err)
	}
	return v, nil
}

// knownLocation reads a Location, an empty one where it is not known.
func knownLocation(ctx context.Context, known Known, key ocpi.Key) (*ocpi.Location, error) {
	o, ok, err := known.Get(ctx, ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil {
		return nil, fmt.Errorf("read location %s: %w", key, err)
	}
	if !ok {
		return &ocpi.Location{}, nil
	}
	place, err := new(ocpi.Decoder).Location(o.Version, o.Body)
	if err != nil {
		return &ocpi.Location{}, nil // as good as unknown
	}
	return place, nil
}

// sessionTariffs lists the tariffs that a Session may be priced with, each once.
func sessionTariffs(session *ocpi.Session, place *ocpi.Location) []string {
	var ids []string
	add := func(id string) {
		for _, have := range ids {
			if strings.EqualFold(have, id) {
				return
			}
		}
		if len(ids) < tariff.MaxTariffs {
			ids = append(ids, id)
		}
	}
	for i := range session.Periods {
		if id := session.Periods[i].TariffID; id != "" {
			add(id)
		}
	}
	if ids != nil {
		return ids
	}
	for _, evse := range place.EVSEs {
		for _, connector := range evse.Connectors {
			if strings.EqualFold(evse.UID, session.EVSEUID) && strings.EqualFold(connector.ID, session.ConnectorID) {
				for _, id := range connector.TariffIDs {
					add(id)
				}
			}
		}
	}
	return ids
}
