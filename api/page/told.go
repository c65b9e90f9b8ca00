package page

import (
	"encoding/base64"
	"net/http"

	"github.com/gin-gonic/gin"
)

// toldName is the cookie in which a page that sends the visitor on has the next one tell what
// was done. It is no part of the address: a link could say that something was done which was
// not.
const toldName = "roamclear_told"

// toldFor is how long a browser keeps it, seconds: until the next page.
const toldFor = 60

// tell has the page that the visitor is sent to say something.
func (s *server) tell(c *gin.Context, text string) {
	s.setCookie(c, toldName, base64.RawURLEncoding.EncodeToString([]byte(text)), toldFor)
}

// told is what the last page has this one say, once; "" for nothing.
func (s *server) told(c *gin.Context) string {
	cookie, err := c.Request.Cookie(toldName)
	if err != nil {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		text = nil // not of ours
	}
	s.setCookie(c, toldName, "", -1)
	return string(text)
}

// setCookie has the browser keep a value for so many seconds, or forget it.
func (s *server) setCookie(c *gin.Context, name, value string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		// Lax: a link in a mail leads to the page, not to the sign-in form. Forms
		// of other sites are refused by where they come from.
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: s.SecureCookie || c.Request.TLS != nil,
	})
}
