package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/settlement"
)

// Deps is what the reports need.
type Deps struct {
	Reader settlement.Reader
	// Auth tells whose API key a request carries. An error that wraps
	// ErrNoKey is answered 401, settlement.ErrUnavailable 503, others 500.
	Auth   func(c *gin.Context) (Key, error)
	Logger *slog.Logger
	// Tariffs and Sessions are what POST /price, Tariffs and single Sessions need.
	Tariffs  Tariffs
	Sessions Sessions
}

type server struct {
	reader settlement.Reader
	auth   func(c *gin.Context) (Key, error)
	log    *slog.Logger

	tariffs  Tariffs
	sessions Sessions
}

// Mount adds the routes, which carry their whole path from /api/v1 on.
func Mount(g gin.IRouter, d Deps) {
	s := &server{reader: d.Reader, auth: d.Auth, log: d.Logger, tariffs: d.Tariffs, sessions: d.Sessions}
	g.GET("/api/v1/openapi.yaml", openAPI)
	g.GET("/api/v1/reports/settlement", s.handle(s.settlement))
	g.GET("/api/v1/cdrs", s.handle(s.cdrs))
	// The id is a catch-all so that an id with an escaped "/" arrives whether
	// or not the engine routes by the escaped path.
	g.GET("/api/v1/cdrs/:country/:party/*id", s.handle(s.cdr))
	g.GET("/api/v1/sessions/:country/:party/*id", s.handle(s.session))
	g.GET("/api/v1/tariffs", s.handle(s.listTariffs))
	g.GET("/api/v1/tariffs/:country/:party/*id", s.handle(s.tariff))
	g.POST("/api/v1/price", s.handle(s.price))
	g.GET("/api/v1/rejects", s.handle(s.rejects))
	g.GET("/api/v1/conflicts", s.handle(s.conflicts))
	g.GET("/api/v1/refusals", s.handle(s.refusals))
}

// handle authenticates, checks the scope, and answers the error of fn if it
// returns one; fn must not have answered then.
func (s *server) handle(fn func(c *gin.Context, key Key) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Cache-Control", "no-store")
		c.Header("X-Content-Type-Options", "nosniff")
		key, err := s.auth(c)
		if err == nil && !key.CanRead() {
			err = errNoScope
		}
		if err == nil {
			err = fn(c, key)
		}
		if err != nil {
			s.fail(c, err)
		}
	}
}

// writeJSON answers with v. Unlike gin's it leaves "<" and "&" readable: the
// answer is not HTML and says so.
func writeJSON(c *gin.Context, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Errorf("encode answer: %w", err)) // our own types only
	}
	c.Data(status, "application/json; charset=utf-8", b.Bytes())
}

const mimeCSV = "text/csv"

// wantsCSV decides between the two forms of a table.
func wantsCSV(c *gin.Context) (bool, error) {
	c.Header("Vary", "Accept")
	if c.GetHeader("Accept") == "" {
		return false, nil
	}
	switch c.NegotiateFormat(gin.MIMEJSON, mimeCSV) {
	case gin.MIMEJSON:
		return false, nil
	case mimeCSV:
		return true, nil
	}
	return false, errNotAcceptable
}

// writeCSV answers with a table under a file name.
func writeCSV(c *gin.Context, name string, table *CSV) error {
	var b bytes.Buffer
	if err := table.Encode(&b); err != nil {
		return err
	}
	CSVHeaders(c, name)
	c.Data(http.StatusOK, csvContentType, b.Bytes())
	return nil
}

// linkNext tells the address of the next page the way RFC 8288 wants it: a CSV
// has no room for it.
func linkNext(c *gin.Context, cursor string) *string {
	if cursor == "" {
		return nil
	}
	q := c.Request.URL.Query()
	q.Set("cursor", cursor)
	c.Header("Link", fmt.Sprintf("<%s?%s>; rel=\"next\"", c.Request.URL.EscapedPath(), q.Encode()))
	return &cursor
}
