package page

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

const (
	defaultMonths = 3    // the latest ones, when a visitor named none
	widerMonths   = 12   // that are looked at where those have next to nothing in them
	fewCDRs       = 20   // that is fewer than so many CDRs
	sparse        = 100  // a month with less than a hundredth of the fullest one's CDRs is not worth opening on
	maxRows       = 2000 // of the settlement table; totals are always whole
)

// filters are the choices of a page's form.
type filters struct {
	From, To, CPO, EMSP, Currency   string
	Status, Claim, Credit, Credited string
	Reason, Cause, Finding, ID      string
	DayFrom, DayTo, Sort            string
	EVSE, Location                  string
	InclVAT                         bool
	Open                            bool     // what is open is drawn
	Months, CPOs, EMSPs, Currencies []string // to choose from
}

// newFilters reads what the form shows as chosen, and takes the parameter vat
// out of q: package report does not know it.
func newFilters(q url.Values) (filters, vatSide, error) {
	vat := q.Get("vat")
	q.Del("vat")
	if vat != "" && vat != "excl" && vat != "incl" {
		return filters{}, exclVAT, &rest.Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "vat",
			Message: fmt.Sprintf("%q is neither excl nor incl", vat)}
	}
	f := filters{
		From: q.Get("from"), To: q.Get("to"), CPO: q.Get("cpo"), EMSP: q.Get("emsp"), Currency: q.Get("currency"),
		Status: q.Get("status"), Claim: q.Get("claim"), Credit: q.Get("credit"), Credited: q.Get("credited"), Reason: q.Get("reason"), Cause: q.Get("cause"), Finding: q.Get("finding"), ID: q.Get("id"),
		DayFrom: q.Get("day_from"), DayTo: q.Get("day_to"), Sort: q.Get("sort"), EVSE: q.Get("evse"), Location: q.Get("location"),
		InclVAT: vat == "incl",
	}
	return f, vatSide(f.InclVAT), nil
}

// dropEmpty takes out the parameters that a form sent without a value.
func dropEmpty(q url.Values) url.Values {
	maps.DeleteFunc(q, func(_ string, v []string) bool { return len(v) == 1 && v[0] == "" })
	return q
}

// offerMonths adds the months, latest first, and chosen ones even without data.
func (f *filters) offerMonths(months []ocpi.Month) {
	for _, m := range months {
		f.Months = append(f.Months, m.String())
	}
	for _, chosen := range []string{f.From, f.To} {
		if chosen != "" && !slices.Contains(f.Months, chosen) {
			f.Months = append(f.Months, chosen)
		}
	}
	slices.Sort(f.Months)
	slices.Reverse(f.Months)
}

// offer adds the parties and currencies that rows name.
func (f *filters) offer(rows []settlement.SettlementRow) {
	cpos, emsps, currencies := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range rows {
		cpos[rows[i].CPO.String()] = true
		emsps[emspName(rows[i].EMSP)] = true
		currencies[rows[i].Currency] = true
	}
	for chosen, set := range map[*string]map[string]bool{&f.CPO: cpos, &f.EMSP: emsps, &f.Currency: currencies} {
		if *chosen != "" {
			set[*chosen] = true
		}
	}
	f.CPOs, f.EMSPs, f.Currencies = slices.Sorted(maps.Keys(cpos)), slices.Sorted(maps.Keys(emsps)), slices.Sorted(maps.Keys(currencies))
}

// settlementLine is one row of the table.
type settlementLine struct {
	Name, Currency          string // Name is "GB*DUN → NL*EXW"
	Names                   string // of the pair, "" where nobody named either
	Claimed, Credits, Net   figure
	Computed, Difference    figure
	Unpriced                figure
	CDRs, CreditCount       uint64
	CreditedCount           uint64 // cancelled in full
	CreditedClaim           figure
	UnpricedCount, Differs  uint64
	URL, CreditsURL         string
	TermsURL                string // of what the pair settles by; "" where nobody can say
	CreditedURL             string
	UnpricedURL, DiffersURL string
	Tax                     string
	Total                   bool
	Calm                    string // class of a difference that is nothing but rounding
	Issued, Late            figure
	IssuedCount, LateCount  uint64
	Open, Held              figure // Open "" where nobody can say
	OpenCount, HeldCount    uint64
	ShowsIssued, ShowsOpen  bool // there is a column of it
}

// monthGroup is the rows of one month.
type monthGroup struct {
	Month  string
	Closed *closedMonth // nil where it was not closed elsewhere
	Lines  []settlementLine
}

// closedMonth says since when a month is closed elsewhere.
type closedMonth struct{ Day, Instant string }

// newClosedMonth is nil for a month that is not.
func newClosedMonth(closes report.Closes, m ocpi.Month) *closedMonth {
	at := closes.ElsewhereSince(clearing.Scope{}, m)
	if !at.IsSet() {
		return nil
	}
	return &closedMonth{Day: at.Go().Format(time.DateOnly), Instant: at.String()}
}

type settlementView struct {
	frame
	Filters filters
	Totals  []settlementLine // one per currency
	Groups  []monthGroup
	More    int  // rows left out
	NoData  bool // nothing was ever received
	Closed  bool // a month is
	Empty   bool // nothing counts in the chosen months, whatever the other choices
	Reports bool // somebody tells what became of them
	Issued  bool // something is
	Columns int
	CSV     string
	JSONL   string
	Clear   string
	Agreed  string // address of what is agreed for what is chosen; "" where nothing is known of it
}

// settlementRows reads the rows of the chosen months, for all parties that the
// visitor may see, and those of them that match the other choices.
func (s *server) settlementRows(c *gin.Context, v visitor, f *filters, values url.Values) (q settlement.SettlementQuery, all, rows []settlement.SettlementRow, err error) {
	months, err := s.Reader.Months(c.Request.Context(), v.Party)
	if err != nil {
		return q, nil, nil, fmt.Errorf("read months: %w", err)
	}
	if len(months) == 0 {
		return q, nil, nil, nil
	}
	values = dropEmpty(values)
	values.Del("vat")
	if values.Get("from") == "" && values.Get("to") == "" {
		from, to, err := s.opening(c.Request.Context(), v, months)
		if err != nil {
			return q, nil, nil, err
		}
		values.Set("from", from.String())
		values.Set("to", to.String())
	}
	for _, name := range []string{"from", "to"} { // one month named alone is that month
		if values.Get(name) == "" {
			values.Set(name, values.Get("from")+values.Get("to"))
		}
	}
	q, err = report.SettlementQuery(values, v.Key)
	if err != nil {
		return q, nil, nil, err
	}
	wide := settlement.SettlementQuery{From: q.From, To: q.To, Party: q.Party}
	all, err = s.Reader.Settlement(c.Request.Context(), wide)
	if err != nil {
		return q, nil, nil, fmt.Errorf("settlement %s to %s: %w", q.From, q.To, err)
	}
	f.From, f.To = q.From.String(), q.To.String()
	f.offerMonths(months)
	f.offer(all)
	for i := range all {
		if r := &all[i]; (q.CPO.IsZero() || q.CPO == r.CPO) && (q.EMSP.IsZero() || q.EMSP == r.EMSP) && (!q.NoEMSP || r.EMSP.IsZero()) && (q.Currency == "" || q.Currency == r.Currency) {
			rows = append(rows, *r)
		}
	}
	return q, all, rows, nil
}

// takeOpen takes the parameter open out of what a visitor asked for: package report has it
// of the report alone.
func takeOpen(values url.Values) (bool, error) {
	asked, given := values["open"]
	if !given {
		return false, nil
	}
	values.Del("open")
	p := rest.NewParams(url.Values{"open": asked}, "open")
	open := p.Bool("open")
	return open != nil && *open, p.Err()
}

// opening are the months that a visitor is shown unasked: the latest, without those
// at either end that have next to nothing in them, for a few stragglers would hide
// the month that everybody comes for. Where all of them are like that it is the
// fullest of a year.
func (s *server) opening(ctx context.Context, v visitor, months []ocpi.Month) (from, to ocpi.Month, err error) {
	counts, err := s.counts(ctx, v, months[max(0, len(months)-defaultMonths):])
	if err != nil {
		return 0, 0, err
	}
	shown := slices.SortedFunc(maps.Keys(counts), ocpi.Month.Compare)
	most, all := uint64(0), uint64(0)
	for _, n := range counts {
		most, all = max(most, n), all+n
	}
	if all < fewCDRs && len(months) > defaultMonths {
		if counts, err = s.counts(ctx, v, months[max(0, len(months)-widerMonths):]); err != nil {
			return 0, 0, err
		}
		fullest := months[len(months)-1]
		for m, n := range counts {
			if n > counts[fullest] || n == counts[fullest] && m.Compare(fullest) > 0 {
				fullest = m
			}
		}
		return fullest, fullest, nil
	}
	shown = slices.DeleteFunc(shown, func(m ocpi.Month) bool { return counts[m]*sparse < most })
	if len(shown) == 0 {
		return months[len(months)-1], months[len(months)-1], nil
	}
	return shown[0], shown[len(shown)-1], nil
}

// counts are the CDRs of each of some months.
func (s *server) counts(ctx context.Context, v visitor, months []ocpi.Month) (map[ocpi.Month]uint64, error) {
	q := settlement.SettlementQuery{From: months[0], To: months[len(months)-1], Party: v.Party}
	rows, err := s.Reader.Settlement(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("settlement %s to %s: %w", q.From, q.To, err)
	}
	counts := map[ocpi.Month]uint64{}
	for i := range rows {
		counts[rows[i].Month] += rows[i].CDRCount + rows[i].CreditCount
	}
	return counts, nil
}

// settlement answers GET /.
func (s *server) settlement(c *gin.Context, v visitor) error {
	values := dropEmpty(c.Request.URL.Query())
	f, side, err := newFilters(values)
	if err != nil {
		return err
	}
	if f.Open, err = takeOpen(values); err != nil {
		return err
	}
	q, all, rows, err := s.settlementRows(c, v, &f, values)
	if err != nil {
		return err
	}
	if rows, err = s.reported(c, q, &f, rows); err != nil {
		return err
	}
	view := settlementView{Filters: f, NoData: f.Months == nil, Empty: len(all) == 0, Clear: "/", Reports: s.Reporter != nil}
	chosen := chosenValues(q, side)
	if f.Open {
		chosen.Set("open", "true")
	}
	view.frame = frame{Title: "Settlement", Here: "Settlement", Visitor: &v, Query: chosen}
	view.CSV, view.JSONL = view.with("/settlement.csv", "from", "to", "cpo", "emsp", "currency", "open"), view.with("/settlement.jsonl", "from", "to", "cpo", "emsp", "currency", "open")
	view.fill(rows, side, s.Closes)
	if s.Clearing.Agreements != nil {
		view.linkTerms(s, rows)
		scope := clearing.Scope{CPO: q.CPO, EMSP: q.EMSP}
		if !rest.MaySee(v.Key, scope) {
			scope = clearing.Scope{}
		}
		view.Agreed = agreementPage(scope, q.To)
	}
	s.render(c, http.StatusOK, "settlement", view)
	return nil
}

// reported adds what became of the CDRs of rows.
func (s *server) reported(c *gin.Context, q settlement.SettlementQuery, f *filters, rows []settlement.SettlementRow) ([]settlement.SettlementRow, error) {
	if s.Reporter == nil || f.Months == nil {
		return rows, nil
	}
	rows, err := s.Reporter.Reported(c.Request.Context(), q, f.Open, rows)
	if err != nil {
		return nil, fmt.Errorf("settlement %s to %s: %w", q.From, q.To, err)
	}
	return rows, nil
}

func chosenValues(q settlement.SettlementQuery, side vatSide) url.Values {
	v := url.Values{"from": {q.From.String()}, "to": {q.To.String()}, "currency": {q.Currency}}
	for name, p := range map[string]ocpi.Party{"cpo": q.CPO, "emsp": q.EMSP} {
		if !p.IsZero() {
			v.Set(name, p.String())
		}
	}
	if q.NoEMSP {
		v.Set("emsp", rest.Unknown)
	}
	if side == inclVAT {
		v.Set("vat", "incl")
	}
	return dropEmpty(v)
}

// settlementFile answers GET /settlement.csv and /settlement.jsonl: the rows of the
// table, exact, with all amounts.
func (s *server) settlementFile(c *gin.Context, v visitor) error {
	var f filters
	values := dropEmpty(c.Request.URL.Query())
	open, err := takeOpen(values)
	if err != nil {
		return err
	}
	f.Open = open
	q, _, rows, err := s.settlementRows(c, v, &f, values)
	if err != nil {
		return err
	}
	if rows, err = s.reported(c, q, &f, rows); err != nil {
		return err
	}
	return s.file(c, report.SettlementFile(q), either(c, report.SettlementCSV(rows, s.Closes), report.SettlementJSONL(rows, s.Closes)))
}

// fill makes the table: totals by currency first, then the rows by month.
func (v *settlementView) fill(rows []settlement.SettlementRow, side vatSide, closes report.Closes) {
	totals := totalsByCurrency(rows)
	fitted := fitColumns(append(slices.Clone(rows), totals...), side)
	for i := range totals {
		v.Issued = v.Issued || totals[i].Issued.Count > 0
	}
	v.Columns = 10
	for _, shown := range []bool{v.Issued, v.Filters.Open} {
		if shown {
			v.Columns++
		}
	}
	line := func(r *settlement.SettlementRow) settlementLine {
		l := newLine(r, side, fitted)
		l.ShowsIssued, l.ShowsOpen = v.Issued, v.Filters.Open
		return l
	}
	for i := range totals {
		l := line(&totals[i])
		l.Total = true
		v.Totals = append(v.Totals, l)
	}
	if len(rows) > maxRows {
		v.More = len(rows) - maxRows
		rows = rows[:maxRows]
	}
	for i := range rows {
		month := rows[i].Month.String()
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Month != month {
			group := monthGroup{Month: month, Closed: newClosedMonth(closes, rows[i].Month)}
			v.Closed = v.Closed || group.Closed != nil
			v.Groups = append(v.Groups, group)
		}
		l := line(&rows[i])
		l.link(&rows[i], side)
		g := &v.Groups[len(v.Groups)-1]
		g.Lines = append(g.Lines, l)
	}
}

// linkTerms adds the addresses of what the pairs settle by, and what they are called.
func (v *settlementView) linkTerms(s *server, rows []settlement.SettlementRow) {
	i := 0
	for g := range v.Groups {
		for l := range v.Groups[g].Lines {
			if r := &rows[i]; !r.EMSP.IsZero() {
				v.Groups[g].Lines[l].Names = s.bothNames(r.CPO, r.EMSP, r.Month)
				v.Groups[g].Lines[l].TermsURL = agreementPage(clearing.Scope{CPO: r.CPO, EMSP: r.EMSP}, r.Month)
			}
			i++
		}
	}
}

// fitted are the decimals of what partners claim, of what we compute and of statements.
type fitted struct{ claims, results, lines column }

func fitColumns(rows []settlement.SettlementRow, side vatSide) fitted {
	f := fitted{column{2}, column{2}, column{2}}
	for i := range rows {
		r := &rows[i]
		for _, s := range []settlement.Sum{r.Claimed, r.Credits, r.Net, r.UnpricedClaimed, r.CreditedClaimed} {
			f.claims.fit(side.sum(s))
		}
		f.results.fit(side.sum(r.Computed))
		f.results.fit(side.sum(r.Difference()))
		f.lines.fit(&r.Issued.Net)
		f.lines.fit(&r.Late.Net)
		if r.Open != nil {
			f.lines.fit(&r.Open.Lines.Net)
		}
	}
	return f
}

func newLine(r *settlement.SettlementRow, side vatSide, f fitted) settlementLine {
	claims, results := f.claims, f.results
	calm := ""
	if r.DiffersCount == 0 {
		calm = "calm"
	}
	l := settlementLine{
		Calm: calm, Issued: newFigure(r.Issued.Net, f.lines.places), Late: newFigure(r.Late.Net, f.lines.places), IssuedCount: r.Issued.Count, LateCount: r.Late.Count,
		Name: r.CPO.String() + " → " + emspName(r.EMSP), Currency: r.Currency,
		Claimed: side.figure(r.Claimed, claims), Credits: side.figure(r.Credits, claims), Net: side.figure(r.Net, claims),
		Computed: side.figure(r.Computed, results), Difference: side.figure(r.Difference(), results),
		Unpriced: side.figure(r.UnpricedClaimed, claims),
		CDRs:     r.CDRCount, CreditCount: r.CreditCount, UnpricedCount: r.UnpricedCount, Differs: r.DiffersCount,
		CreditedCount: r.CreditedCount, CreditedClaim: side.figure(r.CreditedClaimed, claims),
		Tax: taxLine(r.Tax),
	}
	if o := r.Open; o != nil {
		l.Open, l.Held = newFigure(o.Lines.Net, f.lines.places), newFigure(o.Held.Net, 2)
		l.OpenCount, l.HeldCount = o.Lines.Count, o.Held.Count
	}
	return l
}

// link adds the addresses of the CDRs behind the row and behind its exceptions.
func (l *settlementLine) link(r *settlement.SettlementRow, side vatSide) {
	of := func(part report.Part) string {
		q := report.RowParams(r, part)
		if side == inclVAT {
			q.Set("vat", "incl")
		}
		return address("/cdrs", q)
	}
	l.URL, l.CreditsURL = of(report.PartAll), of(report.PartCredits)
	l.CreditedURL = of(report.PartCredited)
	l.UnpricedURL, l.DiffersURL = of(report.PartUnpriced), of(report.PartDiffers)
}

// taxLine names the computed tax by rate, for the row's title.
func taxLine(taxes []settlement.TaxSum) string {
	parts := make([]string, len(taxes))
	for i, t := range taxes {
		rate := ""
		if t.Percentage != nil {
			rate = " " + rest.Quantity(*t.Percentage) + " %"
		}
		parts[i] = t.Name + rate + ": " + newFigure(t.Amount, 2).Text
	}
	return strings.Join(parts, ", ")
}
