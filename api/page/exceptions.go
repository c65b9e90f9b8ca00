package page

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement"
)

// reasonLine is how many CDRs are rejected for one reason.
type reasonLine struct {
	settlement.ReasonCount
	Amount figure
	URL    string
	Chosen bool
}

type rejectsView struct {
	frame
	Filters filters
	Reasons []reasonLine
	Sums    []reasonLine // of all reasons, by currency
	Lines   []cdrLine
	First   string
	Next    string
	CSV     string
	JSONL   string
	All     string // address of the rejects of every reason, "" when all are shown
	Clear   string
}

// rejects answers GET /rejects.
func (s *server) rejects(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	f, side, err := newFilters(q)
	if err != nil {
		return err
	}
	query, err := report.RejectQuery(q, v.Key)
	if err != nil {
		return err
	}
	months, err := s.Reader.Months(c.Request.Context(), v.Party)
	if err != nil {
		return fmt.Errorf("read months: %w", err)
	}
	ofAll := query
	ofAll.Reason = ""
	reasons, err := s.Reader.RejectReasons(c.Request.Context(), ofAll)
	if err != nil {
		return fmt.Errorf("count rejects: %w", err)
	}
	page, err := s.Reader.CDRs(c.Request.Context(), query)
	if err != nil {
		return fmt.Errorf("list rejects: %w", err)
	}
	f.offerMonths(months)
	view := rejectsView{
		frame:   frame{Title: "Rejects", Here: "Rejects", Visitor: &v, Query: dropEmpty(c.Request.URL.Query())},
		Filters: f, Clear: "/rejects",
	}
	list := cloneValues(view.Query)
	list.Set("status", "rejected") // among all CDRs
	view.Lines, _ = newCDRLines(page.CDRs, nil, side, list)
	s.nameLines(view.Lines)
	byReason(reasons)
	view.Reasons, view.Sums = reasonLines(reasons, side, view.Query), reasonSums(reasons, side)
	if query.Reason != "" {
		view.All = view.with("/rejects", "from", "to", "cpo", "emsp", "currency", "vat")
	}
	view.First, view.Next = pager("/rejects", view.Query, page.Next)
	view.CSV, view.JSONL = rejectsFile("/cdrs.csv", q), rejectsFile("/cdrs.jsonl", q)
	s.render(c, http.StatusOK, "rejects", view)
	return nil
}

// byReason orders by the number of CDRs that a reason has in all currencies.
func byReason(reasons []settlement.ReasonCount) {
	total := map[string]uint64{}
	for _, r := range reasons {
		total[r.Reason] += r.Count
	}
	slices.SortStableFunc(reasons, func(a, b settlement.ReasonCount) int {
		return cmp.Or(cmp.Compare(total[b.Reason], total[a.Reason]), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Currency, b.Currency))
	})
}

func rejectsFile(target string, q url.Values) string {
	all := cloneValues(q)
	all.Set("status", "rejected")
	return withoutPage(target, all)
}

func reasonLines(reasons []settlement.ReasonCount, side vatSide, query url.Values) []reasonLine {
	places := column{2}
	for _, r := range reasons {
		places.fit(side.sum(r.Claimed))
	}
	lines := make([]reasonLine, len(reasons))
	for i, r := range reasons {
		q := cloneValues(query)
		q.Del("cursor")
		q.Set("reason", r.Reason)
		q.Set("currency", r.Currency)
		lines[i] = reasonLine{
			ReasonCount: r, Amount: side.figure(r.Claimed, places), URL: address("/rejects", q),
			Chosen: query.Get("reason") == r.Reason && (query.Get("currency") == "" || query.Get("currency") == r.Currency),
		}
	}
	return lines
}

// reasonSums are what the rejects of all reasons come to, by currency.
func reasonSums(reasons []settlement.ReasonCount, side vatSide) []reasonLine {
	byCurrency := map[string]*settlement.ReasonCount{}
	places := column{2}
	for _, r := range reasons {
		places.fit(side.sum(r.Claimed))
		sum := byCurrency[r.Currency]
		if sum == nil {
			sum = &settlement.ReasonCount{Currency: r.Currency}
			byCurrency[r.Currency] = sum
		}
		sum.Count, sum.Claimed = sum.Count+r.Count, sum.Claimed.Add(r.Claimed)
	}
	var lines []reasonLine
	for _, currency := range slices.Sorted(maps.Keys(byCurrency)) {
		sum := byCurrency[currency]
		lines = append(lines, reasonLine{ReasonCount: *sum, Amount: side.figure(sum.Claimed, places)})
	}
	return lines
}

// conflictLine is one identity of which copies with different content came.
type conflictLine struct {
	CPO                namedParty
	ID                 string // as sent
	URL                string
	Contents           string // address of what they differ in
	Counts             copyLine
	Chosen             bool // somebody decided that it counts
	Repeats, Conflicts int
	Latest             copyLine
}

type conflictsView struct {
	frame
	Lines []conflictLine
	CSV   string
	JSONL string
	First string
	Next  string
}

// conflicts answers GET /conflicts.
func (s *server) conflicts(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	query, err := report.ConflictQuery(q, v.Key)
	if err != nil {
		return err
	}
	page, err := s.Reader.Conflicts(c.Request.Context(), query)
	if err != nil {
		return fmt.Errorf("list conflicts: %w", err)
	}
	view := conflictsView{frame: frame{Title: "Conflicts", Here: "Conflicts", Visitor: &v, Query: q}}
	for i := range page.Conflicts {
		view.Lines = append(view.Lines, s.newConflictLine(&page.Conflicts[i]))
	}
	view.First, view.Next = pager("/conflicts", q, page.Next)
	view.CSV, view.JSONL = withoutPage("/conflicts.csv", q), withoutPage("/conflicts.jsonl", q)
	s.render(c, http.StatusOK, "conflicts", view)
	return nil
}

// conflictsFile answers GET /conflicts.csv and /conflicts.jsonl: all that match.
func (s *server) conflictsFile(c *gin.Context, v visitor) error {
	q, err := report.ConflictQuery(dropEmpty(c.Request.URL.Query()), v.Key)
	if err != nil {
		return err
	}
	q.Limit = rest.MaxLimit
	return s.download(c, q.After, func(after string) (rest.Encoder, string, error) {
		q.After = after
		page, err := s.Reader.Conflicts(c.Request.Context(), q)
		if err != nil {
			return nil, "", fmt.Errorf("list conflicts: %w", err)
		}
		return either(c, report.ConflictsCSV(page.Conflicts), report.ConflictsJSONL(page.Conflicts)), page.Next, nil
	})
}

func (s *server) newConflictLine(k *settlement.Conflict) conflictLine {
	l := conflictLine{CPO: s.named(k.Key.Party, lastMonth), ID: k.ID, URL: report.CDRPath(k.Key), Contents: report.ContentsPath(k.Key), Counts: newCopyLine(&k.Counts, "")}
	for i := range k.Others {
		l.Chosen = l.Chosen || k.Others[i].Position.Before(k.Counts.Position)
		if k.Others[i].Conflict {
			l.Conflicts++
			l.Latest = newCopyLine(&k.Others[i], "")
		} else {
			l.Repeats++
		}
	}
	return l
}

// refusedLine is one body that could not be used.
type refusedLine struct {
	settlement.Refusal
	Shown string // the body for reading
}

type refusedView struct {
	frame
	Lines []refusedLine
	First string
	Next  string
}

const refusedPerPage = 50

// refused answers GET /refused.
func (s *server) refused(c *gin.Context, v visitor) error {
	if !v.Party.IsZero() {
		return settlement.ErrNotFound // its menu does not name the page either
	}
	q := dropEmpty(c.Request.URL.Query())
	refusals, next, err := s.Reader.Refusals(c.Request.Context(), q.Get("sender"), q.Get("cursor"), refusedPerPage)
	if err != nil {
		return fmt.Errorf("list refused bodies: %w", err)
	}
	view := refusedView{frame: frame{Title: "Refused", Here: "Refused", Visitor: &v, Query: q}}
	for i := range refusals {
		view.Lines = append(view.Lines, refusedLine{refusals[i], shownBody(refusals[i].Body)})
	}
	view.First, view.Next = pager("/refused", q, next)
	s.render(c, http.StatusOK, "refused", view)
	return nil
}

// shownBody indents JSON, leaves other text as it is, and only counts the
// bytes of what is no text.
func shownBody(b []byte) string {
	var out bytes.Buffer
	switch {
	case json.Indent(&out, b, "", "  ") == nil:
		return out.String()
	case utf8.Valid(b):
		return string(b)
	}
	return fmt.Sprintf("%d bytes that are not text", len(b))
}
