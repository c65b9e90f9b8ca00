package page

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
)

// Fallback answers what no route answers: with a page to a browser, else as
// otherwise does. What lies below the paths of programs is always theirs.
func Fallback(logger *slog.Logger, otherwise api.Fallback) api.Fallback {
	s := &server{Deps: Deps{Logger: logger}}
	return api.Fallback{Answer: func(c *gin.Context, err error) {
		if !asksForAPage(c) {
			otherwise.Answer(c, err)
			return
		}
		if errors.Is(err, api.ErrNotFound) {
			err = errNoPage
		}
		s.guarded(func(*gin.Context) error { return err })(c)
		c.Abort()
	}}
}

var errNoPage = &rest.Error{Status: http.StatusNotFound, Code: "not_found", Message: "there is no page at this address"}

// programs are the paths whose answers programs read.
var programs = []string{"/api/", "/admin/", "/ocpi/", "/metrics", "/healthz", "/readyz"}

// asksForAPage reports whether a browser asks. A program that takes anything is
// none.
func asksForAPage(c *gin.Context) bool {
	for _, p := range programs {
		if strings.HasPrefix(c.Request.URL.Path, p) {
			return false
		}
	}
	c.Header("Vary", "Accept")
	return c.GetHeader("Accept") != "" && c.NegotiateFormat(gin.MIMEJSON, gin.MIMEHTML) == gin.MIMEHTML
}
