package partner

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
)

// Modules by what they are about.
var objectsOf = map[string]string{
	"locations": "location", "tariffs": "tariff", "sessions": "session", "cdrs": "cdr", "tokens": "token", "invoicereconciliation": "invoice", "commands": "command",
}

type calledFor struct{}

// For has calls of partners that cannot say themselves which one they are to, such as those
// of a handshake, be of a partner in the log of messages.
func For(ctx context.Context, partner string) context.Context {
	return context.WithValue(ctx, calledFor{}, partner)
}

// exchanged is one call as the log of messages has it.
type exchanged struct {
	message messages.Message
	token   string
	module  string
}

// begin notes that a call is about to be made.
func (d *Dialer) begin(ctx context.Context, c *call, version ocpi.Version, u *url.URL, sent http.Header, token string) *exchanged {
	if d.Messages == nil {
		return nil
	}
	x := &exchanged{token: token, module: moduleOf(c.module, u.Path)}
	m := &x.message
	*m = messages.Message{
		At: ocpi.TimeOf(time.Now()), Partner: c.partner, Direction: messages.Out, Method: c.method, Version: version,
		RequestID: sent.Get(ocpi.HeaderRequestID), CorrelationID: sent.Get(ocpi.HeaderCorrelationID), Object: x.module, Held: c.held, RequestBytes: uint32(len(c.body)),
	}
	if m.Partner == "" {
		m.Partner, _ = ctx.Value(calledFor{}).(string)
	}
	if object := objectsOf[x.module]; object != "" {
		m.Object = object
	}
	if !c.from.IsZero() {
		m.From = c.from.String()
	}
	if !c.to.IsZero() {
		m.To = c.to.String()
	}
	where := u.Scheme + "://" + u.Host + u.EscapedPath()
	if c.method == http.MethodGet && u.RawQuery != "" {
		where += "?" + u.RawQuery
	}
	m.Path = string(messages.Mask([]byte(messages.Path(where, x.module, false)), token))
	x.identify(c.body, u.Path)
	if m.Held.Topic == "" {
		m.Request = x.masked(c.body)
	}
	return x
}

// moduleOf is the module that a call is about, by its path where nobody says.
func moduleOf(said, path string) string {
	if said != "" {
		return said
	}
	for _, part := range strings.Split(path, "/") {
		if objectsOf[part] != "" || part == "credentials" || part == "versions" {
			return part
		}
	}
	return ""
}

// identify says what a call is about, by its body and else by its path.
func (x *exchanged) identify(body []byte, path string) {
	m := &x.message
	keys := messages.KeysOf(body)
	_, below, _ := strings.Cut(path, "/"+x.module+"/")
	parts := strings.Split(below, "/")
	if len(parts) >= 3 && len(parts[0]) == 2 {
		m.Owner, m.ID = ocpi.NewParty(parts[0], parts[1]).String(), parts[2]
	}
	if keys.ID != "" {
		m.ID = keys.ID
	}
	if m.Owner == "" && !keys.Owner.IsZero() {
		m.Owner = keys.Owner.String()
	}
	m.ID, m.SessionID, m.TokenUID = ocpi.Fold(m.ID), ocpi.Fold(keys.SessionID), keys.TokenUID
	switch m.Object {
	case "session":
		m.SessionID = m.ID
	case "token":
		if m.TokenUID == "" && m.ID != "" {
			m.TokenUID = m.ID
		}
		if m.TokenUID == "" && below != "" { // TOKEN_UID/authorize
			m.TokenUID = parts[0]
		}
		m.ID = ""
	}
}

// masked is a body without the token of its call, in credentials without any.
func (x *exchanged) masked(body []byte) []byte {
	if x.module == "credentials" {
		return messages.Credentials(body)
	}
	return messages.Mask(body, x.token)
}

// done notes what came of a call.
func (d *Dialer) done(x *exchanged, answered []byte, a *Answer, failed *Error) {
	if x == nil {
		return
	}
	m := &x.message
	m.Micros = uint32(min((ocpi.TimeOf(time.Now())-m.At)/ocpi.Time(time.Microsecond), 1<<32-1))
	m.Response, m.ResponseBytes = x.masked(answered), uint32(len(answered))
	if a != nil {
		m.HTTP, m.Status = uint16(a.HTTP), uint16(a.Status)
	} else {
		m.HTTP, m.Status = uint16(failed.HTTP), uint16(failed.Status)
		m.Reason = api.Shorten(failed.reason(), maxReason)
	}
	d.Messages.Offer(m)
}

// maxReason bounds why a call failed, in bytes.
const maxReason = 300

// reason is why there was no success, without what was asked.
func (e *Error) reason() string {
	if e.Message != "" {
		return e.Message
	}
	if e.Err != nil {
		return e.Err.Error()
	}
	return http.StatusText(e.HTTP)
}
