package api

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
)

// Reasons for which a client certificate is refused, whoever comes with it, beside
// those of [control.CertError].
const (
	certSelfSigned  = "self_signed"
	certUnknownCA   = "unknown_ca"
	certExpired     = "expired"
	certNotYetValid = "not_yet_valid"
	certWrongUsage  = "wrong_usage"
	certRevoked     = "revoked"
	certInvalid     = "invalid"
)

// trust is which client certificates are good: the CAs, and what these have revoked.
type trust struct {
	cas           []*x509.Certificate
	roots         *x509.CertPool // where a chain ends
	ends          int            // keys of them
	intermediates *x509.CertPool
	all           *x509.CertPool             // named to clients that are asked for a certificate
	revoked       map[[sha256.Size]byte]*crl // by the public key of their issuer
}

// crl is one list of revoked certificates.
type crl struct {
	serials map[string]struct{}
	next    time.Time // by when there should be another one, zero where it does not say
}

// newTrust reads CAs, PEM, and lists of revoked certificates, PEM or DER; nil for none.
// The error names the setting at fault.
func newTrust(cas, crls *file, content [][]byte) (*trust, error) {
	t := &trust{roots: x509.NewCertPool(), intermediates: x509.NewCertPool(), all: x509.NewCertPool(), revoked: map[[sha256.Size]byte]*crl{}}
	var err error
	if t.cas, err = certificates(content[0]); err != nil {
		return nil, cas.wrong(err)
	}
	selfSigned := 0
	for _, ca := range t.cas {
		if !ca.IsCA {
			if !isSelfSigned(ca) {
				return nil, cas.wrong(fmt.Errorf("the certificate of %q is no CA's", ca.Subject))
			}
		}
		if isSelfSigned(ca) {
			selfSigned++
		}
	}
	keys := map[[sha256.Size]byte]bool{}
	for _, ca := range t.cas {
		t.all.AddCert(ca)
		// Where the root is there, a chain must reach it: what it has revoked on the
		// way counts. Where it is not, the chain ends at the CA that is.
		if isSelfSigned(ca) || selfSigned == 0 {
			t.roots.AddCert(ca)
			keys[sha256.Sum256(ca.RawSubjectPublicKeyInfo)] = true
		} else {
			t.intermediates.AddCert(ca)
		}
	}
	t.ends = len(keys)
	if crls == nil {
		return t, nil
	}
	if err := t.revoke(content[1]); err != nil {
		return nil, crls.wrong(err)
	}
	return t, nil
}

// revoke adds lists of revoked certificates. Each must be signed by one of the CAs:
// one that is not would revoke nothing, and nobody would know.
func (t *trust) revoke(content []byte) error {
	lists, err := blocks(content, "X509 CRL")
	if err != nil {
		return err
	}
	for i, der := range lists {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return fmt.Errorf("list %d is no list of revoked certificates: %w", i+1, err)
		}
		issuer, err := t.issuerOf(list)
		if err != nil {
			return err
		}
		key := sha256.Sum256(issuer.RawSubjectPublicKeyInfo)
		c := t.revoked[key]
		if c == nil {
			c = &crl{serials: map[string]struct{}{}, next: list.NextUpdate}
			t.revoked[key] = c
		}
		if list.NextUpdate.Before(c.next) {
			c.next = list.NextUpdate
		}
		for _, entry := range list.RevokedCertificateEntries {
			c.serials[string(entry.SerialNumber.Bytes())] = struct{}{}
		}
	}
	return nil
}

func (t *trust) issuerOf(list *x509.RevocationList) (*x509.Certificate, error) {
	for _, ca := range t.cas {
		if bytes.Equal(ca.RawSubject, list.RawIssuer) && list.CheckSignatureFrom(ca) == nil {
			return ca, nil
		}
	}
	return nil, fmt.Errorf("the list of %q is signed by none of the CAs of tls.client_ca", list.Issuer)
}

// verdict is what was found out about the certificate of a connection.
type verdict struct {
	cert  *control.Certificate // nil for none
	err   error                // why it is refused: a *control.CertError
	until time.Time            // as long as it stands, if nothing changes
	made  uint64               // by which trust
}

var never = time.Unix(math.MaxInt32, 0).AddDate(1000, 0, 0)

// judge verifies the certificates that a client came with, one at least.
func (t *trust) judge(certs []*x509.Certificate, now time.Time) verdict {
	leaf := certs[0]
	between := t.intermediates.Clone()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return verdict{err: refusal(leaf, err, now), until: never}
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return verdict{err: &control.CertError{Reason: certWrongUsage, Text: "the client certificate is not for signing, so it proves nothing"}, until: never}
	}
	var gone error
	for _, chain := range chains {
		if gone = t.revokedIn(chain); gone == nil {
			return verdict{cert: control.CertificateOf(leaf), until: endOf(chain)}
		}
	}
	return verdict{err: gone, until: never}
}

// revokedIn returns why a chain does not do: one of its certificates was revoked by
// whom it is of.
func (t *trust) revokedIn(chain []*x509.Certificate) error {
	for i, c := range chain[:len(chain)-1] {
		list := t.revoked[sha256.Sum256(chain[i+1].RawSubjectPublicKeyInfo)]
		if list == nil {
			continue
		}
		if _, gone := list.serials[string(c.SerialNumber.Bytes())]; !gone {
			continue
		}
		if i > 0 {
			return &control.CertError{Reason: certRevoked, Text: fmt.Sprintf("the certificate of %q, which signed the client certificate, was revoked", c.Subject)}
		}
		return &control.CertError{Reason: certRevoked, Text: "the client certificate was revoked"}
	}
	return nil
}

// endOf returns when the first certificate of a chain ends.
func endOf(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, c := range chain {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

// refusal says why a certificate could not be verified.
func refusal(leaf *x509.Certificate, err error, now time.Time) error {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		which := "the client certificate"
		if invalid.Cert != nil && !invalid.Cert.Equal(leaf) {
			which = fmt.Sprintf("the certificate of %q, which signed the client certificate,", invalid.Cert.Subject)
		}
		switch {
		case invalid.Reason == x509.Expired && invalid.Cert != nil && now.Before(invalid.Cert.NotBefore):
			return &control.CertError{Reason: certNotYetValid, Text: which + " is valid from " + utc(invalid.Cert.NotBefore)}
		case invalid.Reason == x509.Expired && invalid.Cert != nil:
			return &control.CertError{Reason: certExpired, Text: which + " ended at " + utc(invalid.Cert.NotAfter)}
		case invalid.Reason == x509.IncompatibleUsage:
			return &control.CertError{Reason: certWrongUsage, Text: "the client certificate is not for clients (extended key usage)"}
		}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if isSelfSigned(leaf) {
			return &control.CertError{Reason: certSelfSigned, Text: "the client certificate is signed by itself"}
		}
		return &control.CertError{Reason: certUnknownCA, Text: fmt.Sprintf("the client certificate is signed by %q, none of the CAs of tls.client_ca", leaf.Issuer)}
	}
	return &control.CertError{Reason: certInvalid, Text: "the client certificate cannot be verified: " + err.Error()}
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// isSelfSigned reports whether a certificate is signed by its own key.
func isSelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// certificates reads certificates in PEM, one at least.
func certificates(content []byte) ([]*x509.Certificate, error) {
	all, err := blocks(content, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	list := make([]*x509.Certificate, len(all))
	for i, der := range all {
		if list[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
	}
	return list, nil
}

// blocks returns the contents of PEM blocks of a kind, or a file without any as one of
// DER. What stands between blocks is skipped, as openssl writes it.
func blocks(content []byte, kind string) (list [][]byte, err error) {
	for rest := content; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type == kind {
			list = append(list, b.Bytes)
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case len(content) > 0 && content[0] == 0x30: // an ASN.1 sequence
		return [][]byte{content}, nil
	}
	return nil, fmt.Errorf("there is no %q in it", "-----BEGIN "+kind+"-----")
}
