package report

import (
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// Deps is what the reports need.
type Deps struct {
	Reader    settlement.Reader
	Reporter  Reporter // nil = nothing is issued, and nobody can say what is open
	Auth      func(c *gin.Context) (rest.Key, error)
	Logger    *slog.Logger
	Limits    rest.Limits
	Closes    Closes
	Clearing  Clearing
	Drafts    rest.Drafts
	Decisions rest.Decisions
	Traces    rest.Traces // what was issued and decided of CDRs; nil = nothing is told
	Around    rest.Around // what period checks tell beside drafts
	Closing   rest.Closing
	// Receipts are told to partners too, by their OCPI tokens.
	Receipts rest.Receipts
	Tokens   rest.Tokens
	Messages rest.Messages // to partners too
	// Preflight is what POST /check needs.
	Preflight *Preflight
	// Radar tells how Tariffs changed.
	Radar rest.TariffRadar
	// Public says what Locations do not say that operators have to make available.
	Public rest.PublicData
	// Health tells how connections with partners fare, to these too.
	Health rest.Health
	// Tariffs and Sessions are what POST /price, Tariffs and single Sessions need.
	Tariffs  Tariffs
	Sessions Sessions
	Billed   Billed           // nil = no CDR is known to be of a Session
	Now      func() time.Time // nil = the system clock
}

// Clearing is what people agreed on and what parties are called.
type Clearing struct {
	Closes     *clearing.Closes
	Agreements *clearing.Agreements
	Parties    *clearing.Parties
	Lookups    settlement.LookupStore // what stands beside lines of statements; nil = nothing
}

// Papers know what stands around statements.
func (c Clearing) Papers() rest.Papers {
	return rest.Papers{Agreements: c.Agreements, Parties: c.Parties, Lookups: c.Lookups}
}

// Closes says which months of whom are settled elsewhere, and since when: a clearing.Closes.
type Closes interface {
	// ElsewhereSince is not set of any other month.
	ElsewhereSince(of clearing.Scope, m ocpi.Month) ocpi.Time
}

type server struct {
	reader    settlement.Reader
	reporter  Reporter
	closes    Closes
	clearing  Clearing
	drafts    rest.Drafts
	decisions rest.Decisions
	traces    rest.Traces
	around    rest.Around
	closing   rest.Closing
	tariffs   Tariffs
	sessions  Sessions
	billed    Billed
	now       func() time.Time
}

// Mount adds the routes, which carry their whole path from /api/v1 on.
func Mount(g gin.IRouter, d Deps) {
	s := &server{reader: d.Reader, reporter: d.Reporter, closes: d.Closes, clearing: d.Clearing, drafts: d.Drafts, decisions: d.Decisions, traces: d.Traces, around: d.Around, closing: d.Closing, tariffs: d.Tariffs, sessions: d.Sessions, billed: d.Billed, now: d.Now}
	if s.now == nil {
		s.now = time.Now
	}
	guard := rest.Guard{Auth: d.Auth, Scope: rest.ScopeRead, Logger: d.Logger, Limits: d.Limits}
	decides := guard
	decides.Scope = rest.ScopeDecide
	g.POST("/api/v1/decisions", decides.Handle(s.decide))
	g.POST("/api/v1/periods/closes", decides.Handle(s.closePeriod))
	g.POST("/api/v1/periods/requests", decides.Handle(s.requestClose))
	approves := guard
	approves.Scope = rest.ScopeApprove
	g.POST("/api/v1/periods/approvals", approves.Handle(s.approveClose))
	g.GET("/api/v1/periods/closing", guard.Handle(s.closingNow))
	g.GET("/api/v1/periods/requests", guard.Handle(s.listRequests))
	g.GET("/api/v1/openapi.yaml", rest.OpenAPI)
	g.GET("/api/v1/docs", rest.Docs)
	g.GET("/api/v1/reports/settlement", guard.Handle(s.settlement))
	g.GET("/api/v1/reports/causes", guard.Handle(s.causes))
	g.GET("/api/v1/reports/afir", guard.Handle(d.Public.Report))
	g.GET("/api/v1/agreements", guard.Handle(s.listAgreements))
	g.GET("/api/v1/agreements/terms", guard.Handle(s.showAgreement))
	g.GET("/api/v1/parties", guard.Handle(s.listParties))
	g.GET("/api/v1/parties/:country/:party", guard.Handle(s.showParty))
	g.GET("/api/v1/rules", guard.Handle(s.rules))
	g.GET("/api/v1/rules/try", guard.Handle(s.tryPack))
	g.GET("/api/v1/periods/check", guard.Handle(s.checkPeriod))
	g.GET("/api/v1/queue", guard.Handle(s.listQueue))
	g.GET("/api/v1/queue/cdrs", guard.Handle(s.queuedCDRs))
	g.GET("/api/v1/statements", guard.Handle(s.listStatements))
	g.GET("/api/v1/statements/envelope", guard.Handle(s.statementEnvelope))
	g.GET("/api/v1/statements/file", guard.Handle(s.statementFile))
	g.GET("/api/v1/cdrs", guard.Handle(s.cdrs))
	// The id is a catch-all so that an id with an escaped "/" arrives whether
	// or not the engine routes by the escaped path.
	g.GET("/api/v1/cdrs/:country/:party/*id", guard.Handle(s.cdr))
	g.GET("/api/v1/sessions/:country/:party/*id", guard.Handle(s.session))
	g.GET("/api/v1/tariffs", guard.Handle(s.listTariffs))
	g.GET("/api/v1/tariffs/changes", guard.Handle(d.Radar.Changes))
	g.GET("/api/v1/tariffs/:country/:party/*id", guard.Handle(s.tariff))
	g.POST("/api/v1/price", guard.Handle(s.price))
	g.GET("/api/v1/rejects", guard.Handle(s.rejects))
	g.GET("/api/v1/relations", guard.Handle(s.relations))
	g.GET("/api/v1/conflicts", guard.Handle(s.conflicts))
	g.GET("/api/v1/conflicts/:country/:party/*id", guard.Handle(s.contents))
	g.GET("/api/v1/refusals", guard.Handle(s.refusals))
	g.POST("/api/v1/check", guard.HandleViewer(d.Tokens, ingest.ObjectCDR, d.Preflight.Check))
	operates := guard
	operates.Scope = rest.ScopeOps
	g.GET("/api/v1/messages", operates.HandleViewer(d.Tokens, ingest.ObjectCDR, d.Messages.List))
	g.GET("/api/v1/messages/:id", operates.HandleViewer(d.Tokens, ingest.ObjectCDR, d.Messages.Show))
	g.GET("/api/v1/partners/:id/health", operates.HandleViewer(d.Tokens, ingest.ObjectCDR, d.Health.Show))
	g.GET("/api/v1/partners/:id/health/letter", operates.HandleViewer(d.Tokens, ingest.ObjectCDR, d.Health.ShowLetter))
	g.GET("/api/v1/receipts", guard.HandleViewer(d.Tokens, ingest.ObjectCDR, d.Receipts.Days))
	g.GET("/api/v1/receipts/cdrs", guard.HandleViewer(d.Tokens, ingest.ObjectCDR, d.Receipts.CDRs))
	g.POST("/api/v1/receipts/cdrs", guard.HandleViewer(d.Tokens, ingest.ObjectCDR, d.Receipts.Find))
}
