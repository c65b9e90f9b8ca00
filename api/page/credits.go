package page

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// creditKinds are what the page calls the relations of credits, those to look
// into first.
var creditKinds = []struct {
	Kind settlement.RelationKind
	Word string
}{
	{settlement.SessionBilledTwice, "Session billed twice"},
	{settlement.CreditExcess, "too much"},
	{settlement.CreditMismatch, "does not match"},
	{settlement.CreditOrphan, "credits nothing"},
	{settlement.CreditUndecided, "partner not known"},
	{settlement.Credited, "credited in full"},
}

func creditWord(k settlement.RelationKind) string {
	for _, c := range creditKinds {
		if c.Kind == k {
			return c.Word
		}
	}
	return string(k)
}

// creditSide is one CDR of a pair; without a URL it is only named.
type creditSide struct {
	ID, URL, Currency, EMSP string
	Amount                  figure
}

// creditLine is a credit and the CDR it credits.
type creditLine struct {
	Credit, Original creditSide
	CPO, Month       string
	Names            string // what CPO and eMSP are called
	Word, Class, Why string
}

type creditsView struct {
	frame
	Filters filters
	Kind    string
	Kinds   []creditChoice
	Lines   []creditLine
	First   string
	Next    string
	CSV     string
	JSONL   string
}

type creditChoice struct {
	Value, Word string
	Chosen      bool
}

// credits answers GET /credits.
func (s *server) credits(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	f, side, err := newFilters(q)
	if err != nil {
		return err
	}
	query, err := report.RelationQuery(q, v.Key)
	if err != nil {
		return err
	}
	months, err := s.Reader.Months(c.Request.Context(), v.Party)
	if err != nil {
		return fmt.Errorf("read months: %w", err)
	}
	page, err := report.Relations(c.Request.Context(), v.Key, s.Reader, query)
	if err != nil {
		return err
	}
	f.offerMonths(months)
	view := creditsView{
		frame:   frame{Title: "Credits", Here: "Credits", Visitor: &v, Query: dropEmpty(c.Request.URL.Query())},
		Filters: f, Kind: string(query.Kind), Lines: s.newCreditLines(page.Relations, side),
	}
	for _, k := range creditKinds {
		view.Kinds = append(view.Kinds, creditChoice{string(k.Kind), k.Word, query.Kind == k.Kind})
	}
	view.First, view.Next = pager("/credits", view.Query, page.Next)
	view.CSV, view.JSONL = withoutPage("/credits.csv", q), withoutPage("/credits.jsonl", q)
	s.render(c, http.StatusOK, "credits", view)
	return nil
}

// newCreditLines puts each credit beside what it credits, whichever of the two
// the relation stands with.
func (s *server) newCreditLines(relations []settlement.ListedRelation, side vatSide) []creditLine {
	places := column{2}
	for i := range relations {
		for _, cdr := range []*settlement.CDRSummary{relations[i].CDR, relations[i].OtherCDR} {
			if cdr != nil {
				places.fit(side.amount(cdr.ClaimedExcl, cdr.ClaimedIncl))
			}
		}
	}
	lines := make([]creditLine, len(relations))
	for i := range relations {
		r := &relations[i]
		one, other := newCreditSide(r.CDR, side, places), creditSide{ID: r.CDR.CreditOf}
		if r.OtherCDR != nil {
			other = newCreditSide(r.OtherCDR, side, places)
		}
		l := creditLine{Credit: one, Original: other, Word: creditWord(r.Kind), Class: "warn", Why: report.RelationText(r)}
		if r.Kind == settlement.Credited {
			l.Credit, l.Original, l.Class = other, one, "plain"
		}
		l.CPO, l.Names, l.Month = r.CDR.CPO.String(), s.bothNames(r.CDR.CPO, r.CDR.EMSP, r.Month), r.Month.String()
		lines[i] = l
	}
	return lines
}

func newCreditSide(c *settlement.CDRSummary, side vatSide, places column) creditSide {
	return creditSide{
		ID: c.ID, URL: report.CDRPath(c.Key), Currency: c.Currency, EMSP: emspName(c.EMSP),
		Amount: orUnknown(side.amount(c.ClaimedExcl, c.ClaimedIncl), places.places),
	}
}

// creditsFile answers GET /credits.csv and /credits.jsonl: all relations that match.
func (s *server) creditsFile(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	q.Del("vat") // the table has both
	query, err := report.RelationQuery(q, v.Key)
	if err != nil {
		return err
	}
	query.Limit = rest.MaxLimit
	return s.download(c, query.After, func(after string) (rest.Encoder, string, error) {
		query.After = after
		page, err := report.Relations(c.Request.Context(), v.Key, s.Reader, query)
		return either(c, report.RelationsCSV(page.Relations), report.RelationsJSONL(page.Relations)), page.Next, err
	})
}

// relatedLine is how another CDR stands to the one that a page is about.
type relatedLine struct {
	Word, Class, Why string
	Other            creditSide // the other one
	Of               string     // whose sentence it is, "" when it is the page's CDR
}

// relatedLines names the other CDR of each relation, whichever side it is on.
func relatedLines(key ocpi.Key, relations []settlement.ListedRelation) []relatedLine {
	var lines []relatedLine
	for i := range relations {
		r := &relations[i]
		if r.Key == key && r.Kind != settlement.Credited && r.Kind != settlement.CreditUndecided {
			continue // it stands among the findings
		}
		l := relatedLine{Word: creditWord(r.Kind), Class: "warn", Why: report.RelationText(r)}
		if r.Kind == settlement.Credited {
			l.Class = "plain"
		}
		other := r.OtherCDR
		if r.Key != key {
			if other, l.Of = r.CDR, r.CDR.ID; r.Kind == settlement.Credited {
				continue // this page is the credit's: its sentence says so
			}
		}
		if other != nil {
			l.Other = creditSide{ID: other.ID, URL: report.CDRPath(other.Key)}
		}
		lines = append(lines, l)
	}
	return lines
}
