package rest

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
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
}

// Handle authenticates, checks the scope, and answers the error of fn.
func (g *Guard) Handle(fn Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		Headers(c)
		key, err := g.Auth(c)
		if err == nil && !key.Allows(g.Scope) {
			err = &Error{Status: http.StatusForbidden, Code: "missing_scope",
				Message: "this API key has no scope " + g.Scope + "; make one with: roamclear key add --scope " + g.Scope}
		}
		if err == nil {
			err = fn(c, key)
		}
		if err != nil {
			Fail(c, g.Logger, err)
		}
	}
}

// Headers sets what every answer carries: its request id, and that it is
// neither to be kept nor to be taken for something else than it says.
func Headers(c *gin.Context) {
	RequestID(c)
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
}
