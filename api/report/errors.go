package report

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/settlement"
)

// RetryAfter is the number of seconds a client is asked to wait when the store
// is away: the embedded engine restarts in about that time.
const RetryAfter = "5"

// requestIDHeader carries the request's id both ways.
const requestIDHeader = "X-Request-ID"

// Error is the member "error" of an answer that is not 2xx. Code is stable,
// Field names the query or path parameter at fault.
type Error struct {
	Status    int    `json:"-"`
	Code      string `json:"code"`
	Field     string `json:"field,omitempty"`
	Message   string `json:"message"`
	RequestID string `json:"request_id,omitempty"`
}

// Error returns the message, with the field in front.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// invalid is the error of a parameter that cannot be used.
func invalid(field, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: field, Message: fmt.Sprintf(format, args...)}
}

var (
	errNoScope = &Error{Status: http.StatusForbidden, Code: "missing_scope",
		Message: "this API key has no scope " + ScopeRead + "; make one with: roamclear key add --scope " + ScopeRead}
	errRestricted = &Error{Status: http.StatusForbidden, Code: "party_restricted",
		Message: "refused bodies belong to no party that could be checked; use a key without --party"}
	errNotAcceptable = &Error{Status: http.StatusNotAcceptable, Code: "not_acceptable",
		Message: "this resource comes as application/json or, where it is a table, as text/csv"}
)

// Classify turns any error into what may be told about it. An [Error] stays; a
// bad cursor is a parameter at fault; all others have the status and code of
// [api.Classify], and words of our own where a finance person can act on them.
// The text of an error of ours is never told.
func Classify(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, settlement.ErrCursor) {
		return invalid("cursor", "not a cursor of this list; leave it out to start at the first page")
	}
	kind := api.Classify(err)
	if errors.Is(err, ErrNoKey) {
		kind = api.KindUnauthorized
	}
	e := &Error{Status: kind.HTTP(), Code: kind.Code(), Message: kind.Message(err)}
	switch {
	case kind == api.KindUnauthorized:
		e.Message = "send an API key as: Authorization: Bearer KEY"
	case kind == api.KindNotFound:
		e.Message = "there is no such object"
	case kind == api.KindInternal:
		e.Message = "something went wrong here; the log has the cause under this request_id"
	case kind.Retry():
		e.Code = api.KindUnavailable.Code()
		e.Message = "the data is not reachable at the moment; nothing is lost, try again in " + RetryAfter + " seconds"
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

// fail answers with the error and logs it when it is ours.
func (s *server) fail(c *gin.Context, err error) {
	e := *Classify(err)
	switch e.Status {
	case http.StatusUnauthorized:
		c.Header("WWW-Authenticate", `Bearer realm="roamclear"`)
	case http.StatusServiceUnavailable:
		c.Header("Retry-After", RetryAfter)
		s.log.Warn("report: store unavailable", "path", c.FullPath(), "request_id", RequestID(c), "error", err)
	case http.StatusInternalServerError:
		e.RequestID = RequestID(c)
		s.log.Error("report: request failed", "path", c.FullPath(), "request_id", e.RequestID, "error", err)
	}
	writeJSON(c, e.Status, struct {
		Error *Error `json:"error"`
	}{&e})
}
