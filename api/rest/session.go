package rest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Keys knows what the API keys in the control log allow.
type Keys struct{ Known *control.Keys }

// Authenticate finds what the API key of a request allows. The error wraps ErrNoKey,
// for a key that has ended too, a *control.CertError for one that is bound to another
// client certificate than the connection's, or [settlement.ErrUnavailable] while keys
// are being read.
func (k Keys) Authenticate(r *http.Request) (Key, error) {
	found, err := k.key(r, r.Header.Get("Authorization"), "api")
	if err != nil {
		return Key{}, err
	}
	return allows(found), nil
}

func (k Keys) key(r *http.Request, authorization, at string) (*control.APIKey, error) {
	if err := k.Known.Ready(); err != nil {
		return nil, fmt.Errorf("%w: look up key: %w", settlement.ErrUnavailable, err)
	}
	found, ok := k.Known.Find(authorization)
	if !ok {
		if authorization != "" {
			if err := api.Stranger(r, at); err != nil {
				return nil, err
			}
		}
		return nil, ErrNoKey
	}
	return found, api.Certified(r, found.ID, found.Admits)
}

func allows(k *control.APIKey) Key {
	return Key{ID: k.ID, Name: k.Name, Scopes: k.Scopes, Party: k.Party, Expires: k.Expires}
}

// A session is a text that a browser keeps in place of the API key: the key's
// id, when the session ends, a random number, and a seal over these that only
// this installation can make. Nothing is kept for it here, so any instance
// knows it, none forgets it, and it ends with its key. It gives nobody the key.
const sessionSeal = "roamclear page session\x00"

// SignIn makes a session that ends at until, for who sends a key over the connection of
// a request. Errors as in Authenticate.
func (k Keys) SignIn(r *http.Request, apiKey string, until time.Time) (session string, key Key, err error) {
	found, err := k.key(r, "Bearer "+apiKey, "page")
	if err != nil {
		return "", Key{}, err
	}
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails: crypto/rand ends the process instead
	what := encode([]byte(found.ID)) + "." + strconv.FormatInt(until.Unix(), 10) + "." + encode(nonce[:])
	return what + "." + encode(control.Seal(control.HashToken(apiKey), sessionSeal+what)), allows(found), nil
}

// Session finds what the key of a session allows. The error wraps ErrNoKey for
// a session that has ended, was never made here, or whose key is gone or has ended.
// The key's client certificate is asked for as by Authenticate.
func (k Keys) Session(r *http.Request, session string, now time.Time) (Key, error) {
	at := strings.LastIndexByte(session, '.')
	if at < 0 {
		return Key{}, ErrNoKey
	}
	what := session[:at]
	seal, err := base64.RawURLEncoding.DecodeString(session[at+1:])
	parts := strings.Split(what, ".")
	if err != nil || len(parts) != 3 {
		return Key{}, ErrNoKey
	}
	if err := k.Known.Ready(); err != nil {
		return Key{}, fmt.Errorf("%w: look up key: %w", settlement.ErrUnavailable, err)
	}
	id, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return Key{}, ErrNoKey
	}
	found, ok := k.Known.ByID(string(id))
	if !ok || !found.Sealed(sessionSeal+what, seal, ocpi.TimeOf(now)) {
		return Key{}, ErrNoKey
	}
	if until, err := strconv.ParseInt(parts[1], 10, 64); err != nil || now.Unix() >= until {
		return Key{}, ErrNoKey
	}
	return allows(found), api.Certified(r, found.ID, found.Admits)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
