package page

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// addressed is a party in the envelope of a statement.
type addressed struct {
	Side, Party, Name, VATID, To string
	Address                      []string
}

// taxTotalLine is a base with its tax.
type taxTotalLine struct {
	Name      string
	Base, Tax figure
}

// sumOfLine is the lines of a period, kind and country.
type sumOfLine struct {
	Belongs, Kind, Country string
	Previous               bool // it belongs to an earlier period
	Lines                  int
	KWh, Net               figure
}

// statementLine is a line of a statement.
type statementLine struct {
	ID, URL, Kind, Of, Belongs, Country, Start, End string
	KWh, Net, Tax                                   figure
}

type statementView struct {
	frame
	Period, Currency, Zone, Owed, Digest string
	Number, IssuedAt, DueOn              string // of one that was issued
	DueAfter                             string // days after its issue, "" where nothing was agreed
	Notice                               string
	Parties                              [2]addressed
	Debtor                               string
	Totals                               []taxTotalLine
	Net, Rounding, Tax, Payable, KWh     figure
	Count                                int
	Sums                                 []sumOfLine
	Stated                               bool // lines have a tax of their own
	Lines                                []statementLine
	Page, Pages                          int
	Previous, Next                       string // addresses
	File, CSV, List                      string
	Apart                                *roadLine // of a draft: what no line has
}

const linesPerPage = 200

// statement answers GET /statement: one statement, a page of its lines at a time. It costs
// what is open of the pair, without a body.
func (s *server) statement(c *gin.Context, v visitor) error {
	values := dropEmpty(c.Request.URL.Query())
	page, err := pageNumber(values)
	if err != nil {
		return err
	}
	d, err := rest.FindStatement(c.Request.Context(), s.Drafts, v.Key, values)
	if err != nil {
		return err
	}
	e := s.Clearing.Papers().Envelope(d)
	view := statementView{Period: e.Period, Currency: e.Currency, Zone: e.Zone, Owed: string(d.Terms.Owed), Digest: e.Digest, Notice: e.Notice}
	view.frame = frame{Title: "Statement " + d.CPO.String() + " to " + d.EMSP.String() + ", " + view.Period, Here: "Statements", Visitor: &v, Query: url.Values{"from": {view.Period}, "to": {view.Period}}}
	view.Parties = [2]addressed{newAddressed("From", &e.From), newAddressed("To", &e.To)}
	if e.DueOn != nil {
		view.DueOn = *e.DueOn
	}
	if e.DaysToPay != nil {
		view.DueAfter = strconv.Itoa(*e.DaysToPay)
	}
	view.File, view.CSV, view.List = address("/statement.json", values), address("/statement.csv", values), address("/statements", url.Values{"period": {view.Period}})
	view.total(d.Statement)
	if d.Draft != nil {
		r := newRoad(d.Draft)
		apart := newRoadLine(&r, 2)
		view.Apart = &apart
	}
	if d.Issued != nil {
		view.Number, view.IssuedAt = d.Issued.Number, d.Issued.At.Go().Format("2006-01-02 15:04")
	}
	view.lines(d.Statement, page, values)
	s.render(c, http.StatusOK, "statement", view)
	return nil
}

// pageNumber takes the page out of the parameters.
func pageNumber(values url.Values) (int, error) {
	text := values.Get("page")
	values.Del("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, rest.Invalid("page", "%q is no page", text)
	}
	return n, nil
}

// newAddressed says to whom a statement goes.
func newAddressed(side string, a *rest.Addressed) addressed {
	v := addressed{Side: side, Party: a.Party, Name: a.Name, VATID: a.VATID, To: a.Addressee}
	if a.Address != "" {
		v.Address = strings.Split(a.Address, "\n")
	}
	return v
}

func (v *statementView) total(d *statement.Statement) {
	t := d.Totals()
	minor := int(ocpi.MinorUnit(d.Currency))
	money := func(d *decimal.Decimal) figure { return orUnknown(d, minor) }
	v.Count, v.KWh, v.Net, v.Rounding, v.Tax, v.Payable = t.Lines, newFigure(t.KWh, 0), money(&t.Net), money(&t.Rounding), money(t.Tax), money(t.Payable)
	if !t.Debtor.IsZero() {
		v.Debtor = t.Debtor.String()
	}
	for i := range t.ByTax {
		b := &t.ByTax[i]
		name := strings.ReplaceAll(string(b.Category), "_", " ")
		if b.Rate.IsSet() {
			name += " " + rest.Quantity(b.Rate.Decimal()) + " %"
		}
		v.Totals = append(v.Totals, taxTotalLine{name, money(&b.Base), money(b.Amount)})
		v.Stated = v.Stated || b.Category == "stated"
	}
	for i := range t.Sums {
		s := &t.Sums[i]
		v.Sums = append(v.Sums, sumOfLine{s.Belongs.String(), kindWord(s.Kind), s.Country, s.Belongs != d.Period, s.Lines, newFigure(s.KWh, 0), newFigure(s.Net, minor)})
	}
}

func kindWord(k statement.Kind) string {
	return map[statement.Kind]string{statement.CDR: "CDRs", statement.Credit: "credits", statement.Correction: "corrections"}[k]
}

// lines shows a page of them.
func (v *statementView) lines(d *statement.Statement, page int, values url.Values) {
	v.Pages = max(1, (len(d.Lines)+linesPerPage-1)/linesPerPage)
	v.Page = min(page, v.Pages)
	to := func(page int) string {
		q := cloneValues(values)
		q.Set("page", strconv.Itoa(page))
		return address("/statement", q)
	}
	if v.Page > 1 {
		v.Previous = to(v.Page - 1)
	}
	if v.Page < v.Pages {
		v.Next = to(v.Page + 1)
	}
	shown := d.Lines[(v.Page-1)*linesPerPage : min(v.Page*linesPerPage, len(d.Lines))]
	places, energy := column{2}, column{}
	for i := range shown {
		places.fit(&shown[i].Net)
		places.fit(shown[i].LineTax)
		energy.fitQuantity(shown[i].KWh)
	}
	day := func(t ocpi.Time) string {
		if !t.IsSet() {
			return ""
		}
		return formatted(t.Go(), "2006-01-02 15:04")
	}
	for i := range shown {
		l := &shown[i]
		line := statementLine{ID: strings.TrimPrefix(l.CDR, d.CPO.String()+"*"), Kind: kindWord(l.Kind), Of: l.Of, Belongs: l.Belongs.String(), Country: l.Country,
			Start: day(l.Start), End: day(l.End), KWh: orUnknown(l.KWh, energy.places), Net: newFigure(l.Net, places.places), Tax: orUnknown(l.LineTax, places.places)}
		if key, ok := report.ParseTariffKey(l.CDR); ok {
			line.URL = report.CDRPath(key)
		}
		if l.Kind == statement.CDR {
			line.Kind = ""
		}
		v.Lines = append(v.Lines, line)
	}
}

// statementFile answers GET /statement.json and /statement.csv: the canonical form, or
// the lines as a table.
func (s *server) statementFile(c *gin.Context, v visitor) error {
	c.Request.Header.Set("Accept", map[bool]string{true: "text/csv", false: "application/json"}[strings.HasSuffix(c.Request.URL.Path, ".csv")])
	return rest.StatementFile(c, s.Drafts, s.Clearing.Papers(), v.Key)
}
