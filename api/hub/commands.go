package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// Commands takes commands to CPOs, and what they answer: a command.Desk.
type Commands interface {
	AskAndWait(ctx context.Context, a command.Asking) (*command.Entry, error)
	Result(ctx context.Context, from ingest.Sender, p command.Posted) error
	Preferred(ctx context.Context, session ocpi.Key, emsp ocpi.Party, by string, p objects.CommandPreference) error
	ReservedAt(ctx context.Context, party ocpi.Party, id string) (cpo ocpi.Party, ambiguous, ok bool, err error)
}

// commandDoors are those of both sides of the module: eMSPs send commands, CPOs post
// their results to a response_url (OCPI 2.2.1 mod_commands).
func commandDoors(side ocpi.InterfaceRole) []door {
	if side == ocpi.RoleReceiver {
		return []door{{method: http.MethodPost, path: "/:command", handle: (*exchange).command, names: true, asks: true}}
	}
	return []door{{method: http.MethodPost, path: "/:command/:country/:party/:id/:signature", handle: (*exchange).commandResult, names: true, asks: true}}
}

// ResultURL is where CPOs of a version post results of commands, below public.
func ResultURL(public string, v ocpi.Version) string {
	if v == ocpi.V211 {
		return public + Prefix + "/" + treeEMSP + "/" + v.String() + "/commands"
	}
	return public + Prefix + "/" + v.String() + "/sender/commands"
}

// command takes a command of an eMSP, asks the CPO, and hands its answer on.
func (x *exchange) command() (answer, error) {
	t := ocpi.CommandType(ocpi.Fold(api.Param(x.c, "command")))
	if x.s.Commands == nil || !slices.Contains(ocpi.CommandTypes(x.route.version), t) {
		return answer{}, api.ErrNotFound
	}
	a, status, err := x.asking(t)
	if err != nil {
		if ingest.IsSenderFault(err) {
			err = x.refuse(ingest.Target{Object: ingest.ObjectCommand}, err)
		}
		return answer{}, err
	}
	if status != 0 {
		return x.noCommand(status, ocpi.CommandRejected, fmt.Sprintf("Location %s is not known", a.Command.LocationID)), nil
	}
	if why, err := x.untold(a.Command, a.CPO); err != nil || why != "" {
		return x.noCommand(0, ocpi.CommandNotSupported, why), err
	}
	if err := x.mayTakeLong(); err != nil {
		return answer{}, err
	}
	e, err := x.s.Commands.AskAndWait(context.WithoutCancel(x.r.Context()), a)
	if refused, ok := errors.AsType[*convert.Refused](err); ok {
		return x.noCommand(0, ocpi.CommandNotSupported, refused.Error()), nil
	}
	if err != nil {
		return answer{}, err
	}
	if len(e.Lost) > 0 {
		x.setHeader(lostHeader, convert.Lost(e.Lost))
	}
	return x.commandAnswer(e.Command)
}

// untold says why a charge cannot be started at an EVSE that has to be told the connector
// (OCPI 2.2.1 mod_locations, "START_SESSION_CONNECTOR_REQUIRED") where OCPI 2.1.1, of the
// eMSP or of the CPO, cannot tell it; "" where it can, or the EVSE is not known.
func (x *exchange) untold(c *ocpi.Command, cpo ocpi.Party) (why string, err error) {
	if c.Type != ocpi.StartSession || c.EVSEUID == "" {
		return "", nil
	}
	p, ok := x.destination(cpo, operators)
	if c.Version != ocpi.V211 && !(ok && p.Peer != nil && p.Peer.Version == ocpi.V211) {
		return "", nil
	}
	ctx, cancel := x.limited()
	defer cancel()
	s, ok, err := x.s.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectLocation, Key: ocpi.NewKey(cpo.Country, cpo.ID, c.LocationID)})
	if err != nil || !ok {
		return "", err
	}
	l, err := new(ocpi.Decoder).Location(s.Version, s.Body)
	if err != nil {
		return "", nil //nolint:nilerr // of an older decoder: as good as unknown
	}
	for i := range l.EVSEs {
		if e := &l.EVSEs[i]; ocpi.Fold(e.UID) == ocpi.Fold(c.EVSEUID) && slices.Contains(e.Capabilities, "START_SESSION_CONNECTOR_REQUIRED") {
			return fmt.Sprintf("EVSE %s has to be told the connector, which OCPI 2.1.1 cannot", e.UID), nil
		}
	}
	return "", nil
}

// commandAnswer is what a CPO answered, in the version that was asked in.
func (x *exchange) commandAnswer(c *objects.Command) (answer, error) {
	switch {
	case c.Response != nil:
		from, ok := ocpi.ParseVersion(c.Response.Version)
		if !ok { // ours
			from = ocpi.V221
		}
		said := convert.CommandResponse(c.Response.Answer(), from, x.route.version)
		a := answer{data: said.EncodeResponse(x.route.version), status: x.hubStatus(c.Response.Status)}
		if a.status != 0 {
			a.message = bounded(said.Text())
		}
		return a, nil
	case c.Result != nil: // and never an answer: it was taken, or it was not
		said := c.Result.Answer()
		if said.Result != ocpi.CommandAccepted {
			return x.noCommand(0, ocpi.CommandRejected, said.Text()), nil
		}
		taken := ocpi.CommandAnswer{Result: ocpi.CommandAccepted}
		return answer{data: taken.EncodeResponse(x.route.version)}, nil
	case c.TimedOut != nil:
		result := ocpi.CommandRejected
		if x.route.version == ocpi.V211 {
			result = ocpi.CommandTimeout
		}
		return x.noCommand(c.TimedOut.Status, result, c.TimedOut.Detail), nil
	}
	return answer{}, fmt.Errorf("%w: what the CPO answered is not known yet", ingest.ErrUnavailable)
}

// noCommand answers for a CPO that did not.
func (x *exchange) noCommand(status ocpi.Status, result, message string) answer {
	said := ocpi.CommandAnswer{Result: result, Message: []ocpi.DisplayText{{Language: "en", Text: message}}}
	return answer{status: x.hubStatus(status), message: bounded(message), data: said.EncodeResponse(x.route.version)}
}

// hubStatus is a status code as the route's version has it: 2.1.1 has none of hubs.
func (x *exchange) hubStatus(s ocpi.Status) ocpi.Status {
	if x.route.version == ocpi.V211 && s >= ocpi.StatusHubError {
		return ocpi.StatusServerError
	}
	return s
}

// asking reads who asks what of whom; status is a reason to refuse that is no fault of
// the message.
func (x *exchange) asking(t ocpi.CommandType) (a command.Asking, status ocpi.Status, err error) {
	party, err := x.asker()
	if err != nil {
		return a, 0, err
	}
	c, err := ocpi.ReadCommand(x.route.version, t, x.body)
	if err != nil {
		return a, 0, err
	}
	a = command.Asking{Party: party, Via: objects.ViaOCPI, Caller: x.partner.ID, Partner: x.partner.ID, Command: c, Correlation: header(x.r, ocpi.HeaderCorrelationID)}
	if c.Token != nil && x.route.version != ocpi.V211 {
		if owner := ocpi.NewParty(ocpi.Text(c.Token, "country_code"), ocpi.Text(c.Token, "party_id")); owner != party {
			return a, 0, wrongParameter("token.country_code, token.party_id", fmt.Sprintf("a command of %s is with a Token of its own", party))
		}
	}
	switch err := partner.Own(x.partner, c.ResponseURL); {
	case errors.Is(err, partner.ErrNotRegistered):
		return a, 0, wrongParameter("response_url", "register by your credentials first: by what you have told us the result cannot be brought to you")
	case err != nil:
		return a, 0, wrongParameter("response_url", err.Error())
	}
	a.CPO, status, err = x.commanded(c, party)
	return a, status, err
}

// asker is the eMSP that a command is of: who OCPI-from names, else the partner's only
// one.
func (x *exchange) asker() (ocpi.Party, error) {
	own := x.partner.Mobility().Parties
	named := x.from()
	const from = "OCPI-from-country-code, OCPI-from-party-id"
	switch {
	case slices.Contains(own, named):
		return own[slices.Index(own, named)], nil
	case named.Country != "" && named.ID != "" && x.route.routed:
		return named, wrongParameter(from, fmt.Sprintf("%s is not a party of yours with the role EMSP", named))
	case len(own) == 1:
		return own[0], nil
	}
	return named, wrongParameter(from, fmt.Sprintf("missing: you have %d eMSPs", len(own)))
}

// commanded finds the CPO that a command is for: who OCPI-to names, whatever the command
// is about; else whose the Location, the Session or the reservation is. status is that of
// a Location that nobody has.
func (x *exchange) commanded(c *ocpi.Command, party ocpi.Party) (cpo ocpi.Party, status ocpi.Status, err error) {
	to, other, err := x.addressee()
	if err != nil {
		return to, 0, err
	}
	sees := x.s.Partners.Scope(x.partner, ingest.ObjectLocation)
	if other {
		if !sees.Holds(to, ocpi.Party{}) {
			return to, 0, fmt.Errorf("%w: %s", api.ErrUnknownReceiver, to)
		}
		return to, 0, nil
	}
	switch c.Type {
	case ocpi.StopSession:
		cpo, err = x.ownerOf(ingest.ObjectSession, c.SessionID, "session_id", func(s *ingest.ObjectState) bool { return s.With == party })
		return cpo, 0, err
	case ocpi.CancelReservation:
		cpo, ambiguous, ok, err := x.s.Commands.ReservedAt(x.r.Context(), party, c.ReservationID)
		switch {
		case ambiguous:
			return cpo, 0, wrongParameter(toHeaders, "missing: you have reservations of this id at more than one CPO")
		case err == nil && !ok:
			return cpo, 0, wrongParameter("reservation_id", "not known here: name the CPO with "+toHeaders)
		}
		return cpo, 0, err
	}
	cpo, err = x.ownerOf(ingest.ObjectLocation, c.LocationID, "location_id", func(s *ingest.ObjectState) bool { return sees.Holds(s.Key.Party, ocpi.Party{}) })
	if errors.Is(err, ingest.ErrUnknownObject) {
		return cpo, ocpi.StatusUnknownLocation, nil
	}
	return cpo, 0, err
}

// ownerOf finds the CPO that has an object of an id which the partner sees. Errors:
// ingest.ErrUnknownObject for a Location, else *ocpi.Invalid.
func (x *exchange) ownerOf(kind ingest.Object, id, member string, sees func(*ingest.ObjectState) bool) (owner ocpi.Party, err error) {
	var ids []ingest.Identity
	for _, p := range x.s.Partners.All() {
		for _, own := range p.Charging().Parties {
			ids = append(ids, ingest.Identity{Object: kind, Key: ocpi.NewKey(own.Country, own.ID, id)})
		}
	}
	ctx, cancel := x.limited()
	defer cancel()
	found, err := x.s.Objects.Find(ctx, ids)
	if err != nil {
		return owner, err
	}
	found = slices.DeleteFunc(found, func(s ingest.ObjectState) bool { return !sees(&s) })
	switch {
	case len(found) > 1:
		return owner, wrongParameter(toHeaders, fmt.Sprintf("missing: %d CPOs have a %s of this id", len(found), kind))
	case len(found) == 1:
		return found[0].Key.Party, nil
	case kind == ingest.ObjectLocation:
		return owner, ingest.ErrUnknownObject
	}
	return owner, wrongParameter(member, fmt.Sprintf("no %s of this id is known here: name the CPO with %s", kind, toHeaders))
}

// commandResult takes the result of a command from a CPO.
func (x *exchange) commandResult() (answer, error) {
	t := ocpi.CommandType(ocpi.Fold(api.Param(x.c, "command")))
	if x.s.Commands == nil || !slices.Contains(ocpi.CommandTypes(ocpi.V221), t) {
		return answer{}, api.ErrNotFound
	}
	ctx, cancel := x.limited()
	defer cancel()
	return answer{}, x.s.Commands.Result(ctx, x.partner.Charging(), command.Posted{
		Type: t, Key: ocpi.NewKey(api.Param(x.c, "country"), api.Param(x.c, "party"), api.Param(x.c, "id")),
		Signature: api.Param(x.c, "signature"), Version: x.route.version, Body: x.body,
	})
}
