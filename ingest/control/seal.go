package control

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// SealKeyLength is the length of the key of a [Sealer], in bytes.
const SealKeyLength = 32

// SealedToken is a token that we send to a partner, as the control log keeps it:
// the id of the key, a colon, and nonce and text of AES-256-GCM in Base64. It
// says nothing to whoever lacks the key.
type SealedToken string

// KeyID names the key that a token is sealed with.
func (t SealedToken) KeyID() string {
	id, _, _ := strings.Cut(string(t), ":")
	return id
}

// maxSealed bounds a sealed token in the log, in bytes.
const maxSealed = 1024

func (t SealedToken) validate() error {
	if id, text, ok := strings.Cut(string(t), ":"); !ok || id == "" || text == "" || len(t) > maxSealed {
		return Invalid("the token to call the partner with is not sealed")
	}
	return nil
}

// Sealer seals and opens the tokens by which we call partners: unlike those that
// partners send us they must be had in clear. It is safe for concurrent use.
type Sealer struct {
	id     string
	aead   cipher.AEAD
	signer [sha256.Size]byte // key of signatures, made of the key
}

// SealKeyError says that a token was sealed with another key than ours: the key
// file was lost or replaced.
type SealKeyError struct{ Sealed, Ours string }

// Error names both keys and what can be done.
func (e *SealKeyError) Error() string {
	return fmt.Sprintf("the token was sealed with key %s, the key here is %s: put the key file back (setting secrets.key_file), or have the partner send its credentials again (PUT)", e.Sealed, e.Ours)
}

// NewSealKey makes a key for NewSealer.
func NewSealKey() []byte {
	key := make([]byte, SealKeyLength)
	rand.Read(key) // never fails: crypto/rand ends the process instead
	return key
}

// NewSealer returns the Sealer of a key, whose id is made of it and tells
// nothing of it.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != SealKeyLength {
		return nil, fmt.Errorf("key of %d bytes: want %d", len(key), SealKeyLength)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("roamclear seal key\x00"), key...))
	signer := sha256.Sum256(append([]byte("roamclear sign key\x00"), key...))
	return &Sealer{id: hex.EncodeToString(sum[:4]), aead: aead, signer: signer}, nil
}

// signatureBytes is how much of an HMAC-SHA-256 a signature has: 192 bits.
const signatureBytes = 24

// Sign returns a signature of texts that nobody can make without the key, for a URL: 32
// characters of URL-safe Base64. purpose keeps those of one use from another.
func (s *Sealer) Sign(purpose string, texts ...string) string {
	mac := hmac.New(sha256.New, s.signer[:])
	for _, t := range append([]string{purpose}, texts...) {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(t)))) // so that no two lists of texts are one
		mac.Write([]byte(t))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:signatureBytes])
}

// Signed reports whether a signature is that of the texts, in the same time whatever it is.
func (s *Sealer) Signed(signature, purpose string, texts ...string) bool {
	return hmac.Equal([]byte(signature), []byte(s.Sign(purpose, texts...)))
}

// KeyID names the key.
func (s *Sealer) KeyID() string { return s.id }

// Seal returns the token as the log may keep it.
func (s *Sealer) Seal(token string) SealedToken {
	sealed := s.aead.Seal(nil, nil, []byte(token), []byte(s.id))
	return SealedToken(s.id + ":" + base64.RawStdEncoding.EncodeToString(sealed))
}

// Open returns the token. The error, a *SealKeyError where the key is another,
// never shows anything of it.
func (s *Sealer) Open(t SealedToken) (string, error) {
	id, text, _ := strings.Cut(string(t), ":")
	if id != s.id {
		return "", &SealKeyError{Sealed: id, Ours: s.id}
	}
	sealed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("open sealed token: %w", err)
	}
	token, err := s.aead.Open(nil, nil, sealed, []byte(s.id))
	if err != nil {
		return "", fmt.Errorf("open sealed token of key %s: %w", s.id, err)
	}
	return string(token), nil
}
