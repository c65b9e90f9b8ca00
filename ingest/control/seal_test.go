package control

import (
	"errors"
	"strings"
	"testing"
)

func sealer(t testing.TB, fill byte) *Sealer {
	t.Helper()
	s, err := NewSealer([]byte(strings.Repeat(string(rune(fill)), SealKeyLength)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedTokens(t *testing.T) {
	s, other := sealer(t, 'a'), sealer(t, 'b')
	const token = "their-secret-token"
	one, two := s.Seal(token), s.Seal(token)
	if one == two {
		t.Error("one token sealed twice looks the same")
	}
	for _, sealed := range []SealedToken{one, two} {
		if strings.Contains(string(sealed), token) || sealed.validate() != nil || sealed.KeyID() != s.KeyID() {
			t.Errorf("sealed %q", sealed)
		}
		if got, err := s.Open(sealed); err != nil || got != token {
			t.Errorf("opened %q, %v", got, err)
		}
	}
	_, err := other.Open(one)
	wrong, ok := errors.AsType[*SealKeyError](err)
	if !ok || wrong.Sealed != s.KeyID() || wrong.Ours != other.KeyID() || !strings.Contains(err.Error(), "secrets.key_file") {
		t.Errorf("with another key: %v", err)
	}
	for _, damaged := range []SealedToken{"", "x", SealedToken(s.KeyID() + ":"), SealedToken(s.KeyID() + ":%%"), one[:len(one)-2], one + "AA"} {
		if got, err := s.Open(damaged); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("damaged %q opens as %q, %v", damaged, got, err)
		}
	}
	if _, err := NewSealer([]byte("short")); err == nil {
		t.Error("a short key is taken")
	}
	if _, err := NewSealer(NewSealKey()); err != nil {
		t.Error(err)
	}
}
