package report

import (
	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
)

// listAgreements answers GET /api/v1/agreements.
func (s *server) listAgreements(c *gin.Context, key rest.Key) error {
	return rest.AgreementSettings(c, s.clearing.Agreements, key)
}

// showAgreement answers GET /api/v1/agreements/terms.
func (s *server) showAgreement(c *gin.Context, key rest.Key) error {
	return rest.AgreementTerms(c, s.clearing.Agreements, s.clearing.Closes, key)
}

// listParties answers GET /api/v1/parties.
func (s *server) listParties(c *gin.Context, key rest.Key) error {
	return rest.PartySettings(c, s.clearing.Parties, key)
}

// showParty answers GET /api/v1/parties/{country}/{party}. A party of which nothing was
// said is not there.
func (s *server) showParty(c *gin.Context, key rest.Key) error {
	party := ocpi.NewParty(c.Param("country"), c.Param("party"))
	if !s.clearing.Parties.Known(party) || !key.Party.IsZero() && key.Party != party {
		return api.ErrNotFound
	}
	return rest.NamesOfParty(c, s.clearing.Parties, party)
}

// listStatements answers GET /api/v1/statements.
func (s *server) listStatements(c *gin.Context, key rest.Key) error {
	return rest.Statements(c, s.drafts, s.clearing.Papers(), key)
}

// statementFile answers GET /api/v1/statements/file.
func (s *server) statementFile(c *gin.Context, key rest.Key) error {
	return rest.StatementFile(c, s.drafts, s.clearing.Papers(), key)
}

// listQueue answers GET /api/v1/queue.
func (s *server) listQueue(c *gin.Context, key rest.Key) error { return rest.QueueOf(c, s.drafts, key) }

// queuedCDRs answers GET /api/v1/queue/cdrs.
func (s *server) queuedCDRs(c *gin.Context, key rest.Key) error {
	return rest.QueuedCDRs(c, s.drafts, key)
}

// tryPack answers GET /api/v1/rules/try.
func (s *server) tryPack(c *gin.Context, key rest.Key) error { return rest.TryPack(c, s.drafts, key) }

// checkPeriod answers GET /api/v1/periods/check.
func (s *server) checkPeriod(c *gin.Context, key rest.Key) error {
	return rest.CheckPeriod(c, s.drafts, s.around, key)
}

// decide answers POST /api/v1/decisions.
func (s *server) decide(c *gin.Context, key rest.Key) error {
	return rest.Decide(c, s.decisions, key, key.ID)
}

// listRequests answers GET /api/v1/periods/requests.
func (s *server) listRequests(c *gin.Context, key rest.Key) error {
	return rest.PeriodRequests(c, s.closing.Closes, key)
}

// closePeriod answers POST /api/v1/periods/closes.
func (s *server) closePeriod(c *gin.Context, key rest.Key) error {
	return rest.ClosePeriod(c, s.closing, key, key.ID, false)
}

// requestClose answers POST /api/v1/periods/requests.
func (s *server) requestClose(c *gin.Context, key rest.Key) error {
	return rest.ClosePeriod(c, s.closing, key, key.ID, true)
}

// approveClose answers POST /api/v1/periods/approvals.
func (s *server) approveClose(c *gin.Context, key rest.Key) error {
	return rest.ApprovePeriod(c, s.closing, key, key.ID)
}

// statementEnvelope answers GET /api/v1/statements/envelope.
func (s *server) statementEnvelope(c *gin.Context, key rest.Key) error {
	return rest.StatementEnvelope(c, s.drafts, s.clearing.Papers(), key)
}

// closingNow answers GET /api/v1/periods/closing.
func (s *server) closingNow(c *gin.Context, key rest.Key) error {
	return rest.ClosingNow(c, s.closing.Closer, key)
}
