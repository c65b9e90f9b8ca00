package rest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// What a key of one party decides is said to be of its pairs, so that closes that were asked
// for of other pairs can be approved still.
func TestADecisionIsOfThePairsItIsAbout(t *testing.T) {
	emp := ocpi.NewParty("DE", "EMP")
	d := &deciding{shelf: queueWorld()}
	list := d.queueDigest(t, emp)
	r := rest.DecisionRequest{Act: "accept", Reason: "R", Ground: "difference", ExpectDigest: list}
	if _, err := r.Decide(t.Context(), d, "", rest.Key{ID: "key-emp", Party: emp}, "key-emp"); err != nil {
		t.Fatal(err)
	}
	if got, want := d.last.Scope, (clearing.Scope{CPO: ocpi.NewParty("NL", "TNM"), EMSP: emp}); got != want {
		t.Errorf("decided for %s, want %s", got, want)
	}
}

// queueDigest is that of what a party may accept of those that differ.
func (s shelf) queueDigest(t *testing.T, party ocpi.Party) string {
	t.Helper()
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/queue/cdrs?ground=difference", nil)
	list, err := rest.ReadQueued(c, s, rest.Key{Party: party}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, choice := range list.Choices {
		if choice.Act == clearing.Accept {
			return choice.Digest
		}
	}
	t.Fatal("nothing can be accepted")
	return ""
}
