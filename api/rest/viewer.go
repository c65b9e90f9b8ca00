package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Tokens lets partners in by their OCPI tokens, to calls that are for them too.
type Tokens struct{ Known *control.Partners }

// ErrNoCredentials is the answer to a request with neither a key nor a token that is known.
var ErrNoCredentials = &Error{Status: http.StatusUnauthorized, Code: api.KindUnauthorized.Code(),
	Message: "send an API key as: Authorization: Bearer KEY; or a partner's OCPI token as: Authorization: Token TOKEN"}

// OCPIToken is what a request is authorized by where that is an OCPI token.
func OCPIToken(r *http.Request) (authorization string, ok bool) {
	authorization = r.Header.Get("Authorization")
	scheme, _, _ := strings.Cut(authorization, " ")
	return authorization, strings.EqualFold(scheme, "Token")
}

// Partner finds who comes with an OCPI token, over a connection with the client
// certificate that it may have to have. One that is invited only is nobody yet.
func (t Tokens) Partner(r *http.Request, authorization string) (*control.Partner, error) {
	if err := t.Known.Ready(); err != nil {
		return nil, fmt.Errorf("%w: look up token: %w", settlement.ErrUnavailable, err)
	}
	p, _, err := api.Recognize(r, t.Known, authorization)
	if errors.Is(err, api.ErrUnauthorized) || err == nil && p.Invited() {
		return nil, ErrNoCredentials
	}
	return p, err
}

// Headers by which a platform of several parties says which of them asks (OCPI 2.2.1
// transport, "Message routing").
const (
	FromCountry = "OCPI-from-country-code"
	FromParty   = "OCPI-from-party-id"
)

// Acting is the sender of a request, with the one of its parties that it names.
func Acting(c *gin.Context, from ingest.Sender) ingest.Sender {
	if named := ocpi.NewParty(c.GetHeader(FromCountry), c.GetHeader(FromParty)); from.Owns(named) {
		from.Acting = named
	}
	return from
}

// versionHeader says in which version of OCPI a body is that is sent to one of our own calls.
const versionHeader = "OCPI-Version"

// BodyVersion is the version of OCPI that a request says its body is of, without any 2.2.1.
func BodyVersion(c *gin.Context) (ocpi.Version, error) {
	said := c.GetHeader(versionHeader)
	if said == "" {
		return ocpi.V221, nil
	}
	v, ok := ocpi.ParseVersion(said)
	if !ok {
		return 0, Invalid(versionHeader, "want 2.1.1, 2.2.1 or 2.3.0")
	}
	return v, nil
}

// CountedBy is what the requests of a partner are counted by.
func CountedBy(p *control.Partner) Key { return Key{ID: "partner " + p.ID} }

// Viewer is who asks for what parties have with each other: whoever has a key, or a
// partner. A zero one sees all.
type Viewer struct {
	Key     Key
	Partner *control.Partner // nil: it has a key
	scope   *control.Scope   // of a partner
}

// debtors returns for whom objects of a CPO must be that the viewer may see; all says that
// it sees them whomever they are for. With neither it sees none of that CPO's.
func (v *Viewer) debtors(cpo ocpi.Party) (list []ocpi.Party, all bool) {
	switch {
	case v.scope != nil:
		return v.scope.Others(cpo)
	case v.Key.Party.IsZero() || v.Key.Party == cpo:
		return nil, true
	}
	return []ocpi.Party{v.Key.Party}, false
}

// HandleViewer is Handle for a call that partners have too, with what they see of a kind
// of object.
func (g *Guard) HandleViewer(tokens Tokens, what ingest.Object, fn func(c *gin.Context, who *Viewer) error) gin.HandlerFunc {
	byKey := g.Handle(func(c *gin.Context, key Key) error { return fn(c, &Viewer{Key: key}) })
	return func(c *gin.Context) {
		authorization, ok := OCPIToken(c.Request)
		if !ok {
			byKey(c)
			return
		}
		Headers(c)
		g.Limits.Pace.Keep(c)
		p, err := tokens.Partner(c.Request, authorization)
		if err == nil {
			scope := tokens.Known.Scope(p, what)
			err = g.inPlace(c, CountedBy(p), func(c *gin.Context, key Key) error { return fn(c, &Viewer{key, p, &scope}) })
		}
		if err != nil {
			Fail(c, g.Logger, err)
		}
	}
}
