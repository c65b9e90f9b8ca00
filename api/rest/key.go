package rest

import (
	"errors"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// ScopeRead is the scope an API key needs for everything finance reads.
const ScopeRead = "finance:read"

// ErrNoKey is what an Auth function returns, wrapped or not, for a request
// that carries no valid API key: it is answered with 401.
var ErrNoKey = errors.New("no valid API key")

// Key is what an API key allows. A zero Party does not restrict. ID is the
// key's, "" for a visitor who needs none.
type Key struct {
	ID     string
	Scopes []string
	Party  ocpi.Party
}

// Allows reports whether the key has a scope.
func (k Key) Allows(scope string) bool { return slices.Contains(k.Scopes, scope) }

// Sees reports whether the key may see what cpo claims from emsp.
func (k Key) Sees(cpo, emsp ocpi.Party) bool {
	return k.Party.IsZero() || k.Party == cpo || k.Party == emsp
}
