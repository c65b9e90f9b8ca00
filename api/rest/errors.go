package rest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// RetryAfter is the number of seconds a client is asked to wait when the store
// is away: the embedded engine restarts in about that time.
const RetryAfter = "5"

// requestIDHeader carries the request's id both ways.
const requestIDHeader = ocpi.HeaderRequestID

// Error is the member "error" of every answer that is not 2xx. Code is stable,
// Field names the parameter, header or member at fault.
type Error struct {
	Status    int    `json:"-"`
	Code      string `json:"code"`
	Field     string `json:"field,omitempty"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
}

// Error returns the message, with the field in front.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// Invalid is the error of a parameter or member that cannot be used.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: field, Message: fmt.Sprintf(format, args...)}
}

// Classify turns any error into what may be told about it. An [Error] stays;
// all others have the status and code of [api.Classify], and words of our own
// where the reader can act on them. The text of an error of ours is never told.
func Classify(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	kind := api.Classify(err)
	if errors.Is(err, ErrNoKey) {
		kind = api.KindUnauthorized
	}
	e := &Error{Status: kind.HTTP(), Code: kind.Code(), Message: kind.Message(err)}
	if wrong, ok := errors.AsType[*ocpi.Invalid](err); ok && len(wrong.Fields) == 1 {
		e.Field, e.Message = wrong.Fields[0].Path, wrong.Fields[0].Reason
	}
	_, refused := errors.AsType[*control.Refused](err) // has words of its own
	certificate, uncertified := errors.AsType[*control.CertError](err)
	switch {
	case uncertified:
		e.Message = certificate.Text
	case kind == api.KindUnauthorized:
		e.Message = "send an API key as: Authorization: Bearer KEY"
	case kind == api.KindNotFound && !refused:
		e.Message = "there is no such object"
	case kind == api.KindCursor:
		e.Field, e.Message = "cursor", "not a cursor of this list; leave it out to start at the first page"
	case kind == api.KindInternal:
		e.Message = "something went wrong here; the log has the cause under this request_id"
	case kind.Retry():
		e.Code = api.KindUnavailable.Code()
		e.Message = "the data is not reachable at the moment; nothing is lost, try again in " + RetryAfter + " seconds"
		if halted, ok := errors.AsType[*control.HaltedError](err); ok {
			e.Message = halted.Error() // trying again does not help, an upgrade does
		}
	}
	return e
}

// RequestID returns the id of the request: the one a middleware or the client
// gave it, else a new one, which the answer then carries.
func RequestID(c *gin.Context) string {
	if id := c.Writer.Header().Get(requestIDHeader); id != "" {
		return id
	}
	id := c.GetHeader(requestIDHeader)
	if id == "" || len(id) > 64 {
		id = api.NewRequestID()
	}
	c.Header(requestIDHeader, id)
	return id
}

// Told is what may be told about an error of this request. It sets the headers
// that go with it, and logs an error that is ours, here and here alone.
func Told(c *gin.Context, logger *slog.Logger, err error) *Error {
	e := *Classify(err)
	e.RequestID = RequestID(c)
	switch e.Status {
	case http.StatusUnauthorized:
		c.Header("WWW-Authenticate", `Bearer realm="roamclear"`)
	case http.StatusUnsupportedMediaType:
		c.Header("Accept-Encoding", "gzip") // RFC 9110, 15.5.16
	case http.StatusTooManyRequests:
		if often, ok := errors.AsType[*api.TooOftenError](err); ok {
			c.Header("Retry-After", strconv.FormatInt(often.Seconds(), 10))
		}
	case http.StatusServiceUnavailable:
		c.Header("Retry-After", RetryAfter)
		if errors.Is(err, api.ErrBusy) {
			break // told to who is too many, and no more
		}
		logger.Warn("request not served", "method", c.Request.Method, "route", c.FullPath(), "request_id", e.RequestID, "error", err)
	case http.StatusInternalServerError:
		if !api.IsPanic(err) { // logged where it was caught, with its stack
			logger.Error("request failed", "method", c.Request.Method, "route", c.FullPath(), "request_id", e.RequestID, "error", err)
		}
	}
	return &e
}

// Fail answers with an error.
func Fail(c *gin.Context, logger *slog.Logger, err error) {
	e := Told(c, logger, err)
	WriteJSON(c, e.Status, struct {
		Error *Error `json:"error"`
	}{e})
	c.Abort()
}

// Fallback answers what no route answers below a prefix.
func Fallback(prefix string, logger *slog.Logger) api.Fallback {
	return api.Fallback{Prefix: prefix, Answer: func(c *gin.Context, err error) { Fail(c, logger, err) }}
}
