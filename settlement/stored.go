package settlement

import (
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// What the store holds, for `roamclear verify` to hold against the log.

// StoredCopy is one accepted copy of a CDR.
type StoredCopy struct {
	Key      ocpi.Key
	Position ingest.Position
	Hash     ingest.Hash
}

// StoredCDR is the one row that stands for a CDR.
type StoredCDR struct {
	Key       ocpi.Key
	Position  ingest.Position // of the first accepted copy
	Hash      ingest.Hash
	CPO, EMSP ocpi.Party
	Month     ocpi.Month
	Currency  string
	Credit    bool
}

// StoredResult is the result that counts for a CDR. Of the row, what a result
// keeps is set, but for what is for people to read; the record is the one it
// was computed from.
type StoredResult struct {
	pricing.Row
	Month   ocpi.Month
	Version uint64 // the store's own, names this very row
}
