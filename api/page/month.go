package page

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// Months tells of a month what no draft has.
type Months interface {
	settlement.ArrivalReader
	// IssuedClaims calls fn for the pairs and currencies of which closes issued lines in q's
	// period, with what these claim and come to.
	IssuedClaims(ctx context.Context, q statement.IssueQuery, fn func(*statement.IssuedClaim) error) error
}

// amountLine is CDRs in one currency and what they claim.
type amountLine struct {
	Name, Says, URL, Currency string
	Count                     int
	Claimed                   figure
}

// monthFigure is what a month comes to in one currency.
type monthFigure struct {
	Currency                       string
	Held, Issued, Now              figure
	HeldCount, IssuedCount, Drafts int
}

// silentLine is a pair that had CDRs in the month before, and has none for days.
type silentLine struct {
	CPO, EMSP     namedParty
	Before, Count uint64
	Last          string
	Days          int
}

type monthView struct {
	frame
	Period, CPO, EMSP                        string
	Earlier, Later                           string // addresses
	Close, Statements, Queue, Report, Checks string
	Class, State                             string // of the month
	Figures                                  []monthFigure
	Pictures                                 []waterfall
	Grounds, Told                            []amountLine
	Problems                                 []string
	Pairs                                    []pairLine
	More                                     int // pairs that are not listed
	Arrivals                                 *arrivalChart
	Silent                                   []silentLine
	Partners                                 []rest.CheckedParty
	Requests                                 []requestLine
}

// pairLine is a pair in one currency: what is claimed, and what comes of it.
type pairLine struct {
	roadLine
	Issued       figure
	Number, Stmt string // of the statement that was issued, and its address
}

const maxPairs = 200 // of a month's page, those first of which most waits

// monthQuery reads what a month's page is about.
func (s *server) monthQuery(c *gin.Context, v visitor, more ...string) (url.Values, statement.Query, error) {
	q := dropEmpty(c.Request.URL.Query())
	p := rest.NewParams(q, append([]string{"period", "cpo", "emsp"}, more...)...)
	query := statement.Query{Period: p.Month("period"), CPO: p.Party("cpo"), EMSP: p.Party("emsp"), Party: v.Party, Debtless: true}
	if err := p.Err(); err != nil {
		return q, query, err
	}
	if query.Period.IsZero() {
		months, err := s.Reader.Months(c.Request.Context(), v.Party)
		if err != nil {
			return q, query, fmt.Errorf("read months: %w", err)
		}
		query.Period = s.lastPeriod(months)
	}
	q.Set("period", query.Period.String())
	return q, query, nil
}

// month answers GET /month: what is open of a month and what it is worth, what becomes of
// what is claimed, and when CDRs came. It costs one drawing of what is open, the sums of what
// is issued, and two counts of CDRs by day and pair.
func (s *server) month(c *gin.Context, v visitor) error {
	q, query, err := s.monthQuery(c, v)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	view := monthView{Period: query.Period.String(), CPO: q.Get("cpo"), EMSP: q.Get("emsp")}
	view.frame = frame{Title: "Month " + view.Period, Here: "Month", Visitor: &v, Query: url.Values{"from": {view.Period}, "to": {view.Period}}}
	view.link(q, query.Period)
	m := newMonth(s)
	if err := m.issued(ctx, query); err != nil {
		return err
	}
	check, err := s.check(ctx, v, query, m.add)
	if err != nil {
		return err
	}
	view.State, view.Class = s.monthState(query.Period, m.closed, m.open)
	m.show(&view)
	view.Problems = check.Undecided.Problems
	view.Grounds, view.Told, view.Partners = groundsOf(check, q), toldOf(check, q), check.Partners
	if err := s.addArrivals(ctx, v, query, &view); err != nil {
		return err
	}
	if view.Requests, err = s.requests(ctx, v, query.Period); err != nil {
		return err
	}
	s.render(c, http.StatusOK, "month", view)
	return nil
}

// check reads what a close of a period would meet; where the pair that is asked for has
// closed it, nothing.
func (s *server) check(ctx context.Context, v visitor, q statement.Query, also func(*statement.Draft) error) (*rest.PeriodCheck, error) {
	check, err := rest.ReadCheck(ctx, s.Drafts, s.Around, v.Key, q, also)
	if _, closed := asClosed(err); closed {
		return &rest.PeriodCheck{Period: q.Period.String()}, nil
	}
	return check, err
}

func (view *monthView) link(q url.Values, period ocpi.Month) {
	to := func(target string, months int) string {
		other := cloneValues(q)
		other.Set("period", period.Add(months).String())
		return address(target, other)
	}
	view.Earlier, view.Later = to("/month", -1), to("/month", 1)
	view.Close, view.Statements, view.Queue = to("/close", 0), to("/statements", 0), to("/queue", 0)
	rows := cloneValues(q)
	rows.Del("period")
	rows.Set("from", period.String())
	rows.Set("to", period.String())
	view.Report, view.Checks = address("/", rows), address("/cdrs", rows)
}

// monthState says in a word how far a month is.
func (s *server) monthState(period ocpi.Month, issued, open bool) (word, class string) {
	switch {
	case period >= ocpi.TimeOf(s.now()).Month():
		return "has not ended", "plain"
	case issued && open:
		return "closed in part", "warn"
	case issued:
		return "closed", "good"
	case open:
		return "open", "warn"
	}
	return "nothing in it", "plain"
}

// monthOf gathers what a month comes to, by pair and currency.
type monthOf struct {
	server *server
	pairs  []pairLine // issued, then open
	roads  []road     // of each of these
	totals []road
	counts map[string]*monthFigure
	closed bool // something is issued
	open   bool // something is not
}

func newMonth(s *server) *monthOf {
	return &monthOf{server: s, counts: map[string]*monthFigure{}}
}

func (m *monthOf) figure(currency string) *monthFigure {
	f := m.counts[currency]
	if f == nil {
		f = &monthFigure{Currency: currency}
		m.counts[currency] = f
	}
	return f
}

// issued adds what closes issued of the period.
func (m *monthOf) issued(ctx context.Context, q statement.Query) error {
	s := m.server
	numbers := map[pairKey]string{}
	err := rest.IssuesOf(ctx, s.Drafts, &q, func(i *rest.Issued) error {
		numbers[pairKey{i.CPO, i.EMSP, i.Currency}] = i.Number
		return nil
	})
	if err != nil || len(numbers) == 0 || s.Months == nil {
		return err
	}
	return s.Months.IssuedClaims(ctx, statement.IssueQuery{CPO: q.CPO, EMSP: q.EMSP, Party: q.Party, Period: q.Period}, func(c *statement.IssuedClaim) error {
		r := road{Currency: c.Currency, CDRs: int(c.Lines), Claimed: c.Claim, Zeroed: c.Zeroed, Adjusted: c.Claim.Sub(c.Zeroed).Sub(c.Net), Done: c.Net}
		m.figure(c.Currency).IssuedCount++
		m.closed = true
		m.take(&r, pairLine{roadLine: roadLine{CPO: s.named(c.CPO, q.Period), EMSP: s.named(c.EMSP, q.Period)},
			Number: numbers[pairKey{c.CPO, c.EMSP, c.Currency}], Stmt: statementURL(c.CPO, c.EMSP, q.Period, c.Currency)})
		return nil
	})
}

type pairKey struct {
	cpo, emsp ocpi.Party
	currency  string
}

// add adds a draft.
func (m *monthOf) add(d *statement.Draft) error {
	r := newRoad(d)
	if r.CDRs == 0 && d.Err == nil || r.isBefore() {
		return nil
	}
	m.open = true
	f := m.figure(d.Currency)
	f.HeldCount += r.HeldCount
	if len(d.Lines) > 0 {
		f.Drafts++
	}
	l := pairLine{roadLine: roadLine{CPO: m.server.named(d.CPO, d.Period), EMSP: m.server.named(d.EMSP, d.Period), Lines: len(d.Lines)}}
	if !d.EMSP.IsZero() {
		l.URL = statementURL(d.CPO, d.EMSP, d.Period, d.Currency)
	}
	if d.Err != nil {
		l.Problem = d.Err.Error()
	}
	m.take(&r, l)
	return nil
}

// isBefore reports whether all of it is settled elsewhere.
func (r *road) isBefore() bool {
	return r.HeldCount+r.RejectedCount == 0 && r.Claimed.Equal(r.Before) && r.Now.IsZero() && r.Issued.IsZero() && !r.Before.IsZero()
}

func (m *monthOf) take(r *road, l pairLine) {
	at := slices.IndexFunc(m.totals, func(t road) bool { return t.Currency == r.Currency })
	if at < 0 {
		at = len(m.totals)
		m.totals = append(m.totals, road{Currency: r.Currency})
	}
	m.totals[at].add(r)
	m.pairs, m.roads = append(m.pairs, l), append(m.roads, *r)
}

// show puts first the pairs of which nobody can say what they owe, then those of which
// most waits, then the largest.
func (m *monthOf) show(view *monthView) {
	slices.SortFunc(m.totals, func(a, b road) int { return cmp.Compare(a.Currency, b.Currency) })
	order := make([]int, len(m.pairs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &m.roads[a], &m.roads[b]
		return cmp.Or(cmp.Compare(m.pairs[b].Problem, m.pairs[a].Problem), y.Held.Abs().Cmp(x.Held.Abs()), y.worth().Cmp(x.worth()))
	})
	view.More = max(0, len(order)-maxPairs)
	order = order[:len(order)-view.More]
	shown := slices.Clone(m.totals)
	for _, i := range order {
		shown = append(shown, m.roads[i])
	}
	places := fitRoad(shown)
	for _, i := range order {
		l := m.pairs[i]
		have := l.roadLine
		l.roadLine, l.Issued = newRoadLine(&m.roads[i], places), newFigure(m.roads[i].Done, places)
		l.CPO, l.EMSP, l.URL, l.Problem, l.Lines = have.CPO, have.EMSP, have.URL, have.Problem, have.Lines
		view.Pairs = append(view.Pairs, l)
	}
	for i := range m.totals {
		t := &m.totals[i]
		f := m.figure(t.Currency)
		f.Held, f.Issued, f.Now = newFigure(t.Held, 2), newFigure(t.Done, 2), newFigure(t.Now, 2)
		view.Figures = append(view.Figures, *f)
		view.Pictures = append(view.Pictures, newWaterfall(t))
	}
}

// worth is what a pair's statement is about.
func (r *road) worth() decimal.Decimal { return r.Now.Add(r.Done).Abs() }

// groundsOf adds up what waits by cause, whoever's it is.
func groundsOf(check *rest.PeriodCheck, q url.Values) (list []amountLine) {
	type key struct{ ground, currency string }
	sums, counts := map[key]decimal.Decimal{}, map[key]int{}
	for i := range check.Undecided.Groups {
		g := &check.Undecided.Groups[i]
		at := key{g.Ground, g.Currency}
		if counts[at] == 0 {
			choice := cloneValues(q)
			choice.Set("ground", g.Ground)
			if g.Currency != "" {
				choice.Set("currency", g.Currency)
			}
			ground := newQueueGround(g.Ground)
			list = append(list, amountLine{Name: g.Ground, Says: ground.Says, Currency: g.Currency, URL: address("/queue/cdrs", choice)})
		}
		claimed, _ := decimal.NewFromString(g.Claimed) // we wrote it
		sums[at], counts[at] = sums[at].Add(claimed), counts[at]+g.Count
	}
	places := column{2}
	for _, sum := range sums {
		places.fit(&sum)
	}
	for i := range list {
		at := key{list[i].Name, list[i].Currency}
		list[i].Count, list[i].Claimed = counts[at], newFigure(sums[at], places.places)
	}
	return list
}

// toldWords say what is told of CDRs.
var toldWords = map[string]string{
	"conflict": "came again with another content", "differing": "claimed otherwise than computed", "unpriced": "not priced",
	"future": "end in the future", "unknown_debtor": "nobody is known to pay", "unknown_currency": "in a currency that is not known", "other_terms": "priced by other terms than agreed",
}

func toldOf(check *rest.PeriodCheck, q url.Values) (list []amountLine) {
	places := column{2}
	for i := range check.Told {
		fitText(&places, check.Told[i].Claimed)
	}
	for i := range check.Told {
		t := &check.Told[i]
		l := amountLine{Name: codeWords(t.What), Says: toldWords[t.What], Currency: t.Currency, Count: t.Count, Claimed: textFigure(t.Claimed, places.places)}
		switch t.What {
		case "conflict":
			l.URL = "/conflicts"
		case "differing":
			rows := dropEmpty(url.Values{"from": {check.Period}, "to": {check.Period}, "cpo": {q.Get("cpo")}, "emsp": {q.Get("emsp")}, "currency": {t.Currency}, "claim": {"differs"}})
			l.URL = address("/cdrs", rows)
		}
		if r, known := clearing.RuleOf(t.What); known {
			l.URL = "/rules#" + t.What
			if l.Says == "" {
				l.Says = r.Measure
			}
		}
		list = append(list, l)
	}
	return list
}
