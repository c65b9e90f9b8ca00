package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Intake accepts what CPOs report: an *ingest.Service, see hub.Intake.
type Intake interface {
	CDR(ctx context.Context, from ingest.Sender, v ocpi.Version, body []byte) (ingest.Receipt, error)
	Put(ctx context.Context, from ingest.Sender, v ocpi.Version, t ingest.Target, body []byte) (ingest.Receipt, error)
}

// reporter finds out which CPO reports: the holder of a key of scope cpo, which is bound
// to one, or a partner by its OCPI token.
func (s *server) reporter(c *gin.Context) (from ingest.Sender, place rest.Key, err error) {
	if authorization, ok := rest.OCPIToken(c.Request); ok {
		p, err := rest.Tokens{Known: s.Partners}.Partner(c.Request, authorization)
		if err != nil {
			return from, place, err
		}
		if len(p.Charging().Parties) == 0 {
			return from, place, &rest.Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "none of this partner's parties is a CPO"}
		}
		return rest.Acting(c, p.Charging()), rest.CountedBy(p), nil
	}
	key, err := s.partyKey(c, control.ScopeCPO)
	if err != nil {
		return from, place, err
	}
	p, ok := s.Partners.Holder(control.NewRole(control.RoleCPO, key.Party.Country, key.Party.ID))
	if !ok {
		return from, place, &rest.Error{Status: http.StatusForbidden, Code: "party_restricted", Message: fmt.Sprintf("this API key is bound to the CPO %s, which is no partner here", key.Party)}
	}
	from = p.Charging()
	from.Parties = slices.DeleteFunc(slices.Clone(from.Parties), func(own ocpi.Party) bool { return own != key.Party })
	return from, key, nil
}

// receiptJSON is what a CPO gets for a report: where it stands in the log, and what was
// found in it.
type receiptJSON struct {
	Receipt  string         `json:"receipt"`
	Created  bool           `json:"created"`
	Findings []ocpi.Finding `json:"findings"`
}

// reports answers a report by push.
func (s *server) reports(kind ingest.Object, push func(c *gin.Context, from ingest.Sender, v ocpi.Version, body []byte) (ingest.Receipt, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		rest.Headers(c)
		s.Limits.Pace.Keep(c)
		if err := s.report(c, kind, push); err != nil {
			rest.Fail(c, s.Logger, err)
		}
	}
}

func (s *server) report(c *gin.Context, kind ingest.Object, push func(c *gin.Context, from ingest.Sender, v ocpi.Version, body []byte) (ingest.Receipt, error)) error {
	from, place, err := s.reporter(c)
	if err != nil {
		return err
	}
	leave, err := s.Limits.Enter(place)
	if err != nil {
		return err
	}
	defer leave()
	v, err := rest.BodyVersion(c)
	if err != nil {
		return err
	}
	limit, _ := s.Bodies.Of(kind)
	body, err := api.ReadBody(c.Request, nil, limit, nil)
	if err != nil {
		return err
	}
	r, err := push(c, from, v, body)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if r.Created {
		status = http.StatusCreated
	}
	c.Header(api.HeaderReceipt, r.Position.String())
	findings := r.Findings
	if findings == nil {
		findings = []ocpi.Finding{}
	}
	rest.WriteJSON(c, status, receiptJSON{r.Position.String(), r.Created, findings})
	return nil
}

// putSession takes a Session that a CPO reports.
func (s *server) putSession(c *gin.Context, from ingest.Sender, v ocpi.Version, body []byte) (ingest.Receipt, error) {
	country, party, id := api.Param(c, "country"), api.Param(c, "party"), strings.TrimPrefix(api.Param(c, "id"), "/")
	t := ingest.Target{Object: ingest.ObjectSession, Key: ocpi.NewKey(country, party, id), ID: id}
	if id == "" || !from.Owns(t.Key.Party) {
		return ingest.Receipt{}, ingest.ErrUnknownObject
	}
	return s.Intake.Put(c.Request.Context(), from, v, t, body)
}

// postCDR takes a CDR that a CPO reports.
func (s *server) postCDR(c *gin.Context, from ingest.Sender, v ocpi.Version, body []byte) (ingest.Receipt, error) {
	r, err := s.Intake.CDR(c.Request.Context(), from, v, body)
	if errors.Is(err, ingest.ErrUnknownObject) {
		err = rest.Invalid("country_code, party_id", "not a CPO of yours")
	}
	return r, err
}
