package certtest

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
)

// Pair reads a certificate with its key.
func Pair(t testing.TB, f Files) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// Trusted is the CA, trusted alone.
func (c *CA) Trusted() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(Read(c.t, c.Cert)))
	return pool
}

// Asks is a server of that name which asks clients for a certificate of the CA.
func (c *CA) Asks(name string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{Pair(c.t, c.Server(name))}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: c.Trusted()}
}

// Front takes TLS off and hands on to a server that speaks none; it returns the address
// to ask instead.
func Front(t testing.TB, config *tls.Config, server string) (address string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) //nolint:errcheck // nobody dials it any more
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			conn, err := net.Dial("tcp", server)
			if err != nil {
				client.Close() //nolint:errcheck // it notices
				continue
			}
			for to, from := range map[net.Conn]net.Conn{conn: client, client: conn} {
				go func() {
					io.Copy(to, from) //nolint:errcheck // either end may go at any time
					to.Close()        //nolint:errcheck // likewise
				}()
			}
		}
	}()
	return l.Addr().String()
}
