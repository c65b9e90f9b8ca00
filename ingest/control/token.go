package control

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// Bounds of a token, see ValidateToken (OCPI 2.2.1 credentials: string(64)).
const (
	MinTokenLength = 8
	MaxTokenLength = 64
)

// TokenHash is the SHA-256 of a token or an API key. Both are random secrets
// of 256 bits when we mint them, so a plain hash gives nothing away, and a
// look-up by it takes the same time whatever the guess.
type TokenHash [sha256.Size]byte

// HashToken hashes a token as its holder writes it.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// MarshalText writes the hash in hexadecimal.
func (h TokenHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *TokenHash) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("token hash: want %d hexadecimal digits, got %d bytes", hex.EncodedLen(len(h)), len(b))
	}
	if _, err := hex.Decode(h[:], b); err != nil {
		return fmt.Errorf("token hash: %w", err)
	}
	return nil
}

// NewToken mints a token: 256 random bits as 43 characters.
func NewToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ValidateToken checks a token that a person chose: 8 to 64 printable
// characters of ASCII without white space (OCPI 2.2.1 credentials).
func ValidateToken(token string) error {
	if len(token) < MinTokenLength || len(token) > MaxTokenLength {
		return Invalid("token of %d characters: want %d to %d", len(token), MinTokenLength, MaxTokenLength)
	}
	for i := range len(token) {
		if token[i] < 0x21 || token[i] > 0x7E {
			return Invalid("token: character %d is not printable ASCII without white space", i+1)
		}
	}
	return nil
}

// TokenEncoding says how a partner writes its token into the Authorization
// header. OCPI 2.1.1 sends it as it is, 2.2.1 and later in Base64; many mix
// them up, so Auto accepts both.
type TokenEncoding string

// Token encodings.
const (
	EncodingAuto   TokenEncoding = "auto"
	EncodingRaw    TokenEncoding = "raw"
	EncodingBase64 TokenEncoding = "base64"
)

func (e TokenEncoding) validate() error {
	switch e {
	case EncodingAuto, EncodingRaw, EncodingBase64:
		return nil
	}
	return Invalid("token encoding %q: want auto, raw or base64", string(e))
}

// maxCredentials is the longest credentials part of a header that can match:
// the Base64 of the longest token with CR and LF behind it.
const maxCredentials = (MaxTokenLength + 2 + 2) / 3 * 4

// hashCredentials returns the hash of the header's credentials taken as they
// are, and of what they decode to when they are Base64. Partners that encode
// with `echo` leave a line end inside the Base64: it is cut off, even the
// examples in the OCPI specification have one.
func hashCredentials(credentials string) (raw, decoded TokenHash, isBase64 bool) {
	var text, plain [maxCredentials]byte
	n := copy(text[:], credentials)
	raw = sha256.Sum256(text[:n])
	m, err := base64.StdEncoding.Decode(plain[:], text[:n])
	if err != nil {
		return raw, TokenHash{}, false
	}
	for m > 0 && (plain[m-1] == '\n' || plain[m-1] == '\r') {
		m--
	}
	return raw, sha256.Sum256(plain[:m]), true
}

// decodedToken returns the token that credentials in Base64 stand for, as
// hashCredentials takes it.
func decodedToken(credentials string) (string, bool) {
	plain, err := base64.StdEncoding.DecodeString(credentials)
	return strings.TrimRight(string(plain), "\r\n"), err == nil
}

// cutScheme splits an Authorization header into its credentials, if its
// scheme is the wanted one, followed by one space.
func cutScheme(authorization, scheme string) (credentials string, ok bool) {
	got, credentials, ok := strings.Cut(authorization, " ")
	if !ok || !strings.EqualFold(got, scheme) || credentials == "" || len(credentials) > maxCredentials {
		return "", false
	}
	return credentials, true
}
