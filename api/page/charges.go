package page

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
)

// charge is a session as the call tells it.
type charge struct {
	ID          string  `json:"id"`
	State       string  `json:"state"`
	RequestedAt string  `json:"requested_at"`
	Location    station `json:"location"`
	EVSEUID     *string `json:"evse_uid"`
	StartedAt   *string `json:"started_at"`
	EndedAt     *string `json:"ended_at"`
	EnergyKWh   *string `json:"energy_kwh"`
	AsOf        *string `json:"as_of"`
	Command     struct {
		Response *string `json:"response"`
		Result   *string `json:"result"`
		Message  *string `json:"message"`
	} `json:"command"`
	Price *struct {
		Status   string  `json:"status"`
		Currency *string `json:"currency"`
		ExclVAT  *string `json:"excl_vat"`
		InclVAT  *string `json:"incl_vat"`
	} `json:"price"`
	CDR *struct {
		ID     string `json:"id"`
		Agrees *bool  `json:"agrees_with_quote"`
	} `json:"cdr"`

	emsp string // as which it is asked for, where that is chosen
}

// chargeStates are states in a driver's words, with the class of their tag.
var chargeStates = map[string][2]string{
	"requested": {"asking the station", ""}, "accepted": {"about to start", ""}, "pending": {"about to start", ""},
	"active": {"charging", "good"}, "stopping": {"stopping", "warn"}, "completed": {"ended", ""}, "billed": {"billed", ""},
	"rejected": {"refused", "bad"}, "timed_out": {"no answer", "bad"}, "failed": {"failed", "bad"}, "not_started": {"not started", "bad"}, "invalid": {"invalid", "bad"},
}

// Word is its state in words, Class that of their tag.
func (c charge) Word() string {
	if s, ok := chargeStates[c.State]; ok {
		return s[0]
	}
	return c.State
}

// Class is the class of the tag of its state.
func (c charge) Class() string { return chargeStates[c.State][1] }

// Running reports whether it may still change by itself.
func (c charge) Running() bool {
	switch c.State {
	case "requested", "accepted", "pending", "active", "stopping":
		return true
	}
	return false
}

// billedWithin is for how long after its end the bill of a charge is watched for.
const billedWithin = 10 * time.Minute

// watched reports whether more is soon to be told of it: while it goes on, and until it is
// billed.
func (c charge) watched(now time.Time) bool {
	if c.State != "completed" || c.EndedAt == nil {
		return c.Running()
	}
	ended, err := time.Parse(time.RFC3339, *c.EndedAt)
	return err == nil && now.Sub(ended) < billedWithin
}

// Stoppable reports whether a driver can end it.
func (c charge) Stoppable() bool { return c.Running() && c.State != "stopping" }

// Cost is what it costs so far.
func (c charge) Cost() string {
	p := c.Price
	if p == nil || p.Currency == nil {
		return ""
	}
	switch {
	case p.InclVAT != nil:
		return *p.InclVAT + " " + *p.Currency
	case p.ExclVAT != nil:
		return *p.ExclVAT + " " + *p.Currency + " before tax"
	}
	return ""
}

// Said is what the CPO said to the command.
func (c charge) Said() string {
	var parts []string
	for _, s := range []*string{c.Command.Response, c.Command.Result, c.Command.Message} {
		if s == nil {
			continue
		}
		if said := strings.ReplaceAll(*s, "_", " "); !slices.Contains(parts, said) {
			parts = append(parts, said)
		}
	}
	return strings.Join(parts, ", ")
}

// Href is the address of its page.
func (c charge) Href() string { return as("/charges/"+url.PathEscape(c.ID), c.emsp) }

// StopHref is where it is stopped.
func (c charge) StopHref() string { return as("/charges/"+url.PathEscape(c.ID)+"/stop", c.emsp) }

// as is the address of a page for an eMSP that is chosen, "" where the key says which.
func as(path, emsp string) string {
	if emsp == "" {
		return path
	}
	return path + "?" + url.Values{"emsp": {emsp}}.Encode()
}

func (d *driver) chosen() string {
	if d.EMSPs == nil {
		return ""
	}
	return d.EMSP.String()
}

type chargesView struct {
	frame
	Driver  driver
	Charges []charge
	Next    string
}

// charges answers GET /charges.
func (s *server) charges(c *gin.Context, d driver) error {
	q := dropEmpty(c.Request.URL.Query())
	view := chargesView{frame: frame{Title: "Charges", Here: "Charges", Visitor: &d.visitor, Query: q}, Driver: d}
	path := "/sessions?" + url.Values{"limit": {"20"}}.Encode()
	if cursor := q.Get("cursor"); cursor != "" {
		path += "&" + url.Values{"cursor": {cursor}}.Encode()
	}
	if !d.EMSP.IsZero() {
		var found struct {
			Data []charge
			Next *string
		}
		if err := s.ask(c, &d, http.MethodGet, path, nil, &found); err != nil {
			return err
		}
		for _, one := range found.Data {
			one.emsp = d.chosen()
			view.Charges = append(view.Charges, one)
		}
		if found.Next != nil {
			next, _ := url.Parse(*found.Next)
			view.Next = address("/charges", url.Values{"cursor": {next.Query().Get("cursor")}, "emsp": {d.EMSP.String()}})
		}
	}
	s.render(c, http.StatusOK, "charges", view)
	return nil
}

type chargeView struct {
	frame
	Driver  driver
	Charge  charge
	Back    string
	Again   int // seconds until the page is brought up to date; 0 = it is not
	Station station
}

// Refresh is how soon the page is asked for again where no scripts run.
func (v chargeView) Refresh() int { return v.Again }

// Script is what brings the page up to date where scripts run.
func (v chargeView) Script() string {
	if v.Again == 0 {
		return ""
	}
	return chargeScript
}

// watchEvery is how often the page of a charge that is watched is brought up to date, in
// seconds.
const watchEvery = 3

// charge answers GET /charges/{id}.
func (s *server) charge(c *gin.Context, d driver) error {
	view := chargeView{frame: frame{Title: "Charge", Here: "Charges", Visitor: &d.visitor, Query: c.Request.URL.Query()}, Driver: d, Back: as("/charges", d.chosen())}
	if err := s.ask(c, &d, http.MethodGet, "/sessions/"+url.PathEscape(api.Param(c, "id")), nil, &view.Charge); err != nil {
		return err
	}
	view.Charge.emsp, view.Station = d.chosen(), view.Charge.Location
	view.Station.emsp = d.chosen()
	if view.Charge.watched(s.now()) {
		view.Again = watchEvery
	}
	c.Header("Content-Security-Policy", contentPolicy+"; script-src 'self'; connect-src 'self'")
	s.render(c, http.StatusOK, "charge", view)
	return nil
}

// startCharge answers POST /stations/{country}/{party}/{id}: a charge at one of its
// connectors, with a Token of the app's.
func (s *server) startCharge(c *gin.Context, d driver) error {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return errCrossOrigin
	}
	key, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	token := strings.TrimSpace(c.PostForm("token"))
	if token == "" {
		return rest.Invalid("token", "missing: say with which token of %s the charge is", d.EMSP)
	}
	plug, err := url.ParseQuery(c.PostForm("plug"))
	if err != nil {
		return rest.Invalid("plug", "choose one of the station's")
	}
	begun := charge{}
	err = s.ask(c, &d, http.MethodPost, "/sessions", map[string]any{
		"location": map[string]string{"country_code": key.Party.Country, "party_id": key.Party.ID, "location_id": key.ID},
		"evse_uid": plug.Get("evse"), "connector_id": plug.Get("connector"),
		"token": map[string]string{"uid": token, "type": "APP_USER", "contract_id": token},
	}, &begun)
	if err != nil {
		return err
	}
	begun.emsp = d.chosen()
	c.Redirect(http.StatusSeeOther, begun.Href())
	return nil
}

// stopCharge answers POST /charges/{id}/stop.
func (s *server) stopCharge(c *gin.Context, d driver) error {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return errCrossOrigin
	}
	stopped := charge{}
	if err := s.ask(c, &d, http.MethodPost, "/sessions/"+url.PathEscape(api.Param(c, "id"))+"/stop", nil, &stopped); err != nil {
		return err
	}
	stopped.emsp = d.chosen()
	c.Redirect(http.StatusSeeOther, stopped.Href())
	return nil
}

// instantText writes an instant of the API for people.
func instantText(s *string) string {
	if s == nil {
		return "unknown"
	}
	at, err := time.Parse(time.RFC3339, *s)
	if err != nil {
		return *s
	}
	return at.UTC().Format("2006-01-02 15:04:05")
}

// Started is when it began.
func (c charge) Started() string { return instantText(c.StartedAt) }

// Ended is when it ended.
func (c charge) Ended() string { return instantText(c.EndedAt) }

// Known is as of when all of it is.
func (c charge) Known() string { return instantText(c.AsOf) }

// Asked is when it was asked for.
func (c charge) Asked() string { return instantText(&c.RequestedAt) }
