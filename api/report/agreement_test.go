package report_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
)

// A key of one party sees the house's settings, those that name its party, and the
// terms of its pairs, whoever set them; who decided it is not told.
func TestAgreementsArePartyBound(t *testing.T) {
	var log bytes.Buffer
	engine := gin.New()
	report.Mount(engine, report.Deps{
		Reader: reporttest.World(1), Closes: reporttest.January, Clearing: reporttest.Agreed(t), Auth: auth, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	s := site{engine, &log}
	for _, tc := range []struct{ key, query, want string }{
		{"all", "", "house pack=strict by local; - DE*VOL owed=lower by local; GB*DUN - zone=Europe/London by local; GB*DUN DE*VOL days_to_pay=14 by local; GB*DUN NL*EXW days_to_pay=30 by local"},
		{"volt", "", "house pack=strict; - DE*VOL owed=lower; GB*DUN DE*VOL days_to_pay=14"},
		{"dundee", "", "house pack=strict; GB*DUN - zone=Europe/London; GB*DUN DE*VOL days_to_pay=14; GB*DUN NL*EXW days_to_pay=30"},
		{"volt", "?cpo=GB*PER", "house pack=strict; - DE*VOL owed=lower"},
	} {
		w := s.get(t, tc.key, "/api/v1/agreements"+tc.query)
		var list rest.SettingList
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, one := range list.Settings {
			side := func(p *string) string {
				if p == nil {
					return "-"
				}
				return *p
			}
			line := side(one.CPO) + " " + side(one.EMSP) + " " + one.Key + "=" + *one.Value
			if one.By != "" {
				line += " by " + one.By
			}
			lines = append(lines, strings.Replace(line, "- -", "house", 1))
		}
		if diff := cmp.Diff(tc.want, strings.Join(lines, "; ")); diff != "" {
			t.Errorf("%s%s: %s", tc.key, tc.query, diff)
		}
	}
	for _, tc := range []struct {
		key, path string
		status    int
	}{
		{"volt", "/agreements/terms?cpo=GB*DUN&emsp=DE*VOL&at=2026-01", 200},
		{"volt", "/agreements/terms?emsp=DE*VOL&at=2026-01", 200},
		{"volt", "/agreements/terms?at=2026-01", 200},
		{"volt", "/agreements/terms?cpo=GB*DUN&emsp=NL*EXW&at=2026-01", 404},
		{"volt", "/agreements/terms?cpo=GB*DUN&at=2026-01", 404},
		{"volt", "/parties/DE/VOL?at=2026-01", 200},
		{"volt", "/parties/GB/DUN?at=2026-01", 404},
		{"all", "/parties/GB/DUN?at=2026-01", 200},
		{"other-scope", "/agreements", 403},
		{"", "/agreements", 401},
	} {
		if w := s.get(t, tc.key, "/api/v1"+tc.path); w.Code != tc.status {
			t.Errorf("%s %s: status %d, want %d: %s", tc.key, tc.path, w.Code, tc.status, w.Body)
		}
	}
	w := s.get(t, "volt", "/api/v1/agreements/terms?cpo=GB*DUN&emsp=DE*VOL&at=2026-01")
	for _, want := range []string{`"key":"zone","value":"Europe/London"`, `"scope":"cpo","from":"2026-01"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is not in %s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "local") {
		t.Errorf("who decided is told to a party: %s", w.Body)
	}
	w = s.get(t, "volt", "/api/v1/parties")
	if got := w.Body.String(); !strings.Contains(got, "DE*VOL") || strings.Contains(got, "GB*DUN") {
		t.Errorf("parties: %s", got)
	}
}
