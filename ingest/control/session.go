package control

import (
	"crypto/hmac"
	"crypto/sha256"
)

// ByID returns an API key by its id.
func (d *Keys) ByID(id string) (*APIKey, bool) { return d.state.Current().byID.Get(id) }

// Seal authenticates a message under the key. Nobody can compute it who does
// not know the key or read the control log, every instance can, and with the
// key it ends.
func (k *APIKey) Seal(message string) []byte {
	mac := hmac.New(sha256.New, k.Hash[:])
	mac.Write([]byte(message))
	return mac.Sum(nil)
}
