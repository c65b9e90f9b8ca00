package page_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

func find(t *testing.T, store *reporttest.Store, suits func(*settlement.CDRDetail) bool) *settlement.CDRDetail {
	t.Helper()
	i := slices.IndexFunc(store.All, func(d settlement.CDRDetail) bool { return suits(&d) })
	if i < 0 {
		t.Fatal("no such CDR in the world")
	}
	return &store.All[i]
}

func TestCDRShows(t *testing.T) {
	store := reporttest.World(200)
	for _, tc := range []struct {
		name  string
		suits func(*settlement.CDRDetail) bool
		shows func(*settlement.CDRDetail) []string
	}{
		{"a claim that agrees", func(d *settlement.CDRDetail) bool { return d.Claim == tariff.ClaimAgrees },
			func(d *settlement.CDRDetail) []string {
				return []string{"total agrees with what we computed", "How we computed it", rest.Money(*d.ComputedExcl), d.Sender, d.Position.String()}
			}},
		{"a claim that differs", func(d *settlement.CDRDetail) bool { return d.Claim == tariff.ClaimDiffers },
			func(d *settlement.CDRDetail) []string {
				return []string{"The partner claims " + rest.Money(d.ClaimedExcl.Sub(*d.ComputedExcl)) + " " + d.Currency + " more than we computed"}
			}},
		{"a reject", func(d *settlement.CDRDetail) bool { return d.Status == pricing.Rejected },
			func(d *settlement.CDRDetail) []string { return []string{"We could not price this CDR: " + d.Detail} }},
		{"a credit", func(d *settlement.CDRDetail) bool { return d.Credit },
			func(d *settlement.CDRDetail) []string {
				return []string{"This CDR credits " + d.CreditOf, `<a href="/cdrs/` + d.CPO.Country + "/" + d.CPO.ID + "/" + d.CreditOf + `">`}
			}},
		{"an unknown amount", func(d *settlement.CDRDetail) bool { return d.ClaimedIncl == nil },
			func(*settlement.CDRDetail) []string {
				return []string{`<span class="unknown">unknown</span>`, "the total including VAT is not stated"}
			}},
		{"an unknown end", func(d *settlement.CDRDetail) bool { return d.End.IsZero() },
			func(d *settlement.CDRDetail) []string {
				return []string{"to unknown UTC", d.CPO.String() + " → " + d.EMSP.String() + ", " + d.Start.Format("2006-01") + ", " + d.Currency + "</a>"}
			}},
		{"copies", func(d *settlement.CDRDetail) bool { return len(d.Copies) == 2 },
			func(*settlement.CDRDetail) []string {
				return []string{"first, counts", "repeat, same content", "conflict, other content"}
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := find(t, store, tc.suits)
			w := newSite(store, true).get(t, report.CDRPath(d.Key), "")
			for _, s := range tc.shows(d) {
				if !strings.Contains(html.UnescapeString(w.Body.String()), s) {
					t.Errorf("%s: not shown: %q\n%s", d.Key, s, content(t, w))
				}
			}
		})
	}
}

// The explanation's words on the page are the engine's own.
func TestCDRExplainsInTheEnginesWords(t *testing.T) {
	store := reporttest.World(10)
	d := find(t, store, func(d *settlement.CDRDetail) bool { return d.Status == pricing.Priced })
	var x tariff.Explanation
	if err := json.Unmarshal(d.Explanation, &x); err != nil {
		t.Fatal(err)
	}
	var words bytes.Buffer
	if err := x.Text(&words); err != nil {
		t.Fatal(err)
	}
	w := newSite(store, true).get(t, report.CDRPath(d.Key), "")
	if !strings.Contains(html.UnescapeString(w.Body.String()), strings.TrimSpace(words.String())) {
		t.Errorf("the page does not hold\n%s", words.String())
	}
}

// A credit that does not cancel what it names says so.
func TestACreditThatDoesNotCancel(t *testing.T) {
	store := reporttest.World(200)
	credit := find(t, store, func(d *settlement.CDRDetail) bool { return d.Credit })
	s := newSite(store, true)
	if w := s.get(t, report.CDRPath(credit.Key), ""); strings.Contains(w.Body.String(), "credit_of_") || strings.Contains(w.Body.String(), "credit_not_") {
		t.Errorf("a credit that cancels has a finding:\n%s", content(t, w))
	}
	credit.CreditOf = "NOPE"
	w := s.get(t, report.CDRPath(credit.Key), "")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "no CDR NOPE of "+credit.CPO.String()+" is known") {
		t.Errorf("status %d, want the finding in\n%s", w.Code, content(t, w))
	}
}

// What partners send is text, never markup.
func TestNoMarkupFromPartners(t *testing.T) {
	const evil = `<script>alert(1)</script>`
	store := reporttest.World(1)
	d := &store.All[0]
	d.ID, d.LocationID, d.SessionID, d.Sender, d.TariffIDs = evil, evil, evil, evil, evil
	d.Key.ID = strings.ToUpper(evil)
	d.Raw = []byte(`{"id":"<script>alert(1)</script>"}`)
	d.Findings = []byte(`[{"code":"x","severity":"warning","path":"<script>","detail":"<script>alert(1)"}]`)
	store.Refused = []settlement.Refusal{{Reason: evil, Body: []byte(evil), Sender: evil}}
	s := newSite(store, true)
	for _, target := range []string{"/cdrs", report.CDRPath(d.Key), "/refused", "/partners", "/sign-in?next=/" + "%22%3E%3Cscript%3E"} {
		w := s.get(t, target, "")
		if w.Code != http.StatusOK || strings.Contains(strings.ToLower(w.Body.String()), "<script") {
			t.Errorf("%s: status %d:\n%s", target, w.Code, content(t, w))
		}
	}
}

// The download holds all CDRs of all pages under one header.
func TestCSVHasEveryPage(t *testing.T) {
	store := reporttest.World(2500)
	w := newSite(store, true).get(t, "/cdrs.csv?from=2019-01&cpo=&vat=incl", "")
	if w.Code == http.StatusOK {
		t.Fatal("vat changes nothing in a table that has both, so it is no parameter of it")
	}
	w = newSite(store, true).get(t, "/cdrs.csv?cpo=", "")
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d: %v", w.Code, err)
	}
	if len(rows) != len(store.All)+1 || rows[0][2] != "id" {
		t.Fatalf("%d rows for %d CDRs", len(rows), len(store.All))
	}
	for i := range store.All {
		if rows[i+1][2] != store.All[i].ID {
			t.Fatalf("row %d is %s, want %s", i+1, rows[i+1][2], store.All[i].ID)
		}
	}
}

// breaking is a store that goes away after the first page.
type breaking struct{ *reporttest.Store }

func (b breaking) CDRs(ctx context.Context, q settlement.CDRQuery) (settlement.CDRPage, error) {
	if q.After != "" {
		return settlement.CDRPage{}, settlement.ErrUnavailable
	}
	return b.Store.CDRs(ctx, q)
}

// A download that cannot be finished must not look like a shorter list.
func TestCSVBreaksOffVisibly(t *testing.T) {
	site := newSite(breaking{reporttest.World(2500)}, true)
	server := httptest.NewServer(site)
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/cdrs.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err == nil {
		t.Errorf("the download ended as if it were whole, after %d bytes", body.Len())
	} else if errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Where several readings give a claim, the page says what the pair's other CDRs say
// of it: on the CDR and among the causes.
func TestSeveralReadingsAreNarrowed(t *testing.T) {
	store, pair := reporttest.Differing("zone_utc", "zone_utc", "step_per_period+zone_utc")
	s := newSite(store, true)
	const says = "3 of the 3 CDRs of this pair and month that differ are explained by zone utc, 2 of them by it alone."
	month := pair[0].Month.String()
	for target, want := range map[string]bool{
		report.CDRPath(pair[2].Key): true, report.CDRPath(pair[0].Key): false,
		"/causes?from=" + month + "&to=" + month: true, "/causes?from=" + month + "&to=" + month + "&cpo=FR*MOU": false,
	} {
		if w := s.get(t, target, ""); w.Code != http.StatusOK || strings.Contains(content(t, w), says) != want {
			t.Errorf("%s: says so: %t, want %t\n%s", target, !want, want, content(t, w))
		}
	}
}

// Taxes that only the CDR states are marked where they are shown, and in the API.
func TestStatedTaxesAreMarked(t *testing.T) {
	store := reporttest.World(60)
	d := find(t, store, func(d *settlement.CDRDetail) bool { return d.Status == pricing.Priced && len(d.Taxes) > 0 })
	s := newSite(store, true)
	const says = "as the CDR states: its tariff gives no rate"
	if page := content(t, s.get(t, report.CDRPath(d.Key), "")); strings.Contains(page, says) {
		t.Errorf("taxes of a tariff are marked:\n%s", page)
	}
	d.Explanation = bytes.Replace(d.Explanation, []byte(`"total":`), []byte(`"taxes_stated":true,"total":`), 1)
	if page := content(t, s.get(t, report.CDRPath(d.Key), "")); !strings.Contains(page, says) {
		t.Errorf("stated taxes are not marked:\n%s", page)
	}
}
