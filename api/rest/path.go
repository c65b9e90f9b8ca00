package rest

import (
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// KeyPath is what the path of a route of [PathKey] ends in, for an identity.
func KeyPath(k ocpi.Key) string {
	return "/" + url.PathEscape(k.Party.Country) + "/" + url.PathEscape(k.Party.ID) + "/" + url.PathEscape(k.ID)
}

// PathKey reads the identity from the path of a route that ends in
// /:country/:party/*id. It goes by the escaped path, so an id may hold an
// escaped "/". An identity that cannot be one is [settlement.ErrNotFound].
func PathKey(c *gin.Context) (ocpi.Key, error) {
	before := strings.Count(c.FullPath(), "/") - 3 // slashes left of the country's
	parts := strings.Split(c.Request.URL.EscapedPath(), "/")
	if len(parts) != before+4 {
		return ocpi.Key{}, settlement.ErrNotFound
	}
	parts = parts[before+1:]
	for i, p := range parts {
		s, err := url.PathUnescape(p)
		if err != nil || s == "" {
			return ocpi.Key{}, settlement.ErrNotFound
		}
		parts[i] = s
	}
	return ocpi.NewKey(parts[0], parts[1], parts[2]), nil
}
