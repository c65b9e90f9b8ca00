package api_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// take returns what was written since it was taken last.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// secure is a server over https with the files that openssl made.
type secure struct {
	t      *testing.T
	ca     *certtest.CA
	files  api.TLSFiles
	tls    *api.TLS
	log    lines
	url    string
	now    atomic.Int64 // beyond the time, in nanoseconds
	ours   control.Fingerprint
	server *http.Server
}

// newSecure makes a CA and a server that asks clients for its certificates.
func newSecure(t *testing.T, auth string) *secure {
	t.Helper()
	s := &secure{t: t, ca: certtest.NewCA(t, "Test CA")}
	own := s.ca.Server("server")
	dir := t.TempDir()
	s.files = api.TLSFiles{Cert: own.Cert, Key: own.Key, ClientCA: filepath.Join(dir, "ca.pem"), CRL: filepath.Join(dir, "crl.pem"), ClientAuth: auth}
	certtest.Replace(t, s.files.ClientCA, certtest.Read(t, s.ca.Cert))
	certtest.Replace(t, s.files.CRL, s.ca.CRL())
	return s
}

func (s *secure) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&s.log, nil)) }

// start serves; each answer names the certificate that came.
func (s *secure) start() *secure {
	s.t.Helper()
	var err error
	s.tls, err = api.OpenTLS(api.TLSOptions{TLSFiles: s.files, Ours: s.ours, Logger: s.logger(), Now: func() time.Time { return time.Now().Add(time.Duration(s.now.Load())) }})
	if err != nil {
		s.t.Fatal(err)
	}
	engine := api.NewEngine(s.logger(), api.Fallback{Answer: func(c *gin.Context, err error) { c.String(api.Classify(err).HTTP(), "%v", err) }})
	engine.GET("/", func(c *gin.Context) {
		cert, err := api.ClientCertificate(c.Request)
		switch {
		case err != nil:
			c.String(500, "%v", err)
		case cert == nil:
			c.String(200, "none")
		default:
			c.String(200, "%s", cert.Subject)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.server, s.url = &http.Server{Handler: engine, ReadHeaderTimeout: time.Minute}, "https://"+l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- s.tls.Serve(s.server, l) }()
	s.t.Cleanup(func() {
		if err := s.server.Close(); err != nil {
			s.t.Error(err)
		}
		<-done
	})
	return s
}

// client is one with a certificate, whatever CAs the server names; "" for none.
func (s *secure) client(f certtest.Files, version uint16) *http.Client {
	s.t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(certtest.Read(s.t, s.ca.Cert)))
	config := &tls.Config{RootCAs: pool, MinVersion: version, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			s.t.Fatal(err)
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	transport := &http.Transport{TLSClientConfig: config}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// answered is what came of a request.
type answered struct {
	status  int
	body    string
	err     error
	reused  bool // the connection
	resumed bool // the session
	server  *x509.Certificate
	closes  bool
}

func (s *secure) get(c *http.Client) (a answered) {
	s.t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { a.reused = i.Reused }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(s.t.Context(), trace), http.MethodGet, s.url+"/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		a.err = err
		return a
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	a.status, a.body, a.err, a.resumed, a.server, a.closes = res.StatusCode, string(body), err, res.TLS.DidResume, res.TLS.PeerCertificates[0], res.Close
	return a
}

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// Every kind of certificate that there is, made by openssl, over a real connection.
func TestClientCertificates(t *testing.T) {
	for _, auth := range []string{api.ClientAuthRequest, api.ClientAuthRequire} {
		s := newSecure(t, auth)
		between, gone := s.ca.IssueCA("Between"), s.ca.IssueCA("Gone")
		certtest.Replace(t, s.files.ClientCA, certtest.Read(t, s.ca.Cert)+certtest.Read(t, between.Cert))
		other := certtest.NewCA(t, "Other CA")
		revoked := s.ca.Issue("revoked", certtest.Options{})
		s.ca.Revoke(revoked)
		s.ca.Revoke(gone.Files)
		certtest.Replace(t, s.files.CRL, s.ca.CRL())
		s.start()
		chained := s.chain(gone.Issue("of the revoked", certtest.Options{}), gone)
		now := time.Now()
		none := ""
		if auth == api.ClientAuthRequire {
			none = "none"
		}
		for name, tt := range map[string]struct {
			files  certtest.Files
			reason string // "" = let in
			says   string // beside the reason
		}{
			"good":             {s.ca.Issue("good", certtest.Options{}), "", ""},
			"of whom is known": {between.Issue("below", certtest.Options{}), "", ""},
			"none":             {certtest.Files{}, none, "a client certificate is required"},
			"wrong CA":         {other.Issue("stranger", certtest.Options{}), "unknown_ca", "signed by \\\"CN=Other CA\\\""},
			"self-signed":      {certtest.SelfSigned(t, "myself"), "self_signed", "signed by itself"},
			"expired":          {s.ca.Issue("old", certtest.Options{From: now.AddDate(0, 0, -9), Until: now.AddDate(0, 0, -2)}), "expired", "ended at"},
			"not yet valid":    {s.ca.Issue("early", certtest.Options{From: now.AddDate(0, 0, 2)}), "not_yet_valid", "valid from"},
			"a server's":       {s.ca.Issue("server", certtest.Options{ExtKeyUsage: "serverAuth"}), "wrong_usage", "not for clients"},
			"not for signing":  {s.ca.Issue("enciphers", certtest.Options{KeyUsage: "keyEncipherment"}), "wrong_usage", "not for signing"},
			"revoked":          {revoked, "revoked", "the client certificate was revoked"},
			"of a revoked CA":  {chained, "revoked", "the certificate of \\\"CN=Gone\\\""},
		} {
			for over, version := range versions {
				s.log.take()
				a := s.get(s.client(tt.files, version))
				log := s.log.take()
				if tt.reason == "" {
					if a.err != nil || a.status != 200 || log != "" {
						t.Errorf("%s, %s, %s: %+v, log %s; want it let in", auth, name, over, a, log)
					}
					continue
				}
				if a.err == nil {
					t.Errorf("%s, %s, %s: HTTP %d %s, want the handshake refused", auth, name, over, a.status, a.body)
				}
				want := []string{"client certificate refused", "reason=" + tt.reason, "remote=127.0.0.1:", tt.says}
				if tt.files.Cert != "" {
					want = append(want, "fingerprint="+plainFingerprint(t, tt.files))
				}
				for _, part := range want {
					if !strings.Contains(log, part) || strings.Count(log, "\n") != 1 {
						t.Errorf("%s, %s, %s: log %s; want one line with %q", auth, name, over, log, part)
					}
				}
			}
		}
	}
}

// chain has a client send the certificate of its CA too.
func (s *secure) chain(f certtest.Files, ca *certtest.CA) certtest.Files {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "chain.pem")
	certtest.Replace(s.t, path, certtest.Read(s.t, f.Cert)+certtest.Read(s.t, ca.Cert))
	return certtest.Files{Cert: path, Key: f.Key}
}

func plainFingerprint(t *testing.T, f certtest.Files) string {
	t.Helper()
	_, digits, _ := strings.Cut(certtest.Fingerprint(t, f), "=")
	return strings.ToLower(strings.ReplaceAll(digits, ":", ""))
}

// A session that is resumed is verified like a new one.
func TestResumedSessionsAreVerified(t *testing.T) {
	for over, version := range versions {
		s := newSecure(t, api.ClientAuthRequest).start()
		f := s.ca.Issue("partner", certtest.Options{})
		c := s.client(f, version)
		again := func() answered {
			c.CloseIdleConnections()
			return s.get(c)
		}
		if a := again(); a.body != "CN=partner" || a.resumed {
			t.Fatalf("%s: %+v", over, a)
		}
		if a := again(); a.body != "CN=partner" || !a.resumed {
			t.Fatalf("%s: %+v, want a resumed session with its certificate", over, a)
		}
		s.ca.Revoke(f)
		certtest.Replace(t, s.files.CRL, s.ca.CRL())
		if a := again(); a.err == nil {
			t.Errorf("%s: a revoked certificate is let in by its old session: %+v", over, a)
		}
		if log := s.log.take(); !strings.Contains(log, "reason=revoked") || !strings.Contains(log, `subject="CN=partner"`) {
			t.Errorf("%s: log %s", over, log)
		}
	}
}

// A connection that stays open ends for who may not open it any more.
func TestConnectionsThatStayOpenAreVerified(t *testing.T) {
	for reason, change := range map[string]func(s *secure, f certtest.Files){
		"revoked": func(s *secure, f certtest.Files) {
			s.ca.Revoke(f)
			certtest.Replace(t, s.files.CRL, s.ca.CRL())
			s.tls.Look() // as it does by itself, see Run
		},
		"unknown_ca": func(s *secure, _ certtest.Files) {
			other := certtest.NewCA(t, "Another")
			certtest.Replace(t, s.files.CRL, other.CRL())
			certtest.Replace(t, s.files.ClientCA, certtest.Read(t, other.Cert))
			s.tls.Look()
		},
		"expired": func(s *secure, _ certtest.Files) { s.now.Store(int64(40 * 24 * time.Hour)) },
	} {
		for over, version := range versions {
			s := newSecure(t, api.ClientAuthRequest).start()
			f := s.ca.Issue("partner", certtest.Options{})
			c := s.client(f, version)
			if a := s.get(c); a.body != "CN=partner" {
				t.Fatalf("%s: %+v", over, a)
			}
			if a := s.get(c); a.body != "CN=partner" || !a.reused {
				t.Fatalf("%s: %+v", over, a)
			}
			change(s, f)
			if a := s.get(c); a.status != http.StatusUnauthorized || !a.reused || !a.closes {
				t.Errorf("%s, %s: %+v, want 401 on the same connection, and its end", reason, over, a)
			}
			if log := s.log.take(); !strings.Contains(log, "reason="+reason) {
				t.Errorf("%s, %s: log %s", reason, over, log)
			}
			if a := s.get(c); a.err == nil {
				t.Errorf("%s, %s: a new connection: %+v", reason, over, a)
			}
		}
	}
}

// What there is instead of https is refused.
func TestOnlyTLS12AndUp(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequest).start()
	if a := s.get(s.client(certtest.Files{}, tls.VersionTLS11)); a.err == nil {
		t.Errorf("TLS 1.1: %+v", a)
	}
	s.url = "http" + strings.TrimPrefix(s.url, "https")
	res, err := http.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "HTTPS") {
		t.Errorf("plain HTTP: %d %s", res.StatusCode, body)
	}
}

func TestOurOwnCertificatePassesForNone(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequire)
	f := certtest.SelfSigned(t, "command line")
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	s.ours = control.CertificateOf(pair.Leaf).Fingerprint
	s.start()
	if a := s.get(s.client(f, tls.VersionTLS13)); a.body != "none" {
		t.Errorf("%+v", a)
	}
	if a := s.get(s.client(certtest.SelfSigned(t, "command line"), tls.VersionTLS13)); a.err == nil {
		t.Errorf("another of the same name: %+v", a)
	}
}

// Whoever wants to can be refused without end: the log is not filled by it.
func TestRefusalsInTheLogAreBounded(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequire).start()
	c := s.client(certtest.Files{}, tls.VersionTLS13)
	for range 300 {
		if a := s.get(c); a.err == nil {
			t.Fatal("let in")
		}
	}
	if n := strings.Count(s.log.take(), "\n"); n < 100 || n > 200 {
		t.Errorf("%d lines of 300 refusals, want 100 and one a second", n)
	}
}
