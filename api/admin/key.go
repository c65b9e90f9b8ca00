package admin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Key is an API key as the admin interface shows it, without the secret.
type Key struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Party  string   `json:"party,omitempty"` // "GB*DUN": the party it is bound to
	// Expires is the last instant the key works at, "" where it does not end.
	Expires string `json:"expires,omitempty"`
	// RotationUntil is when the old secret of a rotation under way ends.
	RotationUntil string `json:"rotation_until,omitempty"`
	// Certificates are the fingerprints of those with one of which alone it is used.
	Certificates []string `json:"certificates,omitempty"`
}

// KeyList answers GET /admin/v1/keys.
type KeyList struct {
	Keys []Key `json:"keys"`
}

// KeySecret answers POST /admin/v1/keys, and a rotation: the only time the secret is
// shown.
type KeySecret struct {
	Key    Key    `json:"key"`
	Secret string `json:"secret"`
}

// KeyRequest is the body of POST /admin/v1/keys.
type KeyRequest struct {
	Name   string   `json:"name,omitempty"`
	Scopes []string `json:"scopes"`
	Party  string   `json:"party,omitempty"` // "GB*DUN" or "GB/DUN"; "" = everything
	// Expires is how long the key works, "90d" or "12h", or until when; "" = it does
	// not end.
	Expires string `json:"expires,omitempty"`
}

// KeyRotateRequest is the body of POST /admin/v1/keys/{id}/rotate; it may be absent.
type KeyRotateRequest struct {
	Now     bool   `json:"now,omitempty"`     // the old secret ends at once, for one that has leaked
	Expires string `json:"expires,omitempty"` // a new end of the key; "" = as it was
}

func (s *server) keyView(k *control.APIKey) Key {
	view := Key{ID: k.ID, Name: k.Name, Scopes: k.Scopes}
	if !k.Party.IsZero() {
		view.Party = k.Party.String()
	}
	if k.Expires.IsSet() {
		view.Expires = k.Expires.String()
	}
	if until, ok := k.RotationUntil(s.keys.Now()); ok {
		view.RotationUntil = until.String()
	}
	for _, f := range k.Certificates {
		view.Certificates = append(view.Certificates, f.String())
	}
	return view
}

func (s *server) listKeys(c *gin.Context) error {
	list := KeyList{Keys: []Key{}}
	for _, k := range s.keys.All() {
		list.Keys = append(list.Keys, s.keyView(k))
	}
	rest.WriteJSON(c, http.StatusOK, list)
	return nil
}

func (s *server) addKey(c *gin.Context) error {
	var q KeyRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	n := control.NewKey{Name: q.Name, Scopes: q.Scopes}
	var err error
	if n.Expires, err = keyEnd(q.Expires, s.keys.Now()); err != nil {
		return err
	}
	if q.Party != "" {
		if n.Party, err = s.keyParty(q.Party, q.Scopes); err != nil {
			return err
		}
	}
	k, secret, err := s.keys.Add(c.Request.Context(), command(c), n)
	if err != nil {
		return err
	}
	s.logger.Info("API key added", "key", k.ID)
	rest.WriteJSON(c, http.StatusCreated, KeySecret{s.keyView(k), secret})
	return nil
}

// rotateKey gives a key a new secret.
func (s *server) rotateKey(c *gin.Context) error {
	var q KeyRotateRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	expires, err := keyEnd(q.Expires, s.keys.Now())
	if err != nil {
		return err
	}
	k, secret, err := s.keys.Rotate(c.Request.Context(), command(c), api.Param(c, "id"), control.KeyRotation{Now: q.Now, Expires: expires})
	if err != nil {
		return err
	}
	s.logger.Info("API key rotated", "key", k.ID, "now", q.Now)
	rest.WriteJSON(c, http.StatusOK, KeySecret{s.keyView(k), secret})
	return nil
}

// keyEnd reads when a key ends: after so many days or hours, or at an instant. "" is
// never.
func keyEnd(text string, now ocpi.Time) (ocpi.Time, error) {
	if text == "" {
		return 0, nil
	}
	wrong := rest.Invalid("expires", "%q: want how long, such as 90d or 12h, or until when, such as 2027-01-31T00:00:00Z; at most 100 years", text)
	end, _, err := ocpi.ParseTime(text)
	if err != nil {
		life, ok := lifetime(text)
		if !ok || life > control.MaxKeyLife {
			return 0, wrong
		}
		end = now + ocpi.Time(life)
	}
	switch {
	case end > now+ocpi.Time(control.MaxKeyLife):
		return 0, wrong
	case end <= now:
		return 0, rest.Invalid("expires", "%q: that is past", text)
	}
	return end, nil
}

// lifetime reads a time in days, which a duration of Go does not know, or in its units.
func lifetime(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil && n > 0 // fits: 65,535 days are 180 years
	}
	life, err := time.ParseDuration(text)
	return life, err == nil && life > 0
}

func (s *server) removeKey(c *gin.Context) error {
	if err := s.keys.Remove(c.Request.Context(), command(c), api.Param(c, "id")); err != nil {
		return err
	}
	s.logger.Info("API key removed", "key", api.Param(c, "id"))
	c.Status(http.StatusNoContent)
	return nil
}
