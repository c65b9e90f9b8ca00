package hub

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// preferencesDoor is that of what a driver prefers for a Session (OCPI 2.2.1
// mod_sessions, "PUT Method" of the Sender interface).
func preferencesDoor() door {
	return door{
		method: http.MethodPut, path: "/:country/charging_preferences", handle: (*exchange).chargingPreferences,
		since: ocpi.V221, roles: providers, names: true, asks: true,
	}
}

// chargingPreferences hands an eMSP's preferences on to the CPO of the Session, which is
// one of the eMSP's: all others do not exist.
func (x *exchange) chargingPreferences() (answer, error) {
	o, err := ocpi.SplitObject(x.body)
	if err != nil {
		return answer{}, err
	}
	if o.Text("profile_type") == "" {
		return answer{}, wrongParameter("profile_type", "missing")
	}
	s, err := x.ownSession(api.Param(x.c, "country"))
	if err != nil {
		return answer{}, err
	}
	var d ocpi.Decoder
	session, err := d.Session(s.Version, s.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read %s: %v", s.Identity(), err) //nolint:errorlint // ours, not the sender's: no 2001
	}
	p, ok := x.destination(s.Key.Party, operators)
	switch {
	case !ok || p.Peer == nil:
		return answer{}, notConnected(s.Key.Party, partner.ErrNotRegistered)
	case p.Peer.Version == ocpi.V211:
		return answer{}, &routeError{ocpi.StatusNotConnected, fmt.Sprintf("%s speaks OCPI 2.1.1, which knows no charging preferences", s.Key.Party), nil}
	}
	r := partner.Preferences{CPO: p, Session: session.ID, From: s.With, For: s.Key.Party, Body: x.body}.Request()
	reply, err := x.forward(&message{to: r.To, from: r.From, party: r.For, module: r.Module, side: r.Side, since: r.Since, method: r.Method, path: r.Path, body: r.Body})
	if err != nil {
		return answer{}, err
	}
	if x.s.Commands != nil {
		said := objects.CommandPreference{Sent: x.body, Response: ocpi.ReadChargingPreferencesResponse(reply.Data)}
		if said.Response == "" {
			said.Message = bounded(cmp.Or(reply.Message, "the operator's answer cannot be read"))
		}
		if err := x.s.Commands.Preferred(x.r.Context(), s.Key, s.With, x.partner.ID, said); err != nil {
			return answer{}, err
		}
	}
	return x.relayed(answer{}, reply), nil
}

// ownSession finds a Session of the eMSP's: of whom the message is for, else of
// whichever CPO has it.
func (x *exchange) ownSession(id string) (*ingest.ObjectState, error) {
	to, other, err := x.addressee()
	if err != nil {
		return nil, err
	}
	var ids []ingest.Identity
	for _, p := range x.s.Partners.All() {
		for _, cpo := range p.Charging().Parties {
			if id != "" && (!other || cpo == to) {
				ids = append(ids, ingest.Identity{Object: ingest.ObjectSession, Key: ocpi.NewKey(cpo.Country, cpo.ID, id)})
			}
		}
	}
	if len(ids) == 0 {
		return nil, ingest.ErrUnknownObject
	}
	ctx, cancel := x.limited()
	defer cancel()
	found, err := x.s.Objects.Find(ctx, ids)
	if err != nil {
		return nil, err
	}
	own := x.s.Partners.Scope(x.partner, ingest.ObjectSession)
	found = slices.DeleteFunc(found, func(s ingest.ObjectState) bool {
		return !x.partner.Mobility().Owns(s.With) || !own.Holds(s.Key.Party, s.With)
	})
	switch len(found) {
	case 0:
		return nil, ingest.ErrUnknownObject
	case 1:
		return &found[0], nil
	}
	return nil, wrongParameter(toHeaders, fmt.Sprintf(
		"missing: several CPOs have a Session of this id with you, %s and %s among them", found[0].Key.Party, found[1].Key.Party))
}
