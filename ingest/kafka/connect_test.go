package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

// fixed is a configuration that does not change.
func fixed(c *tls.Config) func() *tls.Config { return func() *tls.Config { return c } }

const (
	loginUser     = "roamclear"
	loginPassword = "a password, quite long"
)

// guarded starts brokers that speak TLS with whoever has a certificate of a CA, and
// take whoever logs in.
func guarded(t *testing.T, ca *certtest.CA, own certtest.Files) *kfake.Cluster {
	t.Helper()
	o := []kfake.Opt{kfake.NumBrokers(3), kfake.EnableSASL(), kfake.TLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certtest.Pair(t, own)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Trusted(),
	})}
	for _, m := range Mechanisms {
		o = append(o, kfake.Superuser(m, loginUser, loginPassword))
	}
	c, err := kfake.NewCluster(o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Whatever the log does with brokers it does over TLS, with our certificate, logged in.
func TestBrokersOverTLSWithALogin(t *testing.T) {
	ca := certtest.NewCA(t, "Brokers")
	c := guarded(t, ca, ca.Server("broker"))
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted(), Certificates: []tls.Certificate{certtest.Pair(t, ca.Issue("roamclear", certtest.Options{}))}}
	for i, mechanism := range Mechanisms {
		t.Run(mechanism, func(t *testing.T) {
			l := openT(t, Options{Brokers: c.ListenAddrs(), TLS: fixed(config), Login: Login{mechanism, loginUser, loginPassword}})
			if pos := appendT(t, l, i); pos.Offset != int64(i) {
				t.Errorf("appended at %d", pos.Offset)
			}
			tailUntil(t, l, ingest.TopicRefused, 0, 0, int64(i+1))
			worked := make(chan struct{})
			stop := consumeT(t, l, mechanism, func(ctx context.Context, lease *Lease) error {
				if err := lease.Commit(ctx, 1, ""); err != nil {
					return err
				}
				close(worked)
				<-ctx.Done()
				return ctx.Err()
			})
			<-worked
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Who is turned away is told at once, and why: waiting does not cure it.
func TestBrokersThatDoNotTakeUs(t *testing.T) {
	ca, stranger := certtest.NewCA(t, "Brokers"), certtest.NewCA(t, "Stranger")
	c := guarded(t, ca, ca.Server("broker"))
	plain, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plain.Close)
	ours := []tls.Certificate{certtest.Pair(t, ca.Issue("roamclear", certtest.Options{}))}
	good := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted(), Certificates: ours}
	login := Login{"SCRAM-SHA-256", loginUser, loginPassword}
	for name, tt := range map[string]struct {
		o    Options
		says string
	}{
		"signed by a stranger":  {Options{TLS: fixed(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: stranger.Trusted(), Certificates: ours}), Login: login}, "unknown authority"},
		"no certificate of us":  {Options{TLS: fixed(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted()}), Login: login}, "certificate required"},
		"a stranger's of us":    {Options{TLS: fixed(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted(), Certificates: []tls.Certificate{certtest.Pair(t, stranger.Issue("roamclear", certtest.Options{}))}}), Login: login}, "remote error: tls"},
		"another password":      {Options{TLS: fixed(good), Login: Login{"SCRAM-SHA-512", loginUser, "another"}}, "refuses the login"},
		"another plain one":     {Options{TLS: fixed(good), Login: Login{"PLAIN", loginUser, "another"}}, "refuses the login"},
		"nobody known":          {Options{TLS: fixed(good), Login: Login{"SCRAM-SHA-256", "nobody", loginPassword}}, "refuses the login"},
		"no such mechanism":     {Options{Login: Login{"GSSAPI", loginUser, loginPassword}}, "SASL mechanism GSSAPI: want one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"},
		"not a password at all": {Options{Login: Login{"SCRAM-SHA-256", loginUser, "a\x00b"}}, "characters that SCRAM-SHA-256 does not allow"},
	} {
		tt.o.Brokers = c.ListenAddrs()
		_, err := Open(t.Context(), tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), loginPassword) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
		if err != nil && !refused(err) && tt.o.TLS != nil && !turnedAway(err) {
			t.Errorf("%s: %v: nothing was sent, and it is not known so", name, err)
		}
	}
	if _, err := (&Options{TLS: fixed(good)}).dial(t.Context(), "tcp", plain.ListenAddrs()[0]); err == nil {
		t.Error("a broker that speaks no TLS was spoken to")
	} else if e, ok := errors.AsType[*ConnectError](err); !ok || e.Address != plain.ListenAddrs()[0] {
		t.Errorf("a broker that speaks no TLS: %v", err)
	}
}

// The configuration is asked for with each connection: what was replaced counts from
// the next one on.
func TestCertificatesOfBrokersAreReplaced(t *testing.T) {
	before, after := certtest.NewCA(t, "Before"), certtest.NewCA(t, "After")
	own, theirs := certtest.Pair(t, before.Server("broker")), certtest.Pair(t, after.Server("broker"))
	var shows atomic.Pointer[tls.Certificate]
	shows.Store(&own)
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(&tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shows.Load(), nil },
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var trusts atomic.Pointer[x509.CertPool]
	trusts.Store(before.Trusted())
	o := Options{Brokers: c.ListenAddrs(), TLS: func() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusts.Load()} }}
	l := openT(t, o)
	shows.Store(&theirs)
	connect := func() error {
		conn, err := l.opts.dial(t.Context(), "tcp", c.ListenAddrs()[0])
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	if err := connect(); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("the broker's new certificate, before we know its CA: %v", err)
	}
	trusts.Store(after.Trusted())
	if err := connect(); err != nil {
		t.Errorf("once we know it: %v", err)
	}
	appendT(t, l, 0) // over a connection there was
}
