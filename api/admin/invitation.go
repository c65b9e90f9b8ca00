package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// InvitationRequest is the body of POST /admin/v1/invitations.
type InvitationRequest struct {
	Name         string         `json:"name"`
	Roles        []control.Role `json:"roles"`
	Version      string         `json:"ocpi_version,omitempty"` // "" = any
	Counterparty string         `json:"counterparty,omitempty"` // "DE/EMP"
	Profile      string         `json:"profile,omitempty"`
}

// invite answers POST /admin/v1/invitations.
func (s *server) invite(c *gin.Context) error {
	var q InvitationRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	n, err := invitation(&q)
	if err != nil {
		return err
	}
	p, token, err := s.partners.Invite(c.Request.Context(), command(c), n)
	if err != nil {
		return err
	}
	s.logger.Info("partner invited", "partner", p.ID, "until", p.Invitation.Until.String())
	c.Header("Location", "/admin/v1/partners/"+p.ID)
	rest.WriteJSON(c, http.StatusCreated, PartnerToken{Partner: partnerView(p), Token: token})
	return nil
}

// invitation reads an invitation: a counterparty is for OCPI 2.1.1 alone, which
// knows no other way to name one.
func invitation(q *InvitationRequest) (n control.NewInvitation, err error) {
	n = control.NewInvitation{Name: q.Name, Roles: q.Roles, Profile: q.Profile}
	if err := knownRoles(q.Roles); err != nil {
		return n, err
	}
	if err := knownProfile(q.Profile); err != nil {
		return n, err
	}
	if q.Version != "" {
		var ok bool
		if n.Version, ok = ocpi.ParseVersion(q.Version); !ok {
			return n, rest.Invalid("ocpi_version", "%q: want 2.1.1, 2.2.1 or 2.3.0", q.Version)
		}
	}
	if q.Counterparty == "" {
		return n, nil
	}
	if n.Version != ocpi.V211 {
		return n, rest.Invalid("counterparty", "goes with ocpi_version 2.1.1: later versions name the counterparty in each message")
	}
	n.Counterparty, err = partyOf("counterparty", q.Counterparty)
	return n, err
}

// partyOf reads a party, whoever's it is.
func partyOf(field, text string) (ocpi.Party, error) {
	p, ok := ocpi.ParseParty(text)
	switch {
	case !ok:
		return p, rest.Invalid(field, "%q: want country and party id, such as GB/DUN", text)
	case !ocpi.IsCountry(p.Country):
		return p, rest.Invalid(field, "%q: %s is no country of ISO 3166, such as GB or NL", text, p.Country)
	}
	return p, nil
}

// PolicyRequest is the body of PUT /admin/v1/partners/{id}/policies/{kind}.
type PolicyRequest struct {
	Policy string `json:"policy"` // accept or refuse
}

// setPolicy answers PUT /admin/v1/partners/{id}/policies/{kind}.
func (s *server) setPolicy(c *gin.Context) error {
	var q PolicyRequest
	expect, err := expected(c)
	if err == nil {
		err = rest.ReadJSON(c.Request, api.DefaultMaxBody, &q)
	}
	if err != nil {
		return err
	}
	id, kind := api.Param(c, "id"), api.Param(c, "kind")
	if !isCode(kind) {
		return rest.Invalid("kind", "%q: want the code of a finding, such as missing_field", kind)
	}
	now, _ := s.partners.Find(id) // there may be none: then SetPolicy says so
	if err := knownKind(kind, q.Policy, now); err != nil {
		return err
	}
	p, err := s.partners.SetPolicy(c.Request.Context(), command(c), id, expect, kind, q.Policy)
	if err != nil {
		return err
	}
	s.logger.Info("partner policy set", "partner", p.ID, "kind", kind, "policy", q.Policy)
	rest.WriteJSON(c, http.StatusOK, partnerView(p))
	return nil
}

// ListByRequest is the body of PUT /admin/v1/partners/{id}/list_by.
type ListByRequest struct {
	ListBy string `json:"list_by"` // last_updated or received
}

// setListBy answers PUT /admin/v1/partners/{id}/list_by.
func (s *server) setListBy(c *gin.Context) error {
	var q ListByRequest
	expect, err := expected(c)
	if err == nil {
		err = rest.ReadJSON(c.Request, api.DefaultMaxBody, &q)
	}
	if err != nil {
		return err
	}
	p, err := s.partners.SetListBy(c.Request.Context(), command(c), api.Param(c, "id"), expect, q.ListBy)
	if err != nil {
		return err
	}
	s.logger.Info("partner's lists set", "partner", p.ID, "list_by", q.ListBy)
	rest.WriteJSON(c, http.StatusOK, partnerView(p))
	return nil
}

// isCode reports whether a text can be the code of a finding: lower_snake_case.
func isCode(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9' || i == 0) && (c != '_' || i == 0) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
