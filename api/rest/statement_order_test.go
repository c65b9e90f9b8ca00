package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/statement"
)

// halfIssued is a period that one pair has closed, JP*YEN, beside a shelf of drafts.
type halfIssued struct{ shelf }

func (halfIssued) Issues(_ context.Context, _ statement.IssueQuery, fn func(*rest.Issued) error) error {
	return fn(&rest.Issued{Issue: statement.Issue{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("JP", "YEN"), Period: 201906, Currency: "EUR"}})
}

// Statements are in the order of CPO, eMSP and currency, issued or not.
func TestStatementsAreInOneOrder(t *testing.T) {
	d := halfIssued{shelf{charge("C1", "CA*STJ", "EUR", 201906, "7", "6", waits("difference", "1", "0.5")), charge("C2", "CA*STJ", "SEK", 201906, "7", "6", waits("difference", "1", "0.5")), charge("C3", "US*ESC", "EUR", 201906, "7", "6", waits("difference", "1", "0.5"))}}
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/statements?period=2019-06", nil)
	if err := rest.Statements(c, d, rest.Papers{}, rest.Key{}); err != nil {
		t.Fatal(err)
	}
	var list struct{ Statements []rest.StatementRow }
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list.Statements {
		got = append(got, s.EMSP+" "+s.Currency)
	}
	if want := []string{"CA*STJ EUR", "CA*STJ SEK", "JP*YEN EUR", "US*ESC EUR"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
