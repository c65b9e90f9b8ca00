package api

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
)

// IdentityFiles are the settings of calls to partners over https, by the files that
// they name; "" = none.
type IdentityFiles struct {
	CA        string // that signs partners' certificates, beside those of the system
	Cert, Key string // ours as a client
}

// Identity is who we are to the servers that we call, and by whom theirs are signed.
// nil is nobody, with the CAs of the system. It is safe for concurrent use.
type Identity struct {
	pair *reloaded[tls.Certificate] // nil = none
	cas  *reloaded[authorities]     // nil = the system's
	ends *Ends
}

type authorities struct {
	list []*x509.Certificate
	pool *x509.CertPool
}

// OpenIdentity reads the files. The error names the setting and the file that cannot be
// used. ends may be nil.
func OpenIdentity(f IdentityFiles, ends *Ends, logger *slog.Logger) (*Identity, error) {
	i := &Identity{ends: ends}
	var err error
	if f.Cert != "" {
		cert, key := &file{setting: "partner_urls.client_cert", path: f.Cert, limit: maxCertFile}, &file{setting: "partner_urls.client_key", path: f.Key, limit: maxCertFile}
		if i.pair, err = keyPair("partner_urls.client_cert", logger, cert, key); err != nil {
			return nil, err
		}
	}
	if f.CA != "" {
		ca := &file{setting: "partner_urls.ca", path: f.CA, limit: maxCertFile}
		i.cas, err = newReloaded("partner_urls.ca", logger, []*file{ca}, func(content [][]byte) (*authorities, error) { return newAuthorities(ca, content[0]) })
		if err != nil {
			return nil, err
		}
	}
	i.watchEnds()
	return i, nil
}

func newAuthorities(ca *file, content []byte) (*authorities, error) {
	list, err := certificates(content)
	if err != nil {
		return nil, ca.wrong(err)
	}
	a := &authorities{list: list}
	if a.pool, err = x509.SystemCertPool(); err != nil {
		return nil, fmt.Errorf("read the CAs of the system: %w", err)
	}
	for _, c := range list {
		a.pool.AddCert(c)
	}
	return a, nil
}

func (i *Identity) watchEnds() {
	if i.ends == nil {
		return
	}
	if i.pair != nil {
		i.ends.Ours("client", i.pair.get().Leaf)
	}
	if i.cas != nil {
		i.ends.Ours("partner_urls_ca", i.cas.get().list...)
	}
}

// Edition looks at the files and returns how often they were read: with another number
// Config is another one.
func (i *Identity) Edition() uint64 {
	if i == nil {
		return 0
	}
	var n uint64
	changed := false
	if i.pair != nil {
		changed = i.pair.look()
		n = i.pair.made.Load()
	}
	if i.cas != nil {
		changed = i.cas.look() || changed
		n += i.cas.made.Load()
	}
	if changed {
		i.watchEnds()
	}
	return n
}

// Config is that of calls: our certificate for every server that asks for one.
func (i *Identity) Config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if i == nil {
		return c
	}
	if i.cas != nil {
		c.RootCAs = i.cas.get().pool
	}
	if i.pair != nil {
		// Whatever CAs the server names: some name none that signs, or the wrong ones.
		pair := i.pair.get()
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
	}
	return c
}

// Certificate returns our certificate as a client; nil for none.
func (i *Identity) Certificate() *x509.Certificate {
	if i == nil || i.pair == nil {
		return nil
	}
	return i.pair.get().Leaf
}

// Met remembers when the certificate ends that a partner has answered with.
func (i *Identity) Met(who string, r *http.Response) {
	if i == nil || i.ends == nil || r.TLS == nil || who == "" {
		return
	}
	if leaf := leafOf(r.TLS.PeerCertificates); leaf != nil {
		i.ends.Theirs("server", who, leaf)
	}
}
