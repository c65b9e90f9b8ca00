package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
	"github.com/roamclear/roamclear/settlement"
)

// quote is what a charge was said to be priced by when it was asked for. It is kept with
// the command and never changes.
type quote struct {
	Reason   string          `json:"reason,omitempty"` // why there is none
	TariffID string          `json:"tariff_id,omitempty"`
	Version  string          `json:"version,omitempty"`
	AsOf     string          `json:"as_of,omitempty"`
	Currency string          `json:"currency,omitempty"`
	Hash     string          `json:"hash,omitempty"`
	OCPI     string          `json:"ocpi,omitempty"` // version of Tariff
	Tariff   json.RawMessage `json:"tariff,omitempty"`
	Zone     string          `json:"zone,omitempty"`
	Country  string          `json:"country,omitempty"`
}

// quoteJSON is a quote as it is shown: the tariff in the words of its owner.
type quoteJSON struct {
	TariffID *string         `json:"tariff_id"`
	Version  *string         `json:"version"`
	AsOf     *string         `json:"as_of"`
	Currency *string         `json:"currency"`
	Tariff   json.RawMessage `json:"tariff"`
	Reason   *string         `json:"reason"`
}

// readQuote reads what was kept; nil where nothing was.
func readQuote(raw []byte) (*quote, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var q quote
	if err := json.Unmarshal(raw, &q); err != nil {
		return nil, fmt.Errorf("read a quote: %w", err)
	}
	return &q, nil
}

func (q *quote) show() *quoteJSON {
	v := &quoteJSON{TariffID: said(q.TariffID), Version: said(q.Version), AsOf: said(q.AsOf), Currency: said(q.Currency), Tariff: q.Tariff, Reason: said(q.Reason)}
	if v.Tariff == nil {
		v.Tariff = json.RawMessage("null")
	}
	return v
}

// quoteAt finds the tariff that a charge which begins now would be priced by.
func (s *server) quoteAt(ctx context.Context, who *caller, owner ocpi.Party, l *ocpi.Location, connector *ocpi.Connector) (*quote, error) {
	now := ocpi.TimeOf(s.Now())
	if connector == nil {
		return &quote{Reason: "no_connector", AsOf: now.String()}, nil
	}
	offers := pricing.NewOffers(s.Objects, who.party, whatif.Charge{Start: now})
	sees := s.scope(who, tariffs)
	offers.Sees = sees.Holds
	v, reason, err := offers.Choose(ctx, owner, connector.TariffIDs)
	if err != nil {
		return nil, unavailable("read the tariff of a connector", err)
	}
	if v == nil {
		return &quote{Reason: reason, AsOf: now.String()}, nil
	}
	prepared, err := v.Prepared()
	if err != nil {
		return &quote{Reason: pricing.Unpriceable, AsOf: now.String()}, nil
	}
	return &quote{
		TariffID: tariffID(v), Version: v.Since().String(), AsOf: now.String(), Currency: prepared.Currency(), Hash: v.Hash(), OCPI: prepared.Version().String(),
		Tariff: v.Body, Zone: strings.Clone(l.TimeZone), Country: strings.Clone(l.Country),
	}, nil
}

// holds reports whether a CDR costs what was quoted, nil where that cannot be said, with
// the reason why not.
func (q *quote) holds(d *settlement.CDRDetail, profile *tariff.Profile) (agrees *bool, reason string) {
	switch {
	case q == nil:
		return nil, "no_quote"
	case q.Reason != "":
		return nil, q.Reason
	}
	cdr, err := new(ocpi.Decoder).CDR(d.Version, d.Raw)
	if err != nil {
		return nil, "unreadable_cdr"
	}
	v, _ := ocpi.ParseVersion(q.OCPI)
	t, err := new(ocpi.Decoder).Tariff(v, q.Tariff)
	if err != nil {
		return nil, pricing.Unpriceable
	}
	prepared, err := tariff.Prepare(t)
	if err != nil {
		return nil, pricing.Unpriceable
	}
	no, yes := false, true
	if cdr.Currency != "" && ocpi.Fold(cdr.Currency) != ocpi.Fold(q.Currency) {
		return &no, "another_currency"
	}
	zone, _, _ := tariff.PlaceZone(q.Zone, q.Country)
	quoted := *cdr
	quoted.Tariffs = nil // the one that was quoted counts
	quoted.Periods = append([]ocpi.ChargingPeriod(nil), cdr.Periods...)
	for i := range quoted.Periods {
		quoted.Periods[i].TariffID = ""
	}
	var result tariff.Result
	tariff.NewEngine().Price(&tariff.Input{CDR: &quoted, Tariffs: []*tariff.Prepared{prepared}, Zone: zone, ZoneSource: "location", Profile: profile}, &result)
	switch {
	case !result.OK:
		return nil, result.Reason
	case result.Claim == tariff.ClaimAgrees:
		return &yes, ""
	case result.Claim == tariff.ClaimAbsent:
		return nil, "no_total"
	}
	return &no, fmt.Sprintf("the quote comes to %s before tax", result.Total.Excl)
}
