package admin

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
)

// Partner is a partner as the admin interface shows it. The tokens are known
// to nobody but the partner.
type Partner struct {
	ID       string                `json:"id"`
	Name     string                `json:"name"`
	Roles    []control.Role        `json:"roles"`
	Encoding control.TokenEncoding `json:"token_encoding"`
	Profile  string                `json:"profile,omitempty"`
	Version  uint64                `json:"version"`
	// RotationUntil is when the old token of a rotation under way ends.
	RotationUntil string `json:"rotation_until,omitempty"`
}

func partnerView(p *control.Partner) Partner {
	view := Partner{ID: p.ID, Name: p.Name, Roles: p.Roles, Encoding: p.Encoding, Profile: p.Profile, Version: p.Version}
	if until, ok := p.RotationUntil(); ok {
		view.RotationUntil = until.String()
	}
	return view
}

// PartnerList answers GET /admin/v1/partners.
type PartnerList struct {
	Partners []Partner `json:"partners"`
}

// PartnerToken answers what makes a token: the only time it is shown.
type PartnerToken struct {
	Partner Partner `json:"partner"`
	Token   string  `json:"token"`
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

// RotateRequest is the body of POST /admin/v1/partners/{id}/rotate; it may be
// absent.
type RotateRequest struct {
	Token string `json:"token,omitempty"`
	Now   bool   `json:"now,omitempty"` // the old token ends at once, for one that has leaked
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
		rest.WriteJSON(c, http.StatusOK, PartnerToken{partnerView(p), q.Token})
		return nil
	}
	p, token, err := s.partners.Add(c.Request.Context(), command(c), control.NewPartner(q))
	if err != nil {
		return err
	}
	s.logger.Info("partner added", "partner", p.ID)
	c.Header("Location", "/admin/v1/partners/"+p.ID)
	rest.WriteJSON(c, http.StatusCreated, PartnerToken{partnerView(p), token})
	return nil
}

func (s *server) rotateToken(c *gin.Context) error {
	var q RotateRequest
	expect, err := expected(c)
	if err == nil {
		err = rest.ReadJSON(c.Request, api.DefaultMaxBody, &q)
	}
	if err != nil {
		return err
	}
	p, token, err := s.partners.Rotate(c.Request.Context(), command(c), api.Param(c, "id"), expect, control.Rotation(q))
	if err != nil {
		return err
	}
	s.logger.Info("partner token rotated", "partner", p.ID)
	rest.WriteJSON(c, http.StatusOK, PartnerToken{partnerView(p), token})
	return nil
}

func (s *server) removePartner(c *gin.Context) error {
	expect, err := expected(c)
	if err == nil {
		err = s.partners.Remove(c.Request.Context(), command(c), api.Param(c, "id"), expect)
	}
	if err != nil {
		return err
	}
	s.logger.Info("partner removed", "partner", api.Param(c, "id"))
	c.Status(http.StatusNoContent)
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
