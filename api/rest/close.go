package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// ScopeApprove is the scope an API key needs to approve a close that another key asked
// for.
const ScopeApprove = control.ScopeFinanceApprove

// Closer closes periods: a *statement.Closer.
type Closer interface {
	Close(ctx context.Context, r statement.CloseRequest) (*statement.CloseResult, error)
	Approve(ctx context.Context, a statement.Approval) (*statement.CloseResult, error)
	// Underway says what is being closed now, nil for nothing.
	Underway() *Underway
}

// Underway is a close that is under way, or with a zero Period an approval.
type Underway struct {
	Scope  clearing.Scope
	Period ocpi.Month
	statement.CloseProgress
}

// CloseUnderway is how far a close is.
type CloseUnderway struct {
	Period     string               `json:"period,omitempty"` // absent of an approval
	CPO        string               `json:"cpo,omitempty"`
	EMSP       string               `json:"emsp,omitempty"`
	Stage      statement.CloseStage `json:"stage"`
	Lags       string               `json:"lags,omitempty"` // while it waits: for what
	Statements int                  `json:"statements"`
	Lines      int64                `json:"lines"`
}

// ClosingNow answers GET /periods/closing: how far this process is with the close under way.
func ClosingNow(c *gin.Context, closer Closer, k Key) error {
	if err := NewParams(c.Request.URL.Query()).Err(); err != nil {
		return err
	}
	if err := closes(k); err != nil {
		return err
	}
	var now *CloseUnderway
	if u := closer.Underway(); u != nil {
		now = &CloseUnderway{CPO: PartyText(u.Scope.CPO), EMSP: PartyText(u.Scope.EMSP), Stage: u.Stage, Lags: u.Lags, Statements: u.Statements, Lines: u.Lines}
		if !u.Period.IsZero() {
			now.Period = u.Period.String()
		}
	}
	WriteJSON(c, http.StatusOK, map[string]*CloseUnderway{"underway": now})
	return nil
}

// Closing is what closes of periods need.
type Closing struct {
	Closer   Closer
	Closes   *clearing.Closes
	Partners *control.Partners
	Logger   *slog.Logger
}

// CloseRequest is the body of POST /periods/closes and /periods/requests.
type CloseRequest struct {
	Period    string `json:"period"`
	CPO       string `json:"cpo,omitempty"` // "NL*TNM" or "NL/TNM"; without both all pairs
	EMSP      string `json:"emsp,omitempty"`
	Undecided string `json:"undecided,omitempty"` // "carry": leave what is held to a later period; "" as agreed
}

// ApprovalRequest is the body of POST /periods/approvals.
type ApprovalRequest struct {
	Request *int64 `json:"request"` // the control record that asks for the close
}

// Close answers POST /periods/closes, /periods/requests and /periods/approvals.
type Close struct {
	// Outcome: closed; requested: another key has to approve it; already: it was closed, and
	// nothing is written; undecided: it is not.
	Outcome    string            `json:"outcome"`
	Period     string            `json:"period"`
	CPO        string            `json:"cpo,omitempty"`
	EMSP       string            `json:"emsp,omitempty"`
	Message    string            `json:"message"`
	At         string            `json:"at,omitempty"` // of the record: the date of issue of its statements
	Record     int64             `json:"record"`       // of the control log, that closes it, or asks for it
	By         string            `json:"by,omitempty"`
	Requested  *CloseRequested   `json:"requested,omitempty"` // what it approves
	Attempt    string            `json:"attempt,omitempty"`
	Lines      int64             `json:"lines"`
	Statements int64             `json:"statements"`
	Net        map[string]string `json:"net"` // of all lines, by currency
	Creditors  []CloseCreditor   `json:"creditors"`
	Root       string            `json:"root,omitempty"`  // SHA-256 over its statements, hex
	Chain      string            `json:"chain,omitempty"` // SHA-256 over this close and those before
	Undecided  []CloseUndecided  `json:"undecided"`       // what has to be decided before, or was left to a later period
}

// CloseRequested is the request that a close approves.
type CloseRequested struct {
	Record int64  `json:"record"`
	By     string `json:"by"`
}

// CloseCreditor is the statements of one CPO in a close.
type CloseCreditor struct {
	CPO        string `json:"cpo"`
	Statements int64  `json:"statements"`
	First      int64  `json:"first"` // number, 0 where it is not closed; the others follow, by eMSP and currency
}

// CloseUndecided is what is held of one pair, for one ground, in one currency.
type CloseUndecided struct {
	Ground   string `json:"ground"`
	CPO      string `json:"cpo"`
	EMSP     string `json:"emsp"` // "" where nobody is known to pay
	Currency string `json:"currency"`
	Count    int    `json:"count"`
	Claimed  string `json:"claimed"`
}

// Outcomes of a close.
const (
	OutcomeClosed    = "closed"
	OutcomeRequested = "requested"
	OutcomeAlready   = "already"
	OutcomeUndecided = "undecided"
)

// ClosePeriod answers POST /periods/closes, or /periods/requests: by is who closes it, or
// asks for it.
func ClosePeriod(c *gin.Context, d Closing, k Key, by string, request bool) error {
	var q CloseRequest
	if err := ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	answer, err := d.Close(c.Request.Context(), q, k, by, request)
	return writeClose(c, answer, err)
}

// Close closes a period, or asks for it: by is who does. The error is an [*Error] where it
// cannot be closed, other than for what is undecided.
func (d Closing) Close(ctx context.Context, q CloseRequest, k Key, by string, request bool) (*Close, error) {
	if err := closes(k); err != nil {
		return nil, err
	}
	scope, err := KnownScope(d.Partners, q.CPO, q.EMSP)
	if err != nil {
		return nil, err
	}
	period, err := ocpi.ParseMonth(q.Period)
	if err != nil {
		return nil, Invalid("period", "%v", err)
	}
	if q.Undecided != "" && q.Undecided != string(clearing.UndecidedCarry) {
		return nil, Invalid("undecided", "want %s, or nothing", clearing.UndecidedCarry)
	}
	r := statement.CloseRequest{Scope: scope, Period: period, Carry: q.Undecided != "", Request: request, By: by, Now: ocpi.TimeOf(time.Now())}
	result, err := d.Closer.Close(ctx, r)
	answer := newClose(period, scope)
	if undecided, waits := errors.AsType[*statement.UndecidedError](err); waits {
		answer.Outcome, answer.Message = OutcomeUndecided, undecided.Error()
		answer.Undecided = undecidedOf(undecided.List)
		return answer, nil
	}
	return d.answer(answer, result, err)
}

// ApprovePeriod answers POST /periods/approvals: by is who approves.
func ApprovePeriod(c *gin.Context, d Closing, k Key, by string) error {
	var q ApprovalRequest
	if err := ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	if err := closes(k); err != nil {
		return err
	}
	if q.Request == nil || *q.Request < 0 {
		return Invalid("request", "required: the control record that asks for the close, as GET /periods/requests has it")
	}
	answer, err := d.Approve(c.Request.Context(), *q.Request, k, by)
	return writeClose(c, answer, err)
}

// Approve approves what another key asked for: by is who does. Errors as those of Close.
func (d Closing) Approve(ctx context.Context, record int64, k Key, by string) (*Close, error) {
	if err := closes(k); err != nil {
		return nil, err
	}
	result, err := d.Closer.Approve(ctx, statement.Approval{Record: record, By: by})
	var answer *Close
	if err == nil {
		answer = newClose(result.Closing.Period, result.Closing.Scope)
	}
	return d.answer(answer, result, err)
}

// writeClose answers 201 where something was written, else 200.
func writeClose(c *gin.Context, answer *Close, err error) error {
	switch {
	case err != nil:
		return err
	case answer.Outcome == OutcomeClosed || answer.Outcome == OutcomeRequested:
		WriteJSON(c, http.StatusCreated, answer)
	default:
		WriteJSON(c, http.StatusOK, answer)
	}
	return nil
}

// closes refuses keys of one party: what is closed is everybody's.
func closes(k Key) error {
	if k.Party.IsZero() {
		return nil
	}
	return &Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "a key of one party closes no period, nor asks for it: use one without --party"}
}

func newClose(period ocpi.Month, scope clearing.Scope) *Close {
	return &Close{Period: period.String(), CPO: PartyText(scope.CPO), EMSP: PartyText(scope.EMSP), Net: map[string]string{}, Creditors: []CloseCreditor{}, Undecided: []CloseUndecided{}}
}

func (d Closing) answer(a *Close, r *statement.CloseResult, err error) (*Close, error) {
	switch {
	case err != nil:
		return nil, notClosed(err)
	case r.Already != nil:
		a.Outcome, a.Message = OutcomeAlready, r.Already.Error()
		return a, nil
	}
	a.is(r)
	d.Logger.Info("period "+a.Outcome, "period", a.Period, "cpo", a.CPO, "emsp", a.EMSP, "statements", a.Statements, "lines", a.Lines, "record", a.Record, "by", a.By)
	return a, nil
}

// is sets what was closed, or asked for.
func (a *Close) is(r *statement.CloseResult) {
	a.Undecided = undecidedOf(r.Carried)
	if q := r.Request; q != nil {
		a.comesTo(&q.NewClosing, nil)
		a.Outcome, a.At, a.Record = OutcomeRequested, q.At.String(), q.Offset
		a.Message = fmt.Sprintf("the close of %s of %s is asked for, and nothing of it counts yet: another key approves it (period close --approve %d)", q.Period, q.Scope, q.Offset)
		return
	}
	c := r.Closing
	a.comesTo(&c.NewClosing, c.Firsts)
	a.Outcome, a.At, a.Record = OutcomeClosed, c.At.String(), c.Offset
	a.Message = fmt.Sprintf("%s is closed for %s", c.Period, c.Scope)
	a.Chain = fmt.Sprintf("%x", c.Chain)
	if q := c.Requested; q != nil {
		a.Requested = &CloseRequested{q.Record, q.By}
	}
}

func (a *Close) comesTo(n *clearing.NewClosing, firsts []int64) {
	a.Attempt, a.Lines, a.Root, a.By = fmt.Sprintf("%016x", n.ID), n.Lines, fmt.Sprintf("%x", n.Root), n.By
	for currency, net := range n.Net {
		a.Net[currency] = net.String()
	}
	for i, s := range n.Statements {
		one := CloseCreditor{CPO: s.CPO.String(), Statements: s.Count}
		if firsts != nil {
			one.First = firsts[i]
		}
		a.Statements += s.Count
		a.Creditors = append(a.Creditors, one)
	}
}

func undecidedOf(list []statement.Undecided) []CloseUndecided {
	out := make([]CloseUndecided, len(list))
	for i, u := range list {
		out[i] = CloseUndecided{Ground: u.Ground, CPO: u.CPO.String(), EMSP: PartyText(u.EMSP), Currency: u.Currency, Count: u.Count, Claimed: u.Claimed.String()}
	}
	return out
}

// notClosed says why a period was not closed.
func notClosed(err error) error {
	e := &Error{Status: http.StatusConflict, Code: "conflict", Field: "period"}
	if why, ok := errors.AsType[*clearing.NotClosed](err); ok {
		e.Message = why.Error()
		if why.Why == clearing.NoRequest {
			e.Status, e.Code, e.Field = http.StatusNotFound, api.KindNotFound.Code(), "request"
		}
	} else if why, ok := errors.AsType[*statement.EndedError](err); ok {
		e.Message = why.Error()
	} else if why, ok := errors.AsType[*statement.UndrawnError](err); ok {
		e.Message = why.Error()
	} else if why, ok := errors.AsType[*statement.LostError](err); ok {
		e.Message = why.Error()
	} else {
		return err
	}
	return e
}

// PeriodRequest is a close that waits for its approval.
type PeriodRequest struct {
	Record      int64             `json:"record"` // of the control log, by which it is approved
	Period      ocpi.Month        `json:"period"`
	CPO         string            `json:"cpo,omitempty"`
	EMSP        string            `json:"emsp,omitempty"`
	Statements  int64             `json:"statements"`
	Lines       int64             `json:"lines"`
	Net         map[string]string `json:"net"` // of all lines, by currency
	Root        string            `json:"root"`
	RequestedAt string            `json:"requested_at"`
	By          string            `json:"by"`
}

// maxRequests is how many requests a list has, the first ones.
const maxRequests = 1000

// PeriodRequestsOf returns the closes of a period (0: of all) that wait for their approval,
// in the order of their records, and how many more there are.
func PeriodRequestsOf(ctx context.Context, closes *clearing.Closes, period ocpi.Month) (list []PeriodRequest, more int, err error) {
	list = []PeriodRequest{}
	more, err = closes.Requests(ctx, period, maxRequests, func(r *clearing.Request) error {
		var c Close
		c.Net = map[string]string{}
		c.comesTo(&r.NewClosing, nil)
		list = append(list, PeriodRequest{
			Record: r.Offset, Period: r.Period, CPO: PartyText(r.Scope.CPO), EMSP: PartyText(r.Scope.EMSP),
			Statements: c.Statements, Lines: c.Lines, Net: c.Net, Root: c.Root, RequestedAt: r.At.String(), By: r.By,
		})
		return nil
	})
	return list, more, err
}

// PeriodRequests answers GET /periods/requests.
func PeriodRequests(c *gin.Context, closes *clearing.Closes, k Key) error {
	p := NewParams(c.Request.URL.Query(), "period")
	period := p.Month("period")
	if err := p.Err(); err != nil {
		return err
	}
	if !k.Party.IsZero() {
		return &Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "closes are everybody's: use a key without --party"}
	}
	list, more, err := PeriodRequestsOf(c.Request.Context(), closes, period)
	if err == nil {
		WriteJSON(c, http.StatusOK, struct {
			Requests []PeriodRequest `json:"requests"`
			More     int             `json:"more"`
		}{list, more})
	}
	return err
}
