package page

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// road is how what is claimed becomes what is issued, in one currency. What is claimed is
// the sum of all that follows.
type road struct {
	Currency string
	CDRs     int
	Claimed  decimal.Decimal
	Adjusted decimal.Decimal // claimed less owed, of what is accepted
	Zeroed   decimal.Decimal
	Held     decimal.Decimal
	Rejected decimal.Decimal
	Before   decimal.Decimal // settled elsewhere
	Issued   decimal.Decimal // by earlier statements
	Now      decimal.Decimal // would be issued now
	Done     decimal.Decimal // issued by statements of the period itself

	HeldCount, RejectedCount int
}

func (r *road) add(o *road) {
	r.CDRs, r.HeldCount, r.RejectedCount = r.CDRs+o.CDRs, r.HeldCount+o.HeldCount, r.RejectedCount+o.RejectedCount
	for _, sum := range []struct{ to, more *decimal.Decimal }{
		{&r.Claimed, &o.Claimed}, {&r.Adjusted, &o.Adjusted}, {&r.Zeroed, &o.Zeroed}, {&r.Held, &o.Held},
		{&r.Rejected, &o.Rejected}, {&r.Before, &o.Before}, {&r.Issued, &o.Issued}, {&r.Now, &o.Now}, {&r.Done, &o.Done},
	} {
		*sum.to = sum.to.Add(*sum.more)
	}
}

// newRoad follows the charges that a draft has to do with.
func newRoad(d *statement.Draft) road {
	r := road{Currency: d.Currency}
	for i := range d.Settled {
		s := &d.Settled[i]
		if s.AtRest() {
			continue
		}
		r.CDRs++
		r.Claimed = r.Claimed.Add(s.Claim)
		switch s.State {
		case clearing.Accepted:
			r.Adjusted = r.Adjusted.Add(s.Claim.Sub(s.Owed.Net))
		case clearing.Zeroed:
			r.Zeroed = r.Zeroed.Add(s.Claim)
		case clearing.Held:
			r.Held, r.HeldCount = r.Held.Add(s.Claim), r.HeldCount+1
		case clearing.Rejected:
			r.Rejected, r.RejectedCount = r.Rejected.Add(s.Claim), r.RejectedCount+1
		case clearing.Before:
			r.Before = r.Before.Add(s.Claim)
		}
		if s.Issued != nil {
			r.Issued = r.Issued.Add(s.Issued.Amount.Net)
		}
		if s.Line != nil {
			r.Now = r.Now.Add(s.Line.Net)
		}
	}
	return r
}

// roadLine is the road of one statement, or of all in one currency.
type roadLine struct {
	CPO, EMSP                                                       namedParty
	Currency, URL, Problem                                          string
	CDRs, Lines, HeldCount, RejectedCount                           int
	Claimed, Adjusted, Zeroed, Held, Rejected, Before, Earlier, Now figure
}

func newRoadLine(r *road, places int) roadLine {
	f := func(d decimal.Decimal) figure { return newFigure(d, places) }
	return roadLine{Currency: r.Currency, CDRs: r.CDRs, HeldCount: r.HeldCount, RejectedCount: r.RejectedCount,
		Claimed: f(r.Claimed), Adjusted: f(r.Adjusted.Neg()), Zeroed: f(r.Zeroed.Neg()), Held: f(r.Held.Neg()), Rejected: f(r.Rejected.Neg()),
		Before: f(r.Before.Neg()), Earlier: f(r.Issued.Neg()), Now: f(r.Now)}
}

// fitRoad finds the decimals that all figures of roads need.
func fitRoad(roads []road) int {
	places := column{2}
	for i := range roads {
		r := &roads[i]
		for _, d := range []decimal.Decimal{r.Claimed, r.Adjusted, r.Held, r.Rejected, r.Zeroed, r.Before, r.Issued, r.Now, r.Done} {
			places.fit(&d)
		}
	}
	return places.places
}

type statementsView struct {
	frame
	Period          string
	Earlier, Later  string // addresses
	CPO, EMSP       string
	Months          []string
	Totals          []roadLine
	Pictures        []waterfall
	Issued          []issuedLine
	Lines           []roadLine
	More            int
	Elsewhere, Zero bool // a column is worth showing
}

// issuedLine is a statement that a close issued.
type issuedLine struct {
	CPO, EMSP                 namedParty
	Number, At, Currency, URL string
	Lines                     int
	Net, Tax, Payable         figure
}

// issued lists what closes issued of a period.
func (s *server) issued(c *gin.Context, q *statement.Query, view *statementsView) error {
	err := rest.IssuesOf(c.Request.Context(), s.Drafts, q, func(i *rest.Issued) error {
		if len(view.Issued) == maxStatements {
			view.More++
			return nil
		}
		minor := int(ocpi.MinorUnit(i.Currency))
		view.Issued = append(view.Issued, issuedLine{CPO: s.named(i.CPO, i.Period), EMSP: s.named(i.EMSP, i.Period), Number: i.Number, At: i.At.Go().Format("2006-01-02"), Currency: i.Currency,
			URL: statementURL(i.CPO, i.EMSP, i.Period, i.Currency), Lines: i.Lines, Net: newFigure(i.Net, minor), Tax: orUnknown(i.Tax, minor), Payable: orUnknown(i.Payable, minor)})
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what was issued of %s: %w", q.Period, err)
	}
	return nil
}

func statementURL(cpo, emsp ocpi.Party, period ocpi.Month, currency string) string {
	return address("/statement", url.Values{"cpo": {cpo.String()}, "emsp": {emsp.String()}, "period": {period.String()}, "currency": {currency}})
}

const maxStatements = 1000 // rows of a page; totals are whole

// statements answers GET /statements: what a close of a period would issue, and what
// becomes of the rest of what is claimed. It costs one stream of what is open, in the
// order of pairs, without a body.
func (s *server) statements(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	p := rest.NewParams(q, "period", "cpo", "emsp", "currency")
	query := statement.Query{Period: p.Month("period"), CPO: p.Party("cpo"), EMSP: p.Party("emsp"), Currency: p.Currency("currency"), Party: v.Party}
	if err := p.Err(); err != nil {
		return err
	}
	months, err := s.Reader.Months(c.Request.Context(), v.Party)
	if err != nil {
		return fmt.Errorf("read months: %w", err)
	}
	if query.Period.IsZero() {
		query.Period = s.lastPeriod(months)
	}
	view := statementsView{Period: query.Period.String(), CPO: q.Get("cpo"), EMSP: q.Get("emsp")}
	view.frame = frame{Title: "Statements " + view.Period, Here: "Statements", Visitor: &v, Query: url.Values{"from": {view.Period}, "to": {view.Period}}}
	for _, at := range []struct {
		address *string
		months  int
	}{{&view.Earlier, -1}, {&view.Later, 1}} {
		other := cloneValues(q)
		other.Set("period", query.Period.Add(at.months).String())
		*at.address = address("/statements", other)
	}
	if err := s.issued(c, &query, &view); err != nil {
		return err
	}
	if err := s.drawAll(c, query, &view); err != nil {
		return err
	}
	s.render(c, http.StatusOK, "statements", view)
	return nil
}

// lastPeriod is the latest month with CDRs that is over, else the latest.
func (s *server) lastPeriod(months []ocpi.Month) ocpi.Month {
	now := ocpi.TimeOf(s.now()).Month()
	for _, m := range slices.Backward(months) {
		if m < now {
			return m
		}
	}
	if len(months) > 0 {
		return months[len(months)-1]
	}
	return now.Add(-1)
}

func asClosed(err error) (*statement.ClosedError, bool) {
	return errors.AsType[*statement.ClosedError](err)
}

func (s *server) drawAll(c *gin.Context, q statement.Query, view *statementsView) error {
	var roads, totals []road
	err := s.Drafts.Draw(c.Request.Context(), q, func(d *statement.Draft) error {
		r := newRoad(d)
		if len(d.Lines) == 0 && r.HeldCount+r.RejectedCount == 0 && r.Zeroed.IsZero() && d.Err == nil {
			return nil
		}
		at := slices.IndexFunc(totals, func(t road) bool { return t.Currency == r.Currency })
		if at < 0 {
			at = len(totals)
			totals = append(totals, road{Currency: r.Currency})
		}
		totals[at].add(&r)
		if len(roads) == maxStatements {
			view.More++
			return nil
		}
		roads = append(roads, r)
		l := roadLine{CPO: s.named(d.CPO, d.Period), EMSP: s.named(d.EMSP, d.Period), Lines: len(d.Lines)}
		l.URL = statementURL(d.CPO, d.EMSP, d.Period, d.Currency)
		if d.Err != nil {
			l.Problem = d.Err.Error()
		}
		view.Lines = append(view.Lines, l)
		return nil
	})
	if _, closed := asClosed(err); err != nil && (!closed || len(view.Issued) == 0) {
		return rest.ClosedPeriod(err)
	}
	slices.SortFunc(totals, func(a, b road) int { return cmp.Compare(a.Currency, b.Currency) })
	places := fitRoad(append(slices.Clone(roads), totals...))
	for i := range roads {
		l := newRoadLine(&roads[i], places)
		have := &view.Lines[i]
		l.CPO, l.EMSP, l.Lines, l.URL, l.Problem = have.CPO, have.EMSP, have.Lines, have.URL, have.Problem
		*have = l
	}
	for i := range totals {
		view.Totals = append(view.Totals, newRoadLine(&totals[i], places))
		view.Pictures = append(view.Pictures, newWaterfall(&totals[i]))
		view.Elsewhere = view.Elsewhere || !totals[i].Before.IsZero() || !totals[i].Issued.IsZero()
		view.Zero = view.Zero || !totals[i].Zeroed.IsZero() || !totals[i].Rejected.IsZero()
	}
	return nil
}
