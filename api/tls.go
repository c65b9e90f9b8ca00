package api

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
)

// What is asked of clients: no certificate; one that is verified where it is given;
// one in every case.
const (
	ClientAuthOff     = "off"
	ClientAuthRequest = "request"
	ClientAuthRequire = "require"
)

// Bounds of files, in bytes. A list of revoked certificates takes 40 for each.
const (
	maxCertFile = 1 << 20
	maxCRLFile  = 32 << 20
)

// TLSFiles are the settings of a service over https, by the files that they name.
type TLSFiles struct {
	Cert, Key  string // "" = plain HTTP
	ClientCA   string // PEM
	CRL        string // "" = nothing is revoked
	ClientAuth string // off, request or require
}

// TLSOptions is what TLS needs.
type TLSOptions struct {
	TLSFiles
	// Ours is a client certificate that passes for none, and is let in where one is
	// required: that by which the command line on this machine shows that it is. Zero =
	// there is none.
	Ours       control.Fingerprint
	Ends       *Ends // told of certificates that end; nil = nobody is
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// TLS is how a service speaks https, and what it knows of the certificates that its
// clients come with. They are verified once a connection, also where a session is
// resumed, and again when what they are verified by changes or they end. Without files
// it is plain HTTP, over which nobody has a certificate. It is safe for concurrent use.
type TLS struct {
	TLSOptions
	own       *reloaded[tls.Certificate] // nil = plain HTTP
	trust     *reloaded[trust]           // nil = nobody is asked
	base      *tls.Config
	refused   *prometheus.CounterVec
	lines     Rate // of the log
	changed   func()
	strangers *strangers
}

// OpenTLS reads the files. The error names the setting and the file that cannot be
// used.
func OpenTLS(o TLSOptions) (*TLS, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &TLS{TLSOptions: o, lines: Rate{Every: time.Second, Burst: 100}, changed: func() {}, refused: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "roamclear_tls_refused_total", Help: "Connections and requests that were refused for their client certificate, by reason."}, []string{"reason"})}
	if o.Registerer != nil {
		o.Registerer.MustRegister(t.refused)
	}
	t.strangers = newStrangers(&o)
	if o.Cert == "" {
		return t, nil
	}
	var err error
	if t.own, err = keyPair("tls", o.Logger, &file{setting: "tls.cert", path: o.Cert, limit: maxCertFile}, &file{setting: "tls.key", path: o.Key, limit: maxCertFile}); err != nil {
		return nil, err
	}
	if o.ClientAuth == ClientAuthRequest || o.ClientAuth == ClientAuthRequire {
		if t.trust, err = openTrust(&o); err != nil {
			return nil, err
		}
	}
	t.base = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetConfigForClient: t.forClient}
	t.watchEnds()
	return t, nil
}

// keyPair is a certificate with its key.
func keyPair(name string, logger *slog.Logger, cert, key *file) (*reloaded[tls.Certificate], error) {
	return newReloaded(name, logger, []*file{cert, key}, func(content [][]byte) (*tls.Certificate, error) {
		if _, err := certificates(content[0]); err != nil {
			return nil, cert.wrong(err)
		}
		pair, err := tls.X509KeyPair(content[0], content[1])
		if err != nil { // its text holds nothing of the key
			return nil, key.wrong(fmt.Errorf("does not go with %s %s: %w", cert.setting, cert.path, err))
		}
		return &pair, nil
	})
}

func openTrust(o *TLSOptions) (*reloaded[trust], error) {
	files := []*file{{setting: "tls.client_ca", path: o.ClientCA, limit: maxCertFile}}
	var crls *file
	if o.CRL != "" {
		crls = &file{setting: "tls.crl", path: o.CRL, limit: maxCRLFile}
		files = append(files, crls)
	}
	return newReloaded("tls.client_ca", o.Logger, files, func(content [][]byte) (*trust, error) { return newTrust(files[0], crls, content) })
}

// Enabled reports whether the service speaks https.
func (t *TLS) Enabled() bool { return t.own != nil }

// Config is that of a listener; nil for plain HTTP.
func (t *TLS) Config() *tls.Config { return t.base }

// Certificate returns the service's own certificate; nil for plain HTTP.
func (t *TLS) Certificate() *x509.Certificate {
	if t.own == nil {
		return nil
	}
	return t.own.get().Leaf
}

// Roots returns how many CAs certificates of clients may come from in the end, each key
// of a root counted once; 0 where nobody is asked for one.
func (t *TLS) Roots() int {
	if t.trust == nil {
		return 0
	}
	return t.trust.get().ends
}

// OnChange has changed called when the service's own certificate was replaced. Only
// before the service serves.
func (t *TLS) OnChange(changed func()) { t.changed = changed }

// lookEvery is how often files are looked at beside each handshake: for connections
// that stay open.
const lookEvery = time.Second

// Run looks at the files until ctx ends.
func (t *TLS) Run(ctx context.Context) error {
	for ingest.Pause(ctx, lookEvery) {
		t.Look()
	}
	return nil
}

// Look reads files again that have changed.
func (t *TLS) Look() {
	if t.own == nil {
		return
	}
	renewed := t.own.look()
	if renewed {
		t.changed()
	}
	if t.trust != nil && t.trust.look() || renewed {
		t.watchEnds()
	}
}

func (t *TLS) watchEnds() {
	if t.Ends == nil {
		return
	}
	t.Ends.Ours("server", t.Certificate())
	if t.trust == nil {
		return
	}
	now := t.trust.get()
	t.Ends.Ours("client_ca", now.cas...)
	t.Ends.lists(now)
}

// forClient is the configuration of one handshake: by the files as they are now, with
// whom to name when the client is refused.
func (t *TLS) forClient(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	t.Look()
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: t.base.NextProtos, Certificates: []tls.Certificate{*t.own.get()}}
	if t.trust == nil {
		return c, nil
	}
	remote := hello.Conn.RemoteAddr().String()
	// All of the verification is ours, so that a resumed session is verified like a
	// new one, and the log says what was wrong.
	c.ClientAuth, c.ClientCAs = tls.RequestClientCert, t.trust.get().all
	c.VerifyConnection = func(s tls.ConnectionState) error {
		v := t.judge(s.PeerCertificates)
		if v.err != nil {
			t.tell(remote, "", leafOf(s.PeerCertificates), v.err)
		}
		return v.err
	}
	return c, nil
}

// judge verifies what a client came with.
func (t *TLS) judge(certs []*x509.Certificate) verdict {
	if t.trust == nil {
		return verdict{until: never}
	}
	made := t.trust.made.Load() // before: what changes meanwhile has it judged again
	v := verdict{until: never}
	switch {
	case len(certs) > 0 && sha256.Sum256(certs[0].Raw) == t.Ours && !t.Ours.IsZero():
	case len(certs) > 0:
		v = t.trust.get().judge(certs, t.Now())
	case t.ClientAuth == ClientAuthRequire:
		v.err = errNoCertificate
	}
	v.made = made
	return v
}

var errNoCertificate = &control.CertError{Reason: control.CertNone, Text: "a client certificate is required (tls.client_auth), and none was given"}

// tell says that a client was refused for its certificate: which, and why. Lines are
// bounded: whoever wants to can be refused without end.
func (t *TLS) tell(remote, who string, cert *x509.Certificate, err error) {
	reason := certInvalid
	if e, ok := errors.AsType[*control.CertError](err); ok {
		reason = e.Reason
	}
	t.refused.WithLabelValues(reason).Inc()
	if !t.lines.Take(t.Now()) {
		return
	}
	args := []any{"reason", reason, "remote", remote, "error", err}
	if who != "" {
		args = append(args, "of", who)
	}
	if cert != nil {
		args = append(args, "subject", cert.Subject.String(), "issuer", cert.Issuer.String(), "serial", cert.SerialNumber.Text(16), "fingerprint", control.CertificateOf(cert).Fingerprint.String())
	}
	t.Logger.Warn("client certificate refused", args...)
}

func leafOf(certs []*x509.Certificate) *x509.Certificate {
	if len(certs) == 0 {
		return nil
	}
	return certs[0]
}

// Serve makes a server serve on a listener: over https where there is a certificate.
// It returns when the server is shut down, as [http.Server.Serve] does.
func (t *TLS) Serve(server *http.Server, l net.Listener) error {
	server.ConnContext = t.connection
	// HTTP/1.1 alone: what a partner may hold at once, and how long it may stall, is
	// bounded by connection.
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.ErrorLog = slog.NewLogLogger(handshakes{t.Logger.Handler()}, slog.LevelWarn)
	if t.own == nil {
		return server.Serve(l)
	}
	server.TLSConfig = t.base
	return server.ServeTLS(l, "", "")
}

// handshakes lowers what net/http says of handshakes that fail: anybody can have
// them fail, and those that we refuse are told with their reason.
type handshakes struct{ slog.Handler }

// Handle implements slog.Handler.
func (h handshakes) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "TLS handshake error") {
		r.Level = slog.LevelDebug
		if !h.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, r)
}
