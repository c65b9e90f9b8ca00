package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ocpi"
)

// Fallback answers, below a path prefix, what no route answers: unknown
// paths, methods that do not exist there (the Allow header is set), panics.
// The first one whose prefix fits answers; with an empty prefix, it answers all.
type Fallback struct {
	Prefix string
	Answer func(c *gin.Context, err error)
}

// NewEngine returns a gin engine that logs nothing but panics. Path
// parameters are as in the URL, escaped: read them with Param. Several slashes
// count as one. Paths are not redirected; a route that should answer with a trailing slash too is
// registered twice.
func NewEngine(logger *slog.Logger, fallbacks ...Fallback) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.UseEscapedPath = true
	// gin would unescape with the rules for queries, where "+" is a space.
	e.UnescapePathValues = false
	e.RedirectTrailingSlash = false
	e.RemoveExtraSlash = true // partners join base and path with one slash too many
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false

	answer := func(c *gin.Context, err error) {
		at := path.Clean(c.Request.URL.Path) + "/"
		for _, f := range fallbacks {
			if strings.HasPrefix(at, f.Prefix) {
				f.Answer(c, err)
				return
			}
		}
		c.AbortWithStatus(Classify(err).HTTP())
	}
	e.Use(recoverPanics(logger, answer), refuseCertificate(answer))
	e.NoRoute(func(c *gin.Context) { answer(c, ErrNotFound) })
	e.NoMethod(func(c *gin.Context) { answer(c, ErrMethod) })
	return e
}

// ServeHead serves HEAD wherever GET is served by what is mounted so far: net/http
// keeps the body back. Call it when all is mounted.
func ServeHead(e *gin.Engine) {
	for _, r := range e.Routes() {
		if r.Method == http.MethodGet {
			e.HEAD(r.Path, r.HandlerFunc)
		}
	}
}

// Param returns a path parameter, unescaped. Ids may hold any printable
// character, so a slash in one comes as %2F and is not a separator.
func Param(c *gin.Context, name string) string {
	escaped := c.Param(name)
	value, err := url.PathUnescape(escaped)
	if err != nil {
		return escaped // net/url has parsed it before, so this cannot be
	}
	return value
}

// panicError is the panic of a handler. Its text is for the log alone.
type panicError struct{ value any }

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// IsPanic reports whether an error is a handler's panic, which is logged where
// it is caught.
func IsPanic(err error) bool {
	_, ok := errors.AsType[*panicError](err)
	return ok
}

func recoverPanics(logger *slog.Logger, answer func(*gin.Context, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // a sentinel that is panicked with, never wrapped
				panic(v)
			}
			logger.Error("panic in handler", "method", c.Request.Method, "route", c.FullPath(), "panic", v, "stack", string(debug.Stack()))
			if c.Writer.Written() {
				panic(http.ErrAbortHandler) // half an answer went out: break the connection
			}
			answer(c, &panicError{v})
		}()
		c.Next()
	}
}

// LogInternal logs an error that its sender is told nothing about.
func LogInternal(c *gin.Context, logger *slog.Logger, kind Kind, err error) {
	if kind != KindInternal || IsPanic(err) {
		return
	}
	logger.Error("request failed", "method", c.Request.Method, "route", c.FullPath(), "request_id", c.Request.Header.Get(ocpi.HeaderRequestID), "error", err)
}
