package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// PeriodList answers GET /admin/v1/periods: the closed months, ascending, and with
// which month the settlement of whom begins.
type PeriodList struct {
	Closed []ocpi.Month `json:"closed"` // such as "2019-01"
	Begun  []Begin      `json:"begun"`
}

// Begin says that what belongs before a month is settled elsewhere: for all pairs of a
// party that it names, or of all.
type Begin struct {
	CPO       string     `json:"cpo,omitempty"`
	EMSP      string     `json:"emsp,omitempty"`
	Month     ocpi.Month `json:"month"`
	DecidedAt string     `json:"decided_at"`
	By        string     `json:"by"`
	Record    int64      `json:"record"` // where it stands in the control log
}

// PeriodRequest is the body of POST /admin/v1/periods: the month to close.
type PeriodRequest struct {
	Month string `json:"month"`
}

// BeginRequest is the body of POST /admin/v1/periods/begins.
type BeginRequest struct {
	CPO   string `json:"cpo,omitempty"` // "NL*TNM" or "NL/TNM"
	EMSP  string `json:"emsp,omitempty"`
	Month string `json:"month"`
}

func (s *server) listPeriods(c *gin.Context) error {
	rest.WriteJSON(c, http.StatusOK, s.periods())
	return nil
}

func (s *server) periods() PeriodList {
	list := PeriodList{Closed: append([]ocpi.Month{}, s.closes.Months()...), Begun: []Begin{}}
	for _, b := range s.closes.Begins() {
		one := Begin{Month: b.Month, DecidedAt: b.At.String(), By: b.By, Record: b.Offset}
		if !b.Scope.CPO.IsZero() {
			one.CPO = b.Scope.CPO.String()
		}
		if !b.Scope.EMSP.IsZero() {
			one.EMSP = b.Scope.EMSP.String()
		}
		list.Begun = append(list.Begun, one)
	}
	return list
}

// beginPeriod answers POST /admin/v1/periods/begins.
func (s *server) beginPeriod(c *gin.Context) error {
	var q BeginRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	scope, err := s.scopeOf(q.CPO, q.EMSP)
	if err != nil {
		return err
	}
	month, err := monthOf("month", q.Month)
	if err != nil {
		return err
	}
	if err := s.closes.Begin(c.Request.Context(), command(c), scope, month, clearing.ByLocal); err != nil {
		return err
	}
	s.logger.Info("settlement begins", "scope", scope.String(), "month", month)
	rest.WriteJSON(c, http.StatusCreated, s.periods())
	return nil
}

func (s *server) closePeriod(c *gin.Context) error {
	var q PeriodRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	month, err := monthOf("month", q.Month)
	if err != nil {
		return err
	}
	if err := s.closes.Close(c.Request.Context(), command(c), month); err != nil {
		return err
	}
	s.logger.Info("period closed", "month", month)
	rest.WriteJSON(c, http.StatusCreated, s.periods())
	return nil
}

// checkPeriod answers GET /admin/v1/periods/check.
func (s *server) checkPeriod(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.CheckPeriod(c, s.drafts, s.around, rest.Key{})
}
