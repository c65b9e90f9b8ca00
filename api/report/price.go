package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

// priceJSON is a price with everything it rests on. A sub-total is null where
// nothing of its kind was priced.
type priceJSON struct {
	Currency    string          `json:"currency"`
	Total       *amountJSON     `json:"total_cost"`
	Fixed       *amountJSON     `json:"total_fixed_cost"`
	Energy      *amountJSON     `json:"total_energy_cost"`
	Time        *amountJSON     `json:"total_time_cost"`
	Parking     *amountJSON     `json:"total_parking_cost"`
	Reservation *amountJSON     `json:"total_reservation_cost"`
	Taxes       []taxJSON       `json:"taxes"`
	Explanation json.RawMessage `json:"explanation"`
	Text        string          `json:"explanation_text"`
	Findings    []ocpi.Finding  `json:"findings"`
	Periods     []periodJSON    `json:"periods"`
}

type periodJSON struct {
	Start      string       `json:"start"`
	End        string       `json:"end"`
	Dimensions []volumeJSON `json:"dimensions"`
}

type volumeJSON struct {
	Type   string `json:"type"`
	Volume string `json:"volume"`
}

// maxExplanation bounds the explanation of a price that nobody stores, in bytes of
// its JSON.
const maxExplanation = 256 << 10

func newPrice(p *whatif.Price, findings []ocpi.Finding) (*priceJSON, error) {
	explanation := p.Explanation.AppendWithin(nil, maxExplanation) // before the words, which say the same
	var words strings.Builder
	if err := p.Explanation.Text(&words); err != nil {
		return nil, fmt.Errorf("put the explanation into words: %w", err)
	}
	r := &p.Result
	v := &priceJSON{
		Currency: p.CDR.Currency, Total: amountOf(r.Total), Fixed: amountOf(r.Fixed), Energy: amountOf(r.Energy),
		Time: amountOf(r.Time), Parking: amountOf(r.Parking), Reservation: amountOf(r.Reservation), Taxes: []taxJSON{},
		Explanation: explanation, Text: words.String(), Findings: append(append([]ocpi.Finding{}, findings...), r.Findings...),
		Periods: make([]periodJSON, len(p.CDR.Periods)),
	}
	for _, t := range r.Taxes {
		tax := taxJSON{Name: t.Name, Amount: rest.Money(t.Amount.Decimal())}
		if t.Percentage.IsSet() {
			percentage := t.Percentage.Decimal()
			tax.Percentage = quantityPtr(&percentage)
		}
		v.Taxes = append(v.Taxes, tax)
	}
	for i := range p.CDR.Periods {
		from, end := &p.CDR.Periods[i], p.CDR.End
		if i+1 < len(p.CDR.Periods) {
			end = p.CDR.Periods[i+1].Start
		}
		to := periodJSON{Start: from.Start.String(), End: end.String(), Dimensions: make([]volumeJSON, len(from.Dimensions))}
		for j, d := range from.Dimensions {
			to.Dimensions[j] = volumeJSON{d.Dimension.String(), rest.Quantity(d.Volume.Decimal())}
		}
		v.Periods[i] = to
	}
	return v, nil
}

// amountOf is nil where neither side is known.
func amountOf(m tariff.Money) *amountJSON {
	if !m.Excl.IsSet() && !m.Incl.IsSet() {
		return nil
	}
	return &amountJSON{ExclVAT: rest.MoneyOf(m.Excl), InclVAT: rest.MoneyOf(m.Incl)}
}

// price answers POST /api/v1/price.
func (s *server) price(c *gin.Context, key rest.Key) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	var q PriceRequest
	if err := rest.ReadJSON(c.Request, MaxPriceRequest, &q); err != nil {
		return err
	}
	t, err := q.Resolve(c.Request.Context(), key, s.tariffs)
	if err != nil {
		return fmt.Errorf("read price request: %w", err)
	}
	p, err := t.Price()
	if err != nil {
		return fmt.Errorf("price a charge: %w", err)
	}
	v, err := newPrice(p, t.Findings)
	if err != nil {
		return err
	}
	rest.WriteJSON(c, http.StatusOK, v)
	return nil
}

// Price prices the charge. The error is a [*rest.Error].
func (t *PriceTerms) Price() (*whatif.Price, error) {
	p, err := whatif.Of(&t.Charge, &t.Terms)
	if err != nil {
		return nil, chargeError(err)
	}
	switch r := &p.Result; {
	case r.Reason == tariff.ReasonNoTimeZone:
		return nil, unpriceable("time_zone", errors.New("the price depends on local time: say where the charge takes place, by time_zone or location"))
	case !r.OK:
		return nil, unpriceable("tariff", &tariff.Unpriceable{Code: r.Reason, Detail: r.Detail})
	}
	return p, nil
}
