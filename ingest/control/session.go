package control

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/roamclear/roamclear/ocpi"
)

// ByID returns an API key by its id, one that has ended too.
func (d *Keys) ByID(id string) (*APIKey, bool) { return d.state.Current().byID.Get(id) }

// Seal authenticates a message under a secret of the key. Nobody can compute it who
// does not know the secret or read the control log, every instance can, and with the
// secret it ends.
func Seal(secret TokenHash, message string) []byte {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// Sealed reports whether a message was sealed under a secret of the key that works at
// an instant.
func (k *APIKey) Sealed(message string, seal []byte, now ocpi.Time) bool {
	for _, secret := range []TokenHash{k.Hash, k.Old.Hash} {
		if k.accepts(secret, now) && hmac.Equal(seal, Seal(secret, message)) {
			return true
		}
	}
	return false
}
