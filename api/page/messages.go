package page

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api/rest"
)

// messageLine is one message as a row.
type messageLine struct {
	rest.Message
	When, Took string
	Answer     string // "201, 1000"
	Good       bool
	URL        string
}

type messagesView struct {
	frame
	Values  url.Values // what the form was filled in with
	Lines   []messageLine
	NotKept uint64
	First   string
	Next    string
}

// Value is what a field of the form holds.
func (v messagesView) Value(name string) string { return v.Values.Get(name) }

// messages answers GET /messages.
func (s *server) messages(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	query, err := s.Messages.Query(q, &rest.Viewer{Key: v.Key})
	if err != nil {
		return err
	}
	list, err := s.Messages.Page(c.Request.Context(), query)
	if err != nil {
		return err
	}
	view := messagesView{frame: frame{Title: "Messages", Here: "Messages", Visitor: &v, Query: q}, Values: q, NotKept: list.NotKept}
	for i := range list.Messages {
		view.Lines = append(view.Lines, newMessageLine(&list.Messages[i]))
	}
	next := ""
	if list.Next != nil {
		next = *list.Next
	}
	view.First, view.Next = pager("/messages", q, next)
	s.render(c, http.StatusOK, "messages", view)
	return nil
}

func newMessageLine(m *rest.Message) messageLine {
	l := messageLine{Message: *m, When: strings.TrimSuffix(strings.Replace(m.At, "T", " ", 1), "Z"), Took: took(m.Latency), Answer: "no answer", URL: "/messages/" + m.ID}
	if m.HTTP != nil {
		l.Answer, l.Good = fmt.Sprint("HTTP ", *m.HTTP), *m.HTTP < 300
	}
	if m.Status != nil {
		l.Answer, l.Good = fmt.Sprintf("%s, %d", l.Answer, *m.Status), l.Good && *m.Status < 2000
	}
	return l
}

// took is a time as people read it.
func took(micros int64) string {
	if micros >= 1_000_000 {
		return fmt.Sprintf("%d.%d s", micros/1_000_000, micros%1_000_000/100_000)
	}
	return fmt.Sprintf("%d.%d ms", micros/1000, micros%1000/100)
}

type messageView struct {
	frame
	messageLine
	Became            string
	Link              string // to what it became, "" where there is no page of it
	Bodies            []messageBody
	Related, OfObject string // addresses of lists of what belongs to it
}

type messageBody struct {
	What, Text, Note string
	Bytes            int
}

// message answers GET /messages/{id}.
func (s *server) message(c *gin.Context, v visitor) error {
	d, err := s.Messages.One(c.Request.Context(), c.Param("id"), &rest.Viewer{Key: v.Key})
	if err != nil {
		return err
	}
	view := messageView{
		frame: frame{Title: "Message", Here: "Messages", Visitor: &v, Query: url.Values{}}, messageLine: newMessageLine(&d.Message), Became: d.Became,
		Related: address("/messages", url.Values{"correlation_id": {d.CorrelationID}}),
	}
	switch {
	case d.Object == "cdr" && d.ObjectID != nil:
		view.OfObject = address("/messages", url.Values{"cdr_id": {*d.ObjectID}})
	case d.SessionID != nil:
		view.OfObject = address("/messages", url.Values{"session_id": {*d.SessionID}})
	}
	switch {
	case !v.Allows(rest.ScopeRead):
	case d.Link != nil && strings.HasPrefix(*d.Link, "/cdrs/"):
		view.Link = *d.Link
	case d.Held != nil && d.Held.Topic == "refused":
		view.Link = address("/refused", url.Values{"sender": {*d.Partner}})
	}
	for _, b := range []struct {
		what  string
		of    *rest.MessageBody
		bytes int
	}{{"Request", d.Request, d.RequestBytes}, {"Answer", d.Response, d.ResponseBytes}} {
		if b.of == nil {
			continue
		}
		body := messageBody{What: b.what, Text: shownBody([]byte(b.of.Text())), Bytes: b.bytes}
		switch {
		case !b.of.Whole && body.Text == "":
			body.Note = "The log has it, and the store does not yet, or not any more."
		case !b.of.Whole:
			body.Note = "Its beginning: more is not kept here."
		}
		view.Bodies = append(view.Bodies, body)
	}
	s.render(c, http.StatusOK, "message", view)
	return nil
}
