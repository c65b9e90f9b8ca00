package report_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

func TestFindingsOfACredit(t *testing.T) {
	amount := func(s string) *decimal.Decimal {
		d := decimal.RequireFromString(s)
		return &d
	}
	for _, tc := range []struct {
		name   string
		key    string
		change func(credit, original *settlement.CDRDetail)
		want   []string // codes
		detail string   // of the last
	}{
		{"cancels exactly", "all", func(_, _ *settlement.CDRDetail) {}, nil, ""},
		{"in another notation", "all", func(c, o *settlement.CDRDetail) { c.ClaimedExcl, o.ClaimedExcl = amount("-8.50"), amount("8.5000") }, nil, ""},
		{"neither says what it is with VAT", "all", func(c, o *settlement.CDRDetail) { c.ClaimedIncl, o.ClaimedIncl = nil, nil }, nil, ""},
		{"besides what was found before", "all", func(c, _ *settlement.CDRDetail) {
			c.Findings, c.CreditOf = []byte(`[{"code":"too_long","severity":"info","path":"id"}]`), "nope"
		}, []string{"too_long", "credit_of_unknown"}, "no CDR nope of GB*DUN is known: it has not come yet, or the id is wrong"},
		{"of a credit", "all", func(c, o *settlement.CDRDetail) { o.Credit = true }, []string{"credit_of_credit"}, "o-1 is a credit CDR itself"},
		{"of itself", "all", func(c, _ *settlement.CDRDetail) {
			c.CreditOf, c.ClaimedExcl, c.ClaimedIncl = "c-1", amount("0"), amount("0")
		},
			[]string{"credit_of_credit"}, "c-1 is a credit CDR itself"},
		{"in another currency", "all", func(c, _ *settlement.CDRDetail) { c.Currency = "EUR" }, []string{"credit_currency"}, "in EUR, the credited CDR in GBP"},
		{"of a part", "all", func(c, _ *settlement.CDRDetail) { c.ClaimedExcl, c.ClaimedIncl = amount("-4.25"), amount("-5.1") }, []string{"credit_not_negated"},
			"-4.25 excl. VAT and -5.10 incl. VAT, want the total of the credited CDR negated, which is 8.50 excl. VAT and 10.20 incl. VAT"},
		{"off by the last decimal", "all", func(c, _ *settlement.CDRDetail) { c.ClaimedIncl = amount("-10.200000000001") }, []string{"credit_excess", "credit_not_negated"},
			"-8.50 excl. VAT and -10.200000000001 incl. VAT, want the total of the credited CDR negated, which is 8.50 excl. VAT and 10.20 incl. VAT"},
		{"not negated", "all", func(c, _ *settlement.CDRDetail) { c.ClaimedExcl, c.ClaimedIncl = amount("8.5"), amount("10.2") }, []string{"credit_excess", "credit_not_negated"},
			"8.50 excl. VAT and 10.20 incl. VAT, want the total of the credited CDR negated, which is 8.50 excl. VAT and 10.20 incl. VAT"},
		{"without VAT", "all", func(c, _ *settlement.CDRDetail) { c.ClaimedIncl = nil }, []string{"credit_not_negated"},
			"-8.50 excl. VAT and nothing incl. VAT, want the total of the credited CDR negated, which is 8.50 excl. VAT and 10.20 incl. VAT"},
		{"to another eMSP", "all", func(c, o *settlement.CDRDetail) {
			c.EMSP, o.EMSP = ocpi.NewParty("DE", "VOL"), ocpi.NewParty("NL", "EXW")
		}, []string{"credit_mismatch"},
			"It goes to DE*VOL; the credited CDR o-1 was claimed from NL*EXW."},
		{"of a CDR that the key may not see", "volt", func(c, o *settlement.CDRDetail) {
			c.EMSP, o.EMSP, c.ClaimedExcl = ocpi.NewParty("DE", "VOL"), ocpi.NewParty("NL", "EXW"), amount("-1")
		}, []string{"credit_of_unknown"}, "no CDR o-1 of GB*DUN is known: it has not come yet, or the id is wrong"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			original := reporttest.World(1).All[0]
			original.Key, original.ID, original.CPO = ocpi.NewKey("GB", "DUN", "o-1"), "o-1", ocpi.NewParty("GB", "DUN")
			original.Currency, original.ClaimedExcl, original.ClaimedIncl, original.Credit = "GBP", amount("8.5"), amount("10.2"), false
			credit := original
			credit.Key, credit.ID, credit.Credit, credit.CreditOf = ocpi.NewKey("GB", "DUN", "c-1"), "c-1", true, "o-1"
			credit.ClaimedExcl, credit.ClaimedIncl = amount("-8.5"), amount("-10.2")
			tc.change(&credit, &original)
			s := newSite(&reporttest.Store{All: []settlement.CDRDetail{original, credit}}, true)
			for range 2 { // reading changes nothing
				w := s.get(t, tc.key, "/api/v1"+report.CDRPath(credit.Key))
				var answer struct {
					Findings []ocpi.Finding `json:"findings"`
				}
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
					t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
				}
				var codes []string
				for _, f := range answer.Findings {
					codes = append(codes, f.Code)
				}
				if diff := cmp.Diff(tc.want, codes); diff != "" {
					t.Fatalf("codes (-want +got):\n%s", diff)
				}
				if n := len(codes); n > 0 && (answer.Findings[n-1].Detail != tc.detail || answer.Findings[n-1].Severity != ocpi.Serious) {
					t.Errorf("%+v, want %q", answer.Findings[n-1], tc.detail)
				}
			}
			w := s.get(t, "all", "/api/v1"+report.CDRPath(original.Key))
			if slices.Contains(tc.want, "credit_of_credit") {
				return
			}
			var answer struct{ Findings []ocpi.Finding }
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.Findings) != 0 {
				t.Errorf("what is credited has findings %v, %v", answer.Findings, err)
			}
		})
	}
}
