package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
)

// Grant is a CPO and an SCSP that may read its Sessions, and the body of POST
// /admin/v1/grants, which takes "GB/DUN" too.
type Grant struct {
	CPO  string `json:"cpo"` // "GB*DUN"
	SCSP string `json:"scsp"`
}

// GrantList answers GET /admin/v1/grants.
type GrantList struct {
	Grants []Grant `json:"grants"`
}

func grantView(g control.Grant) Grant { return Grant{g.CPO.String(), g.SCSP.String()} }

func (g Grant) read() (grant control.Grant, err error) {
	if grant.CPO, err = partyOf("cpo", g.CPO); err == nil {
		grant.SCSP, err = partyOf("scsp", g.SCSP)
	}
	return grant, err
}

func (s *server) listGrants(c *gin.Context) error {
	list := GrantList{Grants: []Grant{}}
	for _, g := range s.partners.Grants() {
		list.Grants = append(list.Grants, grantView(g))
	}
	rest.WriteJSON(c, http.StatusOK, list)
	return nil
}

func (s *server) addGrant(c *gin.Context) error {
	var q Grant
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	g, err := q.read()
	if err != nil {
		return err
	}
	if err := s.partners.AddGrant(c.Request.Context(), command(c), g); err != nil {
		return err
	}
	s.logger.Info("grant added", "cpo", g.CPO.String(), "scsp", g.SCSP.String())
	rest.WriteJSON(c, http.StatusCreated, grantView(g))
	return nil
}

func (s *server) removeGrant(c *gin.Context) error {
	g, err := Grant{api.Param(c, "cpo"), api.Param(c, "scsp")}.read()
	if err != nil {
		return err
	}
	if err := s.partners.RemoveGrant(c.Request.Context(), command(c), g); err != nil {
		return err
	}
	s.logger.Info("grant removed", "cpo", g.CPO.String(), "scsp", g.SCSP.String())
	c.Status(http.StatusNoContent)
	return nil
}
