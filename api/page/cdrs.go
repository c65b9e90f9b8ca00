package page

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// cdrLine is one CDR in a list.
type cdrLine struct {
	settlement.CDRSummary
	URL                           string
	EMSPName                      string
	Energy                        figure
	Claimed, Computed, Difference figure
	Verdict                       verdict
	Calm                          string // class of a difference that is nothing but rounding
}

// verdict is how a CDR ended, in a word and a style.
type verdict struct{ Word, Class, Title string }

func verdictOf(s *settlement.CDRSummary) verdict {
	switch {
	case s.Status == pricing.Rejected:
		return verdict{"not priced", "bad", s.Reason}
	case s.Status == pricing.Credited:
		return verdict{"credit", "plain", "cancels " + s.CreditOf}
	case s.Claim == tariff.ClaimDiffers:
		return verdict{"differs", "warn", "the claim differs from what we computed"}
	case s.Claim == tariff.ClaimAgrees:
		return verdict{"agrees", "good", "the claim agrees with what we computed"}
	}
	return verdict{"no claim", "plain", "the partner states no total to compare with"}
}

func newCDRLines(cdrs []settlement.CDRSummary, side vatSide, list url.Values) []cdrLine {
	claims, results, energy := column{2}, column{2}, column{}
	for i := range cdrs {
		s := &cdrs[i]
		claims.fit(side.amount(s.ClaimedExcl, s.ClaimedIncl))
		results.fit(side.amount(s.ComputedExcl, s.ComputedIncl))
		results.fit(differenceOf(s, side))
		energy.fitQuantity(s.EnergyKWh)
	}
	lines := make([]cdrLine, len(cdrs))
	for i := range cdrs {
		s := &cdrs[i]
		lines[i] = cdrLine{
			CDRSummary: *s, URL: fromList(report.CDRPath(s.Key), list), EMSPName: emspName(s.EMSP),
			Energy:     orUnknown(s.EnergyKWh, energy.places),
			Claimed:    orUnknown(side.amount(s.ClaimedExcl, s.ClaimedIncl), claims.places),
			Computed:   orUnknown(side.amount(s.ComputedExcl, s.ComputedIncl), results.places),
			Difference: orUnknown(differenceOf(s, side), results.places),
			Verdict:    verdictOf(s),
		}
		if s.Claim == tariff.ClaimAgrees {
			lines[i].Calm = "calm"
		}
	}
	return lines
}

// emspName names who pays, also where no CDR says so, as a parameter does.
func emspName(p ocpi.Party) string {
	if p.IsZero() {
		return rest.Unknown
	}
	return p.String()
}

type cdrsView struct {
	frame
	Filters filters
	Lines   []cdrLine
	First   string // address of the first page, "" on it
	Next    string // address of the next page, "" at the end
	CSV     string
	Clear   string
}

// cdrs answers GET /cdrs.
func (s *server) cdrs(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	f, side, err := newFilters(q)
	if err != nil {
		return err
	}
	query, err := report.CDRQuery(q, v.Key)
	if err != nil {
		return err
	}
	months, err := s.Reader.Months(c.Request.Context(), v.Party)
	if err != nil {
		return fmt.Errorf("read months: %w", err)
	}
	page, err := s.Reader.CDRs(c.Request.Context(), query)
	if err != nil {
		return fmt.Errorf("list cdrs: %w", err)
	}
	f.offerMonths(months)
	view := cdrsView{
		frame:   frame{Title: "CDRs", Here: "CDRs", Visitor: &v, Query: dropEmpty(c.Request.URL.Query())},
		Filters: f, Lines: newCDRLines(page.CDRs, side, dropEmpty(c.Request.URL.Query())), Clear: "/cdrs",
	}
	view.First, view.Next = pager("/cdrs", view.Query, page.Next)
	view.CSV = withoutPage("/cdrs.csv", q)
	s.render(c, http.StatusOK, "cdrs", view)
	return nil
}

// pager returns the addresses of the first and the next page of a list.
func pager(target string, query url.Values, next string) (firstURL, nextURL string) {
	if query.Get("cursor") != "" {
		rest := cloneValues(query)
		rest.Del("cursor")
		firstURL = address(target, rest)
	}
	if next != "" {
		rest := cloneValues(query)
		rest.Set("cursor", next)
		nextURL = address(target, rest)
	}
	return firstURL, nextURL
}

func withoutPage(target string, query url.Values) string {
	rest := cloneValues(query)
	rest.Del("cursor")
	rest.Del("limit")
	return address(target, rest)
}

func cloneValues(q url.Values) url.Values {
	clone := url.Values{}
	for name, v := range q {
		clone[name] = append([]string(nil), v...)
	}
	return clone
}

// cdrsCSV answers GET /cdrs.csv: all CDRs that match.
func (s *server) cdrsCSV(c *gin.Context, v visitor) error {
	q, err := report.CDRQuery(dropEmpty(c.Request.URL.Query()), v.Key)
	if err != nil {
		return err
	}
	q.Limit = rest.MaxLimit
	return s.download(c, "cdrs.csv", q.After, func(after string) (*rest.CSV, string, error) {
		q.After = after
		page, err := s.Reader.CDRs(c.Request.Context(), q)
		if err != nil {
			return nil, "", fmt.Errorf("list cdrs: %w", err)
		}
		return report.CDRsCSV(page.CDRs), page.Next, nil
	})
}

// download answers with a table, page by page, so that memory stays bounded. read
// returns the page at a cursor and the cursor of the next. When a later page
// cannot be read the connection is broken: a download that fails must not look
// like a shorter list.
func (s *server) download(c *gin.Context, name, after string, read func(after string) (table *rest.CSV, next string, err error)) error {
	table, next, err := read(after)
	if err != nil {
		return err
	}
	rest.CSVHeaders(c, name)
	c.Status(http.StatusOK)
	for {
		if err := table.Encode(c.Writer); err != nil {
			return s.broken(c, err)
		}
		if next == "" {
			return nil
		}
		if table, next, err = read(next); err != nil {
			return s.broken(c, err)
		}
		table.Header = nil
	}
}

// broken ends an answer of which a part went out already.
func (s *server) broken(c *gin.Context, err error) error {
	s.Logger.Warn("page: download broken off", "path", c.FullPath(), "request_id", rest.RequestID(c), "error", err)
	panic(http.ErrAbortHandler)
}
