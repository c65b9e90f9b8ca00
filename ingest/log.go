package ingest

import (
	"context"
	"errors"
)

// Errors of an append that callers act on.
var (
	// ErrOverload says that nothing was appended: a queue or the log is
	// full, or the broker is known to be away. Answer 503 with Retry-After.
	ErrOverload = errors.New("overloaded, try again later")
	// ErrOutcomeUnknown says that the record may or may not be in the log.
	// Answer 503; a retry is harmless.
	ErrOutcomeUnknown = errors.New("outcome unknown, try again")
)

// Errors of reading that callers act on.
var (
	// ErrUnavailable says that what was asked for cannot be known now. Answer
	// 503; a retry is harmless.
	ErrUnavailable = errors.New("not available now, try again later")
	// ErrNewer says that a record was written by a newer version of
	// roamclear. Whoever folds or keeps records must stop before it.
	ErrNewer = errors.New("written by a newer version of roamclear")
)

// Appender is the writing end of the log. Append returns once every in-sync
// replica has the record; body and envelope must not be changed until then.
// Records of one key keep their order when appended one after the other.
type Appender interface {
	Append(ctx context.Context, topic Topic, e *Envelope, body []byte) (Position, error)
}
