package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/rest"
)

// How the connection with a partner fares is told of what it pushed: to a key, to the command,
// as a letter and a table, and to the partner by its own token, which sees no other's.
func TestHealthOfAPartner(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "GB", "DUN")
	s.partner("CPO", "GB", "PKC")
	s.financeKey()
	ops := "Bearer " + strings.TrimPrefix(s.opsKey(), "Bearer ")
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	s.accepted("GB*DUN", "POST", "/receiver/cdrs", testCDR("c-1", "EXW", "T1", "7.00", "8.40"))
	s.stored(1)
	const path = "/api/v1/partners/gb-dun-cpo/health"
	const days = "?from=2019-01-04&to=2019-01-06"
	var h rest.PartnerHealth
	read := func(authorization, query string) {
		t.Helper()
		h = rest.PartnerHealth{}
		a := s.request(http.MethodGet, path+query, authorization, "")
		if err := json.Unmarshal([]byte(a.body), &h); err != nil || a.status != http.StatusOK {
			t.Fatalf("HTTP %d %s", a.status, a.body)
		}
	}
	s.eventually("its Location is told", func() bool {
		read(ops, "")
		return h.Locations != nil && h.Locations.Locations == 1
	})
	if h.Exchanges == nil || h.Exchanges.In.Requests < 3 || h.Exchanges.In.Failed != 0 || h.Locations.Stale != 1 || h.Locations.WithoutTariff != 0 || h.TokenSince == nil || h.CDRs.P50 != nil || h.CDRs.LateShare != nil {
		t.Errorf("%+v, %+v, %+v", h, h.Exchanges, h.CDRs)
	}
	read("Token "+s.tokens["GB*DUN"], days)
	if h.Exchanges != nil || h.CDRs.CDRs != 1 || h.CDRs.Late != 1 || *h.CDRs.LateShare != "1.0000" || strings.Join(h.CDRs.SilentDays, " ") != "2019-01-04 2019-01-06" {
		t.Errorf("%+v", h.CDRs)
	}
	for _, c := range []struct {
		authorization, query string
		status               int
	}{
		{"Token " + s.tokens["GB*PKC"], "", http.StatusNotFound}, {"Bearer " + s.key, "", http.StatusForbidden}, {"", "", http.StatusUnauthorized}, {ops, "?from=x", http.StatusBadRequest},
	} {
		if a := s.request(http.MethodGet, path+c.query, c.authorization, ""); a.status != c.status {
			t.Errorf("%s: HTTP %d, want %d: %s", c.query, a.status, c.status, a.body)
		}
	}
	letter := s.request(http.MethodGet, path+"/letter"+days, ops, "")
	if letter.status != http.StatusOK || !strings.Contains(letter.body, "- 1 CDR of 1 came later than 72 hours after the end of the charge.\n") {
		t.Errorf("HTTP %d %s", letter.status, letter.body)
	}
	if a := s.request(http.MethodGet, path+days, ops, "", "Accept", "text/csv"); !strings.Contains(a.body, "cdrs,late,,,1,1,1.0000,,\r\n") {
		t.Errorf("CSV: %s", a.body)
	}
	run := func(args ...string) string {
		t.Helper()
		out, _, code := runCommand(t, newPartnerCmd(), "", append([]string{"health", "gb-dun-cpo", "--data", s.data, "--from", "2019-01-04", "--to", "2019-01-06"}, args...)...)
		if code != 0 {
			t.Fatalf("exit %d: %s", code, out)
		}
		return out
	}
	if out := run("--letter"); out != letter.body {
		t.Errorf("%s\nis not\n%s", out, letter.body)
	}
	if out := run(); !strings.Contains(out, "late CDRs") || !strings.Contains(out, "1 of 1 (1.0000)") {
		t.Error(out)
	}
	if err := json.Unmarshal([]byte(run("--format", "json")), &h); err != nil || h.Partner != "gb-dun-cpo" {
		t.Error(err, h.Partner)
	}
}
