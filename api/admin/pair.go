package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
)

// Pair is a CPO and an eMSP that roam with each other, and the body of POST
// /admin/v1/pairs, which takes "GB/DUN" too.
type Pair struct {
	CPO  string `json:"cpo"` // "GB*DUN"
	EMSP string `json:"emsp"`
}

// PairList answers GET /admin/v1/pairs.
type PairList struct {
	Pairs []Pair `json:"pairs"`
}

func pairView(p control.Pair) Pair { return Pair{p.CPO.String(), p.EMSP.String()} }

func (p Pair) read() (pair control.Pair, err error) {
	if pair.CPO, err = partyOf("cpo", p.CPO); err == nil {
		pair.EMSP, err = partyOf("emsp", p.EMSP)
	}
	return pair, err
}

func (s *server) listPairs(c *gin.Context) error {
	list := PairList{Pairs: []Pair{}}
	for _, p := range s.partners.Pairs() {
		list.Pairs = append(list.Pairs, pairView(p))
	}
	rest.WriteJSON(c, http.StatusOK, list)
	return nil
}

func (s *server) addPair(c *gin.Context) error {
	var q Pair
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	p, err := q.read()
	if err != nil {
		return err
	}
	if err := s.partners.AddPair(c.Request.Context(), command(c), p); err != nil {
		return err
	}
	s.logger.Info("pair added", "cpo", p.CPO.String(), "emsp", p.EMSP.String())
	rest.WriteJSON(c, http.StatusCreated, pairView(p))
	return nil
}

func (s *server) removePair(c *gin.Context) error {
	p, err := Pair{api.Param(c, "cpo"), api.Param(c, "emsp")}.read()
	if err != nil {
		return err
	}
	if err := s.partners.RemovePair(c.Request.Context(), command(c), p); err != nil {
		return err
	}
	s.logger.Info("pair removed", "cpo", p.CPO.String(), "emsp", p.EMSP.String())
	c.Status(http.StatusNoContent)
	return nil
}
