package page

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

const (
	maxTariffs = 500 // that the form lists
	maxForm    = report.MaxPriceRequest
)

// tariffOption is one known tariff to choose.
type tariffOption struct{ Key, Name string }

type priceView struct {
	frame
	Form    priceForm
	Tariffs []tariffOption
	More    int // tariffs that are not listed
	Wrong   *rest.Error
	Price   *priceShown // nil where there is none
}

// WrongField is the field of the form that cannot be used, "" for none.
func (v priceView) WrongField() string {
	if v.Wrong == nil {
		return ""
	}
	return v.Wrong.Field
}

// priceShown is the answer.
type priceShown struct {
	Sentence    string
	Zone        string // whose local times are shown, and why that
	Chart       *chart
	Explanation *explanation
	Findings    []ocpi.Finding
}

// price answers GET /price: a charge that was not made, and what it costs.
func (s *server) price(c *gin.Context, v visitor) error {
	q := c.Request.URL.Query()
	return s.showPrice(c, v, q)
}

// askPrice answers POST /price. A tariff that was pasted does not fit into an
// address; everything else gets one that can be kept and passed on.
func (s *server) askPrice(c *gin.Context, v visitor) error {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
	if err := c.Request.ParseForm(); err != nil {
		return &rest.Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "json",
			Message: fmt.Sprintf("the form cannot be read: a tariff may have at most %d kB", maxForm>>10)}
	}
	q := c.Request.PostForm
	if strings.TrimSpace(q.Get("json")) != "" {
		return s.showPrice(c, v, q)
	}
	for _, name := range []string{"json", "zone", "vat"} { // an amount that was cleared is not one that was not asked for
		if strings.TrimSpace(q.Get(name)) == "" {
			q.Del(name)
		}
	}
	c.Redirect(http.StatusSeeOther, address("/price", q))
	return nil
}

func (s *server) showPrice(c *gin.Context, v visitor, q url.Values) error {
	view := priceView{frame: frame{Title: "What would it cost?", Here: "Price", Visitor: &v, Query: q}}
	view.Form = priceForm{
		Tariff: q.Get("tariff"), JSON: strings.TrimSpace(q.Get("json")), Start: q.Get("start"),
		Minutes: q.Get("minutes"), KWh: q.Get("kwh"), Parking: q.Get("parking"), Zone: strings.TrimSpace(q.Get("zone")),
		InclVAT: q.Get("vat") == "incl",
	}
	view.list(s.Tariffs, v.Key)
	view.Form.fill(view.Tariffs, q)
	status := http.StatusOK
	if view.Form.Tariff != "" || view.Form.JSON != "" {
		shown, err := view.Form.price(c.Request.Context(), v.Key, s.Tariffs)
		if err != nil {
			wrong, ok := errors.AsType[*rest.Error](err)
			if !ok {
				return fmt.Errorf("price a charge: %w", err)
			}
			view.Wrong, status = wrong, wrong.Status
		}
		view.Price = shown
	}
	s.render(c, status, "price", view)
	return nil
}

// list offers the tariffs that the visitor may name, by owner and id.
func (v *priceView) list(known report.Tariffs, key rest.Key) {
	var all []*reference.TariffVersion
	known.Tariffs(func(t *reference.TariffVersion) {
		if key.Sees(t.Key.Party, t.Key.Party) {
			all = append(all, t)
		}
	})
	slices.SortFunc(all, func(a, b *reference.TariffVersion) int { return cmp.Compare(a.Key.String(), b.Key.String()) })
	v.More = max(0, len(all)-maxTariffs)
	for _, t := range all[:len(all)-v.More] {
		v.Tariffs = append(v.Tariffs, tariffOption{t.Key.String(), t.Key.Party.String() + " " + sentID(t)})
	}
	chosen := func(o tariffOption) bool { return o.Key == v.Form.Tariff }
	if v.Form.Tariff != "" && !slices.ContainsFunc(v.Tariffs, chosen) {
		v.Tariffs = append(v.Tariffs, tariffOption{v.Form.Tariff, v.Form.Tariff})
	}
}

// sentID is a tariff's id as its owner wrote it; its key has it folded.
func sentID(t *reference.TariffVersion) string {
	var body struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(t.Body, &body); err != nil || body.ID == "" {
		return t.Key.ID
	}
	return body.ID
}

func (f *priceForm) show(ctx context.Context, q *report.PriceRequest, zone *tariff.Zone, key rest.Key, known report.Tariffs) (*priceShown, error) {
	t, err := q.Resolve(ctx, key, known)
	if err != nil {
		return nil, err
	}
	p, err := t.Price()
	if err != nil {
		return nil, err
	}
	curve, err := whatif.Curve(&t.Charge, &t.Terms, maxSamples, tableTimes(&t.Charge, zone)...)
	if err != nil {
		return nil, fmt.Errorf("price the charge as it goes on: %w", err)
	}
	if curve, err = whatif.Steps(&t.Charge, &t.Terms, curve); err != nil {
		return nil, fmt.Errorf("find the steps of the price: %w", err)
	}
	side := vatSide(f.InclVAT)
	if !p.Result.Total.Incl.IsSet() {
		side = exclVAT
	} else if !p.Result.Total.Excl.IsSet() {
		side = inclVAT
	}
	return &priceShown{
		Sentence:    priceSentence(&t.Charge, p, zone),
		Chart:       newChart(curve, &t.Charge, zone, p.CDR.Currency, side),
		Explanation: newExplanation(p.Explanation),
		Findings:    append(t.Findings, p.Result.Findings...),
	}, nil
}

// priceSentence says what was asked and what it costs.
func priceSentence(c *whatif.Charge, p *whatif.Price, zone *tariff.Zone) string {
	kwh := newFigure(c.EnergyKWh.Decimal(), 0).Text
	s := fmt.Sprintf("%s kWh in %s from %s", kwh, spoken(c.Duration), zone.Local(c.Start).Format("Monday 2 January 2006, 15:04"))
	if c.ParkingAfter > 0 {
		s += ", then " + spoken(c.ParkingAfter) + " parked"
	}
	total := p.Result.Total
	switch excl, incl := newFigure(total.Excl.Decimal(), 2).Text, newFigure(total.Incl.Decimal(), 2).Text; {
	case !total.Incl.IsSet():
		return fmt.Sprintf("%s, costs %s %s before VAT; the tariff does not tell the VAT.", s, excl, p.CDR.Currency)
	case !total.Excl.IsSet():
		return fmt.Sprintf("%s, costs %s %s including VAT; the tariff does not tell the VAT.", s, incl, p.CDR.Currency)
	default:
		return fmt.Sprintf("%s, costs %s %s before VAT, %s including VAT.", s, excl, p.CDR.Currency, incl)
	}
}

// spoken writes whole minutes as "2 h 15 min".
func spoken(d time.Duration) string {
	h, m := int(d/time.Hour), int(d/time.Minute)%60
	switch {
	case h == 0:
		return fmt.Sprintf("%d min", m)
	case m == 0:
		return fmt.Sprintf("%d h", h)
	}
	return fmt.Sprintf("%d h %d min", h, m)
}
