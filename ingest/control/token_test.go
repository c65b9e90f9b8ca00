package control

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// partnerWith folds one partner with a token and an encoding.
func partnerWith(t testing.TB, h house, party, token string, enc TokenEncoding) {
	t.Helper()
	add := PartnerAdded{
		ID: party, Name: party, Roles: []Role{NewRole(RoleCPO, "GB", party)},
		TokenHash: HashToken(token), Encoding: enc,
	}
	if err := h.apply(Event{Command: "add-" + party, At: 1}, add); err != nil {
		t.Fatal(err)
	}
	h.publish()
}

func TestAuthenticate(t *testing.T) {
	s := open(t, ingesttest.NewLog(1), Options{Now: func() ocpi.Time { return 1 }})
	longest := strings.Repeat("~", MaxTokenLength)
	partnerWith(t, s, "AUT", "example-token", EncodingAuto)
	partnerWith(t, s, "RAW", "raw-only-token", EncodingRaw)
	partnerWith(t, s, "B64", "b64-only-token", EncodingBase64)
	partnerWith(t, s, "LOO", b64("looks-like-base64"), EncodingAuto)
	partnerWith(t, s, "DEC", "looks-like-base64", EncodingAuto)
	partnerWith(t, s, "LON", longest, EncodingAuto)
	partnerWith(t, s, "ODD", "odd>>>token???", EncodingAuto)

	tests := []struct{ name, header, want string }{
		{"raw", "Token example-token", "AUT"},
		{"Base64", "Token ZXhhbXBsZS10b2tlbg==", "AUT"},
		{"the specification's example, with a line feed inside", "Token ZXhhbXBsZS10b2tlbgo=", "AUT"},
		{"CR and LF inside", "Token " + b64("example-token\r\n"), "AUT"},
		{"scheme in other case", "token example-token", "AUT"},
		{"raw token that is Base64 of another's: exact match wins", "Token " + b64("looks-like-base64"), "LOO"},
		{"the other's, raw", "Token looks-like-base64", "DEC"},
		{"raw-only partner, raw", "Token raw-only-token", "RAW"},
		{"raw-only partner, Base64", "Token " + b64("raw-only-token"), ""},
		{"Base64-only partner, Base64", "Token " + b64("b64-only-token"), "B64"},
		{"Base64-only partner, raw", "Token b64-only-token", ""},
		{"longest token, Base64 with CR and LF", "Token " + b64(longest+"\r\n"), "LON"},
		{"no header", "", ""},
		{"scheme alone", "Token", ""},
		{"scheme and space", "Token ", ""},
		{"two spaces", "Token  example-token", ""},
		{"other scheme", "Bearer example-token", ""},
		{"no scheme", "example-token", ""},
		{"unknown token", "Token example-tokem", ""},
		{"unpadded Base64", "Token ZXhhbXBsZS10b2tlbg", "AUT"},
		{"Base64 in the alphabet of URLs", "Token " + base64.URLEncoding.EncodeToString([]byte("odd>>>token???")), "ODD"},
		{"Base64 twice", "Token " + b64(b64("example-token")), "AUT"},
		{"Base64 twice, of a line feed too", "Token " + b64(b64("example-token\n")+"\n"), "AUT"},
		{"Base64 twice, of the longest with line ends", "Token " + b64(b64(longest+"\r\n")+"\r\n"), "LON"},
		{"Base64 three times", "Token " + b64(b64(b64("example-token"))), ""},
		{"raw-only partner, Base64 twice", "Token " + b64(b64("raw-only-token")), ""},
		{"line feed at the start", "Token " + b64("\nexample-token"), ""},
		{"too long to be a token", "Token " + strings.Repeat("A", 4096), ""},
	}
	for _, tt := range tests {
		p, ok := s.partners.Authenticate(tt.header)
		got := ""
		if ok {
			got = p.ID
		}
		if got != tt.want {
			t.Errorf("%s: header %q finds %q, want %q", tt.name, tt.header, got, tt.want)
		}
	}
}

// How a token was written is told of whoever was let in by it.
func TestSpellingOfATokenIsTold(t *testing.T) {
	s := open(t, ingesttest.NewLog(1), Options{Now: func() ocpi.Time { return 1 }})
	partnerWith(t, s, "AUT", "example-token", EncodingAuto)
	raw, encoded := Spelling{Encoding: EncodingRaw}, Spelling{Encoding: EncodingBase64}
	odd := Spelling{EncodingBase64, true}
	for header, want := range map[string]Spelling{
		"Token example-token": raw, "token example-token": {EncodingRaw, true}, "Token " + b64("example-token"): encoded,
		"Token ZXhhbXBsZS10b2tlbgo=": odd, "Token ZXhhbXBsZS10b2tlbg": odd, "TOKEN " + b64("example-token"): odd, "Token " + b64(b64("example-token")): odd,
	} {
		p, got, _ := s.partners.Recognize(header, nil)
		ok := p != nil
		if !ok || got != want {
			t.Errorf("%q: %t, %+v, want %+v", header, ok, got, want)
		}
		if token, ok := s.partners.Presented(header); !ok || token != "example-token" {
			t.Errorf("%q presents %q (%t)", header, token, ok)
		}
	}
}

func TestAuthenticateDoesNotAllocate(t *testing.T) {
	s := open(t, ingesttest.NewLog(1), Options{Now: func() ocpi.Time { return 1 }})
	token := NewToken()
	partnerWith(t, s, "AUT", token, EncodingAuto)
	for _, header := range []string{"Token " + token, "Token " + b64(token), "Token no-such-token"} {
		if n := testing.AllocsPerRun(100, func() { s.partners.Recognize(header, nil) }); n != 0 {
			t.Errorf("header %q: %v allocations", header, n)
		}
	}
}

func TestValidateToken(t *testing.T) {
	tests := map[string]bool{
		"": false, "1234567": false, "12345678": true, "with space": false, "tab\tinside": false,
		"ünïcödé-token": false, "del\x7finside": false, "!\"#$%&'()~": true,
		strings.Repeat("x", 64): true, strings.Repeat("x", 65): false,
	}
	for token, want := range tests {
		if got := ValidateToken(token) == nil; got != want {
			t.Errorf("ValidateToken(%q) accepts: %v, want %v", token, got, want)
		}
	}
	if err := ValidateToken(NewToken()); err != nil {
		t.Errorf("a minted token is refused: %v", err)
	}
}
