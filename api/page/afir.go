package page

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
)

// publicLine is a kind of data that operators make available.
type publicLine struct {
	rest.PublicDatum
	URL   string // address of the Locations that lack it, "" where none does
	Class string
}

// lackingLine is a Location that lacks something.
type lackingLine struct {
	rest.LackingLocation
	Codes []lackedCode
}

// lackedCode is a kind of data that a Location lacks, and at how many EVSEs; "" = at all.
type lackedCode struct{ Code, What, At string }

type publicView struct {
	frame
	Asked                       bool // a CPO is named
	Locations, EVSEs, NotPublic string
	Lines                       []publicLine
	Lacking                     []lackingLine
	First, Next                 string
}

// Value is what a field of the form has.
func (v publicView) Value(name string) string { return v.Query.Get(name) }

// publicData answers GET /afir.
func (s *server) publicData(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	if q.Get("cpo") == "" && !v.Party.IsZero() {
		q.Set("cpo", v.Party.String())
	}
	view := publicView{frame: frame{Title: "Public data", Here: "Public data", Visitor: &v, Query: q}, Asked: q.Get("cpo") != ""}
	if !view.Asked {
		s.render(c, http.StatusOK, "afir", view)
		return nil
	}
	r, next, err := s.Public.Read(c.Request.Context(), q, v.Key)
	if err != nil {
		return err
	}
	view.Locations, view.EVSEs, view.NotPublic = grouped(fmt.Sprint(r.Locations)), grouped(fmt.Sprint(r.EVSEs)), grouped(fmt.Sprint(r.NotPublic))
	what := map[string]string{}
	for _, d := range r.Rows {
		what[d.Code] = d.What
		l := publicLine{PublicDatum: d, Class: "good"}
		if d.Missing > 0 {
			l.Class, l.URL = "bad", address("/afir", url.Values{"cpo": {r.CPO}, "missing": {d.Code}})
		} else if d.Unsayable == d.Of {
			l.Class = "plain"
		}
		view.Lines = append(view.Lines, l)
	}
	for _, l := range r.Lacking {
		line := lackingLine{LackingLocation: l}
		for _, m := range l.Missing {
			code := lackedCode{Code: m.Code, What: what[m.Code]}
			if n := len(m.EVSEs) + m.More; n > 0 && n < l.EVSEs {
				code.At = fmt.Sprintf("%d of %d EVSEs", n, l.EVSEs)
			}
			line.Codes = append(line.Codes, code)
		}
		view.Lacking = append(view.Lacking, line)
	}
	view.First, view.Next = pager("/afir", q, next)
	s.render(c, http.StatusOK, "afir", view)
	return nil
}
