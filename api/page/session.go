package page

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
)

const (
	cookieName   = "roamclear_key"
	cookieMaxAge = 12 * 60 * 60 // seconds: a working day
	maxSignIn    = 4 << 10      // bytes of a sign-in form
)

// visitor is who looks at a page.
type visitor struct {
	rest.Key
	Open bool // no key was asked for, so there is nothing to sign out of
}

// visitor tells who asks. The key is looked up each time, so a key that is
// taken away is out at once.
func (s *server) visitor(c *gin.Context) (visitor, error) {
	cookie, err := c.Request.Cookie(cookieName)
	if err != nil {
		if s.Open && fromThisMachine(c.Request) {
			return visitor{Key: rest.Key{Scopes: []string{rest.ScopeRead}}, Open: true}, nil
		}
		return visitor{}, rest.ErrNoKey
	}
	apiKey, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return visitor{}, rest.ErrNoKey
	}
	key, err := s.Key(c.Request.Context(), string(apiKey))
	if err == nil && !key.Allows(rest.ScopeRead) {
		err = rest.ErrNoKey
	}
	return visitor{Key: key}, err
}

// fromThisMachine reports whether a request comes from loopback and is meant
// for loopback. The Host is checked because a page elsewhere may point its own
// name at 127.0.0.1 and so read what a browser here can; the forwarding
// headers, because a proxy on this machine speaks for others.
func fromThisMachine(r *http.Request) bool {
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !isLoopback(remote) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	forwarded := r.Header.Get("Forwarded") + r.Header.Get("X-Forwarded-For")
	return forwarded == "" && (host == "localhost" || isLoopback(strings.Trim(host, "[]")))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

type signInView struct {
	frame
	Next  string
	Wrong string // why the key that was given does not do
}

// signInForm answers GET /sign-in.
func (s *server) signInForm(c *gin.Context) error {
	next := localPath(c.Query("next"))
	s.render(c, http.StatusOK, "signin", signInView{frame: frame{Title: "Sign in", Query: url.Values{}}, Next: next})
	return nil
}

// signIn answers POST /sign-in: it keeps the key in a cookie that no script
// and no other site can use.
func (s *server) signIn(c *gin.Context) error {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return errCrossOrigin
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxSignIn)
	apiKey, next := strings.TrimSpace(c.PostForm("key")), localPath(c.PostForm("next"))
	key, err := s.Key(c.Request.Context(), apiKey)
	wrong := ""
	switch {
	case notSignedIn(err):
		wrong = "This key is not known, or was removed. Check that it was copied whole."
	case err != nil:
		return err
	case !key.Allows(rest.ScopeRead):
		wrong = "This key is not for finance: it lacks the scope " + rest.ScopeRead + "."
	}
	if wrong != "" {
		s.render(c, http.StatusUnauthorized, "signin", signInView{frame: frame{Title: "Sign in", Query: url.Values{}}, Next: next, Wrong: wrong})
		return nil
	}
	s.setCookie(c, base64.RawURLEncoding.EncodeToString([]byte(apiKey)), cookieMaxAge)
	c.Redirect(http.StatusSeeOther, next)
	return nil
}

// signOut answers POST /sign-out.
func (s *server) signOut(c *gin.Context) error {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return errCrossOrigin
	}
	s.setCookie(c, "", -1)
	c.Redirect(http.StatusSeeOther, "/sign-in")
	return nil
}

var errCrossOrigin = &rest.Error{Status: http.StatusForbidden, Code: "cross_origin",
	Message: "the form was sent from another site; open this page itself and sign in there"}

func (s *server) setCookie(c *gin.Context, value string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: s.SecureCookie || c.Request.TLS != nil,
	})
}

// localPath returns a path of this site, "/" for anything else: a sign-in must
// not send people elsewhere.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") {
		return "/"
	}
	return s
}
