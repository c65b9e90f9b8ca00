package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
)

// PeriodList answers GET /admin/v1/periods: the closed months, ascending.
type PeriodList struct {
	Closed []ocpi.Month `json:"closed"` // such as "2019-01"
}

// PeriodRequest is the body of POST /admin/v1/periods: the month to close.
type PeriodRequest struct {
	Month string `json:"month"`
}

func (s *server) listPeriods(c *gin.Context) error {
	rest.WriteJSON(c, http.StatusOK, s.periods())
	return nil
}

func (s *server) periods() PeriodList {
	return PeriodList{Closed: append([]ocpi.Month{}, s.closes.Months()...)}
}

func (s *server) closePeriod(c *gin.Context) error {
	var q PeriodRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	month, err := ocpi.ParseMonth(q.Month)
	if err != nil {
		return rest.Invalid("month", "%v", err)
	}
	if err := s.closes.Close(c.Request.Context(), command(c), month); err != nil {
		return err
	}
	s.logger.Info("period closed", "month", month)
	rest.WriteJSON(c, http.StatusCreated, s.periods())
	return nil
}
