package app

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// caller is the eMSP that a request comes from.
type caller struct {
	party   ocpi.Party
	partner *control.Partner // who has that role, as this party alone: see control.Partner.As
	place   rest.Key         // what its requests are counted by
}

// handler answers one route for a caller, or returns an error, and then must not have
// answered.
type handler func(c *gin.Context, who *caller) error

// handle is handleFor for keys of scope app.
func (s *server) handle(fn handler) gin.HandlerFunc { return s.handleFor(control.ScopeApp, fn) }

// handleFor finds the caller, by a key of a scope or an eMSP's OCPI token, and answers the
// error of fn.
func (s *server) handleFor(scope string, fn handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		rest.Headers(c)
		s.Limits.Pace.Keep(c)
		if err := s.answer(c, scope, fn); err != nil {
			rest.Fail(c, s.Logger, err)
		}
	}
}

func (s *server) answer(c *gin.Context, scope string, fn handler) error {
	who, err := s.caller(c, scope)
	if err != nil {
		return err
	}
	leave, err := s.Limits.Enter(who.place)
	if errors.Is(err, api.ErrBusy) && s.Limits.Full(who.place) {
		return &api.TooOftenError{Wait: time.Second}
	}
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(c.Request.Context(), patience)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	return fn(c, who)
}

// caller finds out who asks. The error is that of a request without credentials that
// are known here, or of ones that are no eMSP's.
func (s *server) caller(c *gin.Context, scope string) (*caller, error) {
	if who, ok, err := s.inside(c.Request.Context()); ok {
		return who, err
	}
	if authorization, ok := rest.OCPIToken(c.Request); ok {
		return s.partnerCaller(c, authorization)
	}
	key, err := s.partyKey(c, scope)
	if err != nil {
		return nil, err
	}
	return s.emsp(key.Party, key)
}

// partyKey is the API key of a request, which must have a scope and be bound to a party.
func (s *server) partyKey(c *gin.Context, scope string) (key rest.Key, err error) {
	key, err = s.Auth(c)
	switch {
	case errors.Is(err, rest.ErrNoKey):
		return key, rest.ErrNoCredentials
	case err != nil:
		return key, err
	case !key.Allows(scope) || key.Party.IsZero():
		return key, rest.MissingScope(scope)
	}
	return key, nil
}

func (s *server) partnerCaller(c *gin.Context, authorization string) (*caller, error) {
	p, err := rest.Tokens{Known: s.Partners}.Partner(c.Request, authorization)
	if err != nil {
		return nil, err
	}
	emsps := p.Mobility().Parties
	from := ocpi.NewParty(c.GetHeader(rest.FromCountry), c.GetHeader(rest.FromParty))
	who := func(party ocpi.Party) (*caller, error) {
		return &caller{party: party, partner: p.As(party), place: rest.CountedBy(p)}, nil
	}
	switch {
	case len(emsps) == 0:
		return nil, &rest.Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "none of this partner's parties is an eMSP"}
	case !from.IsZero():
		for _, party := range emsps {
			if party == from {
				return who(party)
			}
		}
		return nil, rest.Invalid(rest.FromParty, "%s is none of this partner's eMSPs", from)
	case len(emsps) > 1:
		return nil, rest.Invalid(rest.FromParty, "this partner has %d eMSPs: say by %s and %s which of them asks", len(emsps), rest.FromCountry, rest.FromParty)
	}
	return who(emsps[0])
}

// scope is what the caller may see of a kind of object.
func (s *server) scope(who *caller, what ingest.Object) control.Scope {
	return s.Partners.Scope(who.partner, what)
}
