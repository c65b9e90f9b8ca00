package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Kind classifies an error by who has to act on it.
type Kind uint8

// Kinds of errors. KindInternal is everything nobody classified: ours.
const (
	KindInternal Kind = iota
	KindSyntax
	KindCursor
	KindInvalid
	KindUnauthorized
	KindNotFound
	KindMethod
	KindConflict
	KindTooLarge
	KindEncoding
	KindOverload
	KindUnavailable
	KindPeer
	KindUnknownReceiver
	KindNotConnected
	KindTooOften
)

// Errors of the HTTP interfaces themselves.
var (
	ErrUnauthorized = errors.New("no or unknown credentials in the Authorization header")
	ErrNotFound     = errors.New("no such resource")
	ErrMethod       = errors.New("method not allowed here")
	ErrTooLarge     = ingest.ErrTooLarge
	ErrEncoding     = errors.New("content encoding not supported: bodies are sent as they are, or compressed by gzip")
	ErrBody         = errors.New("body could not be read to its end")
	ErrBusy         = errors.New("too many requests under way, try again")
	ErrPeer         = errors.New("the partner's OCPI interface cannot be used")
	// Of a hub (OCPI 2.2.1 status_codes, 4xxx): whom OCPI-to names.
	ErrUnknownReceiver = errors.New("no such receiver")
	ErrNotConnected    = errors.New("the receiver is not connected: nothing is forwarded to it")
)

// TooOftenError says that the sender has done something more often than it may.
type TooOftenError struct {
	Wait time.Duration
	Why  string // "" = too often
}

// Error says when it may be done again.
func (e *TooOftenError) Error() string {
	return fmt.Sprintf("%s, nothing was changed: try again in %d s", cmp.Or(e.Why, "too often"), e.Seconds())
}

// Seconds is Wait as Retry-After has it, at least 1.
func (e *TooOftenError) Seconds() int64 {
	return max(int64((e.Wait+time.Second-1)/time.Second), 1)
}

// answerTo is how a kind is answered. Towards OCPI partners an error behind a
// parsed body is HTTP 200 with an OCPI status code (2.2.1 status_codes), with
// two exceptions on purpose: 503 where nothing is known to be done and a retry
// is harmless, and 429 where it is harmless later, because clients, proxies and load drivers act on it.
type answerTo struct {
	code     string // stable name in the errors of the other interfaces
	http     int
	ocpiHTTP int
	ocpi     ocpi.Status
	message  string // "" = the error's own text is fit for the sender
}

var answers = [...]answerTo{
	KindInternal:     {"internal", http.StatusInternalServerError, http.StatusOK, ocpi.StatusServerError, "internal error"},
	KindSyntax:       {"not_json", http.StatusBadRequest, http.StatusBadRequest, ocpi.StatusInvalid, ""},
	KindCursor:       {"invalid_parameter", http.StatusBadRequest, http.StatusOK, ocpi.StatusInvalid, "not a cursor of this list"},
	KindInvalid:      {"invalid", http.StatusUnprocessableEntity, http.StatusOK, ocpi.StatusInvalid, ""},
	KindUnauthorized: {"unauthorized", http.StatusUnauthorized, http.StatusUnauthorized, ocpi.StatusClientError, ""},
	KindNotFound:     {"not_found", http.StatusNotFound, http.StatusNotFound, ocpi.StatusClientError, "no such object"},
	KindMethod:       {"method_not_allowed", http.StatusMethodNotAllowed, http.StatusMethodNotAllowed, ocpi.StatusClientError, ""},
	KindConflict:     {"conflict", http.StatusConflict, http.StatusOK, ocpi.StatusClientError, ""},
	KindTooLarge:     {"too_large", http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, ocpi.StatusInvalid, ""},
	KindEncoding:     {"unsupported_encoding", http.StatusUnsupportedMediaType, http.StatusUnsupportedMediaType, ocpi.StatusInvalid, ""},
	KindOverload:     {"overloaded", http.StatusServiceUnavailable, http.StatusServiceUnavailable, ocpi.StatusServerError, "overloaded, nothing was done: try again"},
	KindUnavailable:  {"unavailable", http.StatusServiceUnavailable, http.StatusServiceUnavailable, ocpi.StatusServerError, "temporarily unavailable: try again, a repeat is harmless"},
	KindPeer:         {"partner_unreachable", http.StatusBadGateway, http.StatusOK, ocpi.StatusPeerError, ""},

	KindUnknownReceiver: {"unknown_receiver", http.StatusNotFound, http.StatusOK, ocpi.StatusUnknownReceiver, ""},
	KindNotConnected:    {"not_connected", http.StatusConflict, http.StatusOK, ocpi.StatusNotConnected, ""},
	KindTooOften:        {"too_often", http.StatusTooManyRequests, http.StatusTooManyRequests, ocpi.StatusClientError, ""},
}

// Code returns the kind's stable name.
func (k Kind) Code() string { return answers[k].code }

// HTTP returns the kind's HTTP status outside OCPI.
func (k Kind) HTTP() int { return answers[k].http }

// OCPI returns the kind's HTTP status and OCPI status code.
func (k Kind) OCPI() (httpStatus int, statusCode ocpi.Status) {
	return answers[k].ocpiHTTP, answers[k].ocpi
}

// Retry reports whether the sender should try again after a moment.
func (k Kind) Retry() bool { return k == KindOverload || k == KindUnavailable }

// Message returns what the sender may read about err.
func (k Kind) Message(err error) string {
	if refused, ok := errors.AsType[*control.Refused](err); ok {
		return refused.Reason
	}
	if halted, ok := errors.AsType[*control.HaltedError](err); ok {
		return halted.Error()
	}
	if fixed := answers[k].message; fixed != "" {
		return fixed
	}
	return err.Error()
}

// Classify finds the kind of an error.
func Classify(err error) Kind {
	if refused, ok := errors.AsType[*control.Refused](err); ok {
		return classifyRefusal(refused.Kind)
	}
	if _, ok := errors.AsType[*ocpi.SyntaxError](err); ok || errors.Is(err, ErrBody) {
		return KindSyntax
	}
	if _, ok := errors.AsType[*ocpi.Invalid](err); ok {
		return KindInvalid
	}
	if _, ok := errors.AsType[*TooOftenError](err); ok {
		return KindTooOften
	}
	if _, ok := errors.AsType[*control.CertError](err); ok {
		return KindUnauthorized
	}
	switch {
	case errors.Is(err, ErrPeer): // first: it may say why, and that is the partner's matter
		return KindPeer
	case errors.Is(err, ErrUnauthorized):
		return KindUnauthorized
	case errors.Is(err, ingest.ErrUnknownObject), errors.Is(err, settlement.ErrNotFound), errors.Is(err, ErrNotFound):
		return KindNotFound
	case errors.Is(err, ErrUnknownReceiver):
		return KindUnknownReceiver
	case errors.Is(err, ErrNotConnected):
		return KindNotConnected
	case errors.Is(err, settlement.ErrCursor):
		return KindCursor
	case errors.Is(err, ErrMethod):
		return KindMethod
	case errors.Is(err, ErrTooLarge):
		return KindTooLarge
	case errors.Is(err, ErrEncoding):
		return KindEncoding
	case errors.Is(err, ingest.ErrOutcomeUnknown): // first: it may say why, and that is no overload
		return KindUnavailable
	case errors.Is(err, ingest.ErrOverload), errors.Is(err, ErrBusy), errors.Is(err, control.ErrNotReady):
		return KindOverload
	case errors.Is(err, settlement.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return KindUnavailable
	}
	return KindInternal
}

func classifyRefusal(r control.Refusal) Kind {
	switch r {
	case control.RefusedUnknown:
		return KindNotFound
	case control.RefusedConflict, control.RefusedRepeat:
		return KindConflict
	case control.RefusedInvalid:
		return KindInvalid
	}
	return KindInternal
}
