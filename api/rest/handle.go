package rest

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
)

// Handler answers one route for a caller with a key, or returns an error, and
// then must not have answered.
type Handler func(c *gin.Context, key Key) error

// Guard lets in who has a key with a scope.
type Guard struct {
	// Auth tells whose API key a request carries. An error that wraps ErrNoKey
	// is answered 401, settlement.ErrUnavailable 503, others 500.
	Auth   func(c *gin.Context) (Key, error)
	Scope  string
	Logger *slog.Logger
	Limits Limits
}

// Places is how many answers are made or written at once, of each key a quarter:
// each holds a page of some MiB until it is read.
const Places = 64

// Limits bounds what answers hold while they are made and written; the report
// and the page share one.
type Limits struct {
	Places *api.Budget // nil = no bound
	Pace   api.Pace
}

// Enter takes a place for an answer to a key, which leave gives back once the
// answer is written. The error is api.ErrBusy.
func (l Limits) Enter(key Key) (leave func(), err error) {
	switch {
	case l.Places == nil:
		return func() {}, nil
	case !l.Places.Take(key.ID, 1):
		return nil, api.ErrBusy
	}
	return func() { l.Places.Give(key.ID, 1) }, nil
}

// Full reports whether it is the key itself that holds all the places it may.
func (l Limits) Full(key Key) bool { return l.Places != nil && l.Places.Full(key.ID, 1) }

// Handle authenticates, checks the scope, and answers the error of fn.
func (g *Guard) Handle(fn Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		Headers(c)
		g.Limits.Pace.Keep(c)
		key, err := g.Auth(c)
		if err == nil && !key.Allows(g.Scope) {
			err = MissingScope(g.Scope)
		}
		if err == nil {
			err = g.inPlace(c, key, fn)
		}
		if err != nil {
			Fail(c, g.Logger, err)
		}
	}
}

// MissingScope is the error of a key that does not allow what is asked for.
func MissingScope(scope string) *Error {
	return &Error{Status: http.StatusForbidden, Code: "missing_scope",
		Message: "this API key has no scope " + scope + "; make one with: roamclear key add --scope " + scope + boundTo(scope)}
}

// boundTo is the flag that a key of a scope needs beside.
func boundTo(scope string) string {
	if control.ScopeRole(scope) == "" {
		return ""
	}
	return " --party CC/ID"
}

func (g *Guard) inPlace(c *gin.Context, key Key, fn Handler) error {
	leave, err := g.Limits.Enter(key)
	if err != nil {
		return err
	}
	defer leave()
	return fn(c, key)
}

// Headers sets what every answer carries: its request id, and that it is
// neither to be kept nor to be taken for something else than it says.
func Headers(c *gin.Context) {
	RequestID(c)
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
}
