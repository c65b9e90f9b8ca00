package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Finding is a kind of finding in what a partner has sent, or in what its complete lists lacked when they were read last. What a policy
// names is its code.
type Finding struct {
	ocpi.Finding          // the last one
	In           string   `json:"in"` // what that was found in
	Count        int64    `json:"count"`
	First        string   `json:"first"`
	Last         string   `json:"last"`
	IDs          []string `json:"ids,omitempty"` // of the first objects that a list lacked
}

// FindingList answers GET /admin/v1/partners/{id}/findings.
type FindingList struct {
	Findings []Finding `json:"findings"`
}

func newFinding(f *ingest.Found, ids []string) Finding {
	return Finding{f.Finding, f.In, f.Count, f.First.String(), f.Last.String(), ids}
}

func (s *server) listFindings(c *gin.Context) error {
	p, ok := s.partners.Find(api.Param(c, "id"))
	if !ok {
		return api.ErrNotFound
	}
	list := FindingList{Findings: []Finding{}}
	for _, f := range s.found.With(p.ID, s.partners.Noted(p.ID)) {
		list.Findings = append(list.Findings, newFinding(&f, nil))
	}
	for _, a := range s.partners.Absent(p.ID) {
		f := a.Found()
		list.Findings = append(list.Findings, newFinding(&f, a.IDs))
	}
	rest.WriteJSON(c, http.StatusOK, list)
	return nil
}
