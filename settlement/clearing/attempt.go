package clearing

import "github.com/roamclear/roamclear/ocpi"

// Attempt is one try to close a period for a scope. What it writes counts only once a
// record of the control log names it: until then, and where there never is one, it is as
// good as not written. ID follows from all else that the close rests on, so that the same
// close tried again writes the same rows.
type Attempt struct {
	ID      uint64
	Scope   Scope
	Period  ocpi.Month
	Control int64 // below which control records count
}

// asks is the bit of an id that tells attempts to ask for a close from closes: no record
// of the one kind can have what the other wrote counted.
const asks = 1

// Asks reports whether it is one to ask for a close, which somebody else approves.
func (a Attempt) Asks() bool { return a.ID&asks != 0 }

// AttemptID returns an id of an attempt, made of a hash.
func AttemptID(hash uint64, request bool) uint64 {
	if request {
		return hash | asks
	}
	return hash &^ asks
}

// Counted is an attempt that a record of the control log names.
type Counted struct {
	ID      uint64
	Period  ocpi.Month
	Control int64 // below which control records counted
}
