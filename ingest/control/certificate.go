package control

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
)

// Fingerprint is the SHA-256 of a certificate.
type Fingerprint [sha256.Size]byte

// ParseFingerprint reads a fingerprint: 64 hexadecimal digits, with or without colons,
// and as openssl prints it ("sha256 Fingerprint=AB:CD:…").
func ParseFingerprint(text string) (f Fingerprint, err error) {
	digits := text
	if i := strings.LastIndexByte(digits, '='); i >= 0 {
		digits = digits[i+1:]
	}
	digits = strings.NewReplacer(":", "", " ", "").Replace(digits)
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(f) {
		return f, Invalid("fingerprint %q: want the %d hexadecimal digits of a certificate's SHA-256 (openssl x509 -in FILE -noout -fingerprint -sha256)", text, hex.EncodedLen(len(f)))
	}
	return Fingerprint(b), nil
}

// String returns the fingerprint as hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// IsZero reports whether it is none.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// MarshalText writes hexadecimal digits.
func (f Fingerprint) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, f[:]), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (f *Fingerprint) UnmarshalText(b []byte) error { return readHash(f[:], b, "fingerprint") }

// Certificate is what of a client's certificate says whose it is. Whoever makes one
// has verified the certificate.
type Certificate struct {
	Fingerprint Fingerprint
	Subject     Subject
}

// CertificateOf returns what says whose a certificate is.
func CertificateOf(c *x509.Certificate) *Certificate {
	return &Certificate{Fingerprint: sha256.Sum256(c.Raw), Subject: SubjectOf(c.RawSubject)}
}

// Pin is what a certificate is recognised by: the very one, or whom it is of, which
// stays when it is renewed. One of the two is set.
type Pin struct {
	Fingerprint Fingerprint
	Subject     Subject
}

// String names the pin for people.
func (p Pin) String() string {
	if p.Subject != "" {
		return "subject " + string(p.Subject)
	}
	return "fingerprint " + p.Fingerprint.String()
}

func (p Pin) validate() error {
	if p.Fingerprint.IsZero() == (p.Subject == "") {
		return Invalid("certificate: want its fingerprint or its subject, one of them")
	}
	if p.Subject != "" {
		return p.Subject.validate()
	}
	return nil
}

// is reports whether a certificate is the one that is meant.
func (p Pin) is(c *Certificate) bool {
	if p.Subject != "" {
		return p.Subject == c.Subject
	}
	return p.Fingerprint == c.Fingerprint
}

// MaxPins is how many certificates a partner or a key may have: the one it uses, the
// next one, and those of a few machines.
const MaxPins = 16

// Reasons for which a certificate does not do for who asks over a connection.
const (
	CertNone         = "none"          // there is none, and one is needed
	CertAnother      = "another_party" // it is another partner's
	CertUnregistered = "unregistered"  // it is none of those that it has registered
)

// CertError says that a connection's certificate does not do for who asks over it.
type CertError struct {
	Reason string // one of those above
	Text   string
}

// Error says why.
func (e *CertError) Error() string { return e.Text }

var errNoCertificate = &CertError{CertNone, "a client certificate is needed, and none was given"}

// Admits returns nil when a partner may ask over a connection with a certificate, nil
// for none, else a *CertError. Who has certificates uses one of them, or none where it
// need not; who has none uses any that is not another's.
func (d *Partners) Admits(p *Partner, c *Certificate) error {
	if c == nil {
		if p.NeedsCertificate {
			return errNoCertificate
		}
		return nil
	}
	for _, pin := range p.Pins {
		if pin.is(c) {
			return nil
		}
	}
	s := d.state.Current()
	if s.pinned(c, p.ID) {
		return &CertError{CertAnother, "the client certificate is another partner's"}
	}
	if len(p.Pins) > 0 {
		return &CertError{CertUnregistered, "the client certificate is none of those registered for this partner"}
	}
	return nil
}

// pinned reports whether a certificate is registered for partners, none of which is
// one.
func (s *partners) pinned(c *Certificate, id string) bool {
	byFingerprint, _ := s.byPin.Get(Pin{Fingerprint: c.Fingerprint})
	bySubject, _ := s.byPin.Get(Pin{Subject: c.Subject})
	own := slices.Contains(byFingerprint, id) || slices.Contains(bySubject, id)
	return !own && len(byFingerprint)+len(bySubject) > 0
}

// Admits returns nil when a key may be used over a connection with a certificate, nil
// for none, else a *CertError. A key that has certificates is used with one of them
// alone.
func (k *APIKey) Admits(c *Certificate) error {
	switch {
	case len(k.Certificates) == 0:
		return nil
	case c == nil:
		return errNoCertificate
	case !slices.Contains(k.Certificates, c.Fingerprint):
		return &CertError{CertUnregistered, "the client certificate is none of those registered for this key"}
	}
	return nil
}
