package page

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// causeLine is how many CDRs of a pair differ for one cause.
type causeLine struct {
	Name, Names         string // "GB*DUN → NL*EXW", and what they are called
	Currency            string
	Cause               string
	Count               uint64
	Claimed, Difference figure
	Narrowed            string // what the other CDRs say of it, "" where nothing
	URL                 string
}

// causeGroup is the causes of one month.
type causeGroup struct {
	Month string
	Lines []causeLine
}

type causesView struct {
	frame
	Filters filters
	Groups  []causeGroup
	More    int  // lines left out
	NoData  bool // nothing was ever received
	CSV     string
	JSONL   string
	Clear   string
}

// causes answers GET /causes.
func (s *server) causes(c *gin.Context, v visitor) error {
	f, side, err := newFilters(dropEmpty(c.Request.URL.Query()))
	if err != nil {
		return err
	}
	q, all, _, err := s.settlementRows(c, v, &f, c.Request.URL.Query())
	if err != nil {
		return err
	}
	view := causesView{Filters: f, NoData: all == nil, Clear: "/causes"}
	view.frame = frame{Title: "Causes", Here: "Causes", Visitor: &v, Query: chosenValues(q, side)}
	view.CSV, view.JSONL = view.with("/causes.csv", "from", "to", "cpo", "emsp", "currency"), view.with("/causes.jsonl", "from", "to", "cpo", "emsp", "currency")
	if !view.NoData {
		counts, err := s.Reader.Causes(c.Request.Context(), q)
		if err != nil {
			return fmt.Errorf("causes %s to %s: %w", q.From, q.To, err)
		}
		view.fill(settlement.CauseRows(counts), side, s.bothNames)
	}
	s.render(c, http.StatusOK, "causes", view)
	return nil
}

// causesFile answers GET /causes.csv and /causes.jsonl: the rows of the table, exact.
func (s *server) causesFile(c *gin.Context, v visitor) error {
	var f filters
	q, all, _, err := s.settlementRows(c, v, &f, c.Request.URL.Query())
	if err != nil {
		return err
	}
	var counts []settlement.CauseCount
	if all != nil {
		if counts, err = s.Reader.Causes(c.Request.Context(), q); err != nil {
			return fmt.Errorf("causes %s to %s: %w", q.From, q.To, err)
		}
	}
	rows := settlement.CauseRows(counts)
	return s.file(c, report.CausesFile(q), either(c, report.CausesCSV(rows), report.CausesJSONL(rows)))
}

// fill makes the table, by month; names says what a pair is called.
func (v *causesView) fill(rows []settlement.CauseRow, side vatSide, names func(cpo, emsp ocpi.Party, month ocpi.Month) string) {
	places := column{2}
	for i := range rows {
		places.fit(side.sum(rows[i].Claimed))
		places.fit(side.sum(rows[i].Difference()))
	}
	if len(rows) > maxRows {
		v.More, rows = len(rows)-maxRows, slices.Clone(rows[:maxRows])
	}
	for i := range rows {
		r := &rows[i]
		month := r.Month.String()
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Month != month {
			v.Groups = append(v.Groups, causeGroup{Month: month})
		}
		q := report.CauseParams(r)
		if side == inclVAT {
			q.Set("vat", "incl")
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Lines = append(g.Lines, causeLine{
			Name: r.CPO.String() + " → " + emspName(r.EMSP), Names: names(r.CPO, r.EMSP, r.Month), Currency: r.Currency, Cause: r.Cause, Count: r.Count,
			Claimed: side.figure(r.Claimed, places), Difference: side.figure(r.Difference(), places),
			Narrowed: report.EvidenceText(r.Evidence), URL: address("/cdrs", q),
		})
	}
}
