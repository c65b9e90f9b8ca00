package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/roamclear/roamclear/ingest"
)

// IdentityFiles are the settings of calls over TLS, by the files that they name; "" =
// none.
type IdentityFiles struct {
	CA        string // that signs the certificates of who is called
	Cert, Key string // ours as a client
}

// Identity is who we are to the servers that we call, and by whom theirs are signed.
// nil is nobody, with the CAs of the system. It is safe for concurrent use.
type Identity struct {
	pair  *reloaded[tls.Certificate] // nil = none
	cas   *reloaded[authorities]     // nil = the system's
	ends  *Ends
	names identityNames
}

// identityNames are what the files are called in errors, and what certificates are for in
// warnings and metrics.
type identityNames struct{ ca, cert, key, caUse, certUse string }

var partnerNames = identityNames{ca: "partner_urls.ca", cert: "partner_urls.client_cert", key: "partner_urls.client_key", caUse: "partner_urls_ca", certUse: "client"}

type authorities struct {
	list []*x509.Certificate
	pool *x509.CertPool
}

// OpenIdentity reads the files of calls to partners, whose certificates the CAs of the
// system may sign too. The error names the setting and the file that cannot be used. ends
// may be nil.
func OpenIdentity(f IdentityFiles, ends *Ends, logger *slog.Logger) (*Identity, error) {
	return openIdentity(f, partnerNames, x509.SystemCertPool, ends, logger)
}

// OpenClient is OpenIdentity of calls to servers of our own, by the files of the settings
// below one, such as kafka.tls. A CA that is given signs alone: whom else the system trusts
// has nothing to do with these.
func OpenClient(setting string, f IdentityFiles, ends *Ends, logger *slog.Logger) (*Identity, error) {
	of, _, _ := strings.Cut(setting, ".")
	names := identityNames{ca: setting + ".ca", cert: setting + ".cert", key: setting + ".key", caUse: of + "_ca", certUse: of + "_client"}
	nobody := func() (*x509.CertPool, error) { return x509.NewCertPool(), nil }
	return openIdentity(f, names, nobody, ends, logger)
}

func openIdentity(f IdentityFiles, names identityNames, beside func() (*x509.CertPool, error), ends *Ends, logger *slog.Logger) (*Identity, error) {
	i := &Identity{ends: ends, names: names}
	var err error
	if f.Cert != "" {
		cert, key := &file{setting: names.cert, path: f.Cert, limit: maxCertFile}, &file{setting: names.key, path: f.Key, limit: maxCertFile}
		if i.pair, err = keyPair(names.cert, logger, cert, key); err != nil {
			return nil, err
		}
	}
	if f.CA != "" {
		ca := &file{setting: names.ca, path: f.CA, limit: maxCertFile}
		i.cas, err = newReloaded(names.ca, logger, []*file{ca}, func(content [][]byte) (*authorities, error) { return newAuthorities(ca, content[0], beside) })
		if err != nil {
			return nil, err
		}
	}
	i.watchEnds()
	return i, nil
}

// newAuthorities reads CAs; beside are those that sign too.
func newAuthorities(ca *file, content []byte, beside func() (*x509.CertPool, error)) (*authorities, error) {
	list, err := certificates(content)
	if err != nil {
		return nil, ca.wrong(err)
	}
	a := &authorities{list: list}
	if a.pool, err = beside(); err != nil {
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
		i.ends.Ours(i.names.certUse, i.pair.get().Leaf)
	}
	if i.cas != nil {
		i.ends.Ours(i.names.caUse, i.cas.get().list...)
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

// Run looks at the files until ctx ends: for connections that stay open, so that the end
// of a certificate that was replaced is not warned of.
func (i *Identity) Run(ctx context.Context) error {
	for ingest.Pause(ctx, lookEvery) {
		i.Edition()
	}
	return nil
}

// Fresh is Config by the files as they are now.
func (i *Identity) Fresh() *tls.Config {
	i.Edition()
	return i.Config()
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
