package hub

import (
	"cmp"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
)

// note offers the exchange to the log of messages, once it is answered. Who is no partner
// has none there: else anybody could fill it.
func (x *exchange) note(began time.Time, httpStatus int, status ocpi.Status) {
	if x.s.Messages == nil || x.partner == nil {
		return
	}
	m := messages.Message{
		At: ocpi.TimeOf(began), Partner: x.partner.ID, Direction: messages.In, Method: x.r.Method, Path: messages.Path(x.r.RequestURI, x.module(), true),
		Version: x.route.version, RequestID: header(x.r, ocpi.HeaderRequestID), CorrelationID: header(x.r, ocpi.HeaderCorrelationID),
		HTTP: uint16(httpStatus), Status: uint16(status), Micros: uint32(min(x.s.Now().Sub(began).Microseconds(), 1<<32-1)), Object: x.about(), Reason: x.reason,
		Response: x.said, ResponseBytes: uint32(x.answered),
	}
	if from := x.from(); !from.IsZero() {
		m.From = from.String()
	}
	if to := ocpi.NewParty(header(x.r, ocpi.HeaderToCountry), header(x.r, ocpi.HeaderToParty)); !to.IsZero() {
		m.To = to.String()
	}
	if x.hasBody {
		m.Request, m.RequestBytes = x.body, uint32(len(x.body))
	}
	x.describe(&m)
	x.mask(&m)
	x.s.Messages.Offer(&m)
}

// about is what kind of object the exchange is about, of others the module.
func (x *exchange) about() string {
	switch {
	case x.route.object != 0:
		return x.route.object.String()
	case x.route.base == "" && x.route.path != "":
		return "versions"
	}
	return strings.Trim(x.module(), "./")
}

// describe says what the exchange is about, by what the intake has read, else by path and
// body.
func (x *exchange) describe(m *messages.Message) {
	t := &x.trace
	if t.Topic != "" {
		m.Held = messages.Place{Topic: t.Topic, Position: t.At}
	}
	m.Owner, m.ID, m.SessionID, m.TokenUID = string(t.Owner), string(t.ID), string(t.Session), string(t.Token)
	if m.ID == "" {
		m.ID = ocpi.Fold(api.Param(x.c, "id"))
		if owner := ocpi.NewParty(api.Param(x.c, "country"), api.Param(x.c, "party")); owner.Country != "" && owner.ID != "" {
			m.Owner = owner.String()
		}
	}
	if x.hasBody && (m.ID == "" || x.route.asks) {
		keys := messages.KeysOf(x.body)
		if m.Owner == "" && !keys.Owner.IsZero() {
			m.Owner = keys.Owner.String()
		}
		m.ID, m.SessionID, m.TokenUID = cmp.Or(m.ID, ocpi.Fold(keys.ID)), cmp.Or(m.SessionID, ocpi.Fold(keys.SessionID)), cmp.Or(m.TokenUID, keys.TokenUID)
	}
	m.SessionID = ocpi.Fold(m.SessionID)
	switch x.route.object {
	case ingest.ObjectSession:
		m.SessionID = m.ID
	case ingest.ObjectToken: // its uid stands nowhere but in its digest
		m.TokenUID, m.ID = cmp.Or(m.TokenUID, m.ID), ""
	}
}

// mask takes away what the log of messages must not have: the body that the log holds, and
// secrets. What the partner sends as its token is looked for in what it says beside it.
func (x *exchange) mask(m *messages.Message) {
	if m.Held.Topic != "" {
		m.Request = nil
	}
	if x.module() == "credentials" {
		m.Request, m.Response = messages.Credentials(m.Request), messages.Credentials(m.Response)
		return
	}
	if m.Request == nil && m.Status < uint16(ocpi.StatusClientError) {
		return // the answer is ours, and says nothing of the token
	}
	_, token, _ := strings.Cut(header(x.r, "Authorization"), " ")
	m.Request, m.Response = messages.Mask(m.Request, token), messages.Mask(m.Response, token)
}

// remember keeps the beginning of an answer that is written piece by piece, and how large
// all of it is.
func (x *exchange) remember(envelope *ocpi.Envelope, list [][]byte) {
	if x.s.Messages == nil {
		return
	}
	begin := func(b []byte) {
		x.answered += len(b)
		x.out = append(x.out, b[:min(len(b), messages.MaxBody-len(x.out))]...)
	}
	x.out = x.out[:0]
	begin([]byte(ocpi.EnvelopeData))
	if list == nil {
		begin(envelope.Data)
	} else {
		begin([]byte("["))
		for i, item := range list {
			if i > 0 {
				begin([]byte(","))
			}
			begin(item)
		}
		begin([]byte("]"))
	}
	begin(envelope.AppendEnd(nil))
	x.said = x.out
}
