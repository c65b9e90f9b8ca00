package partner

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/messages"
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
	Since       ocpi.Version       // the first version that has what is asked for; 0 = all do
	Side        ocpi.InterfaceRole // of the module: the partner's
	Method      string
	Path        []string // below the module's URL, unescaped
	Query       url.Values
	Page        string         // in place of Path and Query: the page that NextPage returned
	Body        []byte         // nil = none
	Held        messages.Place // where the log holds the very body; zero = nowhere
	From, For   ocpi.Party     // OCPI-from and OCPI-to; not sent to partners of OCPI 2.1.1
	Correlation string         // "" = a new one
	Within      time.Duration  // 0 = as the Dialer's Policy says
	Limit       int            // of the answer, in bytes; 0 = 1 MiB
	Room        api.Room       // that the answer takes; nil = there is enough
	Prompt      bool           // somebody stands and waits: it has places of its own, and does not wait behind pulls
}

// ErrShowsToken says that a partner's answer holds the token that we call it with: it
// is handed to nobody.
var ErrShowsToken = errors.New("the answer shows our token")

// Send sends a request and returns what the partner answered, which holds no token of
// ours. Errors: ErrNotRegistered where the partner has told us no address,
// ErrNoEndpoint where it does not offer the module, else an *Error, whose Answer is
// what the partner said no with.
func (f *Forwarder) Send(ctx context.Context, r Request) (*Answer, error) {
	p := r.To
	if p.Peer == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotRegistered, p.ID)
	}
	at, ok := p.Peer.Endpoint(r.Module, r.Side)
	if !ok || p.Peer.Version < r.Since {
		return nil, fmt.Errorf("%w: %s offers no %s of module %s in OCPI %s", ErrNoEndpoint, p.ID, r.Method, r.Module, p.Peer.Version)
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
	target, err := r.url(at)
	if err != nil {
		return nil, err
	}
	c := call{partner: p.ID, method: r.Method, url: target, body: r.Body, from: r.From, to: r.For, correlation: r.Correlation, limit: r.Limit, room: r.Room, module: r.Module, held: r.Held}
	if r.Prompt {
		c.lane = "prompt"
	}
	if p.Peer.Version == ocpi.V211 { // it has no such headers
		c.from, c.to = ocpi.Party{}, ocpi.Party{}
	}
	answer, _, err := f.Dialer.do(ctx, login{token, p.Peer.Encoding, p.Peer.Version}, c)
	told := answer
	if failed, ok := errors.AsType[*Error](err); ok {
		told = failed.Answer
	}
	if told != nil && shows(told.Data, token) {
		return nil, &Error{Partner: p.ID, Method: r.Method, HTTP: told.HTTP, Err: ErrShowsToken}
	}
	return answer, err
}

// shows reports whether data holds a token, as it is or in Base64.
func shows(data []byte, token string) bool {
	return bytes.Contains(data, []byte(token)) || bytes.Contains(data, []byte(base64.StdEncoding.EncodeToString([]byte(token))))
}

// url is where the request goes, on the module's own origin.
func (r *Request) url(at string) (string, error) {
	if r.Page == "" {
		return below(at, r.Path, r.Query), nil
	}
	endpoint, err := url.Parse(at)
	if err != nil {
		return "", fmt.Errorf("%w: module %s of %s has no URL", ErrNoEndpoint, r.Module, r.To.ID)
	}
	u, ok := follow(endpoint, endpoint, r.Page)
	if !ok {
		return "", fmt.Errorf("%w: no page of module %s of %s", ErrNoEndpoint, r.Module, r.To.ID)
	}
	return u.String(), nil
}

// NextPage returns the page that a partner's page of a list links to, as
// [Request.Page] has it; ok is false on the last one.
func NextPage(p *control.Partner, module string, side ocpi.InterfaceRole, page *Answer) (next string, ok bool, err error) {
	link, ok := nextLink(page.Header)
	if !ok {
		return "", false, nil
	}
	at, ok := p.Peer.Endpoint(module, side)
	endpoint, err := url.Parse(at)
	if !ok || err != nil {
		return "", false, fmt.Errorf("%w: module %s of %s", ErrNoEndpoint, module, p.ID)
	}
	u, ok := follow(endpoint, endpoint, link)
	if !ok {
		return "", false, fmt.Errorf("%w: the next page is no URL", ErrForbiddenURL)
	}
	return u.RequestURI(), true, nil
}

// below joins a module's URL and a path with one slash, whether or not the URL ends
// with one: partners have it either way (R-TRANSPORT-09).
func below(at string, path []string, query url.Values) string {
	at, own, _ := strings.Cut(at, "?")
	at = strings.TrimRight(at, "/")
	for _, part := range path {
		at += "/" + Segment(part)
	}
	both := strings.Trim(own+"&"+query.Encode(), "&")
	if both == "" {
		return at
	}
	return at + "?" + both
}

// Segment is a part of a path. Dots alone would be taken for a way up, to what nobody
// asked for.
func Segment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}
