package report

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
	"github.com/roamclear/roamclear/settlement"
)

// Sessions reads Sessions as they stand: an *objects.Follower.
type Sessions interface {
	Ready() bool
	Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
}

// present is the end of everything that has been folded: prices that nobody
// stores are as of now.
const present = math.MaxInt64

// sessionJSON is a Session with its running price, but for its raw body, which
// is spliced in front as it stands. Price is null where there
// is none; Reason and Detail say why.
type sessionJSON struct {
	Version     string      `json:"version"`
	Sender      string      `json:"sender"`
	Received    string      `json:"received"`
	CPO         string      `json:"cpo"`
	EMSP        *string     `json:"emsp"`
	ID          string      `json:"id"`
	Status      string      `json:"status"`
	Start       string      `json:"start"`
	End         *string     `json:"end"`
	LastUpdated string      `json:"last_updated"`
	EnergyKWh   *string     `json:"energy_kwh"`
	Currency    string      `json:"currency"`
	Claimed     *amountJSON `json:"claimed"`
	Price       *priceJSON  `json:"price"`
	Claim       string      `json:"claim"`
	Reason      string      `json:"reason,omitempty"`
	Detail      string      `json:"detail,omitempty"`
}

// session answers GET /api/v1/sessions/{country}/{party}/{id}.
func (s *server) session(c *gin.Context, key rest.Key) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	k, err := PathKey(c)
	if err != nil {
		return err
	}
	if !s.sessions.Ready() || !s.tariffs.Ready() {
		return fmt.Errorf("read session %s: %w: sessions and tariffs are still being read", k, settlement.ErrUnavailable)
	}
	state, ok, err := s.sessions.Get(c.Request.Context(), ingest.Target{Object: ingest.ObjectSession, Key: k})
	switch {
	case err != nil:
		return fmt.Errorf("read session %s: %w", k, err)
	case !ok:
		return settlement.ErrNotFound
	}
	session, err := new(ocpi.Decoder).Session(state.Version, state.Body)
	if err != nil {
		return fmt.Errorf("read session %s: the body at %s: %v", k, state.Position, err) //nolint:errorlint // ours, not the reader's: a 500
	}
	emsp := ocpi.NewParty(session.Token.CountryCode, session.Token.PartyID)
	if emsp.Country == "" || emsp.ID == "" {
		emsp, _ = s.tariffs.TokenOwner(ocpi.Fold(session.Token.ContractID), present)
	}
	if !key.Sees(k.Party, emsp) {
		return settlement.ErrNotFound
	}
	price, err := s.running(c.Request.Context(), session, &state)
	if err != nil {
		return fmt.Errorf("price session %s: %w", k, err)
	}
	v := newSession(session, &state, emsp)
	v.Claim, v.Reason, v.Detail = price.Result.Claim.String(), price.Result.Reason, price.Result.Detail
	if price.Result.OK {
		if v.Price, err = newPrice(price, nil); err != nil {
			return fmt.Errorf("price session %s: %w", k, err)
		}
	}
	return rest.WriteRaw(c, state.Body, v)
}

func newSession(session *ocpi.Session, state *ingest.ObjectState, emsp ocpi.Party) *sessionJSON {
	v := &sessionJSON{
		Version: state.Version.String(), Sender: state.Sender, Received: state.Received.String(),
		CPO: state.Key.Party.String(), EMSP: partyPtr(emsp), ID: session.ID, Status: session.Status,
		Start: session.Start.String(), LastUpdated: session.LastUpdated.String(), Currency: session.Currency,
		Claimed: amountOf(tariff.Money{Excl: session.TotalCost.Excl, Incl: session.TotalCost.Incl}),
	}
	if session.End.IsSet() {
		end := session.End.String()
		v.End = &end
	}
	if session.KWh.IsSet() {
		kwh := session.KWh.Decimal()
		v.EnergyKWh = quantityPtr(&kwh)
	}
	return v
}

// running prices a Session by the tariffs its periods name; where they name
// none, by those of its connector. Versions are chosen as for a CDR that comes
// now.
func (s *server) running(ctx context.Context, session *ocpi.Session, state *ingest.ObjectState) (*whatif.Price, error) {
	owner := state.Key.Party
	location := ocpi.Key{Party: owner, ID: ocpi.Fold(session.LocationID)}
	place, err := s.location(ctx, location)
	if err != nil {
		return nil, err
	}
	var tariffs []*tariff.Prepared
	for _, id := range tariffIDs(session, place) {
		v, _ := s.tariffs.Tariff(ocpi.Key{Party: owner, ID: ocpi.Fold(id)}, session.Start, present)
		if v == nil {
			continue // the engine says which one it misses
		}
		p, err := v.Prepared()
		if err != nil {
			return &whatif.Price{Result: tariff.Result{Reason: "unpriceable_tariff", Detail: "tariff " + id + ": " + err.Error()}}, nil
		}
		tariffs = append(tariffs, p)
	}
	var zone *tariff.Zone
	name, source := s.tariffs.Zone(location, ocpi.Fold(place.Country), session.Start, present)
	if name != "" {
		if zone, err = tariff.LoadZone(name); err != nil {
			zone, source = nil, "" // not in the database: the engine says if it needs one
		}
	}
	return whatif.OfSession(session, tariffs, zone, source, nil), nil
}

// location reads a Location, an empty one where it is not known.
func (s *server) location(ctx context.Context, key ocpi.Key) (*ocpi.Location, error) {
	o, ok, err := s.tariffs.Get(ctx, ingest.Target{Object: ingest.ObjectLocation, Key: key})
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

// tariffIDs lists the tariffs that a Session may be priced with, each once.
func tariffIDs(session *ocpi.Session, place *ocpi.Location) []string {
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
