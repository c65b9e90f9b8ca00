package admin

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
)

func TestAdminClosesPeriods(t *testing.T) {
	a := newAdmin(t)
	var got PeriodList
	a.do(http.MethodGet, "/periods", "", http.StatusOK, &got)
	if diff := cmp.Diff(PeriodList{Closed: []ocpi.Month{}, Begun: []Begin{}, Closes: []PeriodClose{}, Requests: []rest.PeriodRequest{}}, got); diff != "" {
		t.Error(diff)
	}
	a.do(http.MethodPost, "/periods", `{"month":"2019-02"}`, http.StatusCreated, nil)
	a.do(http.MethodPost, "/periods", `{"month":"2019-01"}`, http.StatusCreated, nil)
	a.do(http.MethodPost, "/periods", `{"month":"2019-01"}`, http.StatusConflict, nil)
	a.do(http.MethodPost, "/periods", `{"month":"9999-01"}`, http.StatusConflict, nil)
	a.do(http.MethodPost, "/periods", `{"month":"January"}`, http.StatusBadRequest, nil)
	a.do(http.MethodGet, "/periods", "", http.StatusOK, &got)
	if diff := cmp.Diff(PeriodList{Closed: []ocpi.Month{ocpi.MonthOf(2019, 1), ocpi.MonthOf(2019, 2)}, Begun: []Begin{}, Closes: []PeriodClose{}, Requests: []rest.PeriodRequest{}}, got); diff != "" {
		t.Error(diff)
	}
}
