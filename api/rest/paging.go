package rest

import (
	"fmt"

	"github.com/gin-gonic/gin"
)

// LinkNext tells the address of the next page the way RFC 8288 wants it, which
// a CSV has no room for, and returns the cursor as JSON shows it: null at the
// end.
func LinkNext(c *gin.Context, cursor string) *string {
	if cursor == "" {
		return nil
	}
	q := c.Request.URL.Query()
	q.Set("cursor", cursor)
	c.Header("Link", fmt.Sprintf("<%s?%s>; rel=\"next\"", c.Request.URL.EscapedPath(), q.Encode()))
	return &cursor
}
