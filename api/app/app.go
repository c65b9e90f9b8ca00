package app

import (
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Deps is what the calls need.
type Deps struct {
	// Auth tells whose API key a request carries, as of a rest.Guard.
	Auth     func(c *gin.Context) (rest.Key, error)
	Partners *control.Partners
	Objects  Objects
	Stations Stations
	// Worked says how EVSEs worked lately; nil = nobody knows.
	Worked Worked
	// Profile is how charges of a CPO are priced; nil = the default.
	Profile func(cpo ocpi.Party) *tariff.Profile
	// Desk, Preferrer and Charges are what sessions need, Intake and Bodies what CPOs
	// report by.
	Desk      Desk
	Preferrer Preferrer
	Charges   Charges
	Intake    Intake
	Bodies    ingest.Limits // zero = ingest.DefaultLimits
	Limits    rest.Limits
	Logger    *slog.Logger
	Now       func() time.Time // nil = the system clock
}

type server struct {
	Deps
	reading turn // of the log, see catchUp
}

// Mount adds the routes, which carry their whole path from /api/v1 on, and returns them
// for callers in this process.
func Mount(g gin.IRouter, d Deps) *Calls {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Bodies == (ingest.Limits{}) {
		d.Bodies = ingest.DefaultLimits
	}
	s := &server{Deps: d}
	s.mount(g)
	return newCalls(s)
}

func (s *server) mount(g gin.IRouter) {
	g.GET("/api/v1/locations", s.handle(s.locations))
	g.GET("/api/v1/locations/:country/:party/*id", s.handle(s.location))
	g.GET("/api/v1/sessions", s.handle(s.list))
	g.POST("/api/v1/sessions", s.handle(s.start))
	// The id stands where package report has the country of a CPO: a router knows one
	// name in a place.
	g.GET("/api/v1/sessions/:country", s.handle(s.sessionByID))
	g.PUT("/api/v1/sessions/:country", s.handle(s.change))
	g.POST("/api/v1/sessions/:country/stop", s.handle(s.stop))
	g.GET("/api/v1/sessions/:country/explanation", s.handle(s.explanation))
	g.PUT("/api/v1/sessions/:country/:party/*id", s.reports(ingest.ObjectSession, s.putSession))
	g.POST("/api/v1/cdrs", s.reports(ingest.ObjectCDR, s.postCDR))
	g.POST("/api/v1/commands/:id", s.handleFor(control.ScopeHelpdesk, s.command))
	g.GET("/api/v1/commands/:id", s.handleFor(control.ScopeHelpdesk, s.commandByID))
}
