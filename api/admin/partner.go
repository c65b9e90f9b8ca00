package admin

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Partner is a partner as the admin interface shows it. The tokens are known
// to nobody but the partner.
type Partner struct {
	ID       string                `json:"id"`
	Name     string                `json:"name"`
	Stage    control.Stage         `json:"stage"`
	Roles    []control.Role        `json:"roles"`
	Encoding control.TokenEncoding `json:"token_encoding"`
	Profile  string                `json:"profile,omitempty"`
	Version  uint64                `json:"version"`
	// Pending are roles that it offers and has not been granted.
	Pending []control.Role `json:"pending_roles,omitempty"`
	// Counterparty is the one party that it exchanges with over OCPI 2.1.1.
	Counterparty string `json:"counterparty,omitempty"`
	// Refuses are the kinds of findings for which what it sends is refused.
	Refuses []string `json:"refuses,omitempty"`
	// ListBy is what dates bound in its lists of CDRs and Sessions; left out for last_updated.
	ListBy string `json:"list_by,omitempty"`
	// InvitedUntil is when the token of its invitation ends.
	InvitedUntil string `json:"invited_until,omitempty"`
	// RotationUntil is when the old token of a rotation under way ends.
	RotationUntil string `json:"rotation_until,omitempty"`
	// LastContact is when it was last heard of, see control.Partner.LastContact.
	LastContact string `json:"last_contact,omitempty"`
	Peer        *Peer  `json:"peer,omitempty"`
	// Certificates are those that it comes with, of which it must come with one where
	// that is required.
	Certificates        []Certificate `json:"certificates,omitempty"`
	CertificateRequired bool          `json:"certificate_required,omitempty"`
}

// Peer is what a partner has registered of its own side.
type Peer struct {
	Version     string     `json:"ocpi_version"`
	VersionsURL string     `json:"versions_url"`
	Endpoints   []Endpoint `json:"endpoints"`
}

// Endpoint is one side of one of its modules.
type Endpoint struct {
	Module string             `json:"module"`
	Role   ocpi.InterfaceRole `json:"role,omitempty"`
	URL    string             `json:"url"`
}

func partnerView(p *control.Partner) Partner {
	view := Partner{
		ID: p.ID, Name: p.Name, Stage: p.Stage(), Roles: p.Roles, Encoding: p.Encoding, Profile: p.Profile, Version: p.Version,
		Pending: p.Pending, Refuses: p.Refuses, Peer: peerView(p.Peer),
		Certificates: certificateViews(p.Pins), CertificateRequired: p.NeedsCertificate,
	}
	if p.ByReceived {
		view.ListBy = p.ListBy()
	}
	if !p.Counterparty.IsZero() {
		view.Counterparty = p.Counterparty.String()
	}
	if p.Invitation != nil {
		view.InvitedUntil = p.Invitation.Until.String()
	}
	if until, ok := p.RotationUntil(); ok {
		view.RotationUntil = until.String()
	}
	if last := p.LastContact(); last.IsSet() {
		view.LastContact = last.String()
	}
	return view
}

func peerView(p *control.Peer) *Peer {
	if p == nil {
		return nil
	}
	view := &Peer{Version: p.Version.String(), VersionsURL: p.URL, Endpoints: []Endpoint{}}
	for _, e := range p.Endpoints {
		view.Endpoints = append(view.Endpoints, Endpoint{e.Identifier, e.Role, e.URL})
	}
	return view
}

// PartnerList answers GET /admin/v1/partners.
type PartnerList struct {
	Partners []Partner `json:"partners"`
}

// PartnerToken answers what makes a token: the only time it is shown. It is left
// out where the partner itself has got it.
type PartnerToken struct {
	Partner Partner `json:"partner"`
	Token   string  `json:"token,omitempty"`
	Problem string  `json:"problem,omitempty"` // why the partner has not got it
}

// PartnerRequest is the body of POST /admin/v1/partners. With the token of a
// partner that exists, the roles are added to that partner.
type PartnerRequest struct {
	Name     string                `json:"name"`
	Roles    []control.Role        `json:"roles"`
	Token    string                `json:"token,omitempty"` // "" = one is made
	Encoding control.TokenEncoding `json:"token_encoding,omitempty"`
	Profile  string                `json:"profile,omitempty"`
}

func (s *server) listPartners(c *gin.Context) error {
	list := PartnerList{Partners: []Partner{}}
	for _, p := range s.partners.All() {
		list.Partners = append(list.Partners, partnerView(p))
	}
	rest.WriteJSON(c, http.StatusOK, list)
	return nil
}

func (s *server) getPartner(c *gin.Context) error {
	p, ok := s.partners.Find(api.Param(c, "id"))
	if !ok {
		return api.ErrNotFound
	}
	rest.WriteJSON(c, http.StatusOK, partnerView(p))
	return nil
}

func (s *server) addPartner(c *gin.Context) error {
	var q PartnerRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	if err := errors.Join(knownRoles(q.Roles), knownProfile(q.Profile)); err != nil {
		return err
	}
	if p, joined, err := s.partners.Join(c.Request.Context(), command(c), control.NewPartner(q)); joined {
		if err != nil {
			return err
		}
		s.logger.Info("roles added to partner", "partner", p.ID, "roles", q.Roles)
		rest.WriteJSON(c, http.StatusOK, PartnerToken{Partner: partnerView(p), Token: q.Token})
		return nil
	}
	p, token, err := s.partners.Add(c.Request.Context(), command(c), control.NewPartner(q))
	if err != nil {
		return err
	}
	s.logger.Info("partner added", "partner", p.ID)
	c.Header("Location", "/admin/v1/partners/"+p.ID)
	rest.WriteJSON(c, http.StatusCreated, PartnerToken{Partner: partnerView(p), Token: token})
	return nil
}

// addRole answers POST /admin/v1/partners/{id}/roles.
func (s *server) addRole(c *gin.Context) error {
	var q control.Role
	expect, err := expected(c)
	if err == nil {
		err = rest.ReadJSON(c.Request, api.DefaultMaxBody, &q)
	}
	if err == nil {
		err = knownCountry("country_code", q)
	}
	if err != nil {
		return err
	}
	p, err := s.partners.AddRoles(c.Request.Context(), command(c), api.Param(c, "id"), expect, q)
	if err != nil {
		return err
	}
	s.logger.Info("role added to partner", "partner", p.ID, "role", q)
	rest.WriteJSON(c, http.StatusCreated, partnerView(p))
	return nil
}

// removeRole answers DELETE /admin/v1/partners/{id}/roles/{role}/{country}/{party}.
func (s *server) removeRole(c *gin.Context) error {
	expect, err := expected(c)
	if err != nil {
		return err
	}
	role := control.NewRole(api.Param(c, "role"), api.Param(c, "country"), api.Param(c, "party"))
	p, err := s.partners.RemoveRoles(c.Request.Context(), command(c), api.Param(c, "id"), expect, role)
	if err != nil {
		return err
	}
	s.logger.Info("role removed from partner", "partner", p.ID, "role", role)
	rest.WriteJSON(c, http.StatusOK, partnerView(p))
	return nil
}
