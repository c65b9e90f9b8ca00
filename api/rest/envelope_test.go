package rest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
	"github.com/shopspring/decimal"
)

// issuedOnce has one statement, of 2019-06.
type issuedOnce struct {
	rest.Drafts
	issued *rest.Issued
}

func (i issuedOnce) Issued(_ context.Context, q statement.IssueQuery) (*rest.Issued, error) {
	if q.Period != 201906 {
		return nil, nil
	}
	return i.issued, nil
}

func (i issuedOnce) Issues(_ context.Context, _ statement.IssueQuery, fn func(*rest.Issued) error) error {
	return fn(i.issued)
}

func (i issuedOnce) Draw(_ context.Context, q statement.Query, fn func(*statement.Draft) error) error {
	if q.Period == 201906 {
		return nil
	}
	d := statement.Draft{Statement: *i.issued.Statement}
	d.Period = q.Period
	return fn(&d)
}

func at(t *testing.T, text string) ocpi.Time {
	t.Helper()
	when, _, err := ocpi.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// papers are those of an issued statement: what parties are called, and the days to pay
// that were agreed when it was closed, and otherwise since.
func papers(t *testing.T) (rest.Papers, issuedOnce) {
	t.Helper()
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	closes := clearing.NewCloses(m)
	p := rest.Papers{Agreements: clearing.NewAgreements(m, closes), Parties: clearing.NewParties(m)}
	controltest.Run(t, m)
	agree := func(days string) int64 {
		_, record, err := p.Agreements.Set(t.Context(), "", clearing.NewAgreement{From: 201901, Values: map[string]string{"days_to_pay": days, "zone": "Europe/Amsterdam"}, By: clearing.ByLocal})
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	tnm, emp := ocpi.NewParty("NL", "TNM"), ocpi.NewParty("DE", "EMP")
	for party, values := range map[ocpi.Party]map[string]string{
		tnm: {"name": "=TNM & Co", "address": "Main Street 1\nTown", "vat_id": "NL1"}, emp: {"addressee": "DE*NEW"}, ocpi.NewParty("DE", "NEW"): {"name": "New EMP"},
	} {
		if _, _, err := p.Parties.Set(t.Context(), "", clearing.NewParty{Party: party, From: 201901, Values: values, By: clearing.ByLocal}); err != nil {
			t.Fatal(err)
		}
	}
	closed := agree("30") + 1
	agree("60")

	tax := decimal.RequireFromString("1.33")
	kwh := decimal.New(20, 0)
	line := func(id string, kind statement.Kind, of string) statement.Line {
		return statement.Line{CDR: "NL*TNM*" + id, Kind: kind, Of: of, Belongs: 201906, Country: "NLD", Start: at(t, "2019-06-05T09:00:00Z"), End: at(t, "2019-06-05T11:40:00Z"),
			KWh: &kwh, Net: decimal.New(7, 0), LineTax: &tax, Tax: clearing.Tax{Category: clearing.TaxStated}}
	}
	s := &statement.Statement{CPO: tnm, EMSP: emp, Period: 201906, Zone: "Europe/Amsterdam", Currency: "EUR",
		Terms: statement.Terms{Owed: clearing.OwedClaimed, Tax: clearing.Tax{Category: clearing.TaxStated}}, Lines: []statement.Line{line("C1", statement.CDR, ""), line("C2", statement.CDR, "")}}
	issued := &rest.Issued{Number: "RC-7", At: at(t, "2019-07-01T22:30:00Z"), Control: closed, Statement: s,
		Issue: statement.Issue{CPO: tnm, EMSP: emp, Period: 201906, Currency: "EUR", Zone: s.Zone, Terms: s.Terms, Totals: s.Totals()}}
	p.Lookups = &statementtest.Books{
		Lookups: []settlement.Lookup{{Key: ocpi.NewKey("NL", "TNM", "C1"), Position: ingest.Position{Offset: 4}, SessionID: "S-1", LocationID: "L1", EVSEID: "NL*TNM*E1", TariffIDs: "T1", TimeZone: "Europe/London",
			Cause: "start_fee_missing", Computed: tariff.Money{Excl: ocpi.MustNumber("6.5")}, Energy: tariff.Money{Excl: ocpi.MustNumber("6")}, Fixed: tariff.Money{Excl: ocpi.MustNumber("0.5")}}},
		Bodies: map[ingest.Position]string{{Offset: 4}: `{"country_code":"NL","party_id":"TNM","id":"C1","start_date_time":"2019-06-05T09:00:00Z","end_date_time":"2019-06-05T11:40:00Z","session_id":"S-1",
"cdr_token":{"country_code":"DE","party_id":"EMP","uid":"U1","type":"RFID","contract_id":"=DE-EMP-1"},"auth_method":"WHITELIST",
"cdr_location":{"id":"L1","name":"Market","address":"Greenmarket","city":"Dundee","country":"GBR","coordinates":{"latitude":"56.45700","longitude":"-2.97500"},"evse_uid":"E1","evse_id":"NL*TNM*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"currency":"EUR","charging_periods":[{"start_date_time":"2019-06-05T09:00:00Z","dimensions":[{"type":"ENERGY","volume":20}]}],
"total_cost":{"excl_vat":7,"incl_vat":8.33},"total_energy_cost":{"excl_vat":6},"total_fixed_cost":{"excl_vat":1},"total_energy":20,"total_time":2.67,"last_updated":"2019-06-05T12:00:00Z"}`},
	}
	return p, issuedOnce{issued: issued}
}

// The envelope says the same in JSON, at the head of a table and in the headers of a file;
// the canonical form has nothing of it.
func TestEnvelope(t *testing.T) {
	p, d := papers(t)
	serve := func(query, accept string) *httptest.ResponseRecorder {
		t.Helper()
		w := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(w)
		c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/statements/file?cpo=NL*TNM&emsp=DE*EMP&currency=EUR&period="+query, nil)
		err := error(nil)
		switch accept {
		case "envelope":
			err = rest.StatementEnvelope(c, d, p, rest.Key{})
		case "list":
			err = rest.Statements(c, d, p, rest.Key{})
		default:
			c.Request.Header.Set("Accept", accept)
			err = rest.StatementFile(c, d, p, rest.Key{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for name, got := range map[string]string{
		"testdata/envelope.json": serve("2019-06", "envelope").Body.String(), "testdata/envelope-draft.json": serve("2019-07", "envelope").Body.String(),
		"testdata/statement.csv": strings.ReplaceAll(serve("2019-06", "text/csv").Body.String(), "\r\n", "\n"),
	} {
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	file := serve("2019-06", "application/json")
	for name, want := range map[string]string{rest.HeaderStatement: "issued", rest.HeaderNumber: "RC-7", rest.HeaderIssuedAt: "2019-07-01T22:30:00Z", rest.HeaderDueOn: "2019-08-01"} {
		if got := file.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if body := file.Body.String(); !strings.HasPrefix(body, `{"statement":1,"cpo":"NL*TNM"`) || strings.Contains(body, "RC-7") || strings.Contains(body, "TNM & Co") {
		t.Errorf("the canonical form is %s", body)
	}
	if list := serve("2019-06", "list").Body.String(); !strings.Contains(list, `"due_on":"2019-08-01"`) {
		t.Errorf("the list is %s", list)
	}
}

// failing lookups fail at the second piece.
type failing struct {
	settlement.LookupStore
	pieces *int
}

func (f failing) LookupsOf(context.Context, []ocpi.Key, func(*settlement.Lookup) error) error {
	if *f.pieces++; *f.pieces > 1 {
		return settlement.ErrUnavailable
	}
	return nil
}

// A table that cannot be read to its end breaks off, so that nobody takes it for all; one
// that cannot be begun is an error.
func TestATableThatBreaksOff(t *testing.T) {
	p, d := papers(t)
	for range 10_100 {
		d.issued.Statement.Lines = append(d.issued.Statement.Lines, d.issued.Statement.Lines[1])
	}
	serve := func(pieces int) (w *httptest.ResponseRecorder, err error) {
		p.Lookups = failing{p.Lookups, &pieces}
		w = httptest.NewRecorder()
		c, _ := gin.CreateTestContext(w)
		c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/statements/file?cpo=NL*TNM&emsp=DE*EMP&currency=EUR&period=2019-06", nil)
		c.Request.Header.Set("Accept", "text/csv")
		defer func() {
			if broken, ok := recover().(error); ok {
				err = broken
			}
		}()
		return w, rest.StatementFile(c, d, p, rest.Key{})
	}
	if w, err := serve(0); !errors.Is(err, http.ErrAbortHandler) || strings.Count(w.Body.String(), "\n") < 10_000 {
		t.Errorf("%v behind %d bytes", err, w.Body.Len())
	}
	if w, err := serve(1); !errors.Is(err, settlement.ErrUnavailable) || w.Body.Len() > 0 {
		t.Errorf("%v behind %d bytes", err, w.Body.Len())
	}
}
