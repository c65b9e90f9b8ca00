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

// Counted is an attempt that a record of the control log names.
type Counted struct {
	ID      uint64
	Period  ocpi.Month
	Control int64 // below which control records counted
}
