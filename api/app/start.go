package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

const tariffs = ingest.ObjectTariff

// startRequest is the body of POST /api/v1/sessions.
type startRequest struct {
	Location    placeJSON   `json:"location"`
	EVSEUID     string      `json:"evse_uid"`
	ConnectorID string      `json:"connector_id"`
	Token       startToken  `json:"token"`
	Limits      *limitsJSON `json:"limits"`
}

// startToken is a Token in short; the rest is completed. A party is the caller's own or
// nobody's.
type startToken struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	UID         string `json:"uid"`
	Type        string `json:"type"`
	ContractID  string `json:"contract_id"`
}

// limitsJSON are our limits of a charge.
type limitsJSON struct {
	MaxEnergyKWh *string `json:"max_energy_kwh"`
	StopAt       *string `json:"stop_at"`
}

func newLimits(l objects.CommandLimits) *limitsJSON {
	if l.IsZero() {
		return nil
	}
	v := &limitsJSON{MaxEnergyKWh: said(l.MaxEnergyKWh)}
	if l.StopAt != 0 {
		v.StopAt = said(l.StopAt.String())
	}
	return v
}

// latestStop is how far ahead the end of a charge may be: the store finds commands again
// that were asked for a day more ago at most.
const latestStop = 7 * 24 * time.Hour

// read checks limits.
func (l *limitsJSON) read(now time.Time) (out objects.CommandLimits, err error) {
	if l == nil {
		return out, nil
	}
	if l.MaxEnergyKWh != nil {
		n, err := ocpi.ParseNumber(*l.MaxEnergyKWh)
		if err != nil || n.Sign() <= 0 {
			return out, rest.Invalid("limits.max_energy_kwh", "want kWh more than 0, such as \"30\"")
		}
		out.MaxEnergyKWh = n.String()
	}
	if l.StopAt != nil {
		at, _, err := ocpi.ParseTime(*l.StopAt)
		if err != nil || !at.Go().After(now) {
			return out, rest.Invalid("limits.stop_at", "want a time to come, such as 2026-01-05T12:00:00Z")
		}
		if at.Go().After(now.Add(latestStop)) {
			return out, rest.Invalid("limits.stop_at", "want a time within %d days", latestStop/(24*time.Hour))
		}
		out.StopAt = at
	}
	return out, nil
}

// maxStart bounds the bodies of these calls, in bytes.
const maxStart = 16 << 10

func notFound(code, field, format string, args ...any) *rest.Error {
	return &rest.Error{Status: http.StatusNotFound, Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

func conflict(code, field, format string, args ...any) *rest.Error {
	return &rest.Error{Status: http.StatusConflict, Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// start answers POST /api/v1/sessions: a START_SESSION.
func (s *server) start(c *gin.Context, who *caller) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	body, err := api.ReadBody(c.Request, nil, maxStart, nil)
	if err != nil {
		return err
	}
	var q startRequest
	if err := rest.DecodeJSON(body, &q); err != nil {
		return err
	}
	ctx := c.Request.Context()
	key := c.GetHeader("Idempotency-Key")
	if err := q.check(who, key); err != nil {
		return err
	}
	hash, err := new(ocpi.Decoder).CanonicalHash(body)
	if err != nil {
		return err
	}
	digest := hex.EncodeToString(hash[:])
	e, err := s.begun(ctx, who, key, digest)
	if err == nil && e == nil {
		e, err = s.begin(ctx, who, &q, key, digest)
	}
	if err != nil {
		return err
	}
	v, err := s.charged(ctx, who, e)
	if err != nil {
		return err
	}
	c.Header("Location", v.URL)
	rest.WriteJSON(c, http.StatusAccepted, v)
	return nil
}

// charged shows a START_SESSION.
func (s *server) charged(ctx context.Context, who *caller, e *command.Entry) (*sessionJSON, error) {
	ch, err := s.chargeOf(ctx, who, e)
	if err != nil {
		return nil, err
	}
	return s.show(ctx, ch)
}

// maxIdempotencyKey bounds an Idempotency-Key, in bytes.
const maxIdempotencyKey = 255

// maxID bounds ids of OCPI: CiString(36).
const maxID = 36

// check finds what is wrong with the request by itself.
func (q *startRequest) check(who *caller, key string) error {
	for _, m := range []struct {
		name, value string
		required    bool
	}{
		{"location.country_code", q.Location.CountryCode, true}, {"location.party_id", q.Location.PartyID, true}, {"location.location_id", q.Location.LocationID, true},
		{"evse_uid", q.EVSEUID, false}, {"connector_id", q.ConnectorID, false}, {"token.uid", q.Token.UID, true}, {"token.type", q.Token.Type, true}, {"token.contract_id", q.Token.ContractID, false},
	} {
		switch {
		case m.value == "" && m.required:
			return rest.Invalid(m.name, "missing")
		case len(m.value) > maxID:
			return rest.Invalid(m.name, "longer than %d characters", maxID)
		}
	}
	switch {
	case q.ConnectorID != "" && q.EVSEUID == "":
		return rest.Invalid("connector_id", "a connector is one of an EVSE: name evse_uid too")
	case len(key) > maxIdempotencyKey:
		return rest.Invalid("Idempotency-Key", "longer than %d bytes", maxIdempotencyKey)
	case !slices.Contains(tokenTypes, q.Token.Type):
		return rest.Invalid("token.type", "want one of %s", strings.Join(tokenTypes, ", "))
	}
	if named := ocpi.NewParty(q.Token.CountryCode, q.Token.PartyID); !named.IsZero() && named != who.party {
		return &rest.Error{Status: http.StatusForbidden, Code: "foreign_token", Field: "token.party_id", Message: "a charge is with a Token of your own"}
	}
	return nil
}

var tokenTypes = []string{"AD_HOC_USER", "APP_USER", "EMAID", "OTHER", "RFID"}

// keptFor is how long an Idempotency-Key stands for a session, in seconds.
const keptFor = 24 * 60 * 60

// nameOf is under what an Idempotency-Key of a caller is kept.
func nameOf(who *caller, key string) ocpi.Key {
	return command.Name(who.party, "IK", who.place.ID, key)
}

// begun finds the session that a key stands for, nil where it stands for none.
func (s *server) begun(ctx context.Context, who *caller, key, digest string) (*command.Entry, error) {
	if key == "" {
		return nil, nil
	}
	state, ok, err := s.Objects.Get(ctx, command.Target(nameOf(who, key)))
	if err != nil || !ok {
		return nil, wrapped("read what an Idempotency-Key stands for", err)
	}
	known, err := objects.ReadCommand(&state)
	if err != nil || known.Point == nil || known.Point.Ended(ocpi.TimeOf(s.Now())) {
		return nil, err
	}
	return s.same(ctx, who, known.Point, digest)
}

// wrapped is unavailable, nil for no error.
func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return unavailable(what, err)
}

// same returns the session of a key, nil where it was never asked for, and refuses
// another body under it.
func (s *server) same(ctx context.Context, who *caller, p *objects.CommandPoint, digest string) (*command.Entry, error) {
	if p.Digest != digest {
		return nil, &rest.Error{Status: http.StatusUnprocessableEntity, Code: "idempotency_mismatch", Field: "Idempotency-Key",
			Message: "this key came with another body within the last 24 hours"}
	}
	e, _, err := s.Desk.Get(ctx, ocpi.Key{Party: who.party, ID: p.To})
	return e, wrapped("read a session", err)
}

// begin asks the CPO for a charge.
func (s *server) begin(ctx context.Context, who *caller, q *startRequest, key, digest string) (*command.Entry, error) {
	limits, err := q.Limits.read(s.Now())
	if err != nil {
		return nil, err
	}
	owner, place, err := s.station(ctx, who, q)
	if err != nil {
		return nil, err
	}
	to, err := s.Desk.Connected(owner)
	if errors.Is(err, api.ErrNotConnected) {
		return nil, conflict("cpo_not_connected", "location.party_id", "%s takes no commands from here", owner)
	}
	if err != nil {
		return nil, err
	}
	if err := place.startable(to.Peer.Version); err != nil {
		return nil, err
	}
	quoted, err := s.quoteAt(ctx, who, owner, place.location, place.connector)
	if err != nil {
		return nil, err
	}
	quoteText, err := json.Marshal(quoted)
	if err != nil {
		return nil, fmt.Errorf("write a quote: %w", err)
	}
	token, err := s.completed(ctx, who, &q.Token)
	if err != nil {
		return nil, err
	}
	id := command.NewID()
	if key != "" {
		p, err := s.Desk.Point(ctx, nameOf(who, key), objects.CommandPoint{To: id, Digest: digest, For: keptFor})
		if err != nil {
			return nil, wrapped("keep an Idempotency-Key", err)
		}
		if p.To != id {
			if e, err := s.same(ctx, who, &p, digest); e != nil || err != nil {
				return e, err
			}
			id = p.To // it was never asked for: the process died between the two
		}
	}
	start, err := q.command(id, token)
	if err != nil {
		return nil, err
	}
	return s.Desk.Ask(ctx, command.Asking{ID: id, Party: who.party, Via: objects.ViaApp, Caller: who.place.ID, CPO: owner, Command: start, Limits: limits, Quote: quoteText})
}

// command is the START_SESSION.
func (q *startRequest) command(id string, token []byte) (*ocpi.Command, error) {
	m := map[string]any{
		"response_url": command.NoURL, "token": json.RawMessage(token), "location_id": q.Location.LocationID, "authorization_reference": id,
	}
	if q.EVSEUID != "" {
		m["evse_uid"] = q.EVSEUID
	}
	if q.ConnectorID != "" {
		m["connector_id"] = q.ConnectorID
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("write START_SESSION: %w", err)
	}
	return ocpi.ReadCommand(ocpi.V221, ocpi.StartSession, body)
}

// station is where a charge is asked for.
type station struct {
	location  *ocpi.Location
	evse      *ocpi.EVSE      // nil = not said
	connector *ocpi.Connector // nil = not said, and not the only one
	named     bool            // the connector was said
}

// station finds the Location, EVSE and connector of a request, and takes over the
// spelling of their owner.
func (s *server) station(ctx context.Context, who *caller, q *startRequest) (owner ocpi.Party, at *station, err error) {
	key := ocpi.NewKey(q.Location.CountryCode, q.Location.PartyID, q.Location.LocationID)
	sees := s.scope(who, ingest.ObjectLocation)
	state, ok, err := ingest.ObjectState{}, false, error(nil)
	if sees.Holds(key.Party, ocpi.Party{}) {
		state, ok, err = s.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectLocation, Key: key})
	}
	if err != nil {
		return owner, nil, unavailable("read a Location", err)
	}
	unknown := notFound("unknown_location", "location.location_id", "%s %s is not known", key.Party, q.Location.LocationID)
	if !ok {
		return owner, nil, unknown
	}
	at = &station{}
	if at.location, err = new(ocpi.Decoder).Location(state.Version, state.Body); err != nil {
		return owner, nil, unknown // of an older decoder: as good as unknown
	}
	q.Location.LocationID = strings.Clone(at.location.ID)
	if q.EVSEUID == "" {
		return key.Party, at, nil
	}
	for i := range at.location.EVSEs {
		if e := &at.location.EVSEs[i]; ocpi.Fold(e.UID) == ocpi.Fold(q.EVSEUID) {
			at.evse, q.EVSEUID = e, strings.Clone(e.UID)
		}
	}
	if at.evse == nil {
		return owner, nil, notFound("unknown_evse", "evse_uid", "%s %s has no EVSE %s", key.Party, q.Location.LocationID, q.EVSEUID)
	}
	if q.ConnectorID == "" {
		if len(at.evse.Connectors) == 1 {
			at.connector = &at.evse.Connectors[0]
		}
		return key.Party, at, nil
	}
	for i := range at.evse.Connectors {
		if k := &at.evse.Connectors[i]; ocpi.Fold(k.ID) == ocpi.Fold(q.ConnectorID) {
			at.connector, q.ConnectorID, at.named = k, strings.Clone(k.ID), true
		}
	}
	if at.connector == nil {
		return owner, nil, notFound("unknown_connector", "connector_id", "EVSE %s has no connector %s", q.EVSEUID, q.ConnectorID)
	}
	return key.Party, at, nil
}

// startable refuses what the EVSE's capabilities rule out; where there are none, a start
// is tried (OCPI 2.2.1 mod_locations, "Capability").
func (at *station) startable(v ocpi.Version) error {
	if at.evse == nil || len(at.evse.Capabilities) == 0 {
		return nil
	}
	has := func(c string) bool { return slices.Contains(at.evse.Capabilities, c) }
	switch {
	case !has("REMOTE_START_STOP_CAPABLE"):
		return conflict("not_startable", "evse_uid", "EVSE %s cannot be started from afar", at.evse.UID)
	case has("START_SESSION_CONNECTOR_REQUIRED") && v == ocpi.V211:
		return conflict("not_startable", "evse_uid", "EVSE %s wants to be told the connector, and its operator's OCPI 2.1.1 cannot tell it", at.evse.UID)
	case has("START_SESSION_CONNECTOR_REQUIRED") && !at.named:
		return rest.Invalid("connector_id", "EVSE %s has to be told the connector", at.evse.UID)
	}
	return nil
}

// completed is the whole Token, as OCPI 2.2.1 has it: the one that the eMSP has pushed,
// else made of what is given.
func (s *server) completed(ctx context.Context, who *caller, t *startToken) ([]byte, error) {
	key := ocpi.Key{Party: who.party, ID: ocpi.Fold(t.UID)}
	state, ok, err := s.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectToken, Key: key, Variant: t.Type})
	if err != nil {
		return nil, unavailable("read a Token", err)
	}
	if ok {
		r, err := convert.Convert(convert.Token, state.Version, ocpi.V221, state.Body, convert.Context{Owner: who.party})
		if err == nil {
			return r.Body, nil
		}
	}
	if t.ContractID == "" {
		return nil, rest.Invalid("token.contract_id", "missing, and no such Token was pushed")
	}
	body, err := json.Marshal(map[string]any{
		"country_code": who.party.Country, "party_id": who.party.ID, "uid": t.UID, "type": t.Type, "contract_id": t.ContractID,
		"issuer": who.partner.Name, "valid": true, "whitelist": "NEVER", "last_updated": ocpi.TimeOf(s.Now()).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("write a Token: %w", err)
	}
	return body, nil
}
