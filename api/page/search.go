package page

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/settlement"
)

// soughtLine is one thing that a search came to.
type soughtLine struct {
	What, URL string
	Line      *cdrLine // of a CDR
}

type searchView struct {
	frame
	Sought string
	Found  []soughtLine
}

// search answers GET /search: it leads to the one thing that was found, or lists what
// may be meant.
func (s *server) search(c *gin.Context, v visitor) error {
	text := c.Query("q")
	found, err := report.Search(c.Request.Context(), v.Key, s.Reader, s.Finder, s.Numbers, text)
	if err != nil {
		return err
	}
	if len(found) == 1 {
		c.Redirect(http.StatusSeeOther, found[0].Path())
		return nil
	}
	view := searchView{frame: frame{Title: "Search", Visitor: &v, Query: url.Values{}}, Sought: text}
	view.Search = text
	for i := range found {
		f := soughtLine{What: found[i].What, URL: found[i].Path()}
		if d := found[i].CDR; d != nil {
			lines, _ := newCDRLines([]settlement.CDRSummary{*d}, nil, exclVAT, nil)
			f.Line = &lines[0]
		}
		view.Found = append(view.Found, f)
	}
	s.render(c, http.StatusOK, "search", view)
	return nil
}
