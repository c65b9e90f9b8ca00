package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest/control/certtest"
	"github.com/roamclear/roamclear/settlement"
)

// The store over TLS, with our certificate, of several addresses of which one is there.
// What is wrong with TLS is an outage: no row is at fault.
func TestTheStoreOverTLS(t *testing.T) {
	ca, stranger := certtest.NewCA(t, "Servers"), certtest.NewCA(t, "Stranger")
	address := certtest.Front(t, ca.Asks("clickhouse"), engine.Addr()) // the engine of the tests speaks no TLS
	ours := func(by *certtest.CA) []tls.Certificate {
		return []tls.Certificate{certtest.Pair(t, by.Issue("roamclear", certtest.Options{}))}
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	good := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Trusted(), Certificates: ours(ca)}
	for name, tt := range map[string]struct {
		addr []string
		tls  *tls.Config
		says string
	}{
		"as it should be":                    {[]string{address}, good, ""},
		"one of two is away":                 {[]string{gone.Addr().String(), address}, good, ""},
		"signed by a stranger":               {[]string{address}, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: stranger.Trusted(), Certificates: good.Certificates}, "unknown authority"},
		"none of ours":                       {[]string{address}, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: good.RootCAs}, "certificate required"},
		"a stranger's of ours":               {[]string{address}, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: good.RootCAs, Certificates: ours(stranger)}, "remote error: tls"},
		"TLS with a server that speaks none": {[]string{engine.Addr()}, good, "tls: first record does not look like a TLS handshake"},
	} {
		o := engine.Options()
		o.Addr, o.TLS = tt.addr, func() *tls.Config { return tt.tls }
		s, err := Open(t.Context(), o)
		if err == nil {
			err = s.Ping(t.Context())
			if closed := s.Close(); closed != nil {
				t.Error(closed)
			}
		}
		if tt.says == "" && err != nil || tt.says != "" && (!errors.Is(err, settlement.ErrUnavailable) || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := engine.Options()
	o.Addr, o.TLS = []string{address}, func() *tls.Config { return good }
	if _, err := Open(ctx, o); !errors.Is(err, context.Canceled) || errors.Is(err, settlement.ErrUnavailable) {
		t.Errorf("given up by its caller: %v", err)
	}
}
