package partner

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Forwarder calls modules of registered partners: with what one partner, or an
// app, asks of another through us. It is safe for concurrent use.
type Forwarder struct {
	Dialer  *Dialer
	Secrets Secrets
}

// Request is one request to a module of a partner, in the version that it
// registered (Partner.Peer.Version).
type Request struct {
	To          *control.Partner
	Module      string             // such as "commands"
	Side        ocpi.InterfaceRole // of the module: the partner's
	Method      string
	Path        []string // below the module's URL, unescaped
	Query       url.Values
	Body        []byte        // nil = none
	From, For   ocpi.Party    // OCPI-from and OCPI-to; not sent to partners of OCPI 2.1.1
	Correlation string        // "" = a new one
	Within      time.Duration // 0 = as the Dialer's Policy says
}

// Send sends a request and returns what the partner answered. Errors:
// ErrNotRegistered where the partner has told us no address, ErrNoEndpoint where it
// does not offer the module, else an *Error, which says what the partner answered.
func (f *Forwarder) Send(ctx context.Context, r Request) (*Answer, error) {
	p := r.To
	if p.Peer == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotRegistered, p.ID)
	}
	at, ok := p.Peer.Endpoint(r.Module, r.Side)
	if !ok {
		return nil, fmt.Errorf("%w: %s offers no module %s", ErrNoEndpoint, p.ID, r.Module)
	}
	token, err := f.Secrets.Open(p.Peer.Token)
	if err != nil {
		return nil, err
	}
	if r.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Within)
		defer cancel()
	}
	c := call{partner: p.ID, method: r.Method, url: below(at, r.Path, r.Query), body: r.Body, from: r.From, to: r.For, correlation: r.Correlation}
	if p.Peer.Version == ocpi.V211 { // it has no such headers
		c.from, c.to = ocpi.Party{}, ocpi.Party{}
	}
	answer, _, err := f.Dialer.do(ctx, login{token, p.Peer.Encoding, p.Peer.Version}, c)
	return answer, err
}

// below joins a module's URL and a path with one slash, whether or not the URL ends
// with one: partners have it either way (R-TRANSPORT-09).
func below(at string, path []string, query url.Values) string {
	at, own, _ := strings.Cut(at, "?")
	at = strings.TrimRight(at, "/")
	for _, part := range path {
		at += "/" + url.PathEscape(part)
	}
	both := strings.Trim(own+"&"+query.Encode(), "&")
	if both == "" {
		return at
	}
	return at + "?" + both
}
