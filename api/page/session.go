package page

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
)

const (
	cookieName = "roamclear_session"
	sessionFor = 12 * time.Hour // a working day
	maxSignIn  = 4 << 10        // bytes of a sign-in form
)

// visitor is who looks at a page.
type visitor struct {
	rest.Key
	Open bool // no key was asked for, so there is nothing to sign out of
	// What the site has besides.
	Statements, Searches, Months, Checks, Radar, Public, Messages bool
}

// visitor tells who asks. The key of the session is looked up each time, so a
// key that is taken away is out at once.
func (s *server) visitor(c *gin.Context) (v visitor, err error) {
	v.Messages = s.Messages.Log != nil
	v.Radar, v.Public = s.Radar != nil, s.Public != nil
	v.Statements, v.Searches, v.Months, v.Checks = s.Drafts != nil, s.Finder != nil, s.Drafts != nil && s.Around != nil, s.Preflight != nil
	cookie, err := c.Request.Cookie(cookieName)
	if err != nil {
		if s.Open && api.FromThisMachine(c.Request) {
			v.Key, v.Open = rest.Key{Scopes: []string{rest.ScopeRead}}, true
			return v, nil
		}
		return v, rest.ErrNoKey
	}
	if v.Key, err = s.Keys.Session(c.Request, cookie.Value, s.now()); err == nil && !mayEnter(v.Key) {
		err = rest.ErrNoKey
	}
	return v, err
}

// mayEnter reports whether there is a page for a key.
func mayEnter(key rest.Key) bool {
	return key.Allows(rest.ScopeRead) || key.Allows(control.ScopeApp) || key.Allows(rest.ScopeOps)
}

// operates reports whether the visitor reads what is exchanged with partners: that of all,
// which a key of one party does not.
func (v visitor) operates() bool {
	return v.Messages && v.Party.IsZero() && (v.Open || v.Allows(rest.ScopeOps))
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

// signIn answers POST /sign-in: the browser keeps a session in a cookie that no
// script and no other site's form can use. The key itself it does not keep.
func (s *server) signIn(c *gin.Context) error {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return errCrossOrigin
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxSignIn)
	apiKey, next := strings.TrimSpace(c.PostForm("key")), localPath(c.PostForm("next"))
	session, key, err := s.Keys.SignIn(c.Request, apiKey, s.now().Add(sessionFor))
	wrong := ""
	uncertified, lacks := errors.AsType[*control.CertError](err)
	switch {
	case lacks:
		wrong = "This key is bound to a client certificate: " + uncertified.Text + "."
	case notSignedIn(err):
		wrong = "This key is not known, or was removed. Check that it was copied whole."
	case err != nil:
		return err
	case !mayEnter(key):
		wrong = "There is no page for this key: it has none of the scopes " + rest.ScopeRead + ", " + rest.ScopeOps + " and " + control.ScopeApp + "."
	}
	if wrong != "" {
		s.render(c, http.StatusUnauthorized, "signin", signInView{frame: frame{Title: "Sign in", Query: url.Values{}}, Next: next, Wrong: wrong})
		return nil
	}
	s.setCookie(c, cookieName, session, int(sessionFor.Seconds()))
	c.Redirect(http.StatusSeeOther, next)
	return nil
}

// signOut answers POST /sign-out.
func (s *server) signOut(c *gin.Context) error {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return errCrossOrigin
	}
	s.setCookie(c, cookieName, "", -1)
	c.Redirect(http.StatusSeeOther, "/sign-in")
	return nil
}

var errCrossOrigin = &rest.Error{Status: http.StatusForbidden, Code: "cross_origin",
	Message: "the form was sent from another site; open this page itself and sign in there"}

// localPath returns a path of this site, "/" for anything else: a sign-in must
// not send people elsewhere.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") {
		return "/"
	}
	return s
}
