package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
	"github.com/roamclear/roamclear/settlement"
)

// Desk asks CPOs for something: a *command.Desk.
type Desk interface {
	Ask(ctx context.Context, a command.Asking) (*command.Entry, error)
	Get(ctx context.Context, key ocpi.Key) (e *command.Entry, ok bool, err error)
	Note(ctx context.Context, e *command.Entry, sender, what string, body any) (*command.Entry, error)
	Point(ctx context.Context, name ocpi.Key, p objects.CommandPoint) (objects.CommandPoint, error)
	Stop(ctx context.Context, e *command.Entry, caller string) (*command.Entry, error)
	StopOf(ctx context.Context, e *command.Entry) (*command.Entry, error)
	Connected(cpo ocpi.Party) (*control.Partner, error)
}

// Charges reads what is stored of charges.
type Charges interface {
	// Commands returns commands of a party, the latest first, with ids from one on,
	// and before one; "" = of all times.
	Commands(ctx context.Context, party ocpi.Party, mark, from, before string, limit int) ([]ocpi.Key, error)
	// SessionCDR returns the CDR of a Session; ok is false where none is stored.
	SessionCDR(ctx context.Context, cpo ocpi.Party, session string) (key ocpi.Key, ok bool, err error)
	// ChargeCDRs returns CDRs that name no Session by the charge that they are of.
	ChargeCDRs(ctx context.Context, q settlement.ChargeQuery, limit int) ([]ocpi.Key, error)
	CDR(ctx context.Context, key ocpi.Key) (*settlement.CDRDetail, error)
	// Await returns when the store has what the log had of a kind.
	Await(ctx context.Context, o ingest.Object, strict bool) error
}

// States of a session, see stateOf.
const (
	stateRequested  = "requested"   // it is durable
	stateAccepted   = "accepted"    // the CPO has taken the command
	stateRejected   = "rejected"    // it has not
	stateTimedOut   = "timed_out"   // it did not answer, or its result did not come
	stateFailed     = "failed"      // the result says so
	stateNotStarted = "not_started" // the result was good, and no Session came
	statePending    = "pending"     // its Session is not charging yet
	stateActive     = "active"
	stateStopping   = "stopping" // by our stop
	stateCompleted  = "completed"
	stateInvalid    = "invalid"
	stateBilled     = "billed" // its CDR has come
)

// charge is a session with all that is known of it.
type charge struct {
	*command.Entry
	stop    *command.Entry // its STOP_SESSION, nil = none
	state   *ingest.ObjectState
	session *ocpi.Session // as it stands, nil = not known
	cdr     *settlement.CDRDetail
	bills   []*settlement.CDRDetail // several of which one may be its CDR
}

// charge reads a session of a caller, nil where there is none.
func (s *server) charge(ctx context.Context, who *caller, id string) (*charge, error) {
	e, ok, err := s.Desk.Get(ctx, ocpi.Key{Party: who.party, ID: ocpi.Fold(id)})
	if err != nil {
		return nil, unavailable("read a session", err)
	}
	if !ok || e.Command.Type != ocpi.StartSession || e.Command.Via != objects.ViaApp {
		return nil, errNoSession
	}
	return s.chargeOf(ctx, who, e)
}

var errNoSession = fmt.Errorf("session: %w", settlement.ErrNotFound)

// chargeOf reads what is known of a START_SESSION, but no Session and no CDR of which it is
// known that another pays.
func (s *server) chargeOf(ctx context.Context, who *caller, e *command.Entry) (c *charge, err error) {
	c = &charge{Entry: e}
	if c.stop, err = s.Desk.StopOf(ctx, e); err != nil {
		return nil, unavailable("read the stop of a session", err)
	}
	linked := e.Command.Session
	if linked == nil {
		return c, nil
	}
	state, ok, err := s.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectSession, Key: linked.Key()})
	if err != nil {
		return nil, unavailable("read a Session", err)
	}
	if sees := s.scope(who, ingest.ObjectSession); ok && (state.With.IsZero() || sees.Holds(state.Key.Party, state.With)) {
		c.state = &state
		if c.session, err = new(ocpi.Decoder).Session(state.Version, state.Body); err != nil {
			return nil, fmt.Errorf("read Session %s at %s: %v", state.Key, state.Position, err) //nolint:errorlint // ours, not the reader's: a 500
		}
	}
	return c, s.billed(ctx, who, c)
}

// stateOf is how far a session has come: its CDR overrules its Session, that the command.
func (c *charge) stateOf() string {
	if c.cdr != nil {
		return stateBilled
	}
	if c.session != nil {
		switch strings.ToUpper(c.session.Status) {
		case "COMPLETED":
			return stateCompleted
		case "INVALID":
			return stateInvalid
		case "PENDING", "RESERVATION":
			return c.orStopping(statePending)
		}
		return c.orStopping(stateActive)
	}
	cmd := c.Command
	switch {
	case cmd.TimedOut != nil && cmd.TimedOut.What == objects.AwaitsSession:
		return stateNotStarted
	case cmd.TimedOut != nil:
		return stateTimedOut
	case cmd.Result != nil && cmd.Result.Result != ocpi.CommandAccepted:
		return stateFailed
	case cmd.Result != nil:
		return stateAccepted
	case cmd.Response == nil:
		return stateRequested
	case cmd.Response.Result != ocpi.CommandAccepted:
		return stateRejected
	}
	return stateAccepted
}

// orStopping is stopping while our stop is under way, and has not failed.
func (c *charge) orStopping(state string) string {
	if c.Command.Stop == nil || c.StopFailed(c.stop) {
		return state
	}
	return stateStopping
}

// over reports whether nothing of the session can be stopped any more.
func (c *charge) over() bool {
	switch c.stateOf() {
	case stateCompleted, stateInvalid, stateBilled, stateRejected, stateFailed:
		return true
	}
	return false
}

// sessionJSON is a session. What is not known is null.
type sessionJSON struct {
	ID          string           `json:"id"`
	URL         string           `json:"url"`
	State       string           `json:"state"`
	Deadline    *string          `json:"deadline"`
	RequestedAt string           `json:"requested_at"`
	Reference   string           `json:"authorization_reference"`
	Location    placeJSON        `json:"location"`
	EVSEUID     *string          `json:"evse_uid"`
	ConnectorID *string          `json:"connector_id"`
	Token       tokenJSON        `json:"token"`
	Limits      *limitsJSON      `json:"limits"`
	OCPI        *ocpiJSON        `json:"ocpi"`
	Ambiguous   []ocpiJSON       `json:"ambiguous,omitempty"`
	StartedAt   *string          `json:"started_at"`
	EndedAt     *string          `json:"ended_at"`
	EnergyKWh   *string          `json:"energy_kwh"`
	AsOf        *string          `json:"as_of"`
	Quote       *quoteJSON       `json:"quote"`
	Command     commandJSON      `json:"command"`
	Stop        *stopJSON        `json:"stop"`
	Preferences *preferencesJSON `json:"charging_preferences"`
	Price       *runningJSON     `json:"price"`
	CDR         *cdrJSON         `json:"cdr"`
	Bills       []ocpiJSON       `json:"ambiguous_cdrs,omitempty"`
}

type placeJSON struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	LocationID  string `json:"location_id"`
}

type tokenJSON struct {
	UID        string `json:"uid"`
	Type       string `json:"type"`
	ContractID string `json:"contract_id"`
}

type ocpiJSON struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	ID          string `json:"id"`
	Status      string `json:"status,omitempty"`
}

type commandJSON struct {
	Response *string `json:"response"`
	Result   *string `json:"result"`
	Message  *string `json:"message"`
}

type stopJSON struct {
	ID       string  `json:"id"`
	Why      string  `json:"reason"` // asked, max_energy_kwh, stop_at
	At       string  `json:"requested_at"`
	Response *string `json:"response"`
	Result   *string `json:"result"`
	Message  *string `json:"message"`
	Failed   bool    `json:"failed"`
}

type preferencesJSON struct {
	Sent     json.RawMessage `json:"sent"`
	Response *string         `json:"response"`
	Message  *string         `json:"message,omitempty"`
}

// runningJSON is what a session costs so far, or has cost.
type runningJSON struct {
	Status      string  `json:"status"` // running, final, or unpriced with a reason
	Reason      string  `json:"reason,omitempty"`
	Currency    *string `json:"currency"`
	ExclVAT     *string `json:"excl_vat"`
	InclVAT     *string `json:"incl_vat"`
	PartnerExcl *string `json:"partner_excl_vat"`
	Explanation string  `json:"explanation"`
}

type cdrJSON struct {
	CountryCode string  `json:"country_code"`
	PartyID     string  `json:"party_id"`
	ID          string  `json:"id"`
	ExclVAT     *string `json:"excl_vat"`
	InclVAT     *string `json:"incl_vat"`
	Agrees      *bool   `json:"agrees_with_quote"`
	Reason      *string `json:"reason"`
	URL         string  `json:"url"`
}

func sessionURL(id string) string { return "/api/v1/sessions/" + url.PathEscape(id) }

// show writes a session.
func (s *server) show(ctx context.Context, c *charge) (*sessionJSON, error) {
	cmd := c.Command
	cpo, _ := ocpi.ParseParty(cmd.CPO)
	token := ocpi.Text(cmd.Body, "authorization_reference")
	v := &sessionJSON{
		ID: c.Key.ID, URL: sessionURL(c.Key.ID), State: c.stateOf(), RequestedAt: cmd.Asked.String(), Reference: token,
		Location: placeJSON{cpo.Country, cpo.ID, cmd.Location}, EVSEUID: said(cmd.EVSE), ConnectorID: said(cmd.Connector),
		Token: tokenJSON{cmd.TokenUID, tokenType(cmd.Body), cmd.Contract}, Limits: newLimits(cmd.Limits), Command: newCommand(cmd), Stop: c.newStop(),
	}
	if _, until := cmd.Awaits(); until != 0 && c.session == nil {
		v.Deadline = said(until.String())
	}
	if q, err := readQuote(cmd.Quote); err != nil {
		return nil, err
	} else if q != nil {
		v.Quote = q.show()
	}
	if p := cmd.Preferences; p != nil {
		v.Preferences = &preferencesJSON{Sent: p.Sent, Response: said(p.Response), Message: said(p.Message)}
	}
	if linked := cmd.Session; linked != nil {
		v.OCPI = &ocpiJSON{CountryCode: linked.Country, PartyID: linked.Party, ID: linked.ID}
	} else {
		for _, a := range cmd.Ambiguous {
			v.Ambiguous = append(v.Ambiguous, ocpiJSON{CountryCode: a.Country, PartyID: a.Party, ID: a.ID})
		}
	}
	if c.session != nil {
		v.OCPI.Status = c.session.Status
		if err := s.showSession(ctx, v, c); err != nil {
			return nil, err
		}
	}
	for _, d := range c.bills {
		v.Bills = append(v.Bills, ocpiJSON{CountryCode: d.Key.Party.Country, PartyID: d.Key.Party.ID, ID: d.ID})
	}
	if c.cdr != nil {
		var err error
		if v.CDR, err = s.newCDR(c); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// showSession adds what the Session says, and its price.
func (s *server) showSession(ctx context.Context, v *sessionJSON, c *charge) error {
	o := c.session
	if o.Start.IsSet() {
		v.StartedAt = said(o.Start.String())
	}
	if o.End.IsSet() {
		v.EndedAt = said(o.End.String())
	}
	if o.KWh.IsSet() {
		v.EnergyKWh = said(rest.Quantity(o.KWh.Decimal()))
	}
	if o.LastUpdated.IsSet() {
		v.AsOf = said(o.LastUpdated.String())
	}
	price, err := s.running(ctx, c)
	if err != nil {
		return err
	}
	v.Price = newRunning(c, price)
	return nil
}

// running prices the Session as it stands.
func (s *server) running(ctx context.Context, c *charge) (*whatif.Price, error) {
	p, err := pricing.Running(ctx, s.Objects, c.state.Key.Party, c.session)
	if err != nil {
		return nil, unavailable("price a session", err)
	}
	return p, nil
}

func newRunning(c *charge, p *whatif.Price) *runningJSON {
	r := &p.Result
	v := &runningJSON{Status: "running", Explanation: sessionURL(c.Key.ID) + "/explanation", PartnerExcl: rest.MoneyOf(c.session.TotalCost.Excl)}
	switch strings.ToUpper(c.session.Status) {
	case "COMPLETED", "INVALID":
		v.Status = "final"
	}
	if !r.OK {
		v.Status, v.Reason = "unpriced", r.Reason
		return v
	}
	v.Currency, v.ExclVAT, v.InclVAT = said(p.CDR.Currency), rest.MoneyOf(r.Total.Excl), rest.MoneyOf(r.Total.Incl)
	return v
}

func newCommand(c *objects.Command) commandJSON {
	var v commandJSON
	if c.Response != nil {
		a := c.Response.Answer()
		v.Response, v.Message = said(a.Result), said(a.Text())
	}
	if c.Result != nil {
		a := c.Result.Answer()
		v.Result = said(a.Result)
		if text := a.Text(); text != "" {
			v.Message = said(text)
		}
	}
	if c.TimedOut != nil && v.Message == nil {
		v.Message = said(c.TimedOut.Detail)
	}
	return v
}

func (c *charge) newStop() *stopJSON {
	stop := c.Command.Stop
	if stop == nil {
		return nil
	}
	v := &stopJSON{ID: stop.ID, Why: stop.Why, At: stop.At.String(), Failed: c.StopFailed(c.stop)}
	if c.stop != nil {
		said := newCommand(c.stop.Command)
		v.Response, v.Result, v.Message = said.Response, said.Result, said.Message
	}
	return v
}

// newCDR tells the CDR of a session, and whether it is what was quoted.
func (s *server) newCDR(c *charge) (*cdrJSON, error) {
	d := c.cdr
	v := &cdrJSON{
		CountryCode: d.Key.Party.Country, PartyID: d.Key.Party.ID, ID: d.ID, ExclVAT: rest.MoneyOrNil(d.ClaimedExcl), InclVAT: rest.MoneyOrNil(d.ClaimedIncl),
		URL: "/api/v1/cdrs" + rest.KeyPath(ocpi.Key{Party: d.Key.Party, ID: d.ID}),
	}
	q, err := readQuote(c.Command.Quote)
	if err != nil {
		return nil, err
	}
	agrees, reason := q.holds(d, s.profile(d.Key.Party))
	v.Agrees, v.Reason = agrees, said(reason)
	return v, nil
}

// profile is how charges of a CPO are priced.
func (s *server) profile(cpo ocpi.Party) *tariff.Profile {
	if s.Profile == nil {
		return nil
	}
	return s.Profile(cpo)
}

// tokenType is the type of the Token in a command.
func tokenType(body []byte) string {
	o, err := ocpi.SplitObject(body)
	if err != nil {
		return ""
	}
	return ocpi.Text([]byte(o.Value("token")), "type")
}
