package hub

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// A body is served back byte for byte, white space and unknown fields too.
const oddBody = "{ \"id\" : \"A/b*1\",\n\t\"unknown\":1.10, \"é\":null}"

func TestPostThenGetCDR(t *testing.T) {
	var stored []byte
	b := &backend{
		receipt: ingest.Receipt{
			Position: ingest.Position{Epoch: 1, Partition: 3, Offset: 4711}, Key: ocpi.NewKey("gb", "dun", "A/b*1 %+?"), Created: true,
			Findings: []ocpi.Finding{{Code: "quoted_number", Path: "total_cost.excl_vat"}, {Code: "too_long", Path: "remark"}},
		},
		cdr: func(_ context.Context, key ocpi.Key) ([]byte, ocpi.Version, error) {
			if key != ocpi.NewKey("GB", "DUN", "A/B*1 %+?") {
				return nil, 0, settlement.ErrNotFound
			}
			return stored, ocpi.V221, nil
		},
	}
	h := serve(t, b, nil)
	for _, slash := range []string{"", "/"} {
		resp, e := request(t, h, "POST", "/ocpi/2.2.1/receiver/cdrs"+slash, dundeeToken, oddBody, "Content-Type", "application/json; charset=utf-8")
		if resp.StatusCode != 201 || e.StatusCode != 1000 || e.Data != nil {
			t.Fatalf("POST: HTTP %d with %+v", resp.StatusCode, e)
		}
		if want := "Success; 2 findings, most serious: total_cost.excl_vat quoted_number"; e.StatusMessage != want {
			t.Errorf("message %q, want %q", e.StatusMessage, want)
		}
		if got := resp.Header.Get("X-Roamclear-Receipt"); got != "1-3-4711" {
			t.Errorf("receipt %q", got)
		}
		location := resp.Header.Get("Location")
		if want := "http://roam.example/ocpi/2.2.1/receiver/cdrs/GB/DUN/A%2FB%2A1%20%25+%3F"; strings.ReplaceAll(location, "*", "%2A") != want {
			t.Errorf("Location %q, want %q", location, want)
		}
		stored = []byte(oddBody)
		resp, e = request(t, h, "GET", location+slash, dundeeToken, "")
		if resp.StatusCode != 200 || string(e.Data) != oddBody {
			t.Errorf("GET %s: HTTP %d with %s", location+slash, resp.StatusCode, e.Data)
		}
	}
	want := push{Method: "POST", Body: oddBody, From: ingest.Sender{ID: "gb-dun-cpo", Parties: []ocpi.Party{{Country: "GB", ID: "DUN"}, {Country: "GB", ID: "PKC"}}}}
	if diff := cmp.Diff([]push{want, want}, b.pushes); diff != "" {
		t.Error(diff)
	}
}

// Some post a CDR behind its id, or its owner and id; what is pushed is the same,
// and another's URL is no place for it.
func TestCDRsPostedBehindTheirID(t *testing.T) {
	const body = `{"country_code":"GB","party_id":"DUN","id":"c-1"}`
	for _, version := range []string{"2.1.1", "2.2.1", "2.3.0"} {
		for path, refused := range map[string]bool{
			"": false, "/": false, "/c-1": false, "/C-1/": false, "/GB/DUN/c-1": false, "/gb/dun/C-1": false, "/c-2": true, "/GB/PKC/c-1": true,
		} {
			b := &backend{receipt: ingest.Receipt{Created: true, Key: ocpi.NewKey("GB", "DUN", "c-1")}}
			resp, e := request(t, serve(t, b, nil), "POST", place(versionOf(version), "cpo:/cdrs"+path), dundeeToken, body)
			want := "http://roam.example" + place(versionOf(version), "cpo:/cdrs/GB/DUN/C-1")
			switch {
			case refused && (resp.StatusCode != 200 || e.StatusCode != 2001 || len(b.pushes) > 0 || len(b.kept) != 1):
				t.Errorf("%s %s: HTTP %d with %d, want it refused and kept", version, path, resp.StatusCode, e.StatusCode)
			case !refused && (resp.StatusCode != 201 || e.StatusCode != 1000 || len(b.pushes) != 1 || resp.Header.Get("Location") != want):
				t.Errorf("%s %s: HTTP %d with %d, Location %q, want %q", version, path, resp.StatusCode, e.StatusCode, resp.Header.Get("Location"), want)
			}
		}
	}
}

// Of a partner's parties a CDR of OCPI 2.1.1 may be that of the one OCPI-from
// names; in later versions its body says whose it is.
func TestCreditorsOfCDRs(t *testing.T) {
	for _, tt := range []struct {
		version, country, party string
		want                    string // whom it speaks for
	}{{"2.1.1", "", "", "*"}, {"2.1.1", "gb", "pkc", "GB*PKC"}, {"2.1.1", "US", "BOU", "*"}, {"2.2.1", "GB", "PKC", "*"}} {
		b := &backend{}
		request(t, serve(t, b, nil), "POST", place(versionOf(tt.version), "cpo:/cdrs"), dundeeToken, "{}", "OCPI-from-country-code", tt.country, "OCPI-from-party-id", tt.party)
		if len(b.pushes) != 1 || len(b.pushes[0].From.Parties) != 2 || b.pushes[0].From.Acting.String() != tt.want {
			t.Errorf("%+v: pushed %+v", tt, b.pushes)
		}
	}
}

func TestPostCDRBodies(t *testing.T) {
	tests := []struct {
		name   string
		body   io.Reader
		length int64
		http   int
		got    string
	}{
		{"length known", strings.NewReader("{}"), 2, 201, "{}"},
		{"length unknown", strings.NewReader(oddBody), -1, 201, oddBody},
		{"at the limit, length unknown", strings.NewReader(strings.Repeat("x", 1000)), -1, 201, strings.Repeat("x", 1000)},
		{"beyond the limit, length unknown", strings.NewReader(strings.Repeat("x", 1001)), -1, 413, ""},
		{"beyond the limit, length known", strings.NewReader(strings.Repeat("x", 1001)), 1001, 413, ""},
		{"empty", strings.NewReader(""), 0, 201, ""},
		{"broken off", strings.NewReader("{"), 2, 400, ""},
		{"connection lost", io.MultiReader(strings.NewReader("{"), brokenReader{}), -1, 400, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &backend{receipt: ingest.Receipt{Created: true}}
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/ocpi/2.2.1/receiver/cdrs", tt.body)
			r.ContentLength = tt.length
			r.Header.Set("Authorization", "Token "+dundeeToken)
			w := httptest.NewRecorder()
			serve(t, b, nil).ServeHTTP(w, r)
			if w.Code != tt.http {
				t.Fatalf("HTTP %d, want %d", w.Code, tt.http)
			}
			if tt.http == 201 && (len(b.pushes) != 1 || b.pushes[0].Body != tt.got) {
				t.Errorf("the intake got %+v", b.pushes)
			}
			if tt.http != 201 && len(b.pushes) != 0 {
				t.Errorf("the intake got %+v", b.pushes)
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// The store lags behind the log: GET waits, then says so; it never denies a
// CDR that may be on its way.
func TestGetCDRWaitsForTheStore(t *testing.T) {
	tests := []struct {
		name   string
		lag    time.Duration
		then   error
		http   int
		least  time.Duration
		atMost time.Duration
	}{
		{"no lag", 0, nil, 200, 0, 0},
		{"a moment", 700 * time.Millisecond, nil, 200, 700 * time.Millisecond, time.Second},
		{"caught up, and it is not there", 700 * time.Millisecond, settlement.ErrNotFound, 404, 700 * time.Millisecond, time.Second},
		{"store away", 0, settlement.ErrUnavailable, 503, 0, 0},
		{"too long", time.Hour, nil, 503, 2 * time.Second, 2 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				b := &backend{cdr: func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) {
					if time.Since(began) < tt.lag {
						return nil, 0, settlement.ErrNotYet
					}
					return []byte(`{"id":"1"}`), ocpi.V221, tt.then
				}}
				resp, _ := request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/receiver/cdrs/GB/DUN/1", dundeeToken, "")
				took := time.Since(began)
				if resp.StatusCode != tt.http || took < tt.least || took > tt.atMost {
					t.Errorf("HTTP %d after %v, want %d between %v and %v", resp.StatusCode, took, tt.http, tt.least, tt.atMost)
				}
				if (resp.Header.Get("Retry-After") != "") != (tt.http == 503) {
					t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
				}
			})
		})
	}
}

func TestListCDRs(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2019, 1, d, 0, 0, 0, 0, time.UTC) }
	exw, both := []ocpi.Party{{Country: "NL", ID: "EXW"}}, []ocpi.Party{{Country: "DE", ID: "BOT"}}
	bodies := func(n int) settlement.OCPIPage {
		p := settlement.OCPIPage{Total: 7}
		for i := range n {
			p.Bodies, p.Versions = append(p.Bodies, fmt.Appendf(nil, "{ \"id\":\"%d\"}", i)), append(p.Versions, ocpi.V221)
		}
		p.Owners = make([]ocpi.Party, n)
		return p
	}
	more := func(n int) settlement.OCPIPage {
		p := bodies(n)
		p.Next = "CUR"
		return p
	}
	tests := []struct {
		name, token, query string
		page               settlement.OCPIPage
		want               []settlement.OCPIQuery
		data, link, total  string
	}{
		{"eMSP: what it owes", exwToken, "", settlement.OCPIPage{},
			[]settlement.OCPIQuery{{Debtors: exw, OCPIWindow: settlement.OCPIWindow{Limit: 500}}}, "[]", "", "0"},
		{"CPO: what it is owed", dundeeToken, "", settlement.OCPIPage{},
			[]settlement.OCPIQuery{{Creditors: []ocpi.Party{{Country: "GB", ID: "DUN"}, {Country: "GB", ID: "PKC"}}, OCPIWindow: settlement.OCPIWindow{Limit: 500}}}, "[]", "", "0"},
		{"first page, filters go on", exwToken, "?date_from=2019-01-01T00:00:00Z&date_to=2019-01-02T00:00:00&limit=2&colour=blue", more(2),
			[]settlement.OCPIQuery{{Debtors: exw, OCPIWindow: settlement.OCPIWindow{From: day(1), To: day(2), Limit: 2}}}, `[{ "id":"0"},{ "id":"1"}]`,
			`<http://roam.example/ocpi/2.2.1/sender/cdrs?cursor=CUR&date_from=2019-01-01T00%3A00%3A00Z&date_to=2019-01-02T00%3A00%3A00&limit=2&offset=2>; rel="next"`, "7"},
		{"last page", exwToken, "?offset=5&limit=2", bodies(2),
			[]settlement.OCPIQuery{{Debtors: exw, OCPIWindow: settlement.OCPIWindow{Offset: 5, Limit: 2}}}, `[{ "id":"0"},{ "id":"1"}]`, "", "7"},
		{"beyond the end", exwToken, "?offset=50", bodies(0),
			[]settlement.OCPIQuery{{Debtors: exw, OCPIWindow: settlement.OCPIWindow{Offset: 50, Limit: 500}}}, "[]", "", "7"},
		{"a page that a Link leads to", exwToken, "?offset=5&limit=2&cursor=CUR", more(2),
			[]settlement.OCPIQuery{{Debtors: exw, OCPIWindow: settlement.OCPIWindow{Offset: 5, Limit: 2, After: "CUR"}}}, `[{ "id":"0"},{ "id":"1"}]`,
			`<http://roam.example/ocpi/2.2.1/sender/cdrs?cursor=CUR&limit=2&offset=7>; rel="next"`, "7"},
		{"limit is clamped, also in Link", exwToken, "?limit=2000&list_by=received", more(1),
			[]settlement.OCPIQuery{{Debtors: exw, OCPIWindow: settlement.OCPIWindow{Limit: 500}, ByReceived: true}}, `[{ "id":"0"}]`,
			`<http://roam.example/ocpi/2.2.1/sender/cdrs?cursor=CUR&limit=500&list_by=received&offset=1>; rel="next"`, "7"},
		{"by receipt, as its policy is", bothToken, "", more(1),
			[]settlement.OCPIQuery{{Debtors: both, Creditors: both, OCPIWindow: settlement.OCPIWindow{Limit: 500}, ByReceived: true}}, `[{ "id":"0"}]`,
			`<http://roam.example/ocpi/2.2.1/sender/cdrs?cursor=CUR&limit=500&list_by=received&offset=1>; rel="next"`, "7"},
		{"unless it says otherwise", bothToken, "?list_by=last_updated", more(1),
			[]settlement.OCPIQuery{{Debtors: both, Creditors: both, OCPIWindow: settlement.OCPIWindow{Limit: 500}}}, `[{ "id":"0"}]`,
			`<http://roam.example/ocpi/2.2.1/sender/cdrs?cursor=CUR&limit=500&list_by=last_updated&offset=1>; rel="next"`, "7"},
	}
	p := partners(t)
	if _, err := p.SetListBy(t.Context(), "", "de-bot-cpo", 0, control.ListByReceived); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &backend{page: tt.page}
			resp, e := request(t, serve(t, b, func(d *Deps) { d.Partners = p }), "GET", "/ocpi/2.2.1/sender/cdrs"+tt.query, tt.token, "")
			if resp.StatusCode != 200 || e.StatusCode != 1000 || string(e.Data) != tt.data {
				t.Errorf("HTTP %d with %d: %s, want %s", resp.StatusCode, e.StatusCode, e.Data, tt.data)
			}
			if diff := cmp.Diff(tt.want, b.lists); diff != "" {
				t.Error(diff)
			}
			if b.strict != tt.want[0].ByReceived {
				t.Errorf("waits for all CDRs: %t", b.strict)
			}
			got := [3]string{resp.Header.Get("Link"), resp.Header.Get("X-Total-Count"), resp.Header.Get("X-Limit")}
			if want := [3]string{tt.link, tt.total, "500"}; got != want {
				t.Errorf("headers %q, want %q", got, want)
			}
		})
	}
}

func TestListCDRsRefuses(t *testing.T) {
	for _, query := range []string{
		"limit=0", "limit=-1", "limit=x", "limit=", "offset=-1", "offset=1.5", "offset=-99999999999999999999",
		"date_from=2019-13-01T00:00:00Z", "date_to=", "date_from=%zz", "list_by=created",
	} {
		b := &backend{}
		resp, e := request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/sender/cdrs?"+query, exwToken, "")
		if resp.StatusCode != 200 || e.StatusCode != 2001 || len(b.lists) != 0 {
			t.Errorf("%s: HTTP %d with %d %q, %d queries", query, resp.StatusCode, e.StatusCode, e.StatusMessage, len(b.lists))
		}
	}
	for name, b := range map[string]*backend{
		"more than asked": {page: settlement.OCPIPage{Bodies: make([][]byte, 501), Versions: make([]ocpi.Version, 501), Owners: make([]ocpi.Party, 501)}},
	} {
		if resp, e := request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/sender/cdrs", exwToken, ""); resp.StatusCode != 200 || e.StatusCode != 3000 {
			t.Errorf("%s: HTTP %d with %d", name, resp.StatusCode, e.StatusCode)
		}
	}
	b := &backend{readErr: fmt.Errorf("%w: connection refused", settlement.ErrUnavailable)}
	if resp, e := request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/sender/cdrs", exwToken, ""); resp.StatusCode != 503 || strings.Contains(e.StatusMessage, "refused") {
		t.Errorf("store away: HTTP %d %q", resp.StatusCode, e.StatusMessage)
	}
}

// A CDR that another version has no words for does not take the rest of a page with
// it, and is told.
func TestAListSurvivesWhatItCannotShow(t *testing.T) {
	b := &backend{page: settlement.OCPIPage{
		Bodies: [][]byte{[]byte(`{"id":"a"}`), []byte(credit221), []byte(`{"id":"c"}`)}, Versions: []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V211}, Owners: make([]ocpi.Party, 3), Total: 9, Next: "CUR",
	}}
	resp, e := request(t, serve(t, b, nil), "GET", "/ocpi/cpo/2.1.1/cdrs", exwToken, "")
	if resp.StatusCode != 200 || e.StatusCode != 1000 || string(e.Data) != `[{"id":"a"},{"id":"c"}]` || !strings.HasPrefix(e.StatusMessage, "Success, but 1 of these cannot be shown in OCPI 2.1.1") {
		t.Errorf("HTTP %d with %d %q: %s", resp.StatusCode, e.StatusCode, e.StatusMessage, e.Data)
	}
	if total, link := resp.Header.Get("X-Total-Count"), resp.Header.Get("Link"); total != "9" || !strings.Contains(link, "offset=3") {
		t.Errorf("total %s, next page %s; want 9, and the page from 3 on", total, link)
	}
}

// sink is a ResponseWriter that keeps nothing, for measuring the handler.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// quietIntake takes CDRs and remembers nothing.
type quietIntake struct {
	Intake
	receipt ingest.Receipt
}

func (q quietIntake) CDR(context.Context, ingest.Sender, ocpi.Version, []byte) (ingest.Receipt, error) {
	return q.receipt, nil
}

// hotPath returns a function that posts a CDR of 3,226 bytes to a handler with
// an intake that does nothing.
func hotPath(t testing.TB) func() {
	h := serve(t, &backend{}, func(d *Deps) {
		d.Limits, d.Tally = ingest.Limits{}, &ingest.Tally{}
		d.Intake = quietIntake{receipt: ingest.Receipt{Position: ingest.Position{Epoch: 1, Partition: 1, Offset: 123456}, Key: ocpi.NewKey("GB", "DUN", "12345678-aaaa-bbbb"), Created: true}}
	})
	cdr := bytes.Repeat([]byte("x"), 3226)
	body := bytes.NewReader(cdr)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/ocpi/2.2.1/receiver/cdrs", nil)
	r.Header = http.Header{
		"Authorization": {"Token " + dundeeToken}, "X-Request-Id": {"a-request-id"}, "X-Correlation-Id": {"a-correlation-id"},
		"Content-Type": {"application/json"},
	}
	r.Body, r.ContentLength = io.NopCloser(body), 3226
	w := &sink{header: http.Header{}}
	return func() {
		body.Reset(cdr)
		clear(w.header)
		h.ServeHTTP(w, r)
		if w.status != http.StatusCreated {
			t.Fatalf("HTTP %d", w.status)
		}
	}
}

func BenchmarkPostCDR(b *testing.B) {
	post := hotPath(b)
	b.ReportAllocs()
	b.SetBytes(3226)
	for b.Loop() {
		post()
	}
}
