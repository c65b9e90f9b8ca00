package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// helpdeskJSON is a command as a helpdesk sees it.
type helpdeskJSON struct {
	ID          string      `json:"id"`
	URL         string      `json:"url"`
	Type        string      `json:"type"`
	CPO         string      `json:"cpo"`
	RequestedAt string      `json:"requested_at"`
	State       string      `json:"state"`
	Deadline    *string     `json:"deadline"`
	Command     commandJSON `json:"command"`
}

func newHelpdesk(e *command.Entry) helpdeskJSON {
	c := charge{Entry: e}
	v := helpdeskJSON{
		ID: e.Key.ID, URL: "/api/v1/commands/" + url.PathEscape(e.Key.ID), Type: string(e.Command.Type), CPO: e.Command.CPO,
		RequestedAt: e.Command.Asked.String(), State: c.stateOf(), Command: newCommand(e.Command),
	}
	if e.Command.Result != nil && v.State == stateAccepted {
		v.State = stateCompleted
	}
	if _, until := e.Command.Awaits(); until != 0 {
		v.Deadline = said(until.String())
	}
	return v
}

// command answers POST (by a key of scope helpdesk: UNLOCK_CONNECTOR is never triggered by
// drivers, OCPI 2.2.1 mod_commands) /api/v1/commands/{COMMAND}?cpo=SE*ABC: the body is the command as
// OCPI 2.2.1 has it, without response_url.
func (s *server) command(c *gin.Context, who *caller) error {
	p := rest.NewParams(c.Request.URL.Query(), "cpo")
	cpo := p.Party("cpo")
	if p.Err() != nil {
		return p.Err()
	}
	if cpo.IsZero() {
		return rest.Invalid("cpo", "missing: name the CPO, such as SE*ABC")
	}
	t := ocpi.CommandType(ocpi.Fold(api.Param(c, "id")))
	if !slices.Contains(ocpi.CommandTypes(ocpi.V221), t) {
		return notFound("unknown_command", "", "there is no command %s", t)
	}
	body, err := api.ReadBody(c.Request, nil, maxStart, nil)
	if err != nil {
		return err
	}
	members, err := ocpi.SplitObject(body)
	if err != nil {
		return err
	}
	said, err := json.Marshal(command.NoURL)
	if err != nil {
		return fmt.Errorf("write %s: %w", t, err)
	}
	order, err := ocpi.ReadCommand(ocpi.V221, t, members.With("response_url", string(said)).Bytes())
	if wrong, ok := errors.AsType[*ocpi.Invalid](err); ok {
		return invalid("", wrong)
	}
	if err != nil {
		return err
	}
	sees := s.scope(who, ingest.ObjectLocation)
	if !sees.Holds(cpo, ocpi.Party{}) {
		return conflict("cpo_not_connected", "cpo", "%s takes no commands from here", cpo)
	}
	if order.Token != nil && ocpi.NewParty(ocpi.Text(order.Token, "country_code"), ocpi.Text(order.Token, "party_id")) != who.party {
		return &rest.Error{Status: http.StatusForbidden, Code: "foreign_token", Field: "token.party_id", Message: "a command is with a Token of your own"}
	}
	e, err := s.Desk.Ask(c.Request.Context(), command.Asking{Party: who.party, Via: objects.ViaHelpdesk, Caller: who.place.ID, CPO: cpo, Command: order})
	if refused, ok := errors.AsType[*convert.Refused](err); ok {
		return conflict("not_supported", "", "%s", refused.Reason)
	}
	if wrong, ok := errors.AsType[*ocpi.Invalid](err); ok {
		return invalid("", wrong)
	}
	if errors.Is(err, api.ErrNotConnected) {
		return conflict("cpo_not_connected", "cpo", "%s takes no commands from here", cpo)
	}
	if err != nil {
		return err
	}
	v := newHelpdesk(e)
	c.Header("Location", v.URL)
	rest.WriteJSON(c, http.StatusAccepted, v)
	return nil
}

// commandByID answers GET /api/v1/commands/{id}.
func (s *server) commandByID(c *gin.Context, who *caller) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	e, ok, err := s.Desk.Get(c.Request.Context(), ocpi.Key{Party: who.party, ID: ocpi.Fold(strings.TrimSpace(api.Param(c, "id")))})
	if err != nil {
		return unavailable("read a command", err)
	}
	if !ok || e.Command.Via != objects.ViaHelpdesk {
		return errNoSession
	}
	rest.WriteJSON(c, http.StatusOK, newHelpdesk(e))
	return nil
}
