package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// A search says of each EVSE when the last charge with energy ended, how many starts failed
// and how old its status is, and finds only those that are as asked for; after a restart it
// says the same of what the store has.
func TestStationsThatWorkedLately(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	s.financeKey()
	now := time.Now().UTC().Truncate(time.Minute)
	at := func(ago time.Duration) string { return now.Add(-ago).Format(time.RFC3339) }
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	for _, id := range []string{"L1", "L2", "L3"} {
		s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/"+id, strings.Replace(testLocation, `"L1"`, `"`+id+`"`, 1))
	}
	s.accepted("GB*DUN", "PATCH", "/receiver/locations/GB/DUN/L3/E1", `{"status":"CHARGING","last_updated":"`+at(time.Hour)+`"}`)
	// L1 has a CDR of two days ago, L2 a Session that ended an hour ago, another without energy and
	// one that is INVALID.
	s.accepted("GB*DUN", "POST", cdrs, strings.NewReplacer("2019-01-05T10:00:00Z", at(50*time.Hour), "2019-01-05T11:20:00Z", at(49*time.Hour), "2019-01-05T12:00:00Z", at(48*time.Hour), "2019-01-05T12:05:00Z", at(47*time.Hour)).
		Replace(testCDR("lately", "EXW", "T1", "7.00", "8.40")))
	session := func(id, status, kwh string, ago time.Duration) {
		s.accepted("GB*DUN", "PUT", "/receiver/sessions/GB/DUN/"+id, strings.NewReplacer(`"S1"`, `"`+id+`"`, `"L1"`, `"L2"`, `"kwh":0`, `"kwh":`+kwh+`,"end_date_time":"`+at(ago)+`"`,
			`"ACTIVE"`, `"`+status+`"`, "2019-01-05T10:00:00Z", at(ago+time.Hour)).Replace(testSession))
	}
	session("good", "COMPLETED", "12", time.Hour)
	session("empty", "COMPLETED", "0", 3*time.Hour)
	session("invalid", "INVALID", "0", 26*time.Hour)
	session("long-ago", "INVALID", "0", 200*time.Hour)

	type evse struct {
		StatusAge  *int64  `json:"status_age_s"`
		LastCharge *string `json:"last_charge_at"`
		Failed     *int    `json:"failed_starts_7d"`
	}
	search := func(query string) map[string]evse {
		a := s.request(http.MethodGet, "/api/v1/locations?"+query, "Token "+s.tokens["NL*EXW"], "")
		var page struct {
			Data []struct {
				ID    string `json:"location_id"`
				EVSEs []evse
			}
		}
		if err := json.Unmarshal([]byte(a.body), &page); a.status != http.StatusOK || err != nil {
			t.Fatalf("%s: HTTP %d %v: %s", query, a.status, err, a.body)
		}
		found := map[string]evse{}
		for _, l := range page.Data {
			found[l.ID] = l.EVSEs[0]
		}
		return found
	}
	told := func() {
		t.Helper()
		s.eventually("how stations worked is known", func() bool {
			if err := s.inside.worked.Refresh(t.Context(), s.inside.backends.store, 0, ocpi.TimeOf(time.Now())); err != nil {
				t.Fatal(err)
			}
			a := s.request(http.MethodGet, "/api/v1/locations", "Token "+s.tokens["NL*EXW"], "")
			return a.status == http.StatusOK && strings.Count(a.body, `"last_charge_at":"`) == 2 && strings.Contains(a.body, `"failed_starts_7d":2`)
		})
		all := search("")
		if e := all["L1"]; e.LastCharge == nil || *e.LastCharge != at(48*time.Hour) || *e.Failed != 0 {
			t.Errorf("L1: %+v", e)
		}
		if e := all["L2"]; e.LastCharge == nil || *e.LastCharge != at(time.Hour) || *e.Failed != 2 {
			t.Errorf("L2: %+v", e)
		}
		if e := all["L3"]; e.LastCharge != nil || e.StatusAge == nil || *e.StatusAge < 3600 || *e.StatusAge > 7200 {
			t.Errorf("L3: %+v", e)
		}
		for query, want := range map[string]string{
			"worked_within=24h": "L2", "worked_within=72h": "L1 L2", "worked_within=72h&max_failed_starts=1": "L1", "max_failed_starts=2": "L1 L2 L3",
			"max_failed_starts=0": "L1 L3", "status_age_max=24h": "L3", "worked_within=72h&status_age_max=24h": "",
			"worked_within=24h&latitude=56.457&longitude=-2.975&radius_m=5000&status=AVAILABLE": "L2",
		} {
			found := search(query)
			var ids []string
			for _, id := range []string{"L1", "L2", "L3"} {
				if _, ok := found[id]; ok {
					ids = append(ids, id)
				}
			}
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("%s finds %q, want %q", query, got, want)
			}
		}
	}
	told()
	for query, says := range map[string]string{
		"worked_within=1s": "worked_within", "worked_within=9000h": "worked_within", "worked_within=soon": "worked_within", "max_failed_starts=-1": "max_failed_starts", "status_age_max=0": "status_age_max",
	} {
		a := s.request(http.MethodGet, "/api/v1/locations?"+query, "Token "+s.tokens["NL*EXW"], "")
		if a.status != http.StatusBadRequest || !strings.Contains(a.body, `"field":"`+says+`"`) {
			t.Errorf("%s: HTTP %d: %s", query, a.status, a.body)
		}
	}
	// A cursor has all that was asked for.
	a := s.request(http.MethodGet, "/api/v1/locations?limit=1&"+url.Values{"worked_within": {"72h"}}.Encode(), "Token "+s.tokens["NL*EXW"], "")
	var first struct {
		Next *string `json:"next"`
	}
	if err := json.Unmarshal([]byte(a.body), &first); err != nil || first.Next == nil {
		t.Fatalf("a first page: %v %s", err, a.body)
	}
	if rest := search(strings.SplitN(*first.Next, "?", 2)[1]); len(rest) != 1 {
		t.Errorf("the page behind: %+v", rest)
	}
	tokens := s.tokens
	s.stop()
	s = startTest(t, s.data)
	s.tokens = tokens
	told()
}
