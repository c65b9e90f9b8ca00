package api

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
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

func (a *Admin) listKeys(c *gin.Context) {
	list := KeyList{Keys: []Key{}}
	for _, k := range a.control.State().Keys() {
		list.Keys = append(list.Keys, keyView(k))
	}
	c.JSON(http.StatusOK, list)
}

func (a *Admin) addKey(c *gin.Context) {
	var q KeyRequest
	if err := decodeJSON(c.Request, &q); err != nil {
		a.fail(c, err)
		return
	}
	n := control.NewKey{Name: q.Name, Scopes: q.Scopes}
	if q.Party != "" {
		var ok bool
		if n.Party, ok = ocpi.ParseParty(q.Party); !ok {
			a.fail(c, &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "party", Reason: fmt.Sprintf("%q: want country and party id, such as GB/DUN", q.Party)}}})
			return
		}
	}
	k, secret, err := a.control.AddKey(c.Request.Context(), command(c), n)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.logger.Info("API key added", "key", k.ID)
	c.JSON(http.StatusCreated, KeySecret{keyView(k), secret})
}

func (a *Admin) removeKey(c *gin.Context) {
	if err := a.control.RemoveKey(c.Request.Context(), command(c), Param(c, "id")); err != nil {
		a.fail(c, err)
		return
	}
	a.logger.Info("API key removed", "key", Param(c, "id"))
	c.Status(http.StatusNoContent)
}
