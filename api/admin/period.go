package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// PeriodList answers GET /admin/v1/periods: the closed months, ascending, and with
// which month the settlement of whom begins.
type PeriodList struct {
	Closed []ocpi.Month `json:"closed"` // such as "2019-01"
	Begun  []Begin      `json:"begun"`
	// Closes are those that issued statements, in the order of their records.
	Closes []PeriodClose `json:"closes"`
	// Requests are those that wait for their approval.
	Requests     []rest.PeriodRequest `json:"requests"`
	MoreRequests int                  `json:"more_requests"` // that are not listed
}

// PeriodClose is a close that counts: of all pairs of a party that it names, or of all.
type PeriodClose struct {
	Period     ocpi.Month `json:"period"`
	CPO        string     `json:"cpo,omitempty"`
	EMSP       string     `json:"emsp,omitempty"`
	Statements int64      `json:"statements"`
	Lines      int64      `json:"lines"`
	IssuedAt   string     `json:"issued_at"`
	By         string     `json:"by"`
	Record     int64      `json:"record"` // where it stands in the control log
	// Requested is what it approves.
	Requested *rest.CloseRequested `json:"requested,omitempty"`
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

// PeriodRequest is the body of POST /admin/v1/periods: a month that was closed elsewhere.
type PeriodRequest struct {
	Month string `json:"month"`
}

// BeginRequest is the body of POST /admin/v1/periods/begins.
type BeginRequest struct {
	CPO   string `json:"cpo,omitempty"` // "NL*TNM" or "NL/TNM"
	EMSP  string `json:"emsp,omitempty"`
	Month string `json:"month"`
}

// maxCloses is how many closes a list of periods has, the latest ones.
const maxCloses = 1000

func (s *server) listPeriods(c *gin.Context) error { return s.writePeriods(c, http.StatusOK) }

func (s *server) writePeriods(c *gin.Context, status int) error {
	list, err := s.periods(c)
	if err == nil {
		rest.WriteJSON(c, status, list)
	}
	return err
}

func (s *server) periods(c *gin.Context) (list PeriodList, err error) {
	list = PeriodList{Closed: append([]ocpi.Month{}, s.closes.Months()...), Begun: []Begin{}, Closes: []PeriodClose{}}
	for _, b := range s.closes.Begins() {
		list.Begun = append(list.Begun, Begin{CPO: rest.PartyText(b.Scope.CPO), EMSP: rest.PartyText(b.Scope.EMSP), Month: b.Month, DecidedAt: b.At.String(), By: b.By, Record: b.Offset})
	}
	err = s.closes.Closings(c.Request.Context(), clearing.ClosingQuery{Latest: maxCloses}, func(p *clearing.Closing) error {
		one := PeriodClose{Period: p.Period, CPO: rest.PartyText(p.Scope.CPO), EMSP: rest.PartyText(p.Scope.EMSP), Lines: p.Lines, IssuedAt: p.At.String(), By: p.By, Record: p.Offset}
		if q := p.Requested; q != nil {
			one.Requested = &rest.CloseRequested{Record: q.Record, By: q.By}
		}
		for _, of := range p.Statements {
			one.Statements += of.Count
		}
		list.Closes = append(list.Closes, one)
		return nil
	})
	if err == nil {
		list.Requests, list.MoreRequests, err = rest.PeriodRequestsOf(c.Request.Context(), s.closes, 0)
	}
	return list, err
}

// PeriodsBegun answers POST /admin/v1/periods/begins.
type PeriodsBegun struct {
	PeriodList
	// Elsewhere is what was open and is settled elsewhere by this, by currency.
	Elsewhere []rest.QueueTotal `json:"elsewhere"`
}

// beginPeriod answers POST /admin/v1/periods/begins. A begin later than the one before
// settles elsewhere what is open: of pairs that have statements it may be what these left to
// the next one, so that there is none for them.
func (s *server) beginPeriod(c *gin.Context) error {
	var q BeginRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	scope, err := rest.KnownScope(s.partners, q.CPO, q.EMSP)
	if err != nil {
		return err
	}
	month, err := monthOf("month", q.Month)
	if err != nil {
		return err
	}
	ctx, begin := c.Request.Context(), clearing.NewBegin{Scope: scope, Month: month, By: clearing.ByLocal, Expect: s.closes.Version()}
	answer := PeriodsBegun{Elsewhere: []rest.QueueTotal{}}
	if month.Add(-1) > s.closes.BegunThrough(scope) {
		if err := s.nothingIssued(ctx, scope); err != nil {
			return err
		}
		if answer.Elsewhere, err = rest.OpenBefore(ctx, s.drafts, scope, month); err != nil {
			return err
		}
	}
	if err := s.closes.Begin(ctx, command(c), begin); err != nil {
		return err
	}
	s.logger.Info("settlement begins", "scope", scope.String(), "month", month)
	if answer.PeriodList, err = s.periods(c); err != nil {
		return err
	}
	rest.WriteJSON(c, http.StatusCreated, answer)
	return nil
}

// nothingIssued refuses a begin for pairs that have statements.
func (s *server) nothingIssued(ctx context.Context, scope clearing.Scope) error {
	return s.drafts.Issues(ctx, statement.IssueQuery{CPO: scope.CPO, EMSP: scope.EMSP}, func(i *rest.Issued) error {
		return &rest.Error{Status: http.StatusConflict, Code: "conflict", Field: "month", Message: fmt.Sprintf(
			"%s → %s has statements here, one of %s: what these left to the next one would be settled elsewhere; begin later only for parties and pairs that have none", i.CPO, i.EMSP, i.Period)}
	})
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
	return s.writePeriods(c, http.StatusCreated)
}

// checkPeriod answers GET /admin/v1/periods/check.
func (s *server) checkPeriod(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.CheckPeriod(c, s.drafts, s.around, rest.Key{})
}

// closing is what closes of periods need.
func (s *server) closing() rest.Closing {
	return rest.Closing{Closer: s.closer, Closes: s.closes, Partners: s.partners, Logger: s.logger}
}

// closeStatements answers POST /admin/v1/periods/closes.
func (s *server) closeStatements(c *gin.Context) error {
	return rest.ClosePeriod(c, s.closing(), rest.Key{}, clearing.ByLocal, false)
}

// requestClose answers POST /admin/v1/periods/requests.
func (s *server) requestClose(c *gin.Context) error {
	return rest.ClosePeriod(c, s.closing(), rest.Key{}, clearing.ByLocal, true)
}

// approveClose answers POST /admin/v1/periods/approvals.
func (s *server) approveClose(c *gin.Context) error {
	return rest.ApprovePeriod(c, s.closing(), rest.Key{}, clearing.ByLocal)
}

// closingNow answers GET /admin/v1/periods/closing.
func (s *server) closingNow(c *gin.Context) error {
	return rest.ClosingNow(c, s.closer, rest.Key{})
}
