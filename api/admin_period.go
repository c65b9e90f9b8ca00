package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ingest/control"
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

func (a *Admin) listPeriods(c *gin.Context) {
	c.JSON(http.StatusOK, a.periods())
}

func (a *Admin) periods() PeriodList {
	return PeriodList{Closed: append([]ocpi.Month{}, a.control.State().ClosedPeriods()...)}
}

func (a *Admin) closePeriod(c *gin.Context) {
	var q PeriodRequest
	if err := decodeJSON(c.Request, &q); err != nil {
		a.fail(c, err)
		return
	}
	month, err := ocpi.ParseMonth(q.Month)
	if err != nil {
		err = &control.Refused{Kind: control.RefusedInvalid, Reason: err.Error()}
	} else {
		_, err = a.control.Do(c.Request.Context(), control.Command{ID: command(c), Change: control.PeriodClosed{Month: month}})
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.logger.Info("period closed", "month", month)
	c.JSON(http.StatusCreated, a.periods())
}
