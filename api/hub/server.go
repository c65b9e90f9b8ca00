package hub

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Prefix is the path all of OCPI is served under.
const Prefix = "/ocpi"

// Server serves OCPI.
type Server struct {
	Deps
	places   places
	lookUps  api.Rate     // of older copies of CDRs
	compares *api.Limiter // of copies that other bytes came before
	editions []edition
	unrouted *api.Route
}

// New returns a Server; Mount connects it.
func New(d Deps) *Server {
	if d.Limits == (ingest.Limits{}) {
		d.Limits = ingest.DefaultLimits
	}
	if d.InFlight == 0 {
		d.InFlight = DefaultMaxInFlight
	}
	if d.Hold == 0 {
		d.Hold = time.Second
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	d.PublicURL = strings.TrimRight(d.PublicURL, "/")
	return &Server{
		Deps: d, places: newPlaces(d.InFlight, d.Turns),
		lookUps: api.Rate{Every: lookUpEvery, Burst: lookUpsAtOnce}, compares: api.NewLimiter(comparesAtOnce),
		editions: []edition{edition221()}, unrouted: d.Metrics.Route("ocpi unrouted"),
	}
}

// edition is one OCPI version: its modules as version details list them, and
// its routes, both relative to Prefix.
type edition struct {
	version   ocpi.Version
	endpoints []endpoint
	routes    []route
}

// endpoint is one module in version details (OCPI 2.2.1 version_information).
type endpoint struct {
	identifier string
	role       ocpi.InterfaceRole
	path       string
}

// handler does the work of a route. Its answer is sent as OCPI 1000.
type handler func(x *exchange) (answer, error)

// route is one method on one path. Its object says what the path is about,
// and so who may own it and how its absence is reported.
type route struct {
	method  string
	path    string
	object  ingest.Object // 0 for version information
	handle  handler
	version ocpi.Version // set by Mount
	routed  bool         // answers carry routing headers; set by Mount
	measure *api.Route   // set by Mount
}

// Mount serves OCPI on an engine made by api.NewEngine with Fallback.
func (s *Server) Mount(e gin.IRouter) {
	s.mount(e, route{method: http.MethodGet, path: "/versions", handle: s.versions})
	for _, ed := range s.editions {
		s.mount(e, route{method: http.MethodGet, path: "/" + ed.version.String(), version: ed.version, handle: s.versionDetails})
		for _, r := range ed.routes {
			r.version = ed.version
			s.mount(e, r)
		}
	}
}

func (s *Server) mount(e gin.IRouter, r route) {
	r.routed = routed(Prefix + r.path)
	r.measure = s.Metrics.Route(r.method + " " + Prefix + r.path)
	serve := func(c *gin.Context) { s.serve(c, &r) }
	e.Handle(r.method, Prefix+r.path, serve)
	e.Handle(r.method, Prefix+r.path+"/", serve)
}

// Fallback answers what no route below Prefix answers, to a known partner;
// anybody else gets 401. Its answers are routed like those of routes. Pass it to
// api.NewEngine.
func (s *Server) Fallback() api.Fallback {
	return api.Fallback{Prefix: Prefix + "/", Answer: func(c *gin.Context, err error) {
		s.serve(c, &route{measure: s.unrouted, routed: routed(c.Request.URL.Path), handle: func(*exchange) (answer, error) { return answer{}, err }})
	}}
}
