package partner

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control/certtest"
	"github.com/roamclear/roamclear/ocpi"
)

// strict is a partner's server over https, which asks for certificates.
type strict struct {
	*httptest.Server
	ca    *certtest.CA
	shown atomic.Pointer[string] // whom the last caller's certificate was of
}

func newStrict(t *testing.T, own func(ca *certtest.CA) certtest.Files) *strict {
	t.Helper()
	s := &strict{ca: certtest.NewCA(t, "Partner CA")}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.TLS.PeerCertificates[0].Subject.CommonName
		s.shown.Store(&name)
		_, _ = w.Write([]byte(`{"status_code":1000,"data":[]}`))
	}))
	f := own(s.ca)
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(certtest.Read(t, s.ca.Cert)))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *strict) ask(d *Dialer) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, _, err := d.do(ctx, login{token: secretToken, version: ocpi.V221}, call{partner: "nl-tnm-cpo", method: http.MethodGet, url: s.URL + "/versions"})
	return err
}

// Our certificate is shown to a partner that asks for one; its own is signed by whom the
// settings name. Both are replaced without a restart.
func TestOurCertificateIsShown(t *testing.T) {
	s := newStrict(t, func(ca *certtest.CA) certtest.Files { return ca.Server("tnm") })
	dir := t.TempDir()
	files := api.IdentityFiles{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	show := func(f certtest.Files) {
		certtest.Replace(t, files.Cert, certtest.Read(t, f.Cert))
		certtest.Replace(t, files.Key, certtest.Read(t, f.Key))
	}
	show(s.ca.Issue("roamclear", certtest.Options{}))
	certtest.Replace(t, files.CA, certtest.Read(t, s.ca.Cert))
	var log bytes.Buffer
	ends := api.NewEnds(slog.New(slog.NewTextHandler(&log, nil)), nil, nil)
	identity, err := api.OpenIdentity(files, ends, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	dial := func(i *api.Identity) *Dialer {
		d := NewDialer(Policy{AllowPrivate: true, Identity: i})
		t.Cleanup(d.Close)
		return d
	}
	for name, f := range map[string]api.IdentityFiles{"nobody": {}, "without a certificate": {CA: files.CA}, "without the CA": {Cert: files.Cert, Key: files.Key}} {
		i, err := api.OpenIdentity(f, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ask(dial(i)); err == nil {
			t.Errorf("%s: it answers", name)
		}
	}
	d := dial(identity)
	shown := func(want string) {
		t.Helper()
		if err := s.ask(d); err != nil || *s.shown.Load() != want {
			t.Errorf("%v: shown %q, want %q", err, *s.shown.Load(), want)
		}
	}
	if err := s.ask(d); err != nil {
		t.Fatal(err)
	}
	shown("roamclear")
	show(s.ca.Issue("renewed", certtest.Options{Until: time.Now().AddDate(0, 0, 2)}))
	shown("renewed")
	if !strings.Contains(log.String(), "use=client") || !strings.Contains(log.String(), "days_left=1") {
		t.Errorf("our certificate ends in two days: %s", log.String())
	}
	certtest.Replace(t, files.Cert, "broken")
	shown("renewed")
	if of := ends.Of("nl-tnm-cpo"); len(of) != 1 || of[0].Use != "server" || of[0].Subject != "CN=tnm" {
		t.Errorf("what the partner has shown: %+v", of)
	}
	certtest.Replace(t, files.CA, certtest.Read(t, certtest.NewCA(t, "Another").Cert))
	if err := s.ask(d); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("its CA is none of ours any more: %v", err)
	}
}

// A partner's server whose certificate does not do is not called.
func TestServersWithoutAGoodCertificateAreNotCalled(t *testing.T) {
	now := time.Now()
	for says, own := range map[string]func(ca *certtest.CA) certtest.Files{
		"expired": func(ca *certtest.CA) certtest.Files {
			return ca.Issue("old", certtest.Options{ExtKeyUsage: "serverAuth", Hosts: []string{"IP:127.0.0.1"}, From: now.AddDate(0, 0, -9), Until: now.AddDate(0, 0, -1)})
		},
		"incompatible": func(ca *certtest.CA) certtest.Files {
			return ca.Issue("client", certtest.Options{Hosts: []string{"IP:127.0.0.1"}})
		},
		"127.0.0.1": func(ca *certtest.CA) certtest.Files {
			return ca.Issue("elsewhere", certtest.Options{ExtKeyUsage: "serverAuth", Hosts: []string{"DNS:elsewhere.example"}})
		},
		"unknown authority": func(*certtest.CA) certtest.Files { return certtest.NewCA(t, "Stranger").Server("stranger") },
	} {
		s := newStrict(t, own)
		f := s.ca.Issue("roamclear", certtest.Options{})
		identity, err := api.OpenIdentity(api.IdentityFiles{CA: s.ca.Cert, Cert: f.Cert, Key: f.Key}, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		d := NewDialer(Policy{AllowPrivate: true, Identity: identity})
		if err := s.ask(d); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
		d.Close()
	}
}
