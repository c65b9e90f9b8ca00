package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
)

// Key is an API key as the admin interface shows it, without the secret.
type Key struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Party  string   `json:"party,omitempty"` // "GB*DUN": sees only this party's rows
}

// KeyList answers GET /admin/v1/keys.
type KeyList struct {
	Keys []Key `json:"keys"`
}

// KeySecret answers POST /admin/v1/keys: the only time the secret is shown.
type KeySecret struct {
	Key    Key    `json:"key"`
	Secret string `json:"secret"`
}

// KeyRequest is the body of POST /admin/v1/keys.
type KeyRequest struct {
	Name   string   `json:"name,omitempty"`
	Scopes []string `json:"scopes"`
	Party  string   `json:"party,omitempty"` // "GB*DUN" or "GB/DUN"; "" = everything
}

func keyView(k *control.APIKey) Key {
	view := Key{ID: k.ID, Name: k.Name, Scopes: k.Scopes}
	if !k.Party.IsZero() {
		view.Party = k.Party.String()
	}
	return view
}

func (s *server) listKeys(c *gin.Context) error {
	list := KeyList{Keys: []Key{}}
	for _, k := range s.keys.All() {
		list.Keys = append(list.Keys, keyView(k))
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
	if q.Party != "" {
		var err error
		if n.Party, err = s.knownParty(q.Party); err != nil {
			return err
		}
	}
	k, secret, err := s.keys.Add(c.Request.Context(), command(c), n)
	if err != nil {
		return err
	}
	s.logger.Info("API key added", "key", k.ID)
	rest.WriteJSON(c, http.StatusCreated, KeySecret{keyView(k), secret})
	return nil
}

func (s *server) removeKey(c *gin.Context) error {
	if err := s.keys.Remove(c.Request.Context(), command(c), api.Param(c, "id")); err != nil {
		return err
	}
	s.logger.Info("API key removed", "key", api.Param(c, "id"))
	c.Status(http.StatusNoContent)
	return nil
}
