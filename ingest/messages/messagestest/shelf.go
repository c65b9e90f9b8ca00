// Package messagestest has messages for tests of what shows them.
package messagestest

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
)

// Shelf is a messages.Store in memory. It knows of what is asked for only the partner, the
// CDR and the page.
type Shelf struct{ list []messages.Message }

// New returns a log that keeps on a shelf, and some messages of the partners gb-dun-cpo and
// nl-exw-emsp on it: a CDR that was accepted and one that was refused, a command, and a call
// that nobody answered.
func New() *messages.Log {
	l := messages.New(messages.Options{
		Store: &Shelf{}, Digest: func(uid string) string { return "digest of " + uid }, Retention: 720 * time.Hour, Bytes: 1 << 20,
		Logger: slog.New(slog.DiscardHandler), Metrics: messages.NewMetrics(nil), Now: time.Now,
	})
	at := ocpi.TimeOf(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	cdr := messages.Message{
		At: at, Partner: "gb-dun-cpo", Direction: messages.In, Method: "POST", Path: "/ocpi/2.2.1/receiver/cdrs", Version: ocpi.V221, From: "GB*DUN", To: "ZZ*RCH", RequestID: "r-1", CorrelationID: "c-1",
		HTTP: 201, Status: 1000, Micros: 1830, Object: "cdr", Owner: "GB*DUN", ID: "DUN-10001", SessionID: "S-1", TokenUID: "04A1", Held: messages.Place{Topic: ingest.TopicCDRs, Position: ingest.Position{Epoch: 1, Partition: 1, Offset: 7}},
		RequestBytes: 3226, Response: []byte(`{"status_code":1000,"status_message":"Success","timestamp":"2026-11-30T12:00:00Z"}`), ResponseBytes: 85,
	}
	refused := cdr
	refused.At, refused.RequestID, refused.HTTP, refused.Status, refused.ID, refused.Held.Topic, refused.Reason = at+ocpi.Time(time.Second), "r-2", 200, 2001, "DUN-<2>", ingest.TopicRefused, "currency: required"
	refused.Response, refused.ResponseBytes = []byte(`{"status_code":2001,"status_message":"currency: required"}`), 59
	command := messages.Message{
		At: at + ocpi.Time(2*time.Second), Partner: "gb-dun-cpo", Direction: messages.Out, Method: "POST", Path: "https://dun.example/ocpi/2.2.1/commands/START_SESSION", Version: ocpi.V221, From: "NL*EXW", To: "GB*DUN", RequestID: "r-3", CorrelationID: "c-3",
		HTTP: 200, Status: 1000, Micros: 41000, Object: "command", TokenUID: "04A1", Request: []byte(`{"location_id":"L1"}`), RequestBytes: 20, Response: []byte("<html>\xff"), ResponseBytes: 7,
	}
	lost := messages.Message{At: at + ocpi.Time(3*time.Second), Partner: "nl-exw-emsp", Direction: messages.Out, Method: "GET", Path: "https://exw.example/ocpi/versions", RequestID: "r-4", CorrelationID: "c-4", Micros: 30_000_000, Object: "versions", Reason: "no answer in time"}
	for _, m := range []messages.Message{cdr, refused, command, lost} {
		l.Offer(&m)
	}
	return l
}

// WriteMessages implements [messages.Store].
func (s *Shelf) WriteMessages(_ context.Context, list []messages.Message) error {
	s.list = append(s.list, list...)
	return nil
}

// ForgetMessages implements [messages.Store].
func (s *Shelf) ForgetMessages(context.Context, time.Time) error { return nil }

// Messages implements [messages.Store].
func (s *Shelf) Messages(_ context.Context, q messages.Query) (page []messages.Message, next string, err error) {
	after, _ := strconv.Atoi(q.After)
	var found []messages.Message
	for _, m := range slices.Backward(s.list) {
		if m.NotKept == 0 && (q.Partner == "" || q.Partner == m.Partner) && (q.CDRID == "" || m.Object == "cdr" && m.ID == q.CDRID) {
			found = append(found, m)
		}
	}
	found = found[min(after, len(found)):]
	if page = found[:min(len(found), q.Limit)]; len(page) < len(found) {
		next = strconv.Itoa(after + len(page))
	}
	return page, next, nil
}

// Message implements [messages.Store].
func (s *Shelf) Message(_ context.Context, id messages.MessageID) (*messages.Message, error) {
	for i := range s.list {
		if m := s.list[i]; m.MessageID() == id {
			if m.Held.Topic != "" {
				m.Request = []byte(`{"id":"` + m.ID + `"}`)
			}
			return &m, nil
		}
	}
	return nil, messages.ErrNoMessage
}

// MessagesNotKept implements [messages.Store].
func (s *Shelf) MessagesNotKept(_ context.Context, q messages.Query) (n uint64, err error) {
	for _, m := range s.list {
		if q.Partner == "" || q.Partner == m.Partner {
			n += uint64(m.NotKept)
		}
	}
	return n, nil
}
