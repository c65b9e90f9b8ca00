package partner

import (
	"net"
	"net/http"
	"time"
)

// Dialer calls partners. It is safe for concurrent use; Close ends its idle
// connections.
type Dialer struct {
	policy Policy
	places places
	plain  *http.Client // http, to private addresses alone
	secure *http.Client // https
}

// NewDialer returns a Dialer that calls what the policy lets it.
func NewDialer(p Policy) *Dialer { return newDialer(p, nil) }

// newDialer takes the resolver of names; nil is the system's.
func newDialer(p Policy, resolver *net.Resolver) *Dialer {
	d := &Dialer{policy: p}
	d.plain, d.secure = p.client("http", resolver), p.client("https", resolver)
	return d
}

// Bounds of a connection beside the Policy's.
const (
	idlePerHost  = 4
	idleFor      = time.Minute
	largestHeads = 64 << 10 // headers of an answer, in bytes
)

// client is an http.Client for one scheme. It takes no proxy from the
// environment: the address that it would connect to is not the partner's.
func (p Policy) client(scheme string, resolver *net.Resolver) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: p.dialer(scheme, resolver).DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: p.timeout(), ResponseHeaderTimeout: p.timeout(),
			MaxIdleConnsPerHost: idlePerHost, MaxIdleConns: 1024, IdleConnTimeout: idleFor, MaxResponseHeaderBytes: largestHeads,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close ends the connections that nobody uses.
func (d *Dialer) Close() {
	d.plain.CloseIdleConnections()
	d.secure.CloseIdleConnections()
}
