package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// askedReceipts is a store that notes what it is asked.
type askedReceipts struct{ asked []string }

func (a *askedReceipts) note(q settlement.ReceiptQuery, more ...string) {
	for _, p := range q.Debtors {
		more = append(more, fmt.Sprintf("for %q", p.String()))
	}
	a.asked = append(a.asked, strings.Join(append([]string{q.CPO.String()}, more...), " "))
}

func (a *askedReceipts) Receipts(_ context.Context, q settlement.ReceiptQuery, fn func(*settlement.BookedReceipt) error) error {
	a.note(q, q.From.Format(time.DateOnly), q.To.Format(time.DateOnly))
	at, _, err := ocpi.ParseTime("2019-06-01T12:00:00Z")
	return errors.Join(err, fn(&settlement.BookedReceipt{Booked: at, Receipt: settlement.Receipt{ID: "A", End: at}}))
}

func (a *askedReceipts) ReceiptPage(_ context.Context, q settlement.ReceiptQuery, after string, limit int) ([]settlement.BookedReceipt, string, error) {
	a.note(q, "page", after, fmt.Sprint(limit))
	return nil, "more", nil
}

func (a *askedReceipts) ReceiptsOf(_ context.Context, q settlement.ReceiptQuery, ids []string) ([]settlement.BookedReceipt, error) {
	a.note(q, "ids", strings.Join(ids, ","))
	return nil, nil
}

// Keys see receipts as they see CDRs, a partner by its own token what its CPOs sent and
// what is for its eMSPs. What nobody of theirs could have is refused, and asked of no store.
func TestWhoSeesReceipts(t *testing.T) {
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	partners := control.NewPartners(m)
	controltest.Run(t, m)
	tokens := map[string]string{}
	for name, roles := range map[string][]control.Role{
		"tnm":  {control.NewRole(control.RoleCPO, "NL", "TNM")},
		"emp":  {control.NewRole(control.RoleEMSP, "DE", "EMP")},
		"many": {control.NewRole(control.RoleCPO, "BE", "TWO"), control.NewRole(control.RoleEMSP, "BE", "TWO"), control.NewRole(control.RoleEMSP, "NL", "EXW")},
		"hub":  {control.NewRole(control.RoleHub, "NO", "HUB")},
	} {
		_, token, err := partners.Add(t.Context(), "", control.NewPartner{Name: name, Roles: roles})
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = "Token " + token
	}
	store := &askedReceipts{}
	logger := slog.New(slog.DiscardHandler)
	engine := api.NewEngine(logger, rest.Fallback("", logger))
	late := false
	report.Mount(engine, report.Deps{
		Receipts: rest.Receipts{ReceiptStore: store, Await: func(_ context.Context, o ingest.Object, strict bool) error {
			if late || o != ingest.ObjectCDR || !strict {
				return fmt.Errorf("%w: %w", settlement.ErrNotYet, context.DeadlineExceeded)
			}
			return nil
		}},
		Tokens: rest.Tokens{Known: partners}, Logger: logger,
		Auth: func(c *gin.Context) (rest.Key, error) {
			switch c.GetHeader("Authorization") {
			case "Bearer all":
				return rest.Key{Scopes: []string{rest.ScopeRead}}, nil
			case "Bearer emp":
				return rest.Key{Scopes: []string{rest.ScopeRead}, Party: ocpi.NewParty("DE", "EMP")}, nil
			case "Bearer app":
				return rest.Key{Scopes: []string{control.ScopeApp}, Party: ocpi.NewParty("DE", "EMP")}, nil
			}
			return rest.Key{}, rest.ErrNoKey
		},
	})
	ask := func(method, authorization, path, body string) (int, string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, "/api/v1/receipts"+path, strings.NewReader(body))
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		store.asked = nil
		engine.ServeHTTP(w, r)
		var failure struct{ Error rest.Error }
		if w.Code != http.StatusOK {
			if err := json.Unmarshal(w.Body.Bytes(), &failure); err != nil {
				t.Fatal(err)
			}
		}
		return w.Code, strings.Join(store.asked, "; ") + failure.Error.Code
	}
	const june = "2019-06-01 2019-06-30"
	for _, c := range []struct {
		who, query string
		status     int
		want       string
	}{
		{"Bearer all", "cpo=NL*TNM", 200, "NL*TNM " + june},
		{"Bearer all", "cpo=NL*TNM&emsp=DE*EMP", 200, "NL*TNM " + june + ` for "DE*EMP"`},
		{"Bearer all", "cpo=NL*TNM&emsp=unknown", 200, "NL*TNM " + june + ` for "*"`},
		{"Bearer emp", "cpo=NL*TNM", 200, "NL*TNM " + june + ` for "DE*EMP"`},
		{"Bearer emp", "cpo=DE*EMP", 200, "DE*EMP " + june},
		{"Bearer emp", "cpo=NL*TNM&emsp=NL*EXW", 403, "party_restricted"},
		{"Bearer app", "cpo=NL*TNM", 403, "missing_scope"},
		{"Bearer none", "cpo=NL*TNM", 401, "unauthorized"},
		{"Token none", "cpo=NL*TNM", 401, "unauthorized"},
		{tokens["tnm"], "cpo=nl/tnm", 200, "NL*TNM " + june},
		{tokens["tnm"], "cpo=NL*TNM&emsp=DE*EMP", 200, "NL*TNM " + june + ` for "DE*EMP"`},
		{tokens["tnm"], "cpo=BE*TWO", 403, "party_restricted"},
		{tokens["emp"], "cpo=NL*TNM", 200, "NL*TNM " + june + ` for "DE*EMP"`},
		{tokens["emp"], "cpo=DE*EMP", 200, "DE*EMP " + june + ` for "DE*EMP"`}, // it is no CPO, whoever else may be
		{tokens["emp"], "cpo=NL*TNM&emsp=unknown", 403, "party_restricted"},
		{tokens["many"], "cpo=BE*TWO", 200, "BE*TWO " + june},
		{tokens["many"], "cpo=NL*TNM", 200, "NL*TNM " + june + ` for "BE*TWO" for "NL*EXW"`},
		{tokens["many"], "cpo=NL*TNM&emsp=NL*EXW", 200, "NL*TNM " + june + ` for "NL*EXW"`},
		{tokens["many"], "cpo=NL*TNM&emsp=DE*EMP", 403, "party_restricted"},
		{tokens["hub"], "cpo=NL*TNM", 403, "party_restricted"},
	} {
		if status, said := ask("GET", c.who, "?from=2019-06-01&to=2019-06-30&"+c.query, ""); status != c.status || said != c.want {
			t.Errorf("%s of %s: %d %s, want %d %s", c.query, c.who, status, said, c.status, c.want)
		}
	}
	if status, said := ask("GET", tokens["emp"], "/cdrs?from=2019-06-01&to=2019-06-30&cpo=NL*TNM&limit=7&cursor=c", ""); status != 200 || said != `NL*TNM page c 7 for "DE*EMP"` {
		t.Errorf("pages: %d %s", status, said)
	}
	if status, said := ask("POST", tokens["emp"], "/cdrs", `{"cpo":"NL*TNM","ids":["b","a","B"]}`); status != 200 || said != `NL*TNM ids A,B for "DE*EMP"` {
		t.Errorf("by ids: %d %s", status, said)
	}
	if status, said := ask("POST", tokens["tnm"], "/cdrs", `{"cpo":"BE*TWO","ids":["a"]}`); status != 403 || said != "party_restricted" {
		t.Errorf("by ids of another's: %d %s", status, said)
	}
	// What the store does not have yet is not told as if it had never come.
	late = true
	for _, status := range []int{first(ask("GET", "Bearer all", "?from=2019-06-01&to=2019-06-30&cpo=NL*TNM", "")), first(ask("GET", "Bearer all", "/cdrs?from=2019-06-01&to=2019-06-30&cpo=NL*TNM", "")),
		first(ask("POST", "Bearer all", "/cdrs", `{"cpo":"NL*TNM","ids":["a"]}`))} {
		if status != http.StatusServiceUnavailable {
			t.Errorf("while the store is behind: %d", status)
		}
	}
}

func first(status int, _ string) int { return status }
