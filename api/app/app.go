package app

import (
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api/rest"
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
	// Profile is how charges of a CPO are priced; nil = the default.
	Profile func(cpo ocpi.Party) *tariff.Profile
	Limits  rest.Limits
	Logger  *slog.Logger
	Now     func() time.Time // nil = the system clock
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
	s := &server{Deps: d}
	s.mount(g)
	return newCalls(s)
}

func (s *server) mount(g gin.IRouter) {
	g.GET("/api/v1/locations", s.handle(s.locations))
	g.GET("/api/v1/locations/:country/:party/*id", s.handle(s.location))
}
