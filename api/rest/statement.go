package rest

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// StatementRow is a statement in a list: what a close of its period issued, or would issue
// now.
type StatementRow struct {
	CPO      string  `json:"cpo"`
	EMSP     string  `json:"emsp"`
	Period   string  `json:"period"`
	Currency string  `json:"currency"`
	Issued   bool    `json:"issued"` // false: a draft
	Lines    int     `json:"lines"`
	KWh      string  `json:"kwh"`
	Net      string  `json:"net"`
	Tax      *string `json:"tax"` // null where a CDR states none
	Payable  *string `json:"payable"`
	Debtor   *string `json:"debtor"`
	Held     Apart   `json:"held"`
	Rejected Apart   `json:"rejected"`
	Zeroed   Apart   `json:"zeroed"`
	Problem  *string `json:"problem"` // why nobody can say what is owed; null where it is said
	Number   *string `json:"number"`  // null of a draft
	IssuedAt *string `json:"issued_at"`
	DueOn    *string `json:"due_on"` // null where none was agreed, and of a draft
}

// Statements answers the statements of ?period=, of ?cpo=, ?emsp= and ?currency= where
// these are given: issued ones and drafts in one order, of CPO, eMSP and currency.
func Statements(c *gin.Context, d Drafts, papers Papers, k Key) error {
	p, q := draftQuery(c, k, true)
	if err := p.Err(); err != nil {
		return err
	}
	var rows []StatementRow
	err := d.Issues(c.Request.Context(), issueQuery(&q), func(i *Issued) error {
		row := newIssuedRow(i)
		row.DueOn = papers.dueOn(i)
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		return err
	}
	issued := len(rows)
	err = d.Draw(c.Request.Context(), q, func(d *statement.Draft) error {
		if row := newStatementRow(d); row.worthShowing() {
			rows = append(rows, row)
		}
		return nil
	})
	if _, closed := errors.AsType[*statement.ClosedError](err); err != nil && !(closed && issued > 0) {
		return ClosedPeriod(err)
	}
	slices.SortStableFunc(rows, func(a, b StatementRow) int {
		return cmp.Or(cmp.Compare(a.CPO, b.CPO), cmp.Compare(a.EMSP, b.EMSP), cmp.Compare(a.Currency, b.Currency))
	})
	WriteRows(c, "statements", slices.Values(rows))
	return nil
}

// ClosedPeriod says what is wrong with a period of which there are no drafts; other
// errors are what they are.
func ClosedPeriod(err error) error {
	if closed, ok := errors.AsType[*statement.ClosedError](err); ok {
		return &Error{Status: http.StatusConflict, Code: "period_closed", Field: "period", Message: closed.Error()}
	}
	return err
}

func newStatementRow(d *statement.Draft) StatementRow {
	t := d.Totals()
	row := StatementRow{
		CPO: d.CPO.String(), EMSP: d.EMSP.String(), Period: d.Period.String(), Currency: d.Currency,
		Lines: t.Lines, KWh: t.KWh.String(), Net: t.Net.String(), Tax: statement.Fixed(t.Tax, d.Currency), Payable: statement.Fixed(t.Payable, d.Currency), Debtor: partyOrNil(t.Debtor),
	}
	states := map[clearing.State]*tally{}
	for i := range d.Settled {
		if s := &d.Settled[i]; !s.AtRest() {
			tallyOf(states, s.State).add(s)
		}
	}
	for state, into := range map[clearing.State]*Apart{clearing.Held: &row.Held, clearing.Rejected: &row.Rejected, clearing.Zeroed: &row.Zeroed} {
		*into = tallyOf(states, state).apart()
	}
	if d.Err != nil {
		problem := d.Err.Error()
		row.Problem = &problem
	}
	return row
}

// worthShowing is false where everything comes to a later period, or was settled
// elsewhere.
func (r *StatementRow) worthShowing() bool {
	return r.Lines+r.Held.Count+r.Rejected.Count > 0 || r.Problem != nil
}

// HeaderStatement says what a statement is that is answered: "draft", "issued".
const HeaderStatement = "X-Roamclear-Statement"

// HeaderNumber is the number of an issued statement.
const HeaderNumber = "X-Roamclear-Number"

// HeaderIssuedAt says when it was issued, HeaderDueOn on which day it is due, where that
// was agreed.
const (
	HeaderIssuedAt = "X-Roamclear-Issued-At"
	HeaderDueOn    = "X-Roamclear-Due-On"
)

// HeaderDigest is the SHA-256 of a statement's canonical form, in hex.
const HeaderDigest = "X-Roamclear-Digest"

// StatementFile answers one statement, ?cpo=&emsp=&period=&currency=, in its canonical
// form, or with its envelope and what is known beside its lines as CSV.
func StatementFile(c *gin.Context, d Drafts, papers Papers, k Key) error {
	asCSV, err := WantsCSV(c)
	if err != nil {
		return err
	}
	found, err := FindStatement(c.Request.Context(), d, k, c.Request.URL.Query())
	if err != nil {
		return err
	}
	e := papers.Envelope(found)
	c.Header(HeaderStatement, e.Statement)
	for name, value := range map[string]*string{HeaderNumber: e.Number, HeaderIssuedAt: e.IssuedAt, HeaderDueOn: e.DueOn, HeaderDigest: &e.Digest} {
		if value != nil {
			c.Header(name, *value)
		}
	}
	if asCSV {
		return writeStatementCSV(c, papers, found, &e)
	}
	if api.Unchanged(c, e.Digest) {
		return nil
	}
	c.Header("Content-Type", gin.MIMEJSON)
	c.Status(http.StatusOK)
	if _, err := found.WriteTo(c.Writer); err != nil {
		_ = c.Error(err) // the client is gone, or does not read: nobody is left to tell
	}
	return nil
}

// StatementName is the name of a statement's file, without its ending. It keeps apart
// what ids of parties, which may be odd, tell apart.
func StatementName(cpo, emsp ocpi.Party, period ocpi.Month, currency string) string {
	party := func(p ocpi.Party) string {
		return url.PathEscape(p.Country) + "-" + strings.ReplaceAll(url.PathEscape(p.ID), ".", "%2E")
	}
	return party(cpo) + "_" + party(emsp) + "_" + period.String() + "_" + url.PathEscape(currency)
}
