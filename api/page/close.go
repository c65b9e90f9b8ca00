package page

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// draftLine is a statement that a close would issue.
type draftLine struct {
	CPO, EMSP         namedParty
	Currency, URL     string
	Lines             int
	Net, Tax, Payable figure
}

// draftSum is all of them in one currency.
type draftSum struct {
	Currency          string
	Statements, Lines int
	Net               figure

	net decimal.Decimal
}

// requestLine is a close that another key is to approve.
type requestLine struct {
	Record            int64
	Scope, By, At     string
	Statements, Lines int64
	Net               string
	Own               bool // the visitor asked for it
	Approves          bool // the visitor may approve it
}

// closeView is a period before it is closed.
type closeView struct {
	frame
	Period, CPO, EMSP string
	Scope             string
	Month             string // address
	Grounds, Told     []amountLine
	Held              int
	HeldSums          []amountLine // what is held, by currency, each CDR once
	Problems          []string
	Pairs             []checkedLine
	MorePairs         int // of these that are not listed
	Partners          []rest.CheckedParty
	Drafts            []draftLine
	More              int // statements that are not listed
	Sums              []draftSum
	Underway          string // a close, "" for none
	Stands            string // what of it is closed already, or that it has not ended
	Closed            bool   // all of it is
	Undecided         string // "carry", or "" as agreed
	Refuses           bool   // what is held keeps it from being closed
	Confirm           bool
	FourEyes          bool
	Closes            bool // the visitor may close it, or ask for it
	Digest            string
	Wrong, Done       string
	Requests          []requestLine
	Action            string
}

const maxDrafts = 200 // of the page; sums have all

// close answers GET /close: what a close of a period would meet and issue, with the form
// that asks for it. It costs one drawing of what is open.
func (s *server) close(c *gin.Context, v visitor) error { return s.showClose(c, v, http.StatusOK, "") }

func (s *server) showClose(c *gin.Context, v visitor, status int, wrong string) error {
	q, query, err := s.monthQuery(c, v, "undecided", "confirm")
	if err != nil {
		return err
	}
	view, err := s.readClose(c.Request.Context(), v, q, query)
	if err != nil {
		return err
	}
	view.Wrong, view.Done = cmp.Or(wrong, view.Wrong), s.told(c)
	s.render(c, status, "close", view)
	return nil
}

// readClose reads what a close would meet.
func (s *server) readClose(ctx context.Context, v visitor, q url.Values, query statement.Query) (*closeView, error) {
	view := &closeView{Period: query.Period.String(), CPO: q.Get("cpo"), EMSP: q.Get("emsp"), Scope: clearing.Scope{CPO: query.CPO, EMSP: query.EMSP}.String(), Undecided: q.Get("undecided")}
	if view.Undecided != "" && view.Undecided != string(clearing.UndecidedCarry) {
		return nil, rest.Invalid("undecided", "want %s, or nothing", clearing.UndecidedCarry)
	}
	view.frame = frame{Title: "Close " + view.Period, Here: "Month", Visitor: &v, Query: url.Values{"from": {view.Period}, "to": {view.Period}}}
	choice := cloneValues(q)
	for _, name := range []string{"undecided", "confirm"} {
		choice.Del(name)
	}
	view.Month, view.Action = address("/month", choice), address("/close", choice)
	places, nets := column{2}, map[string]*draftSum{}
	var totals []statement.Totals
	figures := sha256.New() // of what a close is confirmed by: each statement it would issue, and what is held
	check, err := s.check(ctx, v, query, func(d *statement.Draft) error {
		if len(d.Lines) == 0 || d.Err != nil {
			return nil
		}
		sum := nets[d.Currency]
		if sum == nil {
			sum = &draftSum{Currency: d.Currency}
			nets[d.Currency] = sum
		}
		t := d.Totals()
		fmt.Fprintln(figures, d.CPO, d.EMSP, d.Currency, t.Lines, t.Net, t.Tax, t.Payable) //nolint:errcheck // a hash takes all
		sum.Statements, sum.Lines, sum.net = sum.Statements+1, sum.Lines+t.Lines, sum.net.Add(t.Net)
		if len(view.Drafts) == maxDrafts {
			view.More++
			return nil
		}
		places.fit(&t.Net)
		totals = append(totals, statement.Totals{Net: t.Net, Tax: t.Tax, Payable: t.Payable})
		view.Drafts = append(view.Drafts, draftLine{CPO: s.named(d.CPO, d.Period), EMSP: s.named(d.EMSP, d.Period), Currency: d.Currency, Lines: t.Lines, URL: statementURL(d.CPO, d.EMSP, d.Period, d.Currency)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, currency := range slices.Sorted(maps.Keys(nets)) {
		nets[currency].Net = newFigure(nets[currency].net, 2)
		view.Sums = append(view.Sums, *nets[currency])
	}
	for i := range view.Drafts {
		l := &view.Drafts[i]
		minor := int(ocpi.MinorUnit(l.Currency))
		l.Net, l.Tax, l.Payable = newFigure(totals[i].Net, places.places), orUnknown(totals[i].Tax, minor), orUnknown(totals[i].Payable, minor)
	}
	view.Grounds, view.Told, view.Partners, view.Pairs, view.Problems = groundsOf(check, choice), toldOf(check, choice), check.Partners, s.checkedLines(check.Pairs[:min(len(check.Pairs), maxDrafts)], query.Period), check.Undecided.Problems
	view.MorePairs = len(check.Pairs) - len(view.Pairs)
	for _, t := range check.Undecided.Totals {
		view.Held += t.Count
		view.HeldSums = append(view.HeldSums, amountLine{Currency: t.Currency, Count: t.Count, Claimed: textFigure(t.Claimed, 2)})
	}
	for _, t := range check.Undecided.Totals {
		fmt.Fprintln(figures, t.Currency, t.Count, t.Claimed) //nolint:errcheck // a hash takes all
	}
	view.Digest = hex.EncodeToString(figures.Sum(nil))
	return view, s.offerClose(ctx, v, query, q, view)
}

// checkedLine is what a pair has for a period, by state.
type checkedLine struct {
	CPO, EMSP namedParty
	Currency  string
	States    []amountLine
}

func (s *server) checkedLines(pairs []rest.CheckedPair, period ocpi.Month) (list []checkedLine) {
	places := column{2}
	for i := range pairs {
		fitText(&places, pairs[i].Received.Claimed)
	}
	for i := range pairs {
		p := &pairs[i]
		cpo, _ := ocpi.ParseParty(p.CPO)
		emsp, _ := ocpi.ParseParty(orNone(p.EMSP))
		l := checkedLine{CPO: s.named(cpo, period), EMSP: s.named(emsp, period), Currency: p.Currency}
		for _, state := range []struct {
			name string
			of   rest.Apart
		}{{"Received", p.Received}, {"Accepted", p.Accepted}, {"Zeroed", p.Zeroed}, {"Held", p.Held}, {"Rejected", p.Rejected}} {
			l.States = append(l.States, amountLine{Name: state.name, Count: state.of.Count, Claimed: textFigure(state.of.Claimed, places.places)})
		}
		list = append(list, l)
	}
	return list
}

// offerClose adds whether it can be closed, and by the visitor.
func (s *server) offerClose(ctx context.Context, v visitor, query statement.Query, q url.Values, view *closeView) (err error) {
	agreements, closes := s.Clearing.Agreements, s.Clearing.Closes
	if s.Closing.Closer == nil || agreements == nil {
		return nil
	}
	pair := control.Pair{CPO: query.CPO, EMSP: query.EMSP}
	terms := agreements.TermsAt(pair, query.Period, math.MaxInt64)
	view.FourEyes = closes.FourEyes(clearing.Scope{CPO: query.CPO, EMSP: query.EMSP}, query.Period)
	if u := s.Closing.Closer.Underway(); u != nil && u.Period == query.Period && v.Party.IsZero() { // its lines are of all pairs
		view.Underway = fmt.Sprintf("A close of %s is under way: %s, %s lines so far.", u.Period, u.Stage, grouped(fmt.Sprint(u.Lines)))
	}
	through := closes.ClosedThrough(pair)
	switch {
	case through >= query.Period:
		view.Stands, view.Closed = fmt.Sprintf("%s is closed, or settled elsewhere, through %s.", view.Scope, through), true
	case clearing.Belongs(ocpi.TimeOf(s.now()), terms.Zone) <= query.Period:
		view.Stands = fmt.Sprintf("%s has not ended yet: it ends with the month in %s.", query.Period, terms.Zone.Name())
	}
	carries := view.Undecided != "" || terms.Undecided == clearing.UndecidedCarry
	view.Refuses = view.Held > 0 && !carries || len(view.Problems) > 0
	view.Closes = view.Stands == "" && v.Party.IsZero() && v.Allows(rest.ScopeDecide)
	view.Confirm = view.Closes && q.Get("confirm") != "" && !view.Refuses
	if view.Closes && q.Get("confirm") != "" && !view.Confirm {
		view.Wrong = "It cannot be closed so: see what keeps it from that."
	}
	view.Requests, err = s.requests(ctx, v, query.Period)
	return err
}

// doneText says what a close came to.
func doneText(done *rest.Close) string {
	switch done.Outcome {
	case rest.OutcomeClosed:
		return fmt.Sprintf("%s is closed, by control record %d: its statements are issued.", done.Period, done.Record)
	case rest.OutcomeRequested:
		return fmt.Sprintf("The close of %s is asked for, by control record %d: it counts once another key approves it.", done.Period, done.Record)
	}
	return fmt.Sprintf("%s was closed already; nothing was done.", done.Period)
}

// requests lists the closes of a period that wait for their approval.
func (s *server) requests(ctx context.Context, v visitor, period ocpi.Month) (list []requestLine, err error) {
	if s.Closing.Closes == nil || !v.Party.IsZero() {
		return nil, nil
	}
	found, _, err := rest.PeriodRequestsOf(ctx, s.Closing.Closes, period)
	for i := range found {
		r := &found[i]
		var nets []string
		for _, currency := range slices.Sorted(maps.Keys(r.Net)) {
			nets = append(nets, moneyWords(r.Net[currency], currency))
		}
		cpo, _ := ocpi.ParseParty(r.CPO)
		emsp, _ := ocpi.ParseParty(r.EMSP)
		own := r.By == decidedBy(v)
		list = append(list, requestLine{r.Record, clearing.Scope{CPO: cpo, EMSP: emsp}.String(), s.decider(r.By, v), instantText(&r.RequestedAt), r.Statements, r.Lines, strings.Join(nets, " and "),
			own, !own && v.Allows(rest.ScopeApprove)})
	}
	return list, err
}

// closing is shown for those who close: not for keys of one party.
func (s *server) closing(scope string, fn func(c *gin.Context, v visitor) error) gin.HandlerFunc {
	return s.sending(scope, func(c *gin.Context, v visitor) error {
		if !v.Party.IsZero() {
			return &rest.Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "a key of one party closes no period"}
		}
		return fn(c, v)
	})
}

// closePeriod answers POST /close: a period is closed as the page showed it, or another key
// is asked to.
func (s *server) closePeriod(c *gin.Context, v visitor) error {
	q, query, err := s.monthQuery(c, v)
	if err != nil {
		return err
	}
	q.Set("undecided", c.PostForm("undecided"))
	q.Set("confirm", "yes")
	c.Request.URL.RawQuery = dropEmpty(q).Encode()
	view, err := s.readClose(c.Request.Context(), v, q, query)
	switch {
	case err != nil:
		return err
	case view.Closed: // the form was sent twice, or somebody else was quicker
		return s.closed(c, v, &rest.Close{Outcome: rest.OutcomeAlready, Period: view.Period, CPO: view.CPO, EMSP: view.EMSP}, nil)
	case c.PostForm("digest") != view.Digest:
		return s.showClose(c, v, http.StatusConflict, "What a close would issue, or what waits, was changed since the page showed it: these are the figures of now.")
	}
	done, err := s.Closing.Close(c.Request.Context(), rest.CloseRequest{Period: view.Period, CPO: view.CPO, EMSP: view.EMSP, Undecided: view.Undecided}, v.Key, decidedBy(v), view.FourEyes)
	return s.closed(c, v, done, err)
}

// approvePeriod answers POST /close/approve: a close that another key asked for counts.
func (s *server) approvePeriod(c *gin.Context, v visitor) error {
	record, err := strconv.ParseInt(c.PostForm("request"), 10, 64)
	if err != nil {
		return rest.Invalid("request", "it is not the control record of one")
	}
	done, err := s.Closing.Approve(c.Request.Context(), record, v.Key, decidedBy(v))
	return s.closed(c, v, done, err)
}

// closed leads to what came of a close, or shows the page again with why nothing did.
func (s *server) closed(c *gin.Context, v visitor, done *rest.Close, err error) error {
	if e, told := errors.AsType[*rest.Error](err); told && e.Status < http.StatusInternalServerError {
		return s.showClose(c, v, e.Status, e.Message)
	}
	if err != nil {
		return err
	}
	if done.Outcome == rest.OutcomeUndecided {
		return s.showClose(c, v, http.StatusConflict, fmt.Sprintf("It is not closed: %d causes wait for a decision. Decide, or leave them to a later period.", len(done.Undecided)))
	}
	s.tell(c, doneText(done))
	q := dropEmpty(url.Values{"period": {done.Period}, "cpo": {done.CPO}, "emsp": {done.EMSP}})
	c.Redirect(http.StatusSeeOther, address("/close", q))
	return nil
}
