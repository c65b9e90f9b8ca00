package partner

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest/messages"
)

// Dialer calls partners. It is safe for concurrent use; Close ends its idle
// connections.
type Dialer struct {
	// Messages keeps what is exchanged; nil = nobody does. It is set before the first call.
	Messages *messages.Log

	policy Policy
	places places

	resolver *net.Resolver
	plain    *http.Client // http, to private addresses alone

	mu      sync.Mutex   // guards what follows
	secure  *http.Client // https
	edition uint64       // of the Policy's Identity that it is made with
}

// NewDialer returns a Dialer that calls what the policy lets it.
func NewDialer(p Policy) *Dialer { return newDialer(p, nil) }

// newDialer takes the resolver of names; nil is the system's.
func newDialer(p Policy, resolver *net.Resolver) *Dialer {
	edition := p.Identity.Edition() // first: what changes meanwhile is seen the next time
	return &Dialer{
		policy: p, resolver: resolver,
		plain: p.client("http", resolver), secure: p.client("https", resolver), edition: edition,
	}
}

// client is that for a scheme. Where our certificate or the CAs of partners have
// changed, it is another one: connections of before end with the calls under way.
func (d *Dialer) client(scheme string) *http.Client {
	if scheme == "http" {
		return d.plain
	}
	edition := d.policy.Identity.Edition()
	d.mu.Lock()
	defer d.mu.Unlock()
	if edition != d.edition {
		d.secure.CloseIdleConnections()
		d.secure, d.edition = d.policy.client("https", d.resolver), edition
	}
	return d.secure
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
			DialContext: p.dialer(scheme, resolver).DialContext, ForceAttemptHTTP2: true, TLSClientConfig: p.Identity.Config(),
			TLSHandshakeTimeout: p.timeout(), ResponseHeaderTimeout: p.timeout(),
			MaxIdleConnsPerHost: idlePerHost, MaxIdleConns: 1024, IdleConnTimeout: idleFor, MaxResponseHeaderBytes: largestHeads,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close ends the connections that nobody uses.
func (d *Dialer) Close() {
	d.plain.CloseIdleConnections()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secure.CloseIdleConnections()
}
