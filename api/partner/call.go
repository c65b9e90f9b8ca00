package partner

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
)

// Bounds of answers, in bytes.
const (
	maxAnswer = 1 << 20  // of one object, versions and credentials among them
	maxPage   = 16 << 20 // of a page of a list
)

// login is how we say who we are to a partner.
type login struct {
	token    string
	encoding control.TokenEncoding // raw or base64; else both are tried
	version  ocpi.Version          // 0 = not known yet
}

// encodings returns the encodings of a token in the order in which they are
// tried: what is known to work, else as OCPI has it, Base64 from 2.2 on
// (R-AUTH-02, R-AUTH-03). Half of all partners have it the other way round.
func (l login) encodings() [2]control.TokenEncoding {
	if l.encoding == control.EncodingRaw || l.encoding != control.EncodingBase64 && l.version == ocpi.V211 {
		return [2]control.TokenEncoding{control.EncodingRaw, control.EncodingBase64}
	}
	return [2]control.TokenEncoding{control.EncodingBase64, control.EncodingRaw}
}

func authorization(token string, e control.TokenEncoding) string {
	if e == control.EncodingBase64 {
		token = base64.StdEncoding.EncodeToString([]byte(token))
	}
	return "Token " + token
}

// call is one request to a partner.
type call struct {
	partner     string // its id, "" where it is none yet
	method, url string
	body        []byte
	from, to    ocpi.Party     // routing headers; zero = none
	correlation string         // "" = a new one
	limit       int            // of the answer, in bytes; 0 = maxAnswer
	room        api.Room       // that the answer takes; nil = there is enough
	module      string         // "" = as the URL says
	held        messages.Place // of body, in the log
	lane        string         // whose places it takes, of those that the partner has; "" = those of all others
}

// do sends a call and returns the answer, and the encoding of the token that the
// partner took. The error is an *Error.
func (d *Dialer) do(ctx context.Context, l login, c call) (*Answer, control.TokenEncoding, error) {
	var first error
	for _, e := range l.encodings() {
		a, err := d.once(ctx, l, e, c)
		failed, _ := errors.AsType[*Error](err)
		switch {
		case err == nil:
			return a, e, nil
		case failed.HTTP != http.StatusUnauthorized: // nobody looked at more than the token
			return nil, e, err
		case first != nil:
			return nil, "", first
		}
		first = err
	}
	return nil, "", first
}

// once sends a call with the token in one encoding.
func (d *Dialer) once(ctx context.Context, l login, e control.TokenEncoding, c call) (*Answer, error) {
	token := l.token
	failed := &Error{Partner: c.partner, Method: c.method}
	u, err := d.policy.Check(c.url)
	if err != nil {
		failed.Err = err
		return nil, failed
	}
	failed.Path = u.EscapedPath()
	ctx, cancel := context.WithTimeout(ctx, d.policy.timeout())
	defer cancel()
	who := c.partner
	if who == "" { // by its token: a host may be that of many
		who = "//" + u.Host + " " + token
	}
	if c.lane != "" {
		who = c.lane + " " + who // no id has a space
	}
	if err := d.places.enter(ctx, who); err != nil {
		failed.Err = fmt.Errorf("%w: %w", ErrNoTurn, err)
		return nil, failed
	}
	defer d.places.leave(who)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { failed.Sent = true }})
	req, err := http.NewRequestWithContext(ctx, c.method, u.String(), bytes.NewReader(c.body))
	if err != nil {
		failed.Err = cause(err, token)
		return nil, failed
	}
	c.head(req.Header)
	req.Header.Set("Authorization", authorization(token, e))
	noted := d.begin(ctx, &c, l.version, u, req.Header, token)
	resp, err := d.client(u.Scheme).Do(req)
	if err != nil {
		failed.Err = cause(err, token)
		d.done(noted, nil, nil, failed)
		return nil, failed
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or given up
	d.policy.Identity.Met(c.partner, resp)
	a, body, err := c.read(resp, token, failed)
	d.done(noted, body, a, failed)
	return a, err
}

// head sets the headers that every message has.
func (c *call) head(h http.Header) {
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "roamclear")
	if c.body != nil {
		h.Set("Content-Type", "application/json")
	}
	h.Set(ocpi.HeaderRequestID, api.NewRequestID())
	if c.correlation == "" {
		c.correlation = api.NewRequestID()
	}
	h.Set(ocpi.HeaderCorrelationID, c.correlation)
	if !c.from.IsZero() {
		h.Set(ocpi.HeaderFromCountry, c.from.Country)
		h.Set(ocpi.HeaderFromParty, c.from.ID)
	}
	if !c.to.IsZero() {
		h.Set(ocpi.HeaderToCountry, c.to.Country)
		h.Set(ocpi.HeaderToParty, c.to.ID)
	}
}

// read reads the answer, and returns its body too. Partners say no by HTTP, by OCPI's code, or by both.
func (c *call) read(resp *http.Response, token string, failed *Error) (a *Answer, body []byte, err error) {
	failed.HTTP = resp.StatusCode
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		failed.Err = ErrRedirect
		return nil, nil, failed
	}
	limit := c.limit
	if limit == 0 {
		limit = maxAnswer
	}
	if body, err = api.ReadToEnd(resp.Body, nil, limit, c.room); err != nil {
		failed.Err = cause(err, token)
		failed.wait = retryAfter(resp)
		return nil, nil, failed
	}
	e, status, ok := readEnvelope(body)
	failed.Status, failed.Message = status, words(e.message(), token)
	failed.wait = retryAfter(resp)
	a = &Answer{HTTP: resp.StatusCode, Status: status, Message: failed.Message, Data: e.Data, Header: resp.Header}
	switch {
	case ok && resp.StatusCode < 400 && success(status):
		return a, body, nil
	case ok:
		failed.Answer = a
	case resp.StatusCode < 400:
		failed.Err = errors.New("the answer is not OCPI's: " + beginning(body, token))
	}
	return nil, body, failed
}

// beginning is as much of a body as says what it is. Our token is taken out of it
// before it is cut: a part of one would not be known for one.
func beginning(body []byte, token string) string {
	const most = 60
	text := words(string(body), token)
	return fmt.Sprintf("%q", strings.ToValidUTF8(text[:min(len(text), most)], ""))
}
