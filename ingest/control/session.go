package control

import (
	"crypto/hmac"
	"crypto/sha256"
)

// KeyByID returns an API key by its id.
func (s *State) KeyByID(id string) (*APIKey, bool) {
	k, ok := s.keys[id]
	return k, ok
}

// Seal authenticates a message under the key. Nobody can compute it who does
// not know the key or read the control log, every instance can, and with the
// key it ends.
func (k *APIKey) Seal(message string) []byte {
	mac := hmac.New(sha256.New, k.Hash[:])
	mac.Write([]byte(message))
	return mac.Sum(nil)
}
