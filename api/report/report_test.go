package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

var (
	errDisk = errors.New("disk on fire at /var/lib/secret")
	dundee  = ocpi.NewParty("GB", "DUN")
	volt    = ocpi.NewParty("DE", "VOL")
)

// auth knows four keys.
func auth(c *gin.Context) (rest.Key, error) {
	scopes := []string{rest.ScopeRead}
	switch c.GetHeader("Authorization") {
	case "Bearer all":
		return rest.Key{Scopes: scopes}, nil
	case "Bearer dundee":
		return rest.Key{Scopes: scopes, Party: dundee}, nil
	case "Bearer volt":
		return rest.Key{Scopes: scopes, Party: volt}, nil
	case "Bearer other-scope":
		return rest.Key{Scopes: []string{"admin:write"}}, nil
	case "Bearer not-folded-yet":
		return rest.Key{}, fmt.Errorf("look up key: %w", control.ErrNotReady)
	case "Bearer of-the-api":
		return rest.Key{}, fmt.Errorf("look up key: %w", api.ErrUnauthorized)
	}
	return rest.Key{}, fmt.Errorf("look up key: %w", rest.ErrNoKey)
}

// site is the reports over a store, with what they log.
type site struct {
	http.Handler
	log *bytes.Buffer
}

func newSite(store *reporttest.Store, rawPath bool) site {
	var log bytes.Buffer
	engine := gin.New()
	engine.UseRawPath = rawPath
	report.Mount(engine, report.Deps{Reader: store, Reporter: reporttest.Reporter{}, Closes: reporttest.January, Auth: auth, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	return site{engine, &log}
}

func (s site) get(t testing.TB, key, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-Request-ID", "the-request") // so that answers compare
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update rewrites it:\n%s", path, diff)
	}
}

func indent(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, b)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	s := newSite(reporttest.World(60), true)
	for _, tc := range []struct{ name, key, path, accept string }{
		{"settlement.json", "all", "/api/v1/reports/settlement?from=2019-01&to=2019-03&currency=gbp", ""},
		{"settlement.csv", "all", "/api/v1/reports/settlement?from=2019-01&to=2019-03", "text/csv"},
		{"settlement_open.json", "all", "/api/v1/reports/settlement?from=2019-01&to=2019-01&open=true&cpo=GB*DUN", ""},
		{"settlement_open.csv", "all", "/api/v1/reports/settlement?from=2019-01&to=2019-03&open=true", "text/csv"},
		{"rules.json", "volt", "/api/v1/rules", ""},
		{"causes.json", "all", "/api/v1/reports/causes?from=2019-01&to=2019-03&cpo=FR*PAR", ""},
		{"causes.csv", "volt", "/api/v1/reports/causes?from=2019-01&to=2019-03", "text/csv"},
		{"settlement_restricted.csv", "volt", "/api/v1/reports/settlement?from=2019-02&to=2019-02", "text/csv"},
		{"cdrs.json", "all", "/api/v1/cdrs?from=2019-01&to=2019-01&cpo=GB*DUN&limit=3", ""},
		{"cdrs.csv", "all", "/api/v1/cdrs?claim=differs", "text/csv"},
		{"rejects.json", "all", "/api/v1/rejects?reason=unknown_tariff", "application/json"},
		{"conflicts.json", "all", "/api/v1/conflicts", ""},
		{"repeats.json", "all", "/api/v1/conflicts?kind=repeat", ""},
		{"contents.json", "all", "/api/v1/conflicts/fr/mou/mou-10011", ""},
		{"cdrs_page.csv", "all", "/api/v1/cdrs?claim=differs&limit=2", "text/csv"},
		{"refusals.json", "all", "/api/v1/refusals", ""},
		{"cdr.json", "all", "/api/v1/cdrs/fr/mou/mou-10011", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := s.get(t, tc.key, tc.path, "Accept", tc.accept)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			body := w.Body.Bytes()
			if strings.HasSuffix(tc.name, ".json") {
				body = indent(t, body)
			}
			golden(t, tc.name, body)
		})
	}
	if s.log.Len() > 0 {
		t.Errorf("logged: %s", s.log)
	}
}

func TestConflictFilters(t *testing.T) {
	s := newSite(reporttest.World(60), true)
	for query, want := range map[string]string{
		"":                          "mou-10011 bou-10042",
		"?cpo=FR*MOU":               "mou-10011",
		"?cpo=FR*MOU&id=mou-10011":  "mou-10011",
		"?id=nope":                  "",
		"?kind=conflict&id=DUN-1":   "",
		"?kind=all&cpo=US*BOU":      "bou-10042",
		"?kind=repeat&id=MOU-10011": "",
	} {
		var page struct {
			Conflicts []struct {
				ID string `json:"id"`
			} `json:"conflicts"`
		}
		w := s.get(t, "all", "/api/v1/conflicts"+query)
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range page.Conflicts {
			ids = append(ids, c.ID)
		}
		if got := strings.Join(ids, " "); w.Code != http.StatusOK || got != want {
			t.Errorf("%s: status %d, %q, want %q", query, w.Code, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	healthy, away, broken := reporttest.World(40), &reporttest.Store{}, &reporttest.Store{}
	away.Err = fmt.Errorf("query settlement: dial tcp 10.0.0.7:9000: %w", settlement.ErrUnavailable)
	broken.Err = errDisk
	const report2019 = "/api/v1/reports/settlement?from=2019-01&to=2019-03"
	for _, tc := range []struct {
		name, key, path string
		store           *reporttest.Store
		status          int
		code, field     string
	}{
		{"no key", "", report2019, healthy, 401, "unauthorized", ""},
		{"no key, as package api says it", "of-the-api", report2019, healthy, 401, "unauthorized", ""},
		{"key without scope", "other-scope", report2019, healthy, 403, "missing_scope", ""},
		{"keys not known yet", "not-folded-yet", report2019, healthy, 503, "unavailable", ""},
		{"from missing", "all", "/api/v1/reports/settlement?to=2019-03", healthy, 400, "invalid_parameter", "from"},
		{"both missing", "all", "/api/v1/reports/settlement", healthy, 400, "invalid_parameter", "from"},
		{"no such month", "all", "/api/v1/reports/settlement?from=2019-01&to=2019-13", healthy, 400, "invalid_parameter", "to"},
		{"months the wrong way round", "all", "/api/v1/reports/settlement?from=2019-03&to=2019-01", healthy, 400, "invalid_parameter", "to"},
		{"too many months", "all", "/api/v1/reports/settlement?from=2009-01&to=2019-01", healthy, 400, "invalid_parameter", "to"},
		{"causes without months", "all", "/api/v1/reports/causes", healthy, 400, "invalid_parameter", "from"},
		{"causes, store away", "all", "/api/v1/reports/causes?from=2019-01&to=2019-03", away, 503, "unavailable", ""},
		{"bad party", "all", report2019 + "&cpo=Dundee", healthy, 400, "invalid_parameter", "cpo"},
		{"bad currency", "all", report2019 + "&currency=E1R", healthy, 400, "invalid_parameter", "currency"},
		{"unknown parameter", "all", report2019 + "&cop=GB*DUN", healthy, 400, "invalid_parameter", "cop"},
		{"parameter twice", "all", report2019 + "&cpo=GB*DUN&cpo=GB*PER", healthy, 400, "invalid_parameter", "cpo"},
		{"bad status", "all", "/api/v1/cdrs?status=done", healthy, 400, "invalid_parameter", "status"},
		{"status of rejects", "all", "/api/v1/rejects?status=priced", healthy, 400, "invalid_parameter", "status"},
		{"bad claim", "all", "/api/v1/cdrs?claim=maybe", healthy, 400, "invalid_parameter", "claim"},
		{"bad credit", "all", "/api/v1/cdrs?credit=1", healthy, 400, "invalid_parameter", "credit"},
		{"limit of zero", "all", "/api/v1/cdrs?limit=0", healthy, 400, "invalid_parameter", "limit"},
		{"limit too high", "all", "/api/v1/cdrs?limit=1001", healthy, 400, "invalid_parameter", "limit"},
		{"refusals limit too high", "all", "/api/v1/refusals?limit=101", healthy, 400, "invalid_parameter", "limit"},
		{"bad cursor", "all", "/api/v1/conflicts?cursor=xyz", healthy, 400, "invalid_parameter", "cursor"},
		{"bad kind", "all", "/api/v1/conflicts?kind=double", healthy, 400, "invalid_parameter", "kind"},
		{"bad party of conflicts", "all", "/api/v1/conflicts?cpo=Dundee", healthy, 400, "invalid_parameter", "cpo"},
		{"unknown cause", "all", "/api/v1/cdrs?cause=vat_forgoten", healthy, 400, "invalid_parameter", "cause"},
		{"unknown reason", "all", "/api/v1/cdrs?reason=no_tariff", healthy, 400, "invalid_parameter", "reason"},
		{"unknown reason of rejects", "all", "/api/v1/rejects?reason=Unknown_Tariff", healthy, 400, "invalid_parameter", "reason"},
		{"open is no word", "all", report2019 + "&open=perhaps", healthy, 400, "invalid_parameter", "open"},
		{"from without a value", "all", "/api/v1/reports/settlement?from=&to=2019-03", healthy, 400, "invalid_parameter", "from"},
		{"from of CDRs without a value", "all", "/api/v1/cdrs?from=", healthy, 400, "invalid_parameter", "from"},
		{"eMSP without a value", "all", "/api/v1/rejects?emsp=", healthy, 400, "invalid_parameter", "emsp"},
		{"kind without a value", "all", "/api/v1/relations?kind=", healthy, 400, "invalid_parameter", "kind"},
		{"sender without a value", "all", "/api/v1/refusals?sender", healthy, 400, "invalid_parameter", "sender"},
		{"cursor without a value", "all", "/api/v1/conflicts?cursor=", healthy, 400, "invalid_parameter", "cursor"},
		{"contents of an unknown cdr", "all", "/api/v1/conflicts/GB/DUN/nope", healthy, 404, "not_found", ""},
		{"contents with a parameter", "all", "/api/v1/conflicts/GB/DUN/a?x=1", healthy, 400, "invalid_parameter", "x"},
		{"contents, store away", "all", "/api/v1/conflicts/GB/DUN/a", away, 503, "unavailable", ""},
		{"unknown cdr", "all", "/api/v1/cdrs/GB/DUN/nope", healthy, 404, "not_found", ""},
		{"cdr without id", "all", "/api/v1/cdrs/GB/DUN/", healthy, 404, "not_found", ""},
		{"cdr with more path", "all", "/api/v1/cdrs/GB/DUN/a/b", healthy, 404, "not_found", ""},
		{"cdr with a parameter", "all", "/api/v1/cdrs/GB/DUN/a?x=1", healthy, 400, "invalid_parameter", "x"},
		{"refusals to a restricted key", "dundee", "/api/v1/refusals", healthy, 403, "party_restricted", ""},
		{"store away", "all", report2019, away, 503, "unavailable", ""},
		{"store away, cdr", "all", "/api/v1/cdrs/GB/DUN/a", away, 503, "unavailable", ""},
		{"our fault", "all", "/api/v1/conflicts", broken, 500, "internal", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(tc.store, true)
			w := s.get(t, tc.key, tc.path)
			var got struct{ Error rest.Error }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("status %d, not JSON: %s", w.Code, w.Body)
			}
			if w.Code != tc.status || got.Error.Code != tc.code || got.Error.Field != tc.field || got.Error.Message == "" {
				t.Errorf("status %d %+v; want %d %s %s", w.Code, got.Error, tc.status, tc.code, tc.field)
			}
			if (w.Header().Get("Retry-After") != "") != (tc.status == 503) {
				t.Errorf("Retry-After %q with status %d", w.Header().Get("Retry-After"), tc.status)
			}
		})
	}
}

func TestInternalErrorIsLoggedNotTold(t *testing.T) {
	s := newSite(&reporttest.Store{Err: errDisk}, true)
	w := s.get(t, "all", "/api/v1/cdrs", "X-Request-ID", "req-7")
	if strings.Contains(w.Body.String(), "disk") || !strings.Contains(w.Body.String(), "req-7") {
		t.Errorf("answer tells the cause or not the request id: %s", w.Body)
	}
	if n := strings.Count(s.log.String(), "\n"); n != 1 || !strings.Contains(s.log.String(), "disk on fire") || !strings.Contains(s.log.String(), `"request_id":"req-7"`) {
		t.Errorf("%d log lines: %s", n, s.log)
	}
}

func TestNotAcceptable(t *testing.T) {
	w := newSite(reporttest.World(5), true).get(t, "all", "/api/v1/cdrs", "Accept", "application/xml")
	if w.Code != http.StatusNotAcceptable {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// Every CDR is asked for with the key of a party it does not concern.
func TestOthersDoNotExist(t *testing.T) {
	store := reporttest.World(80)
	s := newSite(store, true)
	seen := 0
	for i := range store.All {
		d := &store.All[i].CDRSummary
		w := s.get(t, "volt", "/api/v1"+report.CDRPath(d.Key))
		mine := d.CPO == volt || d.EMSP == volt
		if want := map[bool]int{true: 200, false: 404}[mine]; w.Code != want {
			t.Errorf("%s from %s: status %d, want %d", d.Key, d.EMSP, w.Code, want)
		}
		if mine {
			seen++
		}
	}
	if seen == 0 || seen == len(store.All) {
		t.Fatalf("%d of %d CDRs concern %s: nothing was tested", seen, len(store.All), volt)
	}
	for _, list := range []string{"/api/v1/cdrs?limit=1000", "/api/v1/rejects?limit=1000"} {
		w := s.get(t, "volt", list, "Accept", "text/csv")
		for line := range strings.Lines(w.Body.String()) {
			if !strings.Contains(line, "DE*VOL") && !strings.HasPrefix(line, "cpo,") {
				t.Errorf("%s shows %s", list, line)
			}
		}
	}
}

// What is not there and what is somebody else's answer the same bytes.
func TestForeignAndUnknownLookAlike(t *testing.T) {
	store := reporttest.World(30)
	s := newSite(store, true)
	for i := range store.All {
		if d := &store.All[i].CDRSummary; d.CPO != dundee && d.EMSP != dundee {
			foreign := s.get(t, "dundee", "/api/v1"+report.CDRPath(d.Key))
			unknown := s.get(t, "dundee", "/api/v1/cdrs/GB/DUN/nope")
			if diff := cmp.Diff(unknown.Body.String(), foreign.Body.String()); diff != "" || foreign.Code != unknown.Code {
				t.Errorf("status %d and %d: %s", unknown.Code, foreign.Code, diff)
			}
			return
		}
	}
	t.Fatal("no foreign CDR in the world")
}

func TestRawIsVerbatim(t *testing.T) {
	store := reporttest.World(3)
	w := newSite(store, true).get(t, "all", "/api/v1"+report.CDRPath(store.All[0].Key))
	if !bytes.Contains(w.Body.Bytes(), append([]byte(`{"raw":`), store.All[0].Raw...)) {
		t.Errorf("the raw body is not there byte for byte:\n%s", w.Body)
	}
	if !json.Valid(w.Body.Bytes()) {
		t.Error("the answer is not JSON")
	}
}

func TestEscapedID(t *testing.T) {
	for _, rawPath := range []bool{true, false} {
		store := reporttest.World(1)
		store.All[0].Key.ID = "A/B %2F*Ü"
		s := newSite(store, rawPath)
		path := "/api/v1" + report.CDRPath(store.All[0].Key)
		if w := s.get(t, "all", path); w.Code != http.StatusOK {
			t.Errorf("UseRawPath %t, %s: status %d", rawPath, path, w.Code)
		}
	}
}

// Pages joined give the whole list, by the cursor and by the Link header.
func TestPages(t *testing.T) {
	store := reporttest.World(25)
	s := newSite(store, true)
	var ids []string
	path := "/api/v1/cdrs?limit=7"
	for pages := 0; path != ""; pages++ {
		if pages > len(store.All) {
			t.Fatal("the list does not end")
		}
		w := s.get(t, "all", path)
		var page struct {
			CDRs []struct{ ID string }
			Next *string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, c := range page.CDRs {
			ids = append(ids, c.ID)
		}
		link, ok := strings.CutPrefix(w.Header().Get("Link"), "<")
		if ok != (page.Next != nil) {
			t.Fatalf("Link %q, next %v", link, page.Next)
		}
		path, _, _ = strings.Cut(link, ">")
	}
	var want []string
	for i := range store.All {
		want = append(want, store.All[i].ID)
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
}

// oddities adds what the CDRs of a row are easily mistaken for: others of its
// CPO and month whose eMSP is not known, rejected credits, and credits whose
// claim differs.
func oddities(s *reporttest.Store) {
	for i := range len(s.All) {
		d := s.All[i]
		d.Key.ID, d.ID = d.Key.ID+"-X", d.ID+"-x"
		switch i % 3 {
		case 0:
			d.EMSP, d.Status, d.Reason = ocpi.Party{}, pricing.Rejected, "debtor_unknown"
		case 1:
			d.Credit, d.Status = true, pricing.Rejected
		case 2:
			d.Credit, d.Claim = true, tariff.ClaimDiffers
		}
		s.All = append(s.All, d)
	}
}

// cdrs_url of every row lists as many CDRs as the row counts, and so do the
// links of its parts.
func TestRowsTraceToTheirCDRs(t *testing.T) {
	store := reporttest.World(120)
	oddities(store)
	s := newSite(store, true)
	listed := func(address string) int {
		t.Helper()
		var list struct{ CDRs []json.RawMessage }
		w := s.get(t, "all", address+"&limit=1000")
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: status %d, %v: %s", address, w.Code, err, w.Body)
		}
		return len(list.CDRs)
	}
	var answer struct {
		Rows []struct {
			CDRCount    int    `json:"cdr_count"`
			CreditCount int    `json:"credit_count"`
			CDRsURL     string `json:"cdrs_url"`
		}
	}
	const months = "/api/v1/reports/settlement?from=2019-01&to=2019-03"
	if err := json.Unmarshal(s.get(t, "all", months).Body.Bytes(), &answer); err != nil || len(answer.Rows) == 0 {
		t.Fatalf("%v: %d rows", err, len(answer.Rows))
	}
	for _, r := range answer.Rows {
		if n := listed(r.CDRsURL); n != r.CDRCount+r.CreditCount {
			t.Errorf("%s lists %d CDRs, the row counts %d and %d credits", r.CDRsURL, n, r.CDRCount, r.CreditCount)
		}
	}
	rows, err := store.Settlement(t.Context(), settlement.SettlementQuery{From: ocpi.MonthOf(2019, 1), To: ocpi.MonthOf(2019, 3)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		r := &rows[i]
		for part, want := range map[report.Part]uint64{
			report.PartAll: r.CDRCount + r.CreditCount, report.PartCredits: r.CreditCount,
			report.PartUnpriced: r.UnpricedCount, report.PartDiffers: r.DiffersCount,
		} {
			if address := "/api/v1/cdrs?" + report.RowParams(r, part).Encode(); listed(address) != int(want) {
				t.Errorf("%s lists %d CDRs, the row counts %d", address, listed(address), want)
			}
		}
	}
	var unknown struct{ Rows []struct{ EMSP *string } }
	if err := json.Unmarshal(s.get(t, "all", months+"&emsp=unknown").Body.Bytes(), &unknown); err != nil || len(unknown.Rows) == 0 || unknown.Rows[0].EMSP != nil {
		t.Errorf("rows without an eMSP: %v, %+v", err, unknown.Rows)
	}
}
