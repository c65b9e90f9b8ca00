package page_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// drafts are what would be issued for 2026-03.
type drafts []*statement.Draft

func (all drafts) Draw(_ context.Context, q statement.Query, fn func(*statement.Draft) error) error {
	if q.Period == 202601 && !q.CPO.IsZero() && !q.EMSP.IsZero() {
		return &statement.ClosedError{CPO: q.CPO, EMSP: q.EMSP, Through: 202602}
	}
	for _, d := range all {
		if q.Key.ID != "" {
			if slices.ContainsFunc(d.Settled, func(s statement.Settled) bool { return s.Key == q.Key }) {
				return fn(d)
			}
			continue
		}
		if d.Period != q.Period && !q.Period.IsZero() || !q.Party.IsZero() && q.Party != d.CPO && q.Party != d.EMSP || !q.CPO.IsZero() && q.CPO != d.CPO ||
			!q.EMSP.IsZero() && q.EMSP != d.EMSP || q.Currency != "" && q.Currency != d.Currency {
			continue
		}
		if err := fn(d); err != nil {
			return err
		}
	}
	if q.Key.ID != "" {
		return settlement.ErrNotFound
	}
	return nil
}

// Waiting is as of a while ago where a CPO alone is asked for.
func (all drafts) Waiting(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) (statement.AsOf, error) {
	return statement.AsOf{At: time.Date(2026, 4, 2, 10, 2, 31, 5, time.UTC), Behind: !q.CPO.IsZero() && q.EMSP.IsZero()}, all.Draw(ctx, q, fn)
}

// LinesOf has one line of the first CDR, and a correction.
func (drafts) LinesOf(_ context.Context, key ocpi.Key) ([]rest.TracedLine, int, error) {
	if key.ID != "C-0000" {
		return nil, 0, nil
	}
	line := func(period ocpi.Month, number, net string) rest.TracedLine {
		return rest.TracedLine{Number: number, At: ocpi.Time(1_772_600_000_000_000_000),
			IssuedCDR: statement.IssuedCDR{Period: period, Key: key, EMSP: ocpi.NewParty("DE", "VOL"), Currency: "EUR", Net: decimal.RequireFromString(net)}}
	}
	return []rest.TracedLine{line(202601, "DUN-3", "5"), line(202602, "DUN-17", "-0.9")}, 0, nil
}

// DecisionsOf has two about the second one.
func (drafts) DecisionsOf(_ context.Context, key ocpi.Key) ([]statement.Decided, error) {
	at := ocpi.Time(1_772_700_000_000_000_000)
	switch key.ID {
	case "C-0001":
	case "C-0004":
		return []statement.Decided{{Key: key, Offset: 39, By: "key-7", Reason: "they <corrected> it", At: at, Adopted: &ingest.Position{Offset: 4}}}, nil
	default:
		return nil, nil
	}
	return []statement.Decided{
		{Key: key, Decision: &clearing.Decision{Act: clearing.Accept, At: clearing.OwedComputed, Covers: []string{"energy"}}, Offset: 40, By: "key-7", Reason: "agreed by <telephone>", At: at},
		{Key: key, Offset: 41, By: clearing.ByLocal, Reason: "the wrong one", At: at + 60_000_000_000},
	}, nil
}

// CopiesOf has three of the fifth one: the first, one that says the same, and that which counts.
func (drafts) CopiesOf(_ context.Context, key ocpi.Key) (*settlement.Copies, error) {
	if key.ID != "C-0004" {
		return nil, nil
	}
	at := func(offset int64, hash byte) settlement.Copy {
		received := time.Date(2026, 3, 3, 10, int(offset), 0, 0, time.UTC)
		return settlement.Copy{Position: ingest.Position{Offset: offset}, Received: received, Sender: "dun", Hash: ingest.Hash{hash}, Conflict: hash == 1}
	}
	return &settlement.Copies{All: []settlement.Copy{at(4, 2), at(1, 1), at(3, 2)}, First: ingest.Position{Offset: 1}, Generation: 1}, nil
}

// Decide draws, and takes what is made of it.
func (all drafts) Decide(ctx context.Context, _ string, q statement.Query, stand func(rest.Copies) error, drawn func(*statement.Draft) error, made func() (clearing.NewDecision, error)) (rest.Recorded, error) {
	of, err := all.CopiesOf(ctx, q.Key)
	if err == nil {
		err = stand(rest.Copies{Of: of})
	}
	if err == nil {
		err = all.Draw(ctx, q, drawn)
	}
	if err == nil {
		decided, err = made()
	}
	return rest.Recorded{Record: 42, Pending: decided.Reason == "later"}, err
}

// decided is the last decision that was made.
var decided clearing.NewDecision

// Issues has one statement, of February.
func (all drafts) Issues(_ context.Context, q statement.IssueQuery, fn func(*rest.Issued) error) error {
	if i := all.issued(q); i != nil {
		return fn(i)
	}
	return nil
}

// Issued is that one with its lines.
func (all drafts) Issued(_ context.Context, q statement.IssueQuery) (*rest.Issued, error) {
	return all.issued(q), nil
}

func (drafts) issued(q statement.IssueQuery) *rest.Issued {
	cpo, emsp := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("DE", "VOL")
	if q.Period != 202602 || !q.Party.IsZero() && q.Party != emsp || !q.EMSP.IsZero() && q.EMSP != emsp {
		return nil
	}
	d := draftOf(cpo, emsp, "EUR", 6)
	d.Period = 202602
	t := d.Totals()
	return &rest.Issued{Number: "DUN-17", At: ocpi.Time(1_772_600_000_000_000_000), Control: 1 << 40, Statement: &d.Statement,
		Issue: statement.Issue{CPO: cpo, EMSP: emsp, Period: 202602, Currency: "EUR", Totals: t}}
}

// Try draws nothing.
func (drafts) Try(context.Context, statement.Query, string, func(*statement.Draft) error, func(*statement.Draft) error) error {
	return nil
}

// draftOf has n CDRs of March and one of February, of which one is held, one rejected and
// one owed less than it claims.
func draftOf(cpo, emsp ocpi.Party, currency string, n int) *statement.Draft {
	d := &statement.Draft{Statement: statement.Statement{CPO: cpo, EMSP: emsp, Period: 202603, Zone: "Europe/Amsterdam", Currency: currency,
		Terms: statement.Terms{Owed: clearing.OwedLower, Tax: clearing.Tax{Category: clearing.TaxStated}}}}
	var charges []*statement.Charge
	for i := range n {
		amount := func(net string) *clearing.Amount {
			sum := decimal.RequireFromString(net)
			tax := sum.Mul(decimal.New(2, -1))
			return &clearing.Amount{Net: sum, Tax: &tax}
		}
		kwh := decimal.New(int64(10_000+7*i), -3)
		start := ocpi.Time(1_772_500_000_000_000_000 + int64(i)*3_600_000_000_000)
		c := &statement.Charge{
			Case:    &clearing.Case{Key: ocpi.Key{Party: cpo, ID: fmt.Sprintf("C-%04d", i)}, Owed: clearing.OwedLower, KWh: &kwh, Claimed: amount("4.10"), Computed: amount("4.10")},
			Belongs: 202603, Lands: 202603, Country: []string{"NLD", "DEU"}[i%2], Start: start, End: start + 3_000_000_000_000, Tax: d.Terms.Tax,
			Booked: &settlement.BookedCDR{EMSP: emsp, Currency: currency, Version: uint64(i + 1), Status: pricing.Priced},
		}
		c.Booked.Key, c.Booked.Position.Offset = c.Key, int64(i)
		switch i {
		case 0:
			c.Belongs = 202602
		case 1:
			c.Grounds = []clearing.Ground{{Code: "energy", Effect: clearing.Hold, Measured: "1200 kWh", Limit: "1000 kWh"}}
		case 2:
			c.Grounds = []clearing.Ground{{Code: "negative", Effect: clearing.Reject}}
		case 3:
			c.Computed = amount("3.75")
		}
		charges = append(charges, c)
	}
	d.Settled = statement.Settle(charges, 202603)
	d.Lines = statement.Lines(d.Settled)
	return d
}

// statementSite has drafts of which one is torn.
func statementSite(t *testing.T) site {
	t.Helper()
	torn := &statement.Draft{Statement: statement.Statement{CPO: ocpi.NewParty("FR", "PAR"), EMSP: ocpi.NewParty("DE", "VOL"), Period: 202603, Currency: "EUR"}, Err: fmt.Errorf("the books of <FR*PAR> are torn")}
	return draftSite(t, torn)
}

func draftSite(t *testing.T, more ...*statement.Draft) site {
	t.Helper()
	dun, volt := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("DE", "VOL")
	engine := gin.New()
	engine.UseEscapedPath, engine.UnescapePathValues = true, false
	store, first := reporttest.World(60), draftOf(dun, volt, "EUR", 6)
	books := drafts(append(more, first, draftOf(dun, volt, "GBP", 8), draftOf(dun, ocpi.NewParty("NL", "EXW"), "EUR", 450)))
	store.All = append(store.All, cdrOf(store, first, 0), cdrOf(store, first, 1), copiedCDR(t, store, first))
	agreed := reporttest.Agreed(t)
	d := page.Deps{Reader: store, Finder: store, Closes: reporttest.January, Clearing: agreed, Keys: apiKeys{}, Open: true, Logger: slog.New(slog.DiscardHandler),
		Drafts: books, Traces: books, Decisions: books}
	c := asMonths(&d, agreed)
	page.Mount(engine, d)
	return site{Handler: engine, closer: c, agreed: agreed}
}

func TestStatementPages(t *testing.T) {
	s := statementSite(t)
	golden(t, "statements.html", content(t, s.get(t, "/statements?period=2026-03", "all")))
	golden(t, "statement.html", content(t, s.get(t, "/statement?cpo=GB*DUN&emsp=DE*VOL&period=2026-03&currency=EUR", "volt")))
	const exw = "/statement?cpo=GB*DUN&emsp=NL*EXW&period=2026-03&currency=EUR"
	for _, tc := range []struct {
		key, target string
		status      int
		says        string
		not         string
	}{
		{"all", exw, 200, "page 1 of 3", "C-0300"},
		{"all", exw + "&page=2", 200, `C-0300</a>`, "C-0003<"},
		{"all", exw + "&page=9", 200, "page 3 of 3", `rel="next"`},
		{"all", exw + "&page=0", 400, "<code>page</code>", ""},
		{"volt", exw, 404, "Not found", ""},
		{"volt", "/statements?period=2026-03", 200, "GB*DUN → DE*VOL", "NL*EXW"},
		{"all", "/statements?period=2026-04", 200, "Nothing is open in 2026-04", ""},
		{"all", "/statements?period=2026-02", 200, "DUN-17</a>", "Nothing is open"},
		{"all", "/statement?cpo=GB*DUN&emsp=DE*VOL&period=2026-02&currency=EUR", 200, "Statement DUN-17, 2026-02, EUR", "draft"},
		{"all", "/statement?cpo=GB*DUN&emsp=DE*VOL&period=2026-02&currency=EUR", 200, "does not change any more", "Beside it"},
		{"all", "/statement?cpo=GB*DUN&emsp=DE*VOL&period=2026-02&currency=EUR", 200, "Due on 2026-03-18. This is not a tax invoice.", ""},
		{"all", "/statements?period=March", 400, "<code>period</code>", ""},
		{"all", "/statements", 200, "Statements 2019-03", ""}, // the latest month with CDRs
		{"all", "/statements?period=2026-01&cpo=GB*DUN&emsp=DE*VOL", 409, "closed, or settled elsewhere, through 2026-02", ""},
		{"all", "/statement?cpo=FR*PAR&emsp=DE*VOL&period=2026-03&currency=EUR", 409, "are torn", "<FR*PAR>"},
		{"all", "/statement?cpo=GB*DUN&emsp=DE*VOL&period=2026-03", 400, "<code>currency</code>", ""},
		{"emp", "/statements", 403, "finance:read", ""},
	} {
		w := s.get(t, tc.target, tc.key)
		if got := content(t, w); w.Code != tc.status || !strings.Contains(got, tc.says) || tc.not != "" && strings.Contains(got, tc.not) {
			t.Errorf("%s %s: status %d, want %d, %q and not %q:\n%s", tc.key, tc.target, w.Code, tc.status, tc.says, tc.not, got)
		}
	}
	file := s.get(t, "/statement.json?cpo=GB*DUN&emsp=DE*VOL&period=2026-03&currency=EUR", "volt")
	if file.Code != http.StatusOK || !strings.HasPrefix(file.Body.String(), `{"statement":1,"cpo":"GB*DUN"`) {
		t.Errorf("canonical file: status %d: %s", file.Code, file.Body)
	}
	if digest := file.Header().Get("X-Roamclear-Digest"); digest == "" || !strings.Contains(s.get(t, "/statement?cpo=GB*DUN&emsp=DE*VOL&period=2026-03&currency=EUR", "volt").Body.String(), digest) {
		t.Errorf("the page does not name the digest %q", digest)
	}
	if table := s.get(t, "/statement.csv?cpo=GB*DUN&emsp=DE*VOL&period=2026-03&currency=EUR", "volt"); !strings.HasPrefix(table.Body.String(), "statement,draft,") || strings.Count(table.Body.String(), "\r\nGB*DUN*C-") != 4 {
		t.Errorf("table: %s", table.Body)
	}
}

func TestStatementsFitTheWindow(t *testing.T) {
	ctx := pagetest.Browser(t)
	server := httptest.NewServer(statementSite(t))
	t.Cleanup(server.Close)
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 1100}, {Name: "dark", Width: 1280, Height: 1100, Dark: true},
		{Name: "phone", Width: 390, Height: 1700, Phone: true}, {Name: "paper", Width: 718, Height: 1020, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{"statements": "/statements?period=2026-03", "statement": "/statement?cpo=GB*DUN&emsp=DE*VOL&period=2026-03&currency=GBP", "queue": "/queue?period=2026-03", "waiting": "/queue/cdrs?ground=energy&period=2026-03", "search": "/search?q=mou-1", "found-nothing": "/search?q=nothing"} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("h1"))
			if l.Paper {
				if small := pagetest.Ask(t, ctx, chromedp.Evaluate[string](notAsPrinted)); small != "" {
					t.Errorf("%s on paper: %s", target, small)
				}
			}
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}

// cdrOf is a CDR of a draft as the store has it.
func cdrOf(store *reporttest.Store, d *statement.Draft, i int) settlement.CDRDetail {
	c := store.All[0]
	c.SessionID = ""
	c.Key, c.ID, c.CPO, c.EMSP, c.Currency = d.Settled[i].Key, d.Settled[i].Key.ID, d.CPO, d.EMSP, d.Currency
	return c
}
