package page

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Deps is what the page needs.
type Deps struct {
	Reader settlement.Reader
	// Finder finds CDRs by what people have at hand; nil = nothing is sought.
	Finder settlement.Finder
	// Reporter tells the settlement what became of its CDRs; nil = nothing is shown of it.
	Reporter report.Reporter
	// Numbers finds statements by their numbers; nil = none are sought.
	Numbers report.Numbers
	// Drafts draws statements; nil = none are shown.
	Drafts rest.Drafts
	// Traces tells what was issued of CDRs and decided about them, Decisions takes what
	// visitors decide; nil = nothing of it is shown.
	Traces    rest.Traces
	Decisions rest.Decisions
	// Around has what period checks tell beside drafts, Months what pages of months do, and
	// Closing closes periods; nil or zero = there are no such pages, or no form that closes.
	Around  rest.Around
	Months  Months
	Closing rest.Closing
	// KeyName is what a key is called, by its id, "" where that is not known; nil: of none it is.
	KeyName func(id string) string
	Closes  report.Closes
	// Clearing is what pairs settle by; zero = nothing is shown of it.
	Clearing report.Clearing
	// Tariffs are the ones that partners pushed.
	Tariffs report.Tariffs
	// Noted has what we noted beside CDRs; nil = nothing.
	Noted    report.Noted
	Partners Partners
	// Found has what was found in what they sent; nil = nothing.
	Found *ingest.Tally
	// Late has what came late to the lists that they read; nil = nothing.
	Late Late
	// Preflight says what would become of what is pasted; nil = there is no such page.
	Preflight *report.Preflight
	// Radar tells how Tariffs changed; nil = there is no such page.
	Radar rest.Radar
	// Public says what Locations lack of what operators make available; nil = there is no such page.
	Public *rest.PublicData
	// Messages are what was exchanged with partners.
	Messages rest.Messages
	// App answers what drivers ask; nil = nothing.
	App App
	// Keys signs visitors in: a rest.Keys.
	Keys Keys
	// Open lets in, without a key, who asks from this machine for this
	// machine: set it only when the service listens on loopback alone.
	Open bool
	// SecureCookie marks the cookie for https only: set it when TLS ends
	// before this process. A request that came by TLS sets it by itself.
	SecureCookie bool
	Logger       *slog.Logger
	Limits       rest.Limits
}

// Late counts what came to lists that had been read to their end.
type Late interface {
	LateCDRs(ctx context.Context, parties []ocpi.Party) (settlement.LateCDRs, error)
}

// Keys makes a session of an API key, and knows what a session allows, each over the
// connection of a request. An error that wraps rest.ErrNoKey asks the visitor to sign
// in again.
type Keys interface {
	SignIn(r *http.Request, apiKey string, until time.Time) (session string, key rest.Key, err error)
	Session(r *http.Request, session string, now time.Time) (rest.Key, error)
}

type server struct {
	Deps
	crossOrigin *http.CrossOriginProtection
	now         func() time.Time
}

// Mount adds the page's routes, from / on.
func Mount(g gin.IRouter, d Deps) {
	s := &server{Deps: d, crossOrigin: http.NewCrossOriginProtection(), now: time.Now}
	g.GET("/", s.shown(s.settlement))
	s.files(g, "/settlement", s.settlementFile)
	g.GET("/causes", s.shown(s.causes))
	s.files(g, "/causes", s.causesFile)
	g.GET("/cdrs", s.shown(s.cdrs))
	s.files(g, "/cdrs", s.cdrsFile)
	g.GET("/cdrs/:country/:party/*id", s.shown(s.cdr))
	if d.Decisions != nil {
		g.POST("/cdrs/:country/:party/*id", s.sending(rest.ScopeDecide, s.decideCDR))
		g.POST("/conflicts/:country/:party/*id", s.sending(rest.ScopeDecide, s.adopt))
		g.POST("/queue/cdrs", s.sending(rest.ScopeDecide, s.decideWaiting))
	}
	if d.Drafts != nil && d.Around != nil {
		g.GET("/month", s.shown(s.month))
		g.GET("/close", s.shown(s.close))
	}
	if d.Closing.Closer != nil {
		g.POST("/close", s.closing(rest.ScopeDecide, s.closePeriod))
		g.POST("/close/approve", s.closing(rest.ScopeApprove, s.approvePeriod))
	}
	g.GET("/rejects", s.shown(s.rejects))
	g.GET("/credits", s.shown(s.credits))
	s.files(g, "/credits", s.creditsFile)
	g.GET("/conflicts", s.shown(s.conflicts))
	s.files(g, "/conflicts", s.conflictsFile)
	g.GET("/conflicts/:country/:party/*id", s.shown(s.contents))
	g.GET("/refused", s.shown(s.refused))
	g.GET("/partners", s.shown(s.partners))
	g.GET("/partners/:id", s.shown(s.partner))
	g.GET("/tariffs", s.shown(s.tariffs))
	if d.Public != nil {
		g.GET("/afir", s.shown(s.publicData))
	}
	if d.Radar != nil {
		g.GET("/tariffs/changes", s.shown(s.tariffChanges))
	}
	g.GET("/tariffs/:country/:party/*id", s.shown(s.tariff))
	if d.Clearing.Agreements != nil {
		g.GET("/agreement", s.shown(s.agreement))
	}
	if d.Drafts != nil {
		g.GET("/queue", s.shown(s.queue))
		g.GET("/queue/cdrs", s.shown(s.waiting))
		s.files(g, "/queue/cdrs", s.waitingFile)
		g.GET("/statements", s.shown(s.statements))
		g.GET("/statement", s.shown(s.statement))
		g.GET("/statement.json", s.shown(s.statementFile))
		g.GET("/statement.csv", s.shown(s.statementFile))
	}
	if d.Finder != nil {
		g.GET("/search", s.shown(s.search))
	}
	g.GET("/rules", s.shown(s.rules))
	g.GET("/price", s.shown(s.price))
	g.POST("/price", s.shown(s.askPrice))
	if d.Preflight != nil {
		g.GET("/check", s.shown(s.preflight))
		g.POST("/check", s.shown(s.askPreflight))
	}
	if d.Messages.Log != nil {
		g.GET("/messages", s.operated(s.messages))
		g.GET("/messages/:id", s.operated(s.message))
	}
	if d.App != nil {
		g.GET("/stations", s.driven(s.stations))
		g.GET("/stations/:country/:party/*id", s.driven(s.station))
		g.POST("/stations/:country/:party/*id", s.driven(s.startCharge))
		g.GET("/charges", s.driven(s.charges))
		g.GET("/charges/:id", s.driven(s.charge))
		g.POST("/charges/:id/stop", s.driven(s.stopCharge))
	}
	g.GET("/sign-in", s.guarded(s.signInForm))
	g.POST("/sign-in", s.guarded(s.signIn))
	g.POST("/sign-out", s.guarded(s.signOut))
	g.GET("/assets/:name", s.guarded(s.asset))
}

// files adds the two forms in which a list is kept whole.
func (s *server) files(g gin.IRouter, list string, fn func(c *gin.Context, v visitor) error) {
	g.GET(list+".csv", s.shown(fn))
	g.GET(list+".jsonl", s.shown(fn))
}

// contentPolicy allows our style sheet and icon, our forms, and nothing else. The page of a
// charge allows its script too, and what that asks for.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded sets the headers of every answer and shows the error of fn.
func (s *server) guarded(fn func(c *gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Content-Security-Policy", contentPolicy)
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Referrer-Policy", "same-origin")
		c.Header("Cache-Control", "no-store")
		s.Limits.Pace.Keep(c)
		if err := fn(c); err != nil {
			s.fail(c, err)
		}
	}
}

// shown is entered for those who read reports; who only acts for drivers is sent to the
// stations.
func (s *server) shown(fn func(c *gin.Context, v visitor) error) gin.HandlerFunc {
	return s.entered(func(c *gin.Context, v visitor) error {
		switch {
		case v.Allows(rest.ScopeRead):
			return fn(c, v)
		case c.Request.URL.Path == "/" && s.App != nil && v.Allows(control.ScopeApp):
			c.Redirect(http.StatusSeeOther, "/stations")
			return nil
		case c.Request.URL.Path == "/" && v.operates():
			c.Redirect(http.StatusSeeOther, "/messages")
			return nil
		}
		return rest.MissingScope(rest.ScopeRead)
	})
}

// operated is entered for those who read what is exchanged with partners.
func (s *server) operated(fn func(c *gin.Context, v visitor) error) gin.HandlerFunc {
	return s.entered(func(c *gin.Context, v visitor) error {
		if !v.Open && !v.Allows(rest.ScopeOps) {
			return rest.MissingScope(rest.ScopeOps)
		}
		return fn(c, v)
	})
}

// entered is guarded for those who are signed in; others are sent to do so.
func (s *server) entered(fn func(c *gin.Context, v visitor) error) gin.HandlerFunc {
	return s.guarded(func(c *gin.Context) error {
		v, err := s.visitor(c)
		if notSignedIn(err) {
			c.Redirect(http.StatusSeeOther, "/sign-in?next="+url.QueryEscape(c.Request.URL.RequestURI()))
			return nil
		}
		if err != nil {
			return err
		}
		leave, err := s.Limits.Enter(v.Key)
		if err != nil {
			return err
		}
		defer leave()
		return fn(c, v)
	})
}

// notSignedIn reports whether an error means that no key, or none that is
// known, was given.
func notSignedIn(err error) bool {
	return err != nil && rest.Classify(err).Status == http.StatusUnauthorized
}

// fail shows what can be told about an error, and logs it when it is ours.
func (s *server) fail(c *gin.Context, err error) {
	e := *rest.Classify(err)
	switch e.Status {
	case http.StatusServiceUnavailable:
		c.Header("Retry-After", rest.RetryAfter)
		s.Logger.Warn("page: store unavailable", "path", c.FullPath(), "request_id", rest.RequestID(c), "error", err)
	case http.StatusInternalServerError:
		if e.RequestID = rest.RequestID(c); api.IsPanic(err) {
			break // logged where it was caught
		}
		s.Logger.Error("page: request failed", "path", c.FullPath(), "request_id", e.RequestID, "error", err)
	}
	s.render(c, e.Status, "error", errorView{frame: frame{Title: errorTitles[e.Status], Query: url.Values{}}, Error: &e})
}

var errorTitles = map[int]string{
	http.StatusBadRequest:          "The address has a mistake",
	http.StatusForbidden:           "Not allowed",
	http.StatusConflict:            "Not now",
	http.StatusNotFound:            "Not found",
	http.StatusMethodNotAllowed:    "Not done here",
	http.StatusServiceUnavailable:  "Back in a moment",
	http.StatusInternalServerError: "Something went wrong",
}

type errorView struct {
	frame
	Error *rest.Error
}

// render answers with a template. It is executed into memory first, so an
// error never leaves half a page of figures behind.
func (s *server) render(c *gin.Context, status int, name string, view any) {
	var b bytes.Buffer
	if err := templates[name].ExecuteTemplate(&b, "layout", view); err != nil {
		panic(fmt.Errorf("render %s: %w", name, err)) // a template of ours does not fit its view
	}
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}
