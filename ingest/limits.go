package ingest

import "errors"

// ErrTooLarge says that a body, or a record, is larger than may be. It will
// never fit.
var ErrTooLarge = errors.New("body too large")

// MaxBody is the largest body that any setting allows, and the largest object
// that the fold makes, in bytes. It is part of what the log means: a change that
// would make an object larger does not apply, in any process, whatever its
// settings.
const MaxBody = 4 << 20

// KeptOfLarge is how much is kept of a body that is larger than may be: who sent
// what, in bytes.
const KeptOfLarge = 64 << 10

// MaxCommand is the largest command, in bytes: a Token and some ids.
const MaxCommand = 64 << 10

// Limits are how large bodies may be, in bytes, by what they are about. What
// PATCHes and parts make of a Session or a Location is held to the same limit:
// what can be made can also be PUT.
type Limits struct {
	CDR, Session, Location int
	Other                  int // Tariffs and Tokens
}

// DefaultLimits fit a charge of a day told minute by minute, with signed meter
// values, a Location of some thousand EVSEs, and any Tariff that is priced (500
// elements at most).
var DefaultLimits = Limits{CDR: 1 << 20, Session: 1 << 20, Location: MaxBody, Other: 1 << 20}

// Of returns the limit for a kind of object, and the setting that says it.
func (l Limits) Of(o Object) (bytes int, setting string) {
	switch o {
	case ObjectCDR:
		return l.CDR, "limits.cdr_bytes"
	case ObjectSession:
		return l.Session, "limits.session_bytes"
	case ObjectLocation:
		return l.Location, "limits.location_bytes"
	case ObjectCommand:
		return min(l.Other, MaxCommand), "limits.body_bytes"
	}
	return l.Other, "limits.body_bytes"
}
