package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ingest/control"
)

// connection is what is known of one connection while it lasts.
type connection struct {
	tls     *TLS
	remote  string
	checked atomic.Pointer[verdict] // nil = not looked at since the handshake
	met     atomic.Pointer[met]     // what was told last
}

// met is who asked over a connection, and why that was refused.
type met struct{ who, reason string }

type connectionKey struct{}

// connection adds what is known of a connection to the contexts of its requests.
func (t *TLS) connection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{tls: t, remote: c.RemoteAddr().String()})
}

func connectionOf(r *http.Request) *connection {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}

// ClientCertificate returns the certificate that the client of a request has shown to
// be its own, nil for none. The error is a *control.CertError for one that was good
// at the handshake and is not any more: it has ended or was revoked since.
func ClientCertificate(r *http.Request) (*control.Certificate, error) {
	if r.TLS == nil {
		return nil, nil
	}
	c := connectionOf(r)
	if c == nil {
		return nil, nil // no listener of ours has verified it
	}
	return c.certificate(r.TLS)
}

func (c *connection) certificate(s *tls.ConnectionState) (*control.Certificate, error) {
	v := c.checked.Load()
	if v == nil || c.tls.stale(v) {
		now := c.tls.judge(s.PeerCertificates)
		c.checked.Store(&now)
		if v = &now; v.err != nil {
			c.tls.tell(c.remote, "", leafOf(s.PeerCertificates), v.err)
		}
	}
	return v.cert, v.err
}

// stale reports whether a verdict does not stand any more.
func (t *TLS) stale(v *verdict) bool {
	return t.trust != nil && (v.made != t.trust.made.Load() || t.Now().After(v.until))
}

// Recognizer finds partners by how they come: [control.Partners.Recognize].
type Recognizer interface {
	Recognize(authorization string, c *control.Certificate) (*control.Partner, control.Spelling, error)
}

// Recognize finds the partner that a request comes from, by its token and the client
// certificate of the connection. Errors: ErrUnauthorized for a token that is nobody's, or a *TooOftenError, a
// *control.CertError where the partner may not come so, told once a connection.
func Recognize(r *http.Request, partners Recognizer, authorization string) (*control.Partner, control.Spelling, error) {
	cert, err := ClientCertificate(r)
	if err != nil {
		return nil, control.Spelling{}, err
	}
	p, spelled, err := partners.Recognize(authorization, cert)
	switch {
	case p == nil:
		if authorization != "" {
			if err := Stranger(r, "ocpi"); err != nil {
				return nil, spelled, err
			}
		}
		return nil, spelled, ErrUnauthorized
	case err != nil || cert != nil:
		Met(r, p.ID, err)
	}
	return p, spelled, err
}

// Certified decides whether one that asks may do so over the connection of a request,
// by its client certificate; who names it for the log. A refusal is a
// *control.CertError, told once a connection.
func Certified(r *http.Request, who string, admits func(*control.Certificate) error) error {
	cert, err := ClientCertificate(r)
	if err != nil {
		return err
	}
	err = admits(cert)
	if err != nil || cert != nil {
		Met(r, who, err)
	}
	return err
}

// Met tells who came over the connection of a request with a certificate that does not
// do, for the reason that err says; where err is nil, it remembers when the certificate
// ends. It does so once a connection.
func Met(r *http.Request, who string, err error) {
	c := connectionOf(r)
	if c == nil {
		return
	}
	var leaf *x509.Certificate
	if r.TLS != nil {
		leaf = leafOf(r.TLS.PeerCertificates)
	}
	c.meet(who, leaf, err)
}

// meet tells who came with a certificate that does not do, and remembers when one that
// does ends.
func (c *connection) meet(who string, leaf *x509.Certificate, err error) {
	reason := ""
	if refused, ok := errors.AsType[*control.CertError](err); ok {
		reason = refused.Reason
	}
	if last := c.met.Load(); last != nil && last.who == who && last.reason == reason {
		return
	}
	c.met.Store(&met{who, reason})
	switch {
	case err != nil:
		c.tls.tell(c.remote, who, leaf, err)
	case c.tls.Ends != nil && leaf != nil:
		c.tls.Ends.Theirs("client", who, leaf)
	}
}

// refuseCertificate refuses what comes over a connection whose client certificate has
// ended or was revoked since the handshake, and ends the connection.
func refuseCertificate(answer func(*gin.Context, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		if _, err := ClientCertificate(c.Request); err != nil {
			c.Header("Connection", "close")
			answer(c, err)
			c.Abort()
		}
	}
}
