package partner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// ErrForeignURL says that a URL is at none of the places that a partner registered: our
// token for it must not go there.
var ErrForeignURL = errors.New("the URL is not at a host that you registered")

// Delivery is what is posted to a URL that a partner gave with a request, such as a
// response_url.
type Delivery struct {
	To          *control.Partner
	URL         string
	Body        []byte
	From, For   ocpi.Party // OCPI-from and OCPI-to; not sent to partners of OCPI 2.1.1
	Correlation string     // "" = a new one
	Within      time.Duration
}

// Deliver posts to a partner's own URL. Neither pulls nor calls wait behind it. Errors: ErrNotRegistered, ErrForeignURL, else an
// *Error.
func (f *Forwarder) Deliver(ctx context.Context, d Delivery) error {
	if err := Own(d.To, d.URL); err != nil {
		return err
	}
	peer := d.To.Peer
	token, err := f.Secrets.Open(peer.Token)
	if err != nil {
		return err
	}
	if d.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Within)
		defer cancel()
	}
	c := call{partner: d.To.ID, method: http.MethodPost, url: d.URL, body: d.Body, from: d.From, to: d.For, correlation: d.Correlation, module: "commands", lane: "result"}
	if peer.Version == ocpi.V211 { // it has no such headers
		c.from, c.to = ocpi.Party{}, ocpi.Party{}
	}
	_, _, err = f.Dialer.do(ctx, login{token, peer.Encoding, peer.Version}, c)
	return err
}

// Own checks that a URL is at a host which the partner registered, by the same scheme.
func Own(p *control.Partner, text string) error {
	if p == nil || p.Peer == nil {
		return ErrNotRegistered
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%w: it is no URL", ErrForeignURL)
	}
	places := []string{p.Peer.URL}
	for _, e := range p.Peer.Endpoints {
		places = append(places, e.URL)
	}
	for _, place := range places {
		if known, err := url.Parse(place); err == nil && known.Host == u.Host && known.Scheme == u.Scheme {
			return nil
		}
	}
	return ErrForeignURL
}
