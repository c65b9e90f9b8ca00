package page_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/report/reporttest"
)

// A list is whole as JSON lines too, one object a line as the API has it: as many as the
// table has rows. Conflicts have a row for each copy.
func TestListsAsJSONLines(t *testing.T) {
	store := creditedWorld(1500)
	s := newSite(store, false)
	for _, target := range []string{
		"/cdrs.jsonl", "/cdrs.jsonl?claim=differs&limit=10", "/conflicts.jsonl", "/credits.jsonl?kind=credited",
		"/settlement.jsonl?from=2019-01&to=2019-03", "/causes.jsonl?from=2019-01&to=2019-03",
	} {
		table, err := csv.NewReader(s.get(t, strings.Replace(target, ".jsonl", ".csv", 1), "all").Body).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, row := range table[1:] {
			if !strings.HasPrefix(target, "/conflicts") || row[2] == "1" {
				count++
			}
		}
		w := s.get(t, target, "all")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/jsonl; charset=utf-8" || !strings.Contains(w.Header().Get("Content-Disposition"), ".jsonl") {
			t.Errorf("%s: status %d, %v", target, w.Code, w.Header())
		}
		lines, scanner := 0, bufio.NewScanner(w.Body)
		for ; scanner.Scan(); lines++ {
			var item map[string]any
			if err := json.Unmarshal(scanner.Bytes(), &item); err != nil || item["cpo"] == nil && item["kind"] == nil {
				t.Fatalf("%s: line %d: %v: %s", target, lines, err, scanner.Text())
			}
		}
		if lines != count || lines < 20 {
			t.Errorf("%s: %d lines, want %d", target, lines, count)
		}
	}
	if w := s.get(t, "/conflicts.csv", "all"); strings.Count(w.Body.String(), "\r\n") < 50 || !strings.HasPrefix(w.Body.String(), "cpo,id,copy,conflict,received,sender,position,hash,counts\r\n") {
		t.Errorf("conflicts: %s", w.Body)
	}
}

// A list says what all of it comes to, by currency, whatever the page holds; of too many
// months it says that it does not.
func TestListsSumUp(t *testing.T) {
	store := reporttest.World(60)
	s := newSite(store, false)
	golden(t, "cdrs_summed.html", content(t, s.get(t, "/cdrs?claim=differs&limit=2&sort=newest&vat=incl", "all")))
	far := store.All[0]
	far.Key.ID, far.ID, far.Month = "FAR", "far", 202101
	store.All = append(store.All, far)
	if got := content(t, s.get(t, "/cdrs", "all")); !strings.Contains(got, "choose months to see them") || strings.Contains(got, `class="totals"`) {
		t.Errorf("two years are summed:\n%s", got)
	}
	if got := content(t, s.get(t, "/cdrs?from=2019-03", "all")); !strings.Contains(got, "choose months to see them") {
		t.Errorf("nearly two years are summed:\n%s", got)
	}
	if got := content(t, s.get(t, "/cdrs?to=2019-12", "all")); strings.Contains(got, "choose months to see them") || !strings.Contains(got, `class="totals"`) {
		t.Errorf("a year is not summed:\n%s", got)
	}
}

// Words of a list's own that mean nothing are refused, by page and API alike.
func TestListChoicesAreChecked(t *testing.T) {
	s := newSite(reporttest.World(5), false)
	for target, field := range map[string]string{
		"/cdrs?sort=amount": "sort", "/cdrs?day_from=2019-02-30": "day_from", "/rejects?day_to=Monday": "day_to", "/cdrs?day_from=2019-02-02&day_to=2019-02-01": "day_to",
	} {
		if w := s.get(t, target, "all"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "<code>"+field+"</code>") {
			t.Errorf("%s: status %d: %s", target, w.Code, content(t, w))
		}
	}
}
