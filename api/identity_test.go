package api_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

// asking is a server over TLS that asks for certificates of a CA and says whose came.
func asking(t *testing.T, ca *certtest.CA, own certtest.Files) (address string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certtest.Pair(t, own)}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: ca.Trusted()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func(conn *tls.Conn) {
				defer conn.Close()
				if conn.Handshake() != nil {
					return
				}
				who := "nobody"
				if certs := conn.ConnectionState().PeerCertificates; len(certs) > 0 {
					who = certs[0].Subject.CommonName
				}
				io.WriteString(conn, who)
			}(conn.(*tls.Conn))
		}
	}()
	return l.Addr().String()
}

// Servers of our own are known by the CA of their setting alone, and know us by our
// certificate; both are replaced without a restart.
func TestServersOfOurOwn(t *testing.T) {
	ca := certtest.NewCA(t, "Brokers")
	address := asking(t, ca, ca.Server("broker"))
	dir := t.TempDir()
	files := api.IdentityFiles{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	show := func(f certtest.Files) {
		certtest.Replace(t, files.Cert, certtest.Read(t, f.Cert))
		certtest.Replace(t, files.Key, certtest.Read(t, f.Key))
	}
	show(ca.Issue("first", certtest.Options{}))
	certtest.Replace(t, files.CA, certtest.Read(t, ca.Cert))
	var log lines
	logger := slog.New(slog.NewTextHandler(&log, nil))
	identity, err := api.OpenClient("kafka.tls", files, api.NewEnds(logger, nil, nil), logger)
	if err != nil {
		t.Fatal(err)
	}
	only := x509.NewCertPool()
	only.AppendCertsFromPEM([]byte(certtest.Read(t, ca.Cert)))
	if !identity.Config().RootCAs.Equal(only) {
		t.Error("others sign too than the CA of the setting")
	}
	answers := func(i *api.Identity) (string, error) {
		t.Helper()
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", address, i.Fresh())
		if err != nil {
			return "", err
		}
		defer conn.Close()
		who, err := io.ReadAll(conn)
		return string(who), err
	}
	for _, f := range []certtest.Files{ca.Issue("second", certtest.Options{}), ca.Issue("third", certtest.Options{Until: time.Now().AddDate(0, 0, 2)})} {
		show(f)
		if who, err := answers(identity); err != nil || !strings.Contains(certtest.Subject(t, f), who) || who == "nobody" {
			t.Errorf("%s: it knows us as %q, %v", certtest.Subject(t, f), who, err)
		}
	}
	if text := log.take(); !strings.Contains(text, "use=kafka_client") || !strings.Contains(text, "days_left=1") {
		t.Errorf("our certificate ends in two days: %s", text)
	}
	system, err := api.OpenClient("kafka.tls", api.IdentityFiles{}, nil, logger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := answers(system); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("without its CA: %v", err)
	}
	for want, f := range map[string]api.IdentityFiles{
		"clickhouse.tls.ca: " + dir + "/none: no such file":                          {CA: dir + "/none"},
		"clickhouse.tls.cert: " + dir + "/none: no such file":                        {Cert: dir + "/none", Key: files.Key},
		"clickhouse.tls.key: " + files.CA + ": does not go with clickhouse.tls.cert": {Cert: files.Cert, Key: files.CA},
	} {
		if _, err := api.OpenClient("clickhouse.tls", f, nil, logger); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
