package report

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// RuleBook is every rule that CDRs are held against, and what each pack says of them.
type RuleBook struct {
	Rules []clearing.Rule `json:"rules"`
	Packs []clearing.Pack `json:"packs"`
}

// Rules returns the rules and packs of this version.
func Rules() RuleBook { return RuleBook{clearing.Rules(), clearing.Packs()} }

// rules answers GET /api/v1/rules. It is the same to every key: nothing of anybody's is
// in it.
func (s *server) rules(c *gin.Context, _ rest.Key) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	rest.WriteJSON(c, http.StatusOK, Rules())
	return nil
}
