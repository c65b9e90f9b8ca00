package control

import (
	"bytes"
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
func (h *TokenHash) UnmarshalText(b []byte) error { return readHash(h[:], b, "token hash") }

// readHash reads the hexadecimal digits of a hash, all of them; what names it.
func readHash(h, digits []byte, what string) error {
	if len(digits) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("%s: want %d hexadecimal digits, got %d bytes", what, hex.EncodedLen(len(h)), len(digits))
	}
	if _, err := hex.Decode(h, digits); err != nil {
		return fmt.Errorf("%s: %w", what, err)
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
// the longest token in Base64, with CR and LF behind it, twice.
const maxCredentials = ((MaxTokenLength+2+2)/3*4 + 2 + 2) / 3 * 4

// reading is a token that the credentials of a header may stand for, and how it is
// written in them.
type reading struct {
	hash     TokenHash
	encoding TokenEncoding
	odd      bool // not as OCPI has it in this encoding
}

// firstReading returns which of what credentials may stand for is accepted: themselves,
// or what they are in Base64, once or, as some send it, twice. They are decoded only
// where what they are before is not.
func firstReading(credentials string, accepted func(reading) bool) (r reading, ok bool) {
	var text [maxCredentials]byte
	plain := text[:copy(text[:], credentials)]
	r = reading{hash: sha256.Sum256(plain), encoding: EncodingRaw}
	for decoded := 0; !accepted(r); decoded++ {
		var odd bool
		if plain, odd, ok = decodeToken(plain); !ok || decoded == 2 {
			return reading{}, false
		}
		r = reading{sha256.Sum256(plain), EncodingBase64, r.odd || odd || decoded > 0}
	}
	return r, true
}

// decodeToken decodes a text in place. Partners that encode with `echo` leave a
// line end inside the Base64: it is cut off, even the examples in the OCPI
// specification have one. Others send no padding, or the alphabet of URLs.
func decodeToken(text []byte) (plain []byte, odd, ok bool) {
	padded := len(text)
	text = bytes.TrimRight(text, "=")
	odd = (padded > len(text) || len(text)%4 > 0) && padded%4 > 0
	for i, c := range text {
		switch c {
		case '-':
			text[i], odd = '+', true
		case '_':
			text[i], odd = '/', true
		}
	}
	n, err := base64.RawStdEncoding.Decode(text, text)
	plain = bytes.TrimRight(text[:n], "\r\n")
	return plain, odd || len(plain) < n, err == nil && len(plain) > 0
}

// accepts reports whether a partner's token may be written so.
func (e TokenEncoding) accepts(r *reading) bool { return e == EncodingAuto || e == r.encoding }

// Spelling says how the token of an Authorization header is written.
type Spelling struct {
	Encoding TokenEncoding // raw or base64
	Odd      bool          // not as OCPI has it in any version
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
