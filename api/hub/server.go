package hub

import (
	"net/http"
	"path"
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
	waiting  *waiting     // for the answers of partners
	prompt   *waiting     // for those that a driver waits for too
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
	if d.Party.IsZero() {
		d.Party = DefaultParty
	}
	if d.Name == "" {
		d.Name = "roamclear"
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.AuthorizeWithin == 0 {
		d.AuthorizeWithin = DefaultAuthorizeWithin
	}
	d.PublicURL = strings.TrimRight(d.PublicURL, "/")
	return &Server{
		Deps: d, places: newPlaces(d.InFlight, d.Turns), waiting: newWaiting(d.InFlight), prompt: newWaiting(d.InFlight),
		lookUps: api.Rate{Every: lookUpEvery, Burst: lookUpsAtOnce}, compares: api.NewLimiter(comparesAtOnce),
		editions: editions(), unrouted: d.Metrics.Route("ocpi unrouted"),
	}
}

// handler does the work of a route. Its answer is sent as OCPI 1000.
type handler func(x *exchange) (answer, error)

// route is one method on one path below Prefix. Its object says what the path is
// about, and so who may own it and how its absence is reported.
type route struct {
	method  string
	path    string
	base    string             // of path: the module's
	object  ingest.Object      // 0 for configuration modules
	roles   []string           // whom it is for; nil = every partner
	names   bool               // OCPI-to is the handler's
	asks    bool               // its body is a question, which is not kept
	onward  bool               // what is pushed goes on to whom OCPI-to names
	fetch   ocpi.InterfaceRole // of whom OCPI-to names, that is asked in our place; "" = none
	invited bool               // it opens to who is invited to register
	handle  handler
	edition *edition     // set by Mount; nil for the list of all versions
	version ocpi.Version // set by Mount
	routed  bool         // OCPI's routing headers are read and answered
	measure *api.Route   // set by Mount
}

// Mount serves OCPI on an engine made by api.NewEngine with Fallback.
func (s *Server) Mount(e gin.IRouter) {
	s.mount(e, route{method: http.MethodGet, path: "/versions", invited: true, handle: (*exchange).versions})
	for i := range s.editions {
		ed := &s.editions[i]
		if ed.tree != "" {
			s.mount(e, route{method: http.MethodGet, path: "/" + ed.tree + "/versions", edition: ed, invited: true, handle: (*exchange).versions})
		}
		s.mount(e, route{method: http.MethodGet, path: ed.path(), edition: ed, version: ed.version, invited: true, handle: (*exchange).versionDetails})
		for _, r := range ed.routes {
			r.edition, r.version = ed, ed.version
			s.mount(e, r)
		}
	}
}

func (s *Server) mount(e gin.IRouter, r route) {
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
		at := path.Clean(c.Request.URL.Path)
		s.serve(c, &route{measure: s.unrouted, routed: routed(at), invited: opensRegistration(at), handle: func(*exchange) (answer, error) { return answer{}, err }})
	}}
}
