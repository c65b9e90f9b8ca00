package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// queueLine is what waits by one ground, of one pair and currency.
type queueLine struct {
	CPO, EMSP        namedParty
	Currency, Oldest string
	Count            int
	Claimed          figure
	URL              string
}

// queueGround is a ground with all that waits by it.
type queueGround struct {
	Code, Says, Rule string // Rule is the address of the rule, "" of what a person decided
	Lines            []queueLine
}

type queueView struct {
	frame
	Period, CPO, EMSP string
	Grounds           []queueGround
	Totals            []queueLine
	Problems          []string
	AsOf              string // "10:02:31": more has come since; "" where nothing has
}

// queue answers GET /queue: what waits for a person, or for its cause to go, by ground and
// pair. It costs one drawing of what is open.
func (s *server) queue(c *gin.Context, v visitor) error {
	q := onlyGiven(c)
	found, err := rest.ReadQueue(c, s.Drafts, v.Key)
	if err != nil {
		return err
	}
	view := queueView{frame: frame{Title: "Queue", Here: "Queue", Visitor: &v, Query: url.Values{}}, Period: q.Get("period"), CPO: q.Get("cpo"), EMSP: q.Get("emsp"), Problems: found.Problems}
	if found.AsOf != nil && found.AsOf.Behind {
		view.AsOf = asOfText(found.AsOf.At)
	}
	places := column{2}
	for i := range found.Groups {
		fitText(&places, found.Groups[i].Claimed)
	}
	for i := range found.Totals {
		t := &found.Totals[i]
		fitText(&places, t.Claimed)
		view.Totals = append(view.Totals, queueLine{Currency: t.Currency, Count: t.Count, Claimed: textFigure(t.Claimed, places.places)})
	}
	for i := range found.Groups {
		g := &found.Groups[i]
		if n := len(view.Grounds); n == 0 || view.Grounds[n-1].Code != g.Ground {
			view.Grounds = append(view.Grounds, newQueueGround(g.Ground))
		}
		choice := cloneValues(q)
		choice.Set("ground", g.Ground)
		choice.Set("cpo", g.CPO)
		choice.Set("currency", g.Currency)
		if g.EMSP != nil {
			choice.Set("emsp", *g.EMSP)
		}
		at := &view.Grounds[len(view.Grounds)-1]
		at.Lines = append(at.Lines, queueLine{CPO: s.namedText(&g.CPO), EMSP: s.namedText(g.EMSP), Currency: g.Currency, Oldest: orNone(g.Oldest), Count: g.Count,
			Claimed: textFigure(g.Claimed, places.places), URL: address("/queue/cdrs", dropEmpty(choice))})
	}
	s.render(c, http.StatusOK, "queue", view)
	return nil
}

// asOfText is a time of day, UTC, of a time as answers write it.
func asOfText(at string) string {
	_, clock, _ := strings.Cut(at, "T")
	clock, _, _ = strings.Cut(strings.TrimSuffix(clock, "Z"), ".")
	return clock
}

// onlyGiven takes out of a request the parameters that a form sent without a value.
func onlyGiven(c *gin.Context) url.Values {
	q := dropEmpty(c.Request.URL.Query())
	c.Request.URL.RawQuery = q.Encode()
	return q
}

func newQueueGround(code string) queueGround {
	rule, known := clearing.RuleOf(code)
	if !known {
		return queueGround{Code: code, Says: "a person took it aside"}
	}
	return queueGround{Code: code, Says: rule.Measure, Rule: "/rules#" + code}
}

// namedText names a party that is a text, also where nobody is known.
func (s *server) namedText(text *string) namedParty {
	p, _ := ocpi.ParseParty(orNone(text))
	return s.named(p, lastMonth)
}

func orNone(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func fitText(c *column, text string) {
	if d, err := decimal.NewFromString(text); err == nil {
		c.fit(&d)
	}
}

// textFigure is a figure of a decimal that an API wrote, unknown where it is none.
func textFigure(text string, places int) figure {
	d, err := decimal.NewFromString(text)
	if err != nil {
		return figure{}
	}
	return newFigure(d, places)
}

// waitingLine is a CDR that waits, with why.
type waitingLine struct {
	ID, URL, Currency, Period, End string
	CPO, EMSP                      namedParty
	Claimed, Computed, Difference  figure
	Because                        []string
}

type waitingView struct {
	frame
	Ground     queueGround
	Of         int
	Lines      []waitingLine
	List       string
	CSV, JSONL string
	Note       string      // that it was decided about some
	Decide     *decideForm // nil where the visitor decides nothing, or nothing can be decided
}

const maxWaiting = 500 // rows of a page: the files have all

// waiting answers GET /queue/cdrs: the CDRs behind a row of the queue.
func (s *server) waiting(c *gin.Context, v visitor) error {
	return s.showWaiting(c, v, http.StatusOK, decideForm{})
}

// showWaiting shows them, with what was sent in the form that decides about all of them.
func (s *server) showWaiting(c *gin.Context, v visitor, status int, sent decideForm) error {
	q := onlyGiven(c)
	c.Request.URL.RawQuery = q.Encode()
	found, err := rest.ReadQueued(c, s.Drafts, v.Key, s.decides(v))
	if err != nil {
		return err
	}
	list := found.CDRs
	view := waitingView{frame: frame{Title: "Waiting CDRs", Here: "Queue", Visitor: &v, Query: url.Values{}}, Ground: newQueueGround(q.Get("ground")), Of: len(list), Note: s.told(c)}
	view.Decide = newListForm(found.Choices, address("/queue/cdrs", q), sent)
	back := cloneValues(q)
	for _, name := range []string{"ground", "cpo", "emsp", "currency"} {
		back.Del(name)
	}
	view.List, view.CSV, view.JSONL = address("/queue", back), address("/queue/cdrs.csv", q), address("/queue/cdrs.jsonl", q)
	list = list[:min(len(list), maxWaiting)]
	places := column{2}
	for i := range list {
		for _, text := range []*string{list[i].Claimed, list[i].Computed, list[i].Difference} {
			fitText(&places, orNone(text))
		}
	}
	for i := range list {
		view.Lines = append(view.Lines, s.newWaitingLine(&list[i], places.places))
	}
	s.render(c, status, "waiting", view)
	return nil
}

func (s *server) newWaitingLine(w *rest.QueuedCDR, places int) waitingLine {
	l := waitingLine{ID: w.CDR, EMSP: s.namedText(w.EMSP), Currency: w.Currency, Period: orNone(w.Period),
		Claimed: textFigure(orNone(w.Claimed), places), Computed: textFigure(orNone(w.Computed), places), Difference: textFigure(orNone(w.Difference), places)}
	if key, ok := report.ParseTariffKey(w.CDR); ok {
		l.ID, l.CPO, l.URL = key.ID, s.named(key.Party, lastMonth), report.CDRPath(key)
	}
	if end, _, ok := strings.Cut(orNone(w.End), ":00Z"); ok {
		l.End = strings.Replace(end, "T", " ", 1)
	} else {
		l.End = strings.TrimSuffix(strings.Replace(orNone(w.End), "T", " ", 1), "Z")
	}
	for _, g := range w.Grounds {
		if g.Sentence != nil {
			l.Because = append(l.Because, *g.Sentence)
		} else {
			l.Because = append(l.Because, codeWords(g.Code))
		}
	}
	return l
}

// waitingFile answers GET /queue/cdrs.csv and /queue/cdrs.jsonl: all of them.
func (s *server) waitingFile(c *gin.Context, v visitor) error {
	onlyGiven(c)
	c.Request.Header.Set("Accept", map[bool]string{true: "text/csv", false: "application/jsonl"}[strings.HasSuffix(c.Request.URL.Path, ".csv")])
	return rest.QueuedCDRs(c, s.Drafts, v.Key)
}
