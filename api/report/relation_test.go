package report_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

func TestRelationsGolden(t *testing.T) {
	store := reporttest.World(60)
	store.AddCredits()
	s := newSite(store, true)
	for _, tc := range []struct{ name, path, accept string }{
		{"relations.json", "/api/v1/relations", ""},
		{"relations.csv", "/api/v1/relations", "text/csv"},
		{"relations_credited.json", "/api/v1/relations?kind=credited&limit=1", ""},
	} {
		w := s.get(t, "all", tc.path, "Accept", tc.accept)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d: %s", tc.path, w.Code, w.Body)
		}
		body := w.Body.Bytes()
		if tc.accept == "" {
			body = indent(t, body)
		}
		golden(t, tc.name, body)
	}
	if w := s.get(t, "all", "/api/v1/relations?kind=billed_twice"); w.Code != http.StatusBadRequest {
		t.Errorf("an unknown kind: status %d, want 400", w.Code)
	}
}

// A party reads the relations of its own CDRs. To who may not see what a credit
// of theirs credits, it reads as if there were no such CDR, under any filter.
func TestRelationsOfAParty(t *testing.T) {
	gb, volt, exw := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("DE", "VOL"), ocpi.NewParty("NL", "EXW")
	original := reporttest.World(1).All[0]
	original.Key, original.ID, original.CPO, original.EMSP, original.Credit = ocpi.NewKey("GB", "DUN", "o-1"), "o-1", gb, exw, false
	credit := original
	credit.Key, credit.ID, credit.EMSP, credit.Credit, credit.CreditOf = ocpi.NewKey("GB", "DUN", "c-1"), "c-1", volt, true, "o-1"
	excl := original.ClaimedExcl.Neg()
	credit.ClaimedExcl, credit.ClaimedIncl = &excl, nil
	s := newSite(&reporttest.Store{All: []settlement.CDRDetail{original, credit}}, true)
	for _, tc := range []struct{ key, query, want string }{
		{"all", "", "credit_mismatch O-1 o-1 It goes to DE*VOL; the credited CDR o-1 was claimed from NL*EXW.; "},
		{"volt", "", "credit_orphan O-1 - No CDR o-1 of GB*DUN is known: it has not come yet, or the id is wrong.; "},
		{"volt", "?kind=credit_mismatch", ""},
		{"all", "?emsp=NL*EXW", ""},
		{"all", "?kind=credit_orphan", ""},
	} {
		var answer struct {
			Relations []struct {
				Kind, Detail string
				OtherID      string `json:"other_id"`
				Other        *struct{ ID string }
			}
		}
		w := s.get(t, tc.key, "/api/v1/relations"+tc.query)
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
			t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
		}
		got := ""
		for _, r := range answer.Relations {
			other := "-"
			if r.Other != nil {
				other = r.Other.ID
			}
			got += r.Kind + " " + r.OtherID + " " + other + " " + r.Detail + "; "
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s%s (-want +got):\n%s", tc.key, tc.query, diff)
		}
	}
}

// What a credit does to the claim is said as the rules of credits have it, of
// both sides of the amount.
func TestTextOfACreditThatAdds(t *testing.T) {
	claim := func(excl, incl string) *settlement.CDRSummary {
		e, i := decimal.RequireFromString(excl), decimal.RequireFromString(incl)
		return &settlement.CDRSummary{ID: "o-1", ClaimedExcl: &e, ClaimedIncl: &i}
	}
	for _, tc := range []struct{ name, excl, incl, of, ofIncl, want string }{
		{"it adds", "5", "6", "5", "6", "It states 5.00 excl. VAT and 6.00 incl. VAT, which would add to the claim of o-1: settlement reads it as taking that off, reports sum it as stated."},
		{"only its tax adds", "-5", "6", "5", "6", "It states -5.00 excl. VAT and 6.00 incl. VAT, which would add to the claim of o-1: settlement reads it as taking that off, reports sum it as stated."},
		{"to a negative claim", "-5", "-6", "-5", "-6", "It states -5.00 excl. VAT and -6.00 incl. VAT, which would add to the claim of o-1: settlement reads it as taking that off, reports sum it as stated."},
		{"too much", "-9", "-9", "5", "6", "The credits of o-1 together take off more than it claims, which is 5.00 excl. VAT and 6.00 incl. VAT."},
		{"of nothing", "-9", "-9", "0", "0", "The credits of o-1 together take off more than it claims, which is 0.00 excl. VAT and 0.00 incl. VAT."},
	} {
		r := settlement.ListedRelation{CDR: claim(tc.excl, tc.incl), OtherCDR: claim(tc.of, tc.ofIncl)}
		r.Kind = settlement.CreditExcess
		if got := report.RelationText(&r); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
