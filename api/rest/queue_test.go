package rest_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

var update = flag.Bool("update", false, "rewrite golden files")

// shelf is drafts of a world that a person can add up. Under the pack "strict" what is
// noted waits.
type shelf []*statement.Charge

func (s shelf) Draw(_ context.Context, q statement.Query, fn func(*statement.Draft) error) error {
	return s.draw(q, "", fn)
}

func (s shelf) Waiting(_ context.Context, q statement.Query, fn func(*statement.Draft) error) (statement.AsOf, error) {
	return statement.AsOf{At: time.Date(2019, 7, 3, 10, 2, 0, 0, time.UTC), Behind: q.Currency == "SEK", Standing: statement.Standing{Control: 7}}, s.draw(q, "", fn)
}

func (s shelf) Try(_ context.Context, q statement.Query, pack string, inForce, tried func(*statement.Draft) error) error {
	if err := s.draw(q, "", inForce); err != nil {
		return err
	}
	return s.draw(q, pack, tried)
}

// Issues and Issued find nothing: nothing of it was issued.
func (shelf) Issues(context.Context, statement.IssueQuery, func(*rest.Issued) error) error {
	return nil
}

func (shelf) Issued(context.Context, statement.IssueQuery) (*rest.Issued, error) { return nil, nil }

func (s shelf) draw(q statement.Query, pack string, fn func(*statement.Draft) error) error {
	if q.Period.IsZero() {
		q.Period = 209912
	}
	var drafts []*statement.Draft
	var of [][]*statement.Charge
	for _, c := range s {
		b := c.Booked
		switch {
		case q.Key.ID != "" && q.Key != b.Key, b.EMSP.IsZero() && !q.Debtless && q.Key.ID == "", !q.CPO.IsZero() && q.CPO != b.Key.Party, !q.EMSP.IsZero() && q.EMSP != b.EMSP,
			q.Currency != "" && q.Currency != b.Currency, !q.Party.IsZero() && q.Party != b.Key.Party && q.Party != b.EMSP:
			continue
		}
		if n := len(drafts); n == 0 || drafts[n-1].EMSP != b.EMSP || drafts[n-1].Currency != b.Currency {
			drafts, of = append(drafts, &statement.Draft{Statement: statement.Statement{CPO: b.Key.Party, EMSP: b.EMSP, Period: q.Period, Currency: b.Currency}}), append(of, nil)
		}
		if pack == "strict" {
			one, stricter := *c, *c.Case
			stricter.Grounds = nil
			for _, g := range c.Grounds {
				g.Effect = max(g.Effect, clearing.Hold)
				stricter.Grounds = append(stricter.Grounds, g)
			}
			one.Case = &stricter
			c = &one
		}
		of[len(of)-1] = append(of[len(of)-1], c)
	}
	for i, d := range drafts {
		d.Settled = statement.Settle(of[i], q.Period)
		if err := fn(d); err != nil {
			return err
		}
	}
	return nil
}

// charge is a CDR of NL*TNM: its id, eMSP, currency, period, claim, computed, and what
// struck it.
func charge(id, emsp, currency string, belongs ocpi.Month, claimed, computed string, grounds ...clearing.Ground) *statement.Charge {
	amount := func(s string) *clearing.Amount {
		if s == "" {
			return nil
		}
		return &clearing.Amount{Net: decimal.RequireFromString(s)}
	}
	party, _ := ocpi.ParseParty(emsp)
	key := ocpi.NewKey("NL", "TNM", id)
	status := pricing.Priced
	if computed == "" {
		status = pricing.Rejected
	}
	return &statement.Charge{
		Case:    &clearing.Case{Key: key, Owed: clearing.OwedClaimed, Tolerated: claimed == computed, Claimed: amount(claimed), Computed: amount(computed), Grounds: grounds},
		Belongs: belongs, Lands: belongs,
		Booked: &settlement.BookedCDR{Key: key, EMSP: party, Currency: currency, SessionID: "S-" + id, Status: status, Measures: pricing.Measures{EVSEID: "NL*TNM*E" + id}},
	}
}

func waits(code, measured, limit string) clearing.Ground {
	return clearing.Ground{Code: code, Effect: clearing.Hold, Measured: measured, Limit: limit}
}

func notes(code, measured, limit string) clearing.Ground {
	g := waits(code, measured, limit)
	g.Effect = clearing.Note
	return g
}

// queueWorld has what waits by a rule whose evidence is the pair's, by one of the CPO's,
// by both, by a person, for a debtor, and what comes later; and what does not wait.
func queueWorld() shelf {
	aside := charge("C5", "DE*EMP", "EUR", 201905, "4", "4")
	aside.Decision = &clearing.Decision{Act: clearing.HoldIt}
	gone := charge("C6", "DE*EMP", "EUR", 201906, "6", "6")
	gone.Decision = &clearing.Decision{Act: clearing.RejectIt}
	// What others of the pair rest on stands behind a draft too: issued in May as it stands,
	// one of them for nothing since it was rejected after that.
	old, undone := charge("C10", "DE*EMP", "EUR", 201905, "11", "11", notes("below_minimum", "1 minute", "2 minutes")), charge("C11", "DE*EMP", "EUR", 201905, "12", "12")
	old.Issued = &clearing.Issued{Period: 201905, Amount: clearing.Amount{Net: decimal.RequireFromString("11")}}
	undone.Issued, undone.Decision = &clearing.Issued{Period: 201905}, &clearing.Decision{Act: clearing.RejectIt}
	return shelf{
		charge("N1", "", "EUR", 201906, "9.50", "9.50", waits("unknown_debtor", "", "")),
		charge("C1", "DE*EMP", "EUR", 201906, "10.10", "7", waits("difference", "3.10 EUR", "0.025 EUR")),
		charge("C2", "DE*EMP", "EUR", 201904, "20", "20", waits("age", "100 days", "90 days")),
		charge("C3", "DE*EMP", "EUR", 201906, "30", "", waits("difference", "1 EUR", "0.025 EUR"), waits("age", "91 days", "90 days")),
		charge("C4", "DE*EMP", "EUR", 201907, "40", "41", waits("difference", "-1 EUR", "0.025 EUR")),
		aside, gone, old, undone,
		charge("C7", "DE*EMP", "EUR", 201906, "7", "7", notes("below_minimum", "1 minute", "2 minutes"), clearing.Ground{Code: "energy", Effect: clearing.Zero}),
		charge("C8", "DE*EMP", "SEK", 201906, "80", "80", notes("foreign_evse", "=NL*X", "NL*TNM")),
		charge("C9", "DE*EMP", "SEK", 201906, "90", "80", waits("difference", "10 SEK", "0.025 SEK")),
	}
}

// queueSite answers as the key that a request names: "all", or a party.
func queueSite(t *testing.T, d rest.Drafts) http.Handler {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	guard := rest.Guard{
		Auth: func(c *gin.Context) (k rest.Key, err error) {
			k.Scopes = []string{"read"}
			k.Party, _ = ocpi.ParseParty(c.GetHeader("Authorization"))
			return k, nil
		},
		Scope: "read", Logger: logger,
	}
	e := api.NewEngine(logger, rest.Fallback("", logger))
	e.GET("/queue", guard.Handle(func(c *gin.Context, k rest.Key) error { return rest.QueueOf(c, d, k) }))
	e.GET("/queue/cdrs", guard.Handle(func(c *gin.Context, k rest.Key) error { return rest.QueuedCDRs(c, d, k) }))
	e.GET("/rules/try", guard.Handle(func(c *gin.Context, k rest.Key) error { return rest.TryPack(c, d, k) }))
	e.GET("/periods/check", guard.Handle(func(c *gin.Context, k rest.Key) error { return rest.CheckPeriod(c, d, known{}, k) }))
	return e
}

// known is what there is to be told beside CDRs: that C9 came again with another content,
// and that DE*EMP is silent.
type known struct{}

func (known) Conflicts(_ context.Context, _ ocpi.Party, fn func(ocpi.Key)) error {
	fn(ocpi.NewKey("NL", "TNM", "C9"))
	fn(ocpi.NewKey("NL", "TNM", "C4")) // which comes later
	return nil
}

func (known) Parties(_ context.Context, scope clearing.Scope, period ocpi.Month) ([]rest.CheckedParty, error) {
	since := "2019-06-20T00:00:00Z"
	return []rest.CheckedParty{{Partner: "de-emp-emsp", Parties: []string{"DE*EMP"}, SilentSince: &since, LateCDRs: 3, Absent: []string{scope.String() + " " + period.String()}}}, nil
}

func TestQueueAndTrial(t *testing.T) {
	site := queueSite(t, queueWorld())
	var got strings.Builder
	for _, ask := range []struct{ key, path, accept string }{
		{"all", "/queue", ""}, {"all", "/queue?period=2019-06", ""}, {"all", "/queue?ground=age&emsp=DE*EMP", ""}, {"all", "/queue?currency=SEK", ""},
		{"DE*EMP", "/queue", ""}, {"NL*TNM", "/queue?ground=unknown_debtor", ""}, {"FR*OTH", "/queue", ""}, {"all", "/queue?ground=beauty", ""},
		{"all", "/queue/cdrs?period=2019-06", "text/csv"}, {"all", "/queue/cdrs?ground=age", "application/jsonl"}, {"DE*EMP", "/queue/cdrs?ground=age", "application/jsonl"},
		{"NL*TNM", "/queue/cdrs?ground=age", "application/jsonl"}, {"all", "/queue/cdrs?ground=decision", "application/json"}, {"all", "/queue/cdrs?state=rejected", "text/csv"},
		{"all", "/queue/cdrs?state=accepted&ground=foreign_evse", "text/csv"}, {"all", "/queue/cdrs?state=lost", ""}, {"all", "/queue/cdrs", "image/png"},
		{"all", "/rules/try?pack=strict&from=2019-06&to=2019-06", ""}, {"DE*EMP", "/rules/try?pack=observe&from=2019-04&to=2019-05", ""},
		{"all", "/rules/try?pack=lenient&from=2019-06&to=2019-06", ""}, {"all", "/rules/try?pack=strict&from=2019-06&to=2019-05", ""}, {"all", "/rules/try?pack=strict&from=2019-06", ""},
		{"all", "/periods/check?period=2019-06", ""}, {"NL*TNM", "/periods/check?period=2019-04", ""}, {"all", "/periods/check?period=2019-03&cpo=NL*TNM", ""}, {"all", "/periods/check", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, ask.path, nil)
		r.Header.Set("Authorization", ask.key)
		r.Header.Set("X-Request-Id", "1")
		if ask.accept != "" {
			r.Header.Set("Accept", ask.accept)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		body := strings.NewReplacer("\r\n", "\n", "},{", "},\n  {", ":[{", ":[\n  {").Replace(w.Body.String())
		fmt.Fprintf(&got, "%s as %s %s\n%d %s\n%s\n", ask.path, ask.key, ask.accept, w.Code, w.Header().Get("Content-Type"), body)
	}
	golden(t, "testdata/queue.txt", got.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update rewrites it:\n%s", path, diff)
	}
}

// A list that one decision could not carry is not cut off, but refused.
func TestAListThatIsTooLong(t *testing.T) {
	var s shelf
	one := charge("C1", "DE*EMP", "EUR", 201906, "1", "2", waits("difference", "", ""))
	for range 100_001 {
		s = append(s, one)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/queue/cdrs", nil)
	w := httptest.NewRecorder()
	queueSite(t, s).ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "more than 100000 CDRs") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
