package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// MinToken is the length of the shortest admin token, in characters: what is
// shorter can be guessed.
const MinToken = 16

// Deps is what the interface needs. It is open to whoever knows Token, and to
// nobody where that is shorter than MinToken.
type Deps struct {
	Partners *control.Partners
	Found    *ingest.Tally // in what they send; nil = none is counted
	Peers    Peers         // nil = none can be called
	Keys     *control.Keys
	Closes   *clearing.Closes
	// Agreements and Parties are of the same machine.
	Agreements *clearing.Agreements
	Parties    *clearing.Parties
	Drafts     rest.Drafts
	Lookups    settlement.LookupStore // what stands beside lines of statements; nil = nothing
	Decisions  rest.Decisions
	Closer     rest.Closer
	Reasons    rest.Reasons // why statements of others differ
	Around     rest.Around  // what period checks tell beside drafts
	Receipts   rest.Receipts
	Messages   rest.Messages
	Radar      rest.TariffRadar
	Public     rest.PublicData
	Health     rest.Health
	Preflight  func(c *gin.Context, who *rest.Viewer) error // answers POST /check
	Ends       *api.Ends                                    // of certificates that partners have shown; nil = none is known
	Roots      func() int                                   // from how many CAs their certificates may come, see [api.TLS.Roots]; nil = from none
	Token      string
	Logger     *slog.Logger
}

type server struct {
	partners   *control.Partners
	found      *ingest.Tally
	peers      Peers
	keys       *control.Keys
	closes     *clearing.Closes
	agreements *clearing.Agreements
	parties    *clearing.Parties
	drafts     rest.Drafts
	lookups    settlement.LookupStore
	decisions  rest.Decisions
	closer     rest.Closer
	reasons    rest.Reasons
	around     rest.Around
	ends       *api.Ends
	roots      func() int
	token      [sha256.Size]byte
	closed     bool // no token opens it
	logger     *slog.Logger
}

// Mount adds the routes, which carry their whole path from /admin/v1 on.
func Mount(g gin.IRouter, d Deps) {
	if d.Peers == nil {
		d.Peers = noPeers{}
	}
	if d.Roots == nil {
		d.Roots = func() int { return 0 }
	}
	s := &server{
		partners: d.Partners, found: d.Found, peers: d.Peers, keys: d.Keys, closes: d.Closes, agreements: d.Agreements, parties: d.Parties, drafts: d.Drafts, lookups: d.Lookups, decisions: d.Decisions, closer: d.Closer, reasons: d.Reasons, around: d.Around, ends: d.Ends, roots: d.Roots,
		token: sha256.Sum256([]byte(d.Token)), closed: len(d.Token) < MinToken, logger: d.Logger,
	}
	g.GET("/admin/v1/partners", s.handle(s.listPartners))
	g.POST("/admin/v1/partners", s.handle(s.addPartner))
	g.GET("/admin/v1/partners/:id", s.handle(s.getPartner))
	g.DELETE("/admin/v1/partners/:id", s.handle(s.removePartner))
	g.GET("/admin/v1/partners/:id/findings", s.handle(s.listFindings))
	g.GET("/admin/v1/partners/:id/health", s.handle(func(c *gin.Context) error { return d.Health.Show(c, &rest.Viewer{}) }, rest.HealthParams...))
	g.GET("/admin/v1/partners/:id/health/letter", s.handle(func(c *gin.Context) error { return d.Health.ShowLetter(c, &rest.Viewer{}) }, rest.HealthParams...))
	g.POST("/admin/v1/partners/:id/rotate", s.handle(s.rotateToken))
	g.POST("/admin/v1/partners/:id/roles", s.handle(s.addRole))
	g.DELETE("/admin/v1/partners/:id/roles/:role/:country/:party", s.handle(s.removeRole))
	g.PUT("/admin/v1/partners/:id/policies/:kind", s.handle(s.setPolicy))
	g.PUT("/admin/v1/partners/:id/list_by", s.handle(s.setListBy))
	g.POST("/admin/v1/partners/:id/pull", s.handle(s.startPull))
	g.GET("/admin/v1/partners/:id/pull", s.handle(s.getPull))
	g.GET("/admin/v1/partners/:id/certificates", s.handle(s.listCertificates))
	g.POST("/admin/v1/partners/:id/certificates", s.handle(s.addCertificate))
	g.DELETE("/admin/v1/partners/:id/certificates/:certificate", s.handle(s.removeCertificate))
	g.PUT("/admin/v1/partners/:id/certificate_required", s.handle(s.requireCertificate))
	g.POST("/admin/v1/invitations", s.handle(s.invite))
	g.POST("/admin/v1/connections", s.handle(s.connect))
	g.GET("/admin/v1/pairs", s.handle(s.listPairs))
	g.POST("/admin/v1/pairs", s.handle(s.addPair))
	g.DELETE("/admin/v1/pairs/:cpo/:emsp", s.handle(s.removePair))
	g.GET("/admin/v1/grants", s.handle(s.listGrants))
	g.POST("/admin/v1/grants", s.handle(s.addGrant))
	g.DELETE("/admin/v1/grants/:cpo/:scsp", s.handle(s.removeGrant))
	g.GET("/admin/v1/keys", s.handle(s.listKeys))
	g.POST("/admin/v1/keys", s.handle(s.addKey))
	g.DELETE("/admin/v1/keys/:id", s.handle(s.removeKey))
	g.POST("/admin/v1/keys/:id/certificates", s.handle(s.addKeyCertificate))
	g.DELETE("/admin/v1/keys/:id/certificates/:certificate", s.handle(s.removeKeyCertificate))
	g.POST("/admin/v1/keys/:id/rotate", s.handle(s.rotateKey))
	g.GET("/admin/v1/periods", s.handle(s.listPeriods))
	g.POST("/admin/v1/periods", s.handle(s.closePeriod))
	g.POST("/admin/v1/periods/begins", s.handle(s.beginPeriod))
	g.POST("/admin/v1/periods/closes", s.handle(s.closeStatements))
	g.GET("/admin/v1/periods/closing", s.handle(s.closingNow))
	g.POST("/admin/v1/periods/requests", s.handle(s.requestClose))
	g.POST("/admin/v1/periods/approvals", s.handle(s.approveClose))
	g.GET("/admin/v1/periods/check", s.handle(s.checkPeriod, "period", "cpo", "emsp"))
	g.GET("/admin/v1/agreements", s.handle(s.listAgreements, "cpo", "emsp", "history"))
	g.POST("/admin/v1/agreements", s.handle(s.setAgreement))
	g.GET("/admin/v1/agreements/terms", s.handle(s.showAgreement, "cpo", "emsp", "at"))
	g.GET("/admin/v1/statements", s.handle(s.listStatements, "period", "cpo", "emsp", "currency"))
	g.GET("/admin/v1/statements/file", s.handle(s.statementFile, "period", "cpo", "emsp", "currency"))
	g.GET("/admin/v1/statements/envelope", s.handle(s.statementEnvelope, "period", "cpo", "emsp", "currency"))
	g.POST("/admin/v1/statements/reasons", s.handle(s.explainLines))
	g.GET("/admin/v1/queue", s.handle(s.listQueue, "period", "cpo", "emsp", "currency", "ground"))
	g.GET("/admin/v1/queue/cdrs", s.handle(s.queuedCDRs, "period", "cpo", "emsp", "currency", "ground", "state"))
	g.POST("/admin/v1/decisions", s.handle(s.decide))
	g.GET("/admin/v1/rules/try", s.handle(s.tryPack, "pack", "from", "to", "cpo", "emsp"))
	g.GET("/admin/v1/receipts", s.handle(s.receipts(d.Receipts.Days), rest.ReceiptParams...))
	g.GET("/admin/v1/receipts/cdrs", s.handle(s.receipts(d.Receipts.CDRs), rest.ReceiptCDRsParams...))
	g.POST("/admin/v1/receipts/cdrs", s.handle(s.receipts(d.Receipts.Find)))
	g.GET("/admin/v1/reports/afir", s.handle(s.publicData(d.Public), rest.PublicDataParams...))
	g.GET("/admin/v1/tariffs/changes", s.handle(s.tariffChanges(d.Radar), rest.RadarParams...))
	g.GET("/admin/v1/messages", s.handle(func(c *gin.Context) error { return d.Messages.List(c, &rest.Viewer{}) }, rest.MessageParams...))
	g.GET("/admin/v1/messages/:id", s.handle(func(c *gin.Context) error { return d.Messages.Show(c, &rest.Viewer{}) }))
	g.POST("/admin/v1/check", s.handle(func(c *gin.Context) error { return d.Preflight(c, &rest.Viewer{}) }, "kind", "party"))
	g.GET("/admin/v1/parties", s.handle(s.listParties, "party", "history"))
	g.POST("/admin/v1/parties", s.handle(s.setParty))
	g.GET("/admin/v1/parties/:country/:party", s.handle(s.showParty, "at"))
}

var errNoToken = &rest.Error{Status: http.StatusUnauthorized, Code: "unauthorized",
	Message: "send the admin token as: Authorization: Bearer TOKEN"}

// handle lets in who knows the token, and answers the error of fn, which reads the
// named parameters.
func (s *server) handle(fn func(c *gin.Context) error, parameters ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		rest.Headers(c)
		api.Pace{}.Keep(c)
		err := s.authenticate(c.Request)
		if err == nil && len(c.Request.URL.RawQuery) > 0 {
			err = rest.NewParams(c.Request.URL.Query(), parameters...).Err()
		}
		if err == nil {
			err = fn(c)
		}
		if err != nil {
			rest.Fail(c, s.logger, err)
		}
	}
}

// authenticate compares digests, in a time that tells nothing of the token.
func (s *server) authenticate(r *http.Request) error {
	authorization := r.Header.Get("Authorization")
	scheme, token, _ := strings.Cut(authorization, " ")
	sum := sha256.Sum256([]byte(token))
	if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(sum[:], s.token[:]) != 1 || s.closed {
		if authorization != "" {
			if err := api.Stranger(r, "admin"); err != nil {
				return err
			}
		}
		return errNoToken
	}
	return s.partners.Ready()
}

func command(c *gin.Context) string { return c.GetHeader("Idempotency-Key") }

// expected reads If-Match: a version in quotes, as in "3". 0 = any.
func expected(c *gin.Context) (uint64, error) {
	header := c.GetHeader("If-Match")
	if header == "" {
		return 0, nil
	}
	v, err := strconv.ParseUint(strings.Trim(header, `"`), 10, 64)
	if err != nil || v == 0 {
		return 0, rest.Invalid("If-Match", "%q: want a partner's version, such as \"3\"", header)
	}
	return v, nil
}
