package page

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Partners are those who talk OCPI to us: a control.Partners.
type Partners interface {
	All() []*control.Partner
	Find(id string) (*control.Partner, bool)
	Absent(id string) []control.Absence
	Noted(id string) []ingest.Found
}

// partnerLine is one partner as a row.
type partnerLine struct {
	ID, Name     string
	Registration string // how far it has come
	Counterparty string
	Roles        []control.Role
	Pending      []control.Role
	Refuses      []string
	ByReceived   bool // dates in its lists of CDRs are those of receipt
	Contact      ocpi.Time
	Refused      string // address of what of it was refused
	Page         string // its own
}

type partnersView struct {
	frame
	Lines []partnerLine
}

// partners answers GET /partners.
func (s *server) partners(c *gin.Context, v visitor) error {
	if !v.Party.IsZero() {
		return settlement.ErrNotFound // its menu does not name the page either
	}
	view := partnersView{frame: frame{Title: "Partners", Here: "Partners", Visitor: &v, Query: c.Request.URL.Query()}}
	for _, p := range s.Partners.All() {
		view.Lines = append(view.Lines, newPartnerLine(p))
	}
	s.render(c, http.StatusOK, "partners", view)
	return nil
}

// partnerView is one partner, and what is found in what it sends.
type partnerView struct {
	frame
	Partner partnerLine
	Found   []foundLine
	Late    settlement.LateCDRs
}

type foundLine struct {
	ingest.Found
	Refused bool     // by policy
	IDs     []string // of the first objects that a list lacked
}

// partner answers GET /partners/{id}.
func (s *server) partner(c *gin.Context, v visitor) error {
	p, ok := s.Partners.Find(api.Param(c, "id"))
	if !ok || !v.Party.IsZero() {
		return settlement.ErrNotFound
	}
	view := partnerView{frame: frame{Title: "Partner " + p.ID, Here: "Partners", Visitor: &v, Query: c.Request.URL.Query()}, Partner: newPartnerLine(p)}
	if s.Late != nil {
		var err error
		if view.Late, err = s.Late.LateCDRs(c.Request.Context(), p.Mobility().Parties); err != nil {
			return err
		}
	}
	for _, f := range s.Found.With(p.ID, s.Partners.Noted(p.ID)) {
		view.Found = append(view.Found, foundLine{f, slices.Contains(p.Refuses, f.Code), nil})
	}
	for _, a := range s.Partners.Absent(p.ID) {
		view.Found = append(view.Found, foundLine{a.Found(), false, a.IDs})
	}
	s.render(c, http.StatusOK, "partner", view)
	return nil
}

func newPartnerLine(p *control.Partner) partnerLine {
	l := partnerLine{
		ID: p.ID, Name: p.Name, Registration: string(p.Stage()), Roles: p.Roles, Pending: p.Pending, Refuses: p.Refuses, ByReceived: p.ByReceived,
		Contact: p.LastContact(), Refused: address("/refused", url.Values{"sender": {p.ID}}),
		Page: "/partners/" + url.PathEscape(p.ID),
	}
	switch {
	case p.Peer != nil:
		l.Registration = "OCPI " + p.Peer.Version.String()
	case p.Invitation != nil:
		l.Registration += " until " + formatted(p.Invitation.Until.Go(), "2006-01-02")
	}
	if !p.Counterparty.IsZero() {
		l.Counterparty = p.Counterparty.String()
	}
	return l
}
