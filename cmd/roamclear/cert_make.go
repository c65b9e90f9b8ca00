package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// skew is how long before now a new certificate begins: clocks differ.
const skew = time.Hour

// newPair makes a certificate for a name, signed by a CA, nil for itself.
func newPair(ca *pair, name pkix.Name, life time.Duration, now time.Time, with func(*x509.Certificate)) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: name, NotBefore: now.Add(-skew), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	with(c)
	signer, by := c, crypto.Signer(key)
	if ca != nil {
		signer, by = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, signer, key.Public(), by)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of %s: %w", name, err)
	}
	made, err := x509.ParseCertificate(der)
	return &pair{made, key}, err
}

// newCommandPair makes the certificate that commands on this machine show: who can
// read it may read the admin token too. It lives as long as the process.
func newCommandPair() (*pair, error) {
	return newPair(nil, pkix.Name{CommonName: "roamclear command line"}, 100*365*24*time.Hour, time.Now(), forClients)
}

func forClients(c *x509.Certificate) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

func forCA(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
}

// forServer makes a certificate that of a server with some names and addresses.
func forServer(hosts []string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		for _, host := range hosts {
			if ip := net.ParseIP(host); ip != nil {
				c.IPAddresses = append(c.IPAddresses, ip)
			} else {
				c.DNSNames = append(c.DNSNames, host)
			}
		}
	}
}

func (p *pair) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

func (p *pair) keyPEM() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	must(err) // of a curve that it knows
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// revokesNothing is a list of the CA's that revokes nothing, in PEM.
func (p *pair) revokesNothing(now time.Time, life time.Duration) ([]byte, error) {
	list := &x509.RevocationList{Number: big.NewInt(now.Unix()), ThisUpdate: now.Add(-skew), NextUpdate: now.Add(life)}
	der, err := x509.CreateRevocationList(rand.Reader, list, p.cert, p.key)
	if err != nil {
		return nil, fmt.Errorf("make a list of revoked certificates: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}
