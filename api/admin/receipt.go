package admin

import (
	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
)

// receipts answers a call about receipts, to whoever has the token: it sees all.
func (s *server) receipts(fn func(c *gin.Context, who *rest.Viewer) error) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		emsp := c.Query("emsp")
		if emsp == rest.Unknown {
			emsp = ""
		}
		if _, err := rest.KnownScope(s.partners, c.Query("cpo"), emsp); err != nil {
			return err // there would seem to be nothing of it
		}
		return fn(c, &rest.Viewer{})
	}
}

// tariffChanges answers how Tariffs changed, to whoever has the token: it sees all.
func (s *server) tariffChanges(r rest.TariffRadar) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		if _, err := rest.KnownScope(s.partners, c.Query("cpo"), c.Query("recipient")); err != nil {
			return err // there would seem to be none
		}
		return r.Changes(c, rest.Key{})
	}
}

// publicData answers what Locations do not say, to whoever has the token: it sees all.
func (s *server) publicData(d rest.PublicData) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		if _, err := rest.KnownScope(s.partners, c.Query("cpo"), ""); err != nil {
			return err // there would seem to be none
		}
		return d.Report(c, rest.Key{})
	}
}
