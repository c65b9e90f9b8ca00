package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// Preferrer sends a driver's preferences to CPOs: a *partner.Forwarder.
type Preferrer interface {
	ChargingPreferences(ctx context.Context, p partner.Preferences) (*partner.Answer, error)
}

// sessionByID answers GET /api/v1/sessions/{id}.
func (s *server) sessionByID(c *gin.Context, who *caller) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	ctx := c.Request.Context()
	ch, err := s.charge(ctx, who, api.Param(c, "country"))
	if err != nil {
		return err
	}
	return s.write(c, http.StatusOK, ch)
}

func (s *server) write(c *gin.Context, status int, ch *charge) error {
	v, err := s.show(c.Request.Context(), ch)
	if err != nil {
		return err
	}
	rest.WriteJSON(c, status, v)
	return nil
}

// stop answers POST /api/v1/sessions/{id}/stop: one STOP_SESSION, however often it is
// asked for, as soon as the Session is known.
func (s *server) stop(c *gin.Context, who *caller) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	ctx := c.Request.Context()
	ch, err := s.charge(ctx, who, api.Param(c, "country"))
	if err != nil {
		return err
	}
	if ch.over() {
		return conflict("already_over", "", "the session is %s", ch.stateOf())
	}
	e, err := s.Desk.Stop(ctx, ch.Entry, who.place.ID)
	if err != nil {
		return err
	}
	if ch, err = s.chargeOf(ctx, who, e); err != nil {
		return err
	}
	return s.write(c, http.StatusAccepted, ch)
}

// changeRequest is the body of PUT /api/v1/sessions/{id}.
type changeRequest struct {
	Preferences json.RawMessage `json:"charging_preferences"`
	Limits      *limitsJSON     `json:"limits"`
}

// change answers PUT /api/v1/sessions/{id}: our limits, and what the driver prefers,
// which goes to the CPO.
func (s *server) change(c *gin.Context, who *caller) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	body, err := api.ReadBody(c.Request, nil, maxStart, nil)
	if err != nil {
		return err
	}
	var q changeRequest
	if err := rest.DecodeJSON(body, &q); err != nil {
		return err
	}
	limits, err := q.Limits.read(s.Now())
	if err != nil {
		return err
	}
	if q.Preferences == nil && q.Limits == nil {
		return rest.Invalid("charging_preferences", "missing, as are limits: there is nothing to change")
	}
	ctx := c.Request.Context()
	ch, err := s.charge(ctx, who, api.Param(c, "country"))
	if err != nil {
		return err
	}
	if limits.StopAt > ch.Command.Asked+ocpi.Time(latestStop) {
		return rest.Invalid("limits.stop_at", "want a time within %d days of the start", latestStop/(24*time.Hour))
	}
	if q.Preferences != nil {
		err = s.prefer(ctx, who, ch, q.Preferences)
	} else if ch.over() {
		err = conflict("not_active", "", "the session is %s", ch.stateOf())
	}
	if err != nil {
		return err
	}
	if q.Limits != nil {
		if ch.Entry, err = s.Desk.Note(ctx, ch.Entry, who.place.ID, objects.CommandLimited, limits); err != nil {
			return wrapped("change the limits of a session", err)
		}
	}
	if ch, err = s.chargeOf(ctx, who, ch.Entry); err != nil {
		return err
	}
	return s.write(c, http.StatusOK, ch)
}

// preferable is what an EVSE says that takes preferences (OCPI 2.2.1 mod_locations,
// "Capability").
const preferable = "CHARGING_PREFERENCES_CAPABLE"

// maxNote bounds what is kept of why preferences were not delivered, in bytes.
const maxNote = 300

// invalid tells what is wrong with a body first, which stands in ours below a path.
func invalid(path string, wrong *ocpi.Invalid) error {
	return rest.Invalid(path+wrong.Fields[0].Path, "%s", wrong.Fields[0].Reason)
}

// prefer sends preferences to the CPO of a session, and notes what it answered.
func (s *server) prefer(ctx context.Context, who *caller, ch *charge, sent json.RawMessage) error {
	if _, err := ocpi.ReadChargingPreferences(sent); err != nil {
		if wrong, ok := errors.AsType[*ocpi.Invalid](err); ok {
			return invalid("charging_preferences.", wrong)
		}
		return rest.Invalid("charging_preferences", "%v", err)
	}
	if state := ch.stateOf(); state != stateActive && state != stateStopping || ch.session == nil {
		return conflict("not_active", "", "the session is %s", state)
	}
	capable, err := s.prefers(ctx, ch)
	if err != nil {
		return err
	}
	linked := ch.Command.Session.Key()
	to, ok := s.Partners.Holder(control.Role{Role: control.RoleCPO, Country: linked.Party.Country, PartyID: linked.Party.ID})
	switch {
	case !ok || to.Peer == nil:
		return conflict("cpo_not_connected", "", "%s cannot be asked from here", linked.Party)
	case !capable || to.Peer.Version == ocpi.V211:
		return conflict("not_capable", "charging_preferences", "the EVSE takes no charging preferences")
	}
	answer, err := s.Preferrer.ChargingPreferences(ctx, partner.Preferences{CPO: to, Session: ch.Command.Session.ID, From: who.party, For: linked.Party, Body: sent})
	if errors.Is(err, partner.ErrNoEndpoint) || errors.Is(err, partner.ErrNotRegistered) {
		return conflict("not_capable", "charging_preferences", "%s takes no charging preferences", linked.Party)
	}
	note := objects.CommandPreference{Sent: sent}
	if err != nil {
		note.Message = "not delivered: " + api.Shorten(err.Error(), maxNote)
	} else if note.Response = ocpi.ReadChargingPreferencesResponse(answer.Data); note.Response == "" {
		note.Message = "the operator's answer cannot be read"
	}
	ch.Entry, err = s.Desk.Note(context.WithoutCancel(ctx), ch.Entry, who.place.ID, objects.CommandPreferences, note)
	return wrapped("keep charging preferences", err)
}

// prefers reports whether the EVSE of a session takes preferences; where nothing is said
// of its capabilities it is tried.
func (s *server) prefers(ctx context.Context, ch *charge) (bool, error) {
	key := ocpi.Key{Party: ch.state.Key.Party, ID: ocpi.Fold(ch.session.LocationID)}
	state, ok, err := s.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil || !ok {
		return !ok, wrapped("read a Location", err)
	}
	l, err := new(ocpi.Decoder).Location(state.Version, state.Body)
	if err != nil {
		return true, nil // as good as unknown
	}
	for i := range l.EVSEs {
		if e := &l.EVSEs[i]; ocpi.Fold(e.UID) == ocpi.Fold(ch.session.EVSEUID) {
			return len(e.Capabilities) == 0 || slices.Contains(e.Capabilities, preferable), nil
		}
	}
	return true, nil
}
