package rest

import (
	"fmt"

	"github.com/gin-gonic/gin"
)

// LinkNext tells the address of the next page the way RFC 8288 wants it, and
// returns the cursor as JSON shows it: null at the end.
func LinkNext(c *gin.Context, cursor string) *string {
	if cursor == "" {
		return nil
	}
	c.Header("Link", fmt.Sprintf("<%s>; rel=\"next\"", nextPage(c, cursor)))
	return &cursor
}

// NextNote is the [CSV.Note] of a table that is one page of a list, "" at its
// end: a file that is kept must say itself that it is not whole.
func NextNote(c *gin.Context, cursor string) string {
	if cursor == "" {
		return ""
	}
	return "not the whole list: it goes on at " + nextPage(c, cursor)
}

func nextPage(c *gin.Context, cursor string) string {
	q := c.Request.URL.Query()
	q.Set("cursor", cursor)
	return c.Request.URL.EscapedPath() + "?" + q.Encode()
}
