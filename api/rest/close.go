package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Closer closes periods: a *statement.Closer.
type Closer interface {
	Close(ctx context.Context, r statement.CloseRequest) (*statement.CloseResult, error)
}

// CloseRequest is the body of POST /admin/v1/periods/closes.
type CloseRequest struct {
	Period    string `json:"period"`
	CPO       string `json:"cpo,omitempty"` // "NL*TNM" or "NL/TNM"; without both all pairs
	EMSP      string `json:"emsp,omitempty"`
	Undecided string `json:"undecided,omitempty"` // "carry": leave what is held to a later period; "" as agreed
}

// Close answers POST /admin/v1/periods/closes.
type Close struct {
	Outcome    string            `json:"outcome"` // closed; already: it was, nothing is written; undecided: it is not
	Period     string            `json:"period"`
	CPO        string            `json:"cpo,omitempty"`
	EMSP       string            `json:"emsp,omitempty"`
	Message    string            `json:"message"`
	At         string            `json:"at,omitempty"` // the date of issue of its statements
	Record     int64             `json:"record"`       // of the control log, where it is closed
	Attempt    string            `json:"attempt,omitempty"`
	Lines      int64             `json:"lines"`
	Statements int64             `json:"statements"`
	Net        map[string]string `json:"net"` // of all lines, by currency
	Creditors  []CloseCreditor   `json:"creditors"`
	Root       string            `json:"root,omitempty"`  // SHA-256 over its statements, hex
	Chain      string            `json:"chain,omitempty"` // SHA-256 over this close and those before
	Undecided  []CloseUndecided  `json:"undecided"`       // what has to be decided before, or was left to a later period
}

// CloseCreditor is the statements of one CPO in a close.
type CloseCreditor struct {
	CPO        string `json:"cpo"`
	Statements int64  `json:"statements"`
	First      int64  `json:"first"` // number; the others follow, by eMSP and currency
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
	OutcomeAlready   = "already"
	OutcomeUndecided = "undecided"
)

// closeStatements answers POST /admin/v1/periods/closes.
func (s *server) closeStatements(c *gin.Context) error {
	var q CloseRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	scope, err := s.scopeOf(q.CPO, q.EMSP)
	if err != nil {
		return err
	}
	period, err := monthOf("period", q.Period)
	if err != nil {
		return err
	}
	if q.Undecided != "" && q.Undecided != string(clearing.UndecidedCarry) {
		return rest.Invalid("undecided", "want %s, or nothing", clearing.UndecidedCarry)
	}
	if s.agreements.TermsAt(control.Pair{}, period, math.MaxInt64).FourEyes {
		return &rest.Error{Status: http.StatusConflict, Code: "conflict", Message: "four_eyes is agreed for " + period.String() + ": this version cannot close on request and approval, and closes nothing without"}
	}
	r := statement.CloseRequest{Scope: scope, Period: period, Carry: q.Undecided != "", By: clearing.ByLocal, Now: ocpi.TimeOf(time.Now())}
	result, err := s.closer.Close(c.Request.Context(), r)
	answer := Close{Period: period.String(), CPO: q.CPO, EMSP: q.EMSP, Net: map[string]string{}, Creditors: []CloseCreditor{}, Undecided: []CloseUndecided{}}
	undecided, waits := errors.AsType[*statement.UndecidedError](err)
	switch {
	case waits:
		answer.Outcome, answer.Message = OutcomeUndecided, undecided.Error()
		answer.Undecided = undecidedOf(undecided.List)
	case err != nil:
		return notClosed(err)
	case result.Already != nil:
		answer.Outcome, answer.Message = OutcomeAlready, result.Already.Error()
	default:
		answer.is(result)
		s.logger.Info("period closed", "period", period, "scope", scope.String(), "statements", answer.Statements, "lines", answer.Lines, "record", answer.Record)
		rest.WriteJSON(c, http.StatusCreated, answer)
		return nil
	}
	rest.WriteJSON(c, http.StatusOK, answer)
	return nil
}

// is sets what was closed.
func (a *Close) is(r *statement.CloseResult) {
	c := r.Closing
	a.Outcome, a.At, a.Record, a.Attempt, a.Lines = OutcomeClosed, c.At.String(), c.Offset, fmt.Sprintf("%016x", c.ID), c.Lines
	a.Message = fmt.Sprintf("%s is closed for %s", c.Period, c.Scope)
	for _, currency := range slices.Sorted(maps.Keys(c.Net)) {
		a.Net[currency] = c.Net[currency].String()
	}
	for i, s := range c.Statements {
		a.Statements += s.Count
		a.Creditors = append(a.Creditors, CloseCreditor{s.CPO.String(), s.Count, c.Firsts[i]})
	}
	a.Root, a.Chain = fmt.Sprintf("%x", c.Root[:]), fmt.Sprintf("%x", c.Chain[:])
	a.Undecided = undecidedOf(r.Carried)
}

func undecidedOf(list []statement.Undecided) []CloseUndecided {
	out := make([]CloseUndecided, len(list))
	for i, u := range list {
		out[i] = CloseUndecided{Ground: u.Ground, CPO: u.CPO.String(), EMSP: rest.PartyText(u.EMSP), Currency: u.Currency, Count: u.Count, Claimed: u.Claimed.String()}
	}
	return out
}

// notClosed says why a period was not closed.
func notClosed(err error) error {
	var says error
	if why, ok := errors.AsType[*clearing.NotClosed](err); ok {
		says = why
	} else if why, ok := errors.AsType[*statement.EndedError](err); ok {
		says = why
	} else if why, ok := errors.AsType[*statement.UndrawnError](err); ok {
		says = why
	}
	if says == nil {
		return err
	}
	return &rest.Error{Status: http.StatusConflict, Code: "conflict", Field: "period", Message: says.Error()}
}
