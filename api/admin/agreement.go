package admin

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// AgreementRequest is the body of POST /admin/v1/agreements. Without parties it is for
// the house, with one for all pairs of it. A value null, or "", withdraws what the
// scope said.
type AgreementRequest struct {
	CPO    string             `json:"cpo,omitempty"` // "NL*TNM" or "NL/TNM"
	EMSP   string             `json:"emsp,omitempty"`
	From   string             `json:"from"` // the first period that it holds for
	Values map[string]*string `json:"values"`
}

func (s *server) listAgreements(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.AgreementSettings(c, s.agreements, rest.Key{})
}

func (s *server) showAgreement(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.AgreementTerms(c, s.agreements, s.closes, rest.Key{})
}

// knownScope refuses to answer of parties that there are not: they would seem to have
// agreed on nothing.
func (s *server) knownScope(c *gin.Context) error {
	_, err := rest.KnownScope(s.partners, c.Query("cpo"), c.Query("emsp"))
	return err
}

// listStatements answers GET /admin/v1/statements.
func (s *server) listStatements(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.Statements(c, s.drafts, s.papers(), rest.Key{})
}

// statementFile answers GET /admin/v1/statements/file.
func (s *server) statementFile(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.StatementFile(c, s.drafts, s.papers(), rest.Key{})
}

// statementEnvelope answers GET /admin/v1/statements/envelope.
func (s *server) statementEnvelope(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.StatementEnvelope(c, s.drafts, s.papers(), rest.Key{})
}

func (s *server) papers() rest.Papers {
	return rest.Papers{Agreements: s.agreements, Parties: s.parties, Lookups: s.lookups}
}

// explainLines answers POST /admin/v1/statements/reasons.
func (s *server) explainLines(c *gin.Context) error { return rest.ExplainLines(c, s.reasons) }

// listQueue answers GET /admin/v1/queue.
func (s *server) listQueue(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.QueueOf(c, s.drafts, rest.Key{})
}

// queuedCDRs answers GET /admin/v1/queue/cdrs.
func (s *server) queuedCDRs(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.QueuedCDRs(c, s.drafts, rest.Key{})
}

// decide answers POST /admin/v1/decisions.
func (s *server) decide(c *gin.Context) error {
	return rest.Decide(c, s.decisions, rest.Key{}, clearing.ByLocal)
}

// tryPack answers GET /admin/v1/rules/try.
func (s *server) tryPack(c *gin.Context) error {
	if err := s.knownScope(c); err != nil {
		return err
	}
	return rest.TryPack(c, s.drafts, rest.Key{})
}

// setAgreement answers POST /admin/v1/agreements.
func (s *server) setAgreement(c *gin.Context) error {
	var q AgreementRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	n := clearing.NewAgreement{Values: texts(q.Values), By: clearing.ByLocal}
	var err error
	if n.Scope, err = rest.KnownScope(s.partners, q.CPO, q.EMSP); err != nil {
		return err
	}
	if n.From, err = monthOf("from", q.From); err != nil {
		return err
	}
	_, record, err := s.agreements.Set(c.Request.Context(), command(c), n)
	if err != nil {
		return wrongValue(err)
	}
	s.logger.Info("agreement set", "scope", n.Scope.String(), "from", n.From, "record", record)
	list := rest.SettingList{Settings: []rest.Setting{}}
	for _, one := range s.agreements.Settings(n.Scope) {
		if one.Offset == record {
			list.Settings = append(list.Settings, rest.NewSetting(&one, rest.Key{}))
		}
	}
	rest.WriteJSON(c, http.StatusCreated, list)
	return nil
}

// texts are values with "" for what is withdrawn.
func texts(values map[string]*string) map[string]string {
	list := make(map[string]string, len(values))
	for key, v := range values {
		list[key] = ""
		if v != nil {
			list[key] = *v
		}
	}
	return list
}

// wrongValue names the value at fault, where it is one.
func wrongValue(err error) error {
	if wrong, ok := errors.AsType[*clearing.ValueError](err); ok {
		return rest.Invalid("values."+wrong.Key, "%v", wrong)
	}
	return err
}

func monthOf(field, text string) (ocpi.Month, error) {
	m, err := ocpi.ParseMonth(text)
	if err != nil {
		return m, rest.Invalid(field, "%v", err)
	}
	return m, nil
}
