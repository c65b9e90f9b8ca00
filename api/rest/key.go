package rest

import (
	"errors"
	"slices"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// ScopeRead is the scope an API key needs for everything finance reads.
const ScopeRead = control.ScopeFinanceRead

// ErrNoKey is what an Auth function returns, wrapped or not, for a request
// that carries no valid API key: it is answered with 401.
var ErrNoKey = errors.New("no valid API key")

// Key is what an API key allows. A zero Party does not restrict: keys of the scopes
// app and cpo always have one. ID is the key's, "" for a visitor who needs none.
type Key struct {
	ID      string
	Name    string // for people
	Scopes  []string
	Party   ocpi.Party
	Expires ocpi.Time // the last instant it works at, zero = it does not end
}

// Allows reports whether the key has a scope.
func (k Key) Allows(scope string) bool { return slices.Contains(k.Scopes, scope) }

// Sees reports whether the key may see what cpo claims from emsp.
func (k Key) Sees(cpo, emsp ocpi.Party) bool {
	return k.Party.IsZero() || k.Party == cpo || k.Party == emsp
}
