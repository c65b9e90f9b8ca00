package report

import (
	"context"
	"fmt"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// Sessions reads Sessions as they stand: an *objects.Follower.
type Sessions interface {
	Ready() bool
	Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
}

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
	Derived     *string     `json:"derived_status"` // see left
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
	k, err := rest.PathKey(c)
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
		emsp, _ = s.tariffs.Payer(session.Token.ContractID, session.Start, pricing.Present)
	}
	if !key.Sees(k.Party, emsp) {
		return settlement.ErrNotFound
	}
	left, err := s.left(c.Request.Context(), session.Status, &state)
	if err != nil {
		return err
	}
	price, err := pricing.Running(c.Request.Context(), s.tariffs, k.Party, session)
	if err != nil {
		return fmt.Errorf("price session %s: %w", k, err)
	}
	v := newSession(session, &state, emsp)
	v.Derived = left
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
