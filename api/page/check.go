package page

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// maxCheckForm bounds the form with an object in it, in bytes.
const maxCheckForm = ingest.MaxBody + 64<<10

type checkView struct {
	frame
	JSON, Kind, Version, Party string // what was filled in
	Kinds, Versions            []string
	Wrong                      *rest.Error
	Checked                    *checkShown // nil where nothing was sent
}

// WrongField is the field of the form that cannot be used, "" for none.
func (v checkView) WrongField() string {
	if v.Wrong == nil {
		return ""
	}
	return v.Wrong.Field
}

// checkShown is what would become of an object.
type checkShown struct {
	*report.Preflown
	What     string // "CDR", "Session", …
	Sentence string
	Priced   *cdrView     // of a CDR that would be read
	SoFar    *explanation // of a Session that has a price
}

// preflight answers GET /check: the form alone.
func (s *server) preflight(c *gin.Context, v visitor) error {
	s.render(c, http.StatusOK, "check", newCheckView(v, url.Values{}))
	return nil
}

func newCheckView(v visitor, q url.Values) checkView {
	view := checkView{
		frame: frame{Title: "What would become of it?", Here: "Check", Visitor: &v, Query: url.Values{}},
		JSON:  strings.TrimSpace(q.Get("json")), Kind: q.Get("kind"), Version: q.Get("version"), Party: strings.TrimSpace(q.Get("party")),
		Kinds: report.PreflightKinds(), Versions: []string{ocpi.V211.String(), ocpi.V221.String(), ocpi.V230.String()},
	}
	if view.Version == "" {
		view.Version = ocpi.V221.String()
	}
	return view
}

// askPreflight answers POST /check. An object does not fit into an address.
func (s *server) askPreflight(c *gin.Context, v visitor) error {
	leave, err := s.Preflight.Limits.Enter(v.Key)
	if err != nil {
		return err
	}
	defer leave()
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxCheckForm)
	if err := c.Request.ParseMultipartForm(maxCheckForm); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return rest.Invalid("json", "the form cannot be read: an object may have at most %d MiB", ingest.MaxBody>>20)
	}
	view := newCheckView(v, c.Request.PostForm)
	status := http.StatusOK
	shown, err := s.looked(c, v, &view)
	if err != nil {
		wrong, ok := errors.AsType[*rest.Error](err)
		if !ok {
			return fmt.Errorf("check an object: %w", err)
		}
		view.Wrong, status = wrong, wrong.Status
	}
	view.Checked = shown
	s.render(c, status, "check", view)
	return nil
}

// looked looks at what was filled in.
func (s *server) looked(c *gin.Context, v visitor, form *checkView) (*checkShown, error) {
	q := report.PreflightQuery{Body: []byte(form.JSON), Of: v.Party}
	var ok bool
	var err error
	if q.Kind, err = report.PreflightKind(form.Kind); err != nil {
		return nil, err
	}
	if q.Version, ok = ocpi.ParseVersion(form.Version); !ok {
		return nil, rest.Invalid("version", "%q is not one of %s", form.Version, strings.Join(form.Versions, ", "))
	}
	if q.Party, ok = ocpi.ParseParty(form.Party); !ok && form.Party != "" {
		return nil, rest.Invalid("party", "%q is not a party such as NL*TNM", form.Party)
	}
	if form.JSON == "" {
		return nil, rest.Invalid("json", "paste a CDR, Session, Location or Tariff first")
	}
	looked, err := s.Preflight.Look(c.Request.Context(), q)
	if err != nil {
		return nil, err
	}
	shown := &checkShown{Preflown: looked, What: checkNames[looked.Object], Sentence: checkSentence(looked)}
	if looked.CDR != nil {
		if shown.Priced, err = newCDRView(looked.CDR, v.Key); err == nil {
			err = s.addCharge(c.Request.Context(), shown.Priced)
		}
	}
	if looked.RunningExplained != nil {
		shown.SoFar = newExplanation(looked.RunningExplained)
	}
	return shown, err
}

var checkNames = map[string]string{"cdr": "CDR", "session": "Session", "location": "Location", "tariff": "Tariff"}

// checkSentence says what a push of the object would be answered.
func checkSentence(p *report.Preflown) string {
	who := "The party that it is of is no partner’s here: it was looked at as if one had it, with whom nothing is agreed."
	if p.Partner != nil {
		who = "This is what the partner " + *p.Partner + " would be answered."
	}
	switch {
	case p.ByPolicy:
		return "It is refused by agreement with its sender, for what is found in it. " + who
	case !p.Accepted:
		return "It is refused, and kept with the reason. " + who
	}
	return "It is accepted. " + who
}
