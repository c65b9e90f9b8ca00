package rest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// ScopeOps is the scope an API key needs for what is exchanged with partners.
const ScopeOps = control.ScopeOpsRead

// Messages answers what was exchanged with partners: docs/messages.md.
type Messages struct {
	Log *messages.Log // nil = nothing is kept
	// CDR reads what became of a CDR: that of a settlement.Reader.
	CDR func(ctx context.Context, key ocpi.Key) (*settlement.CDRDetail, error)
	// Known reports whether there is a partner of an id.
	Known func(partner string) bool
}

// MessageParams are the names of the query parameters of a list of messages.
var MessageParams = []string{"partner", "direction", "from", "to", "status", "request_id", "correlation_id", "session_id", "cdr_id", "token_uid", "limit", "cursor"}

// Message is a request and its answer, as lists have it. What is not known is null.
type Message struct {
	ID            string       `json:"id"`
	At            string       `json:"at"`
	Partner       *string      `json:"partner"`   // null: one that was not registered yet
	Direction     string       `json:"direction"` // in: the partner asked; out: we did
	Method        string       `json:"method"`
	Path          string       `json:"path"`
	Version       *string      `json:"version"`
	From          *string      `json:"from"`
	To            *string      `json:"to"`
	RequestID     string       `json:"request_id"`
	CorrelationID string       `json:"correlation_id"`
	HTTP          *int         `json:"http_status"` // null: there was no answer
	Status        *int         `json:"status_code"` // of OCPI
	Latency       int64        `json:"latency_us"`
	Object        string       `json:"object"`
	Owner         *string      `json:"owner"`
	ObjectID      *string      `json:"object_id"`
	SessionID     *string      `json:"session_id"`
	Held          *MessageHeld `json:"held"`
	Reason        *string      `json:"reason"`
	RequestBytes  int          `json:"request_bytes"`
	ResponseBytes int          `json:"response_bytes"`
}

// MessageHeld is where the log holds the body of a request: its receipt, or where the body
// that was refused is.
type MessageHeld struct {
	Topic    string `json:"topic"`
	Position string `json:"position"`
}

// MessageList is a page of messages, the latest first. NotKept is how many of the partner
// and the time that were asked for there was no room for.
type MessageList struct {
	Messages []Message `json:"messages"`
	NotKept  uint64    `json:"not_kept"`
	Next     *string   `json:"next"`
}

// MessageBody is a body: as JSON, or in Base64 where it is none. Whole is false where it is
// cut off, or not there any more.
type MessageBody struct {
	JSON   json.RawMessage `json:"body,omitempty"`
	Base64 string          `json:"body_base64,omitempty"`
	Whole  bool            `json:"whole"`
}

// MessageDetail is one message with its bodies, and what became of it.
type MessageDetail struct {
	Message
	Request  *MessageBody `json:"request"` // null: it had none
	Response *MessageBody `json:"response"`
	Became   string       `json:"became"` // in words
	Link     *string      `json:"link"`   // to it, below /api/v1
}

// List answers GET …/messages.
func (m Messages) List(c *gin.Context, who *Viewer) error {
	q, err := m.Query(c.Request.URL.Query(), who)
	if err != nil {
		return err
	}
	list, err := m.Page(c.Request.Context(), q)
	if err != nil {
		return err
	}
	if list.Next != nil {
		list.Next = LinkNext(c, *list.Next)
	}
	WriteJSON(c, http.StatusOK, list)
	return nil
}

// Page reads a page of messages. What was exchanged before it was asked for is on it, so far
// as this process did.
func (m Messages) Page(ctx context.Context, q messages.Query) (MessageList, error) {
	list := MessageList{Messages: []Message{}}
	if q.After == "" {
		if err := m.Log.Flush(ctx); err != nil {
			return list, fmt.Errorf("keep messages: %w", err)
		}
	}
	page, next, err := m.Log.Store.Messages(ctx, q)
	if err != nil {
		return list, fmt.Errorf("list messages: %w", err)
	}
	if len(page) == 0 && q.Partner != "" && m.Known != nil && !m.Known(q.Partner) {
		return list, Invalid("partner", "there is no partner %q, and there are no messages of one", q.Partner)
	}
	for i := range page {
		list.Messages = append(list.Messages, newMessage(&page[i]))
	}
	if list.NotKept, err = m.Log.Store.MessagesNotKept(ctx, q); err != nil {
		return list, err
	}
	list.Next = orNull(next)
	return list, nil
}

// Show answers GET …/messages/{id}.
func (m Messages) Show(c *gin.Context, who *Viewer) error {
	if err := NewParams(c.Request.URL.Query()).Err(); err != nil {
		return err
	}
	d, err := m.One(c.Request.Context(), c.Param("id"), who)
	if err != nil {
		return err
	}
	WriteJSON(c, http.StatusOK, d)
	return nil
}

// One reads one message, which is not there for who may not see it.
func (m Messages) One(ctx context.Context, id string, who *Viewer) (*MessageDetail, error) {
	if _, err := m.scope(who); err != nil {
		return nil, err
	}
	parsed, ok := messages.ParseMessageID(id)
	if !ok {
		return nil, settlement.ErrNotFound
	}
	if err := m.Log.Flush(ctx); err != nil {
		return nil, fmt.Errorf("keep messages: %w", err)
	}
	found, err := m.Log.Store.Message(ctx, parsed)
	if errors.Is(err, messages.ErrNoMessage) || err == nil && who.Partner != nil && found.Partner != who.Partner.ID {
		return nil, settlement.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read a message: %w", err)
	}
	d := &MessageDetail{Message: newMessage(found), Request: messageBody(found.Request, found.RequestBytes), Response: messageBody(found.Response, found.ResponseBytes)}
	d.Became, d.Link, err = m.became(ctx, found)
	return d, err
}

// errNoMessages says that nothing is kept.
var errNoMessages = &Error{Status: http.StatusNotFound, Code: "not_found", Message: "messages with partners are not kept here: setting messages.retention"}

// scope is the partner whose messages alone may be seen, "" all.
func (m Messages) scope(who *Viewer) (partner string, err error) {
	switch {
	case m.Log == nil:
		return "", errNoMessages
	case who.Partner != nil:
		return who.Partner.ID, nil
	case !who.Key.Party.IsZero():
		return "", &Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "messages are of partners, who may have several parties; use a key without --party, or the partner's OCPI token"}
	}
	return "", nil
}

// Query reads the parameters of a list of messages. The error is a [*Error].
func (m Messages) Query(values url.Values, who *Viewer) (q messages.Query, err error) {
	only, err := m.scope(who)
	if err != nil {
		return q, err
	}
	p := NewParams(values, MessageParams...)
	q = messages.Query{
		Partner: p.Text("partner"), From: p.Instant("from", false), To: p.Instant("to", true), RequestID: p.Text("request_id"), CorrelationID: p.Text("correlation_id"),
		SessionID: p.Folded("session_id"), CDRID: p.Folded("cdr_id"), After: p.Text("cursor"), Limit: p.Limit(MaxLimit),
	}
	if uid := p.Folded("token_uid"); uid != "" {
		q.Token = m.Log.Digest(uid)
	}
	if s := p.Text("direction"); s != "" {
		var ok bool
		if q.Direction, ok = messages.ParseDirection(s); !ok {
			p.Fail(Invalid("direction", "%q is neither in nor out", s))
		}
	}
	messageStatus(p, &q)
	if q.From.IsSet() && q.To.IsSet() && q.To <= q.From {
		p.Fail(Invalid("to", "%s is before from, %s", p.Text("to"), p.Text("from")))
	}
	switch {
	case only != "" && q.Partner != "" && q.Partner != only:
		p.Fail(Invalid("partner", "you are %s, and see your own messages", only))
	case only != "":
		q.Partner = only
	}
	return q, p.Err()
}

// messageStatus reads what an answer was: a status of HTTP or OCPI, or that it failed.
func messageStatus(p *Params, q *messages.Query) {
	s := p.Text("status")
	n, err := strconv.Atoi(s)
	switch {
	case s == "":
	case s == "failed":
		q.Failed = true
	case err == nil && n >= 100 && n <= 599:
		q.HTTP = uint16(n)
	case err == nil && n >= 1000 && n <= 4999:
		q.Status = uint16(n)
	default:
		p.Fail(Invalid("status", "%q is neither a status of HTTP (100 to 599) nor of OCPI (1000 to 4999), nor failed", s))
	}
}

func newMessage(m *messages.Message) Message {
	j := Message{
		ID: m.MessageID().String(), At: m.At.String(), Partner: orNull(m.Partner), Direction: m.Direction.String(), Method: m.Method, Path: m.Path,
		From: orNull(m.From), To: orNull(m.To), RequestID: m.RequestID, CorrelationID: m.CorrelationID, Latency: int64(m.Micros), Object: m.Object,
		Owner: orNull(m.Owner), ObjectID: orNull(m.ID), SessionID: orNull(m.SessionID), Reason: orNull(m.Reason), RequestBytes: int(m.RequestBytes), ResponseBytes: int(m.ResponseBytes),
		HTTP: numberOrNull(m.HTTP), Status: numberOrNull(m.Status),
	}
	if m.Version != 0 {
		j.Version = orNull(m.Version.String())
	}
	if m.Held.Topic != "" {
		j.Held = &MessageHeld{m.Held.Topic.Short(), m.Held.String()}
	}
	return j
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func numberOrNull(n uint16) *int {
	if n == 0 {
		return nil
	}
	v := int(n)
	return &v
}

func messageBody(body []byte, size uint32) *MessageBody {
	if size == 0 {
		return nil
	}
	b := &MessageBody{Whole: len(body) > 0 && (len(body) >= int(size) || len(body) < messages.MaxBody)}
	switch {
	case len(body) == 0:
	case utf8.Valid(body) && json.Valid(body):
		b.JSON = body
	default:
		b.Base64 = base64.StdEncoding.EncodeToString(body)
	}
	return b
}

// Text is the body to be read.
func (b *MessageBody) Text() string {
	if b.JSON != nil {
		return string(b.JSON)
	}
	raw, err := base64.StdEncoding.DecodeString(b.Base64)
	if err != nil {
		return b.Base64 // ours: it never fails
	}
	return string(raw)
}

// became says what became of what was sent, and where it is now.
func (m Messages) became(ctx context.Context, of *messages.Message) (words string, link *string, err error) {
	owner, _ := ocpi.ParseParty(of.Owner)
	where := func(list string) *string {
		at := "/" + list + "/" + url.PathEscape(owner.Country) + "/" + url.PathEscape(owner.ID) + "/" + url.PathEscape(of.ID)
		return &at
	}
	switch {
	case of.Held.Topic == ingest.TopicRefused:
		return "refused, and kept with the reason", nil, nil
	case of.HTTP == 0:
		return "unknown: no answer came", nil, nil
	case of.Held.Topic == ingest.TopicCDRs && m.CDR != nil:
		cdr, err := m.CDR(ctx, ocpi.Key{Party: owner, ID: of.ID})
		switch {
		case errors.Is(err, settlement.ErrNotFound), errors.Is(err, settlement.ErrNotYet):
			return "accepted; it is not priced yet", nil, nil
		case err != nil:
			return "", nil, fmt.Errorf("read what became of CDR %s: %w", of.ID, err)
		}
		return cdrBecame(cdr, of.Held.Position), where("cdrs"), nil
	case of.Held.Topic == ingest.TopicSessions && of.Object == ingest.ObjectSession.String():
		return "stored", where("sessions"), nil
	case of.Held.Topic != "":
		return "stored", nil, nil
	case of.HTTP >= 300 || of.Status >= uint16(ocpi.StatusClientError):
		return "not done", nil, nil
	}
	return "answered", nil, nil
}

// cdrBecame says what a copy of a CDR came to.
func cdrBecame(d *settlement.CDRDetail, at ingest.Position) string {
	words := "counts"
	if d.Position != at {
		words = "another copy counts (receipt " + d.Position.String() + ")"
	}
	words += "; " + d.Status.String()
	if d.Reason != "" {
		words += ", " + d.Reason
	} else if claim := d.Claim.String(); claim != "" {
		words += ", its claim " + claim
	}
	return words
}

// Instant reads an instant such as "2026-11-30T12:00:00Z", or a day: its begin, with end its
// end. It is not set where it is absent.
func (p *Params) Instant(name string, end bool) ocpi.Time {
	s := p.values.Get(name)
	if s == "" {
		return 0
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil && validYear(day) {
		if end {
			day = day.AddDate(0, 0, 1)
		}
		return ocpi.TimeOf(day)
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || !validYear(at) {
		p.Fail(Invalid(name, "%q is neither a day such as 2026-11-30 nor an instant such as 2026-11-30T12:00:00Z", s))
		return 0
	}
	return ocpi.TimeOf(at)
}

// validYear reports whether a time is one that the store holds.
func validYear(t time.Time) bool { return t.Year() > 1970 && t.Year() < 2261 }
