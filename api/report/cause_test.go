package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
)

// narrowed is what the tests look at of a narrowing.
type narrowed struct {
	Reading   string
	Gives, Of int
	Holds     bool
	Text      string
}

// A CDR whose claim several readings give is narrowed by the other CDRs of its
// pair and month, in the report, in its own answer and in words.
func TestCausesNarrow(t *testing.T) {
	store, pair := reporttest.Differing("zone_utc", "zone_utc", "step_per_period+zone_utc")
	s := newSite(store, true)
	const text = "3 of the 3 CDRs of this pair and month that differ are explained by zone utc, 2 of them by it alone."
	want := narrowed{"zone_utc", 3, 3, true, text}
	var list struct {
		Rows []struct {
			Cause    string
			CDRCount int `json:"cdr_count"`
			Narrowed *narrowed
			CDRsURL  string `json:"cdrs_url"`
		}
	}
	month := pair[0].Month.String()
	get(t, s, fmt.Sprintf("/api/v1/reports/causes?from=%s&to=%s&cpo=GB*DUN&emsp=DE*VOL&currency=%s", month, month, pair[0].Currency), &list)
	if len(list.Rows) != 2 || list.Rows[0].Cause != "zone_utc" || list.Rows[0].CDRCount != 2 || list.Rows[0].Narrowed != nil ||
		list.Rows[1].Cause != "several" || list.Rows[1].CDRCount != 1 || list.Rows[1].Narrowed == nil || *list.Rows[1].Narrowed != want {
		t.Fatalf("%+v", list.Rows)
	}
	var cdrs struct{ CDRs []struct{ ID string } }
	get(t, s, list.Rows[0].CDRsURL, &cdrs)
	if len(cdrs.CDRs) != 2 {
		t.Errorf("%s lists %d CDRs, want 2", list.Rows[0].CDRsURL, len(cdrs.CDRs))
	}
	for i, want := range []*narrowed{nil, nil, &want} {
		var one struct{ Result struct{ Narrowed *narrowed } }
		get(t, s, "/api/v1"+report.CDRPath(pair[i].Key), &one)
		if got := one.Result.Narrowed; (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, want %+v", pair[i].Key, got, want)
		}
	}
}

// A fee that only CDRs state explains them where all CDRs of the pair state it.
func TestStatedFeeHoldsForAll(t *testing.T) {
	store, pair := reporttest.Differing("stated_fee", "stated_fee")
	s := newSite(store, true)
	var one struct{ Result struct{ Narrowed *narrowed } }
	get(t, s, "/api/v1"+report.CDRPath(pair[0].Key), &one)
	n := one.Result.Narrowed
	if n == nil || n.Gives != 2 || n.Holds != (n.Of == 2) || strings.Contains(n.Text, "not explained") == n.Holds {
		t.Errorf("%+v", n)
	}
}

func get(t *testing.T, s site, path string, to any) {
	t.Helper()
	w := s.get(t, "all", path)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
		t.Fatal(err)
	}
}

// Taxes that only the CDR states are marked.
func TestStatedTaxesAreMarked(t *testing.T) {
	store := reporttest.World(60)
	s := newSite(store, true)
	for i := range store.All {
		d := &store.All[i]
		if len(d.Explanation) == 0 {
			continue
		}
		var one struct {
			Result struct {
				TaxStated bool `json:"tax_stated"`
			}
		}
		get(t, s, "/api/v1"+report.CDRPath(d.Key), &one)
		if one.Result.TaxStated {
			t.Errorf("taxes of a tariff are marked: %s", d.Key)
		}
		d.Explanation = bytes.Replace(d.Explanation, []byte(`"total":`), []byte(`"taxes_stated":true,"total":`), 1)
		if get(t, s, "/api/v1"+report.CDRPath(d.Key), &one); !one.Result.TaxStated {
			t.Errorf("stated taxes are not marked: %s", d.Key)
		}
		return
	}
}
