package report

import (
	"errors"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// ScopeRead is the scope an API key needs for everything in this package.
const ScopeRead = "finance:read"

// ErrNoKey is what an Auth function returns, wrapped or not, for a request
// that carries no valid API key: it is answered with 401.
var ErrNoKey = errors.New("no valid API key")

// Key is what an API key allows. A zero Party does not restrict.
type Key struct {
	Scopes []string
	Party  ocpi.Party
}

// CanRead reports whether the key has the scope finance:read.
func (k Key) CanRead() bool { return slices.Contains(k.Scopes, ScopeRead) }

// Sees reports whether the key may see what cpo claims from emsp.
func (k Key) Sees(cpo, emsp ocpi.Party) bool {
	return k.Party.IsZero() || k.Party == cpo || k.Party == emsp
}

// Visible returns err, or [settlement.ErrNotFound] when the key may not see
// the CDR: what belongs to others answers as if it did not exist.
func (k Key) Visible(cdr *settlement.CDRDetail, err error) (*settlement.CDRDetail, error) {
	if err != nil {
		return nil, err
	}
	if !k.Sees(cdr.CPO, cdr.EMSP) {
		return nil, settlement.ErrNotFound
	}
	return cdr, nil
}
