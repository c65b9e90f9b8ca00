package page

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

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
	Names                         string // of the pair, "" where nobody named either
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

// sumLine is what all CDRs of a list come to in one currency.
type sumLine struct {
	Count                                 uint64
	Currency                              string
	Energy, Claimed, Computed, Difference figure
}

// newCDRLines shows CDRs of a list, and what all of it sums to.
func newCDRLines(cdrs []settlement.CDRSummary, sums []settlement.ListSum, side vatSide, list url.Values) ([]cdrLine, []sumLine) {
	claims, results, energy := column{2}, column{2}, column{}
	for i := range sums {
		claims.fit(side.sum(sums[i].Claimed))
		results.fit(side.sum(sums[i].Computed))
		results.fit(side.sum(sums[i].Difference))
		energy.fitQuantity(&sums[i].KWh)
	}
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
	totals := make([]sumLine, len(sums))
	for i := range sums {
		r := &sums[i]
		totals[i] = sumLine{r.Count, r.Currency, newFigure(r.KWh, energy.places), side.figure(r.Claimed, claims), side.figure(r.Computed, results), side.figure(r.Difference, results)}
	}
	return lines, totals
}

// maxSumMonths bounds the months whose CDRs are summed for a page: a few numbers of each
// CDR are read of them.
const maxSumMonths = 12

// listSums sums what a list selects, where that is not more than can be read for a page;
// all says that it was. months are those with any CDR.
func (s *server) listSums(ctx context.Context, q settlement.CDRQuery, months []ocpi.Month) (sums []settlement.ListSum, all bool, err error) {
	from, to := q.From, q.To
	if len(months) > 0 {
		from, to = max(from, months[0]), months[len(months)-1]
		if !q.To.IsZero() {
			to = min(to, q.To)
		}
	}
	if to.Compare(from) >= maxSumMonths || q.ID != "" {
		return nil, false, nil
	}
	if sums, err = s.Reader.ListSums(ctx, q); err != nil {
		return nil, false, fmt.Errorf("sum a list: %w", err)
	}
	return sums, true, nil
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
	Sums    []sumLine
	Unsaid  bool   // the list is of more months than are summed
	First   string // address of the first page, "" on it
	Next    string // address of the next page, "" at the end
	CSV     string
	JSONL   string
	Clear   string
}

// Causes are those to choose from.
func (cdrsView) Causes() []string { return tariff.Causes() }

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
	sums, all, err := s.listSums(c.Request.Context(), query, months)
	if err != nil {
		return err
	}
	f.offerMonths(months)
	view := cdrsView{
		frame:   frame{Title: "CDRs", Here: "CDRs", Visitor: &v, Query: dropEmpty(c.Request.URL.Query())},
		Filters: f, Unsaid: !all && query.ID == "", Clear: "/cdrs",
	}
	view.Lines, view.Sums = newCDRLines(page.CDRs, sums, side, view.Query)
	s.nameLines(view.Lines)
	view.First, view.Next = pager("/cdrs", view.Query, page.Next)
	view.CSV, view.JSONL = withoutPage("/cdrs.csv", q), withoutPage("/cdrs.jsonl", q)
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

// cdrsFile answers GET /cdrs.csv and /cdrs.jsonl: all CDRs that match.
func (s *server) cdrsFile(c *gin.Context, v visitor) error {
	q, err := report.CDRQuery(dropEmpty(c.Request.URL.Query()), v.Key)
	if err != nil {
		return err
	}
	q.Limit = rest.MaxLimit
	return s.download(c, q.After, func(after string) (rest.Encoder, string, error) {
		q.After = after
		page, err := s.Reader.CDRs(c.Request.Context(), q)
		if err != nil {
			return nil, "", fmt.Errorf("list cdrs: %w", err)
		}
		return either(c, report.CDRsCSV(page.CDRs), report.CDRsJSONL(page.CDRs)), page.Next, nil
	})
}

// either is the form of a list that its address asks for.
func either(c *gin.Context, csv *rest.CSV, jsonl rest.Encoder) rest.Encoder {
	if strings.HasSuffix(c.Request.URL.Path, ".jsonl") {
		return jsonl
	}
	return csv
}

// file answers with a list that is at hand as a whole.
func (s *server) file(c *gin.Context, name string, list rest.Encoder) error {
	rest.FileHeaders(c, strings.TrimSuffix(name, ".csv")+path.Ext(c.Request.URL.Path))
	c.Status(http.StatusOK)
	if err := list.Encode(c.Writer); err != nil {
		return s.broken(c, err)
	}
	return nil
}

// download answers with a list, page by page, so that memory stays bounded. read
// returns the page at a cursor and the cursor of the next. When a later page
// cannot be read the connection is broken: a download that fails must not look
// like a shorter list.
func (s *server) download(c *gin.Context, after string, read func(after string) (list rest.Encoder, next string, err error)) error {
	list, next, err := read(after)
	if err != nil {
		return err
	}
	rest.FileHeaders(c, path.Base(c.Request.URL.Path))
	c.Status(http.StatusOK)
	for {
		if err := list.Encode(c.Writer); err != nil {
			return s.broken(c, err)
		}
		if next == "" {
			return nil
		}
		if list, next, err = read(next); err != nil {
			return s.broken(c, err)
		}
		if table, ok := list.(*rest.CSV); ok {
			table.Header = nil
		}
	}
}

// broken ends an answer of which a part went out already.
func (s *server) broken(c *gin.Context, err error) error {
	s.Logger.Warn("page: download broken off", "path", c.FullPath(), "request_id", rest.RequestID(c), "error", err)
	panic(http.ErrAbortHandler)
}
