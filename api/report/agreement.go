package report

import (
	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
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

// showParty answers GET /api/v1/parties/{country}/{party}.
func (s *server) showParty(c *gin.Context, key rest.Key) error {
	return rest.NamesOfParty(c, s.clearing.Parties, key)
}
