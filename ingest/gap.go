package ingest

import "fmt"

// GapError says that offsets which were due are not in the log, or that the
// log ends before what has already been read. Reading on would lose records
// in silence: stop and tell the operator.
type GapError struct {
	Partition  Partition
	Want       int64 // the offset that was due
	Start, End int64 // of the log: first offset there is, next to be written
	Found      int64 // the offset that came instead, if one came
}

// Error says what is missing and what may have happened.
func (e *GapError) Error() string {
	at := fmt.Sprintf("log %s: offset %d was due", e.Partition, e.Want)
	switch {
	case e.Found > 0:
		return fmt.Sprintf("%s and %d came: the records between are missing", at, e.Found)
	case e.Want < e.Start:
		return fmt.Sprintf("%s and the log starts at %d: the records between were deleted before they were read (is a retention set on the topic?)", at, e.Start)
	}
	return fmt.Sprintf("%s and the log ends at %d: it lost records, or is not the log that was read before", at, e.End)
}
