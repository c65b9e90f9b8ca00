package rest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// A list is shown to who decides as to who reads, however many CDRs beside it only have its
// ground noted: what one decision cannot carry is not offered.
func TestAListIsShownBesideMoreThanOneDecisionCarries(t *testing.T) {
	const most = 100_000 // of the control log, see clearing
	for noted, holds := range map[int]bool{2: true, most: true, most + 1: false, most + 2: false} {
		s := shelf{charge("C1", "DE*EMP", "EUR", 201906, "10.10", "7", waits("difference", "3.10 EUR", "0.025 EUR"))}
		for i := range noted {
			s = append(s, charge(fmt.Sprint("N", i), "DE*EMP", "EUR", 201906, "7", "7", notes("difference", "0.01 EUR", "0.025 EUR")))
		}
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/queue/cdrs?ground=difference", nil)
		list, err := rest.ReadQueued(c, s, rest.Key{}, true)
		if err != nil {
			t.Errorf("%d noted: %v", noted, err)
			continue
		}
		offered := map[clearing.Act]int{}
		for _, choice := range list.Choices {
			offered[choice.Act] = choice.Count
		}
		if len(list.CDRs) != 1 || offered[clearing.Accept] != 1 || (offered[clearing.HoldIt] == noted) != holds {
			t.Errorf("%d noted: %d listed, offered %v", noted, len(list.CDRs), offered)
		}
	}
}
