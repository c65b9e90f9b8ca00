package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// Bounds of what is compressed.
const (
	// leastCompressed is the smallest answer that is, in bytes: a smaller one is a packet on
	// the wire either way, and most answers to pushes are.
	leastCompressed = 1400
	// jitter is how many bytes, at random by what the answer says, are put beside what is
	// compressed: so its length does not tell, letter by letter, whether a text that somebody
	// had in the question is one that a page has and they may not see (BREACH).
	jitter = 32
)

// Compressed has answers to GET compressed by gzip for who takes that. An answer that may be too
// small for it is held back, its headers too, until it is whole: answers to pushes are small, and
// do not wait for that.
func Compressed(h http.Handler) http.Handler {
	compress, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false), gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.MinSize(leastCompressed), gzhttp.RandomJitter(jitter, 0, false))
	if err != nil {
		panic(fmt.Errorf("compress answers: %w", err)) // of our own options
	}
	compressed := compress(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			compressed(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Unchanged says by which tag an answer is known, and reports whether who asks has it already:
// then there is no other answer than that (RFC 9110, 13.1.2 and 15.4.5). It may be kept by who
// asked, and is asked for again. The tag is weak, since an answer may be compressed.
func Unchanged(c *gin.Context, tag string) bool {
	tag = `"` + tag + `"`
	c.Header("ETag", "W/"+tag)
	c.Header("Cache-Control", "private, no-cache")
	for _, has := range c.Request.Header["If-None-Match"] {
		for one := range strings.SplitSeq(has, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				c.Status(http.StatusNotModified)
				c.Writer.WriteHeaderNow()
				return true
			}
		}
	}
	return false
}
