package settlement

import (
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// What the store holds, for `roamclear verify` to hold against the log.

// StoredCopy is one copy of a CDR that came more than once, with what the store
// says of all its copies.
type StoredCopy struct {
	Key       ocpi.Key
	Position  ingest.Position
	Hash      ingest.Hash
	EMSP      ocpi.Party // of the CDR, in the row of the first copy
	First     ingest.Position
	FirstHash ingest.Hash
	Copies    uint64
	Differ    bool // some have another content
	Conflict  bool // the list of conflicts has the CDR
}

// ChosenCopy is the copy of a CDR that counts where a person decided on that.
type ChosenCopy struct {
	Key      ocpi.Key
	Position ingest.Position // of the copy; where it is not carried out yet, of the one that counts
	Hash     ingest.Hash     // of its content
	First    ingest.Position
	Pending  bool             // it is decided otherwise, and not carried out yet
	Control  int64            // of the record that decides it
	To       *ingest.Position // the copy that is to count by that, nil: the first
}

// StoredCDR is the one row that says which record stands for a CDR, and where
// it is found.
type StoredCDR struct {
	Key         ocpi.Key
	Position    ingest.Position // of the copy that counts
	EMSP        ocpi.Party
	Month       ocpi.Month
	LastUpdated ocpi.Time
	Moved       bool // it has been in another month, or another eMSP's or nobody's
}

// StoredListing is a CDR on the OCPI list of its eMSP, or of its CPO. Received is
// when it came, to an eMSP that was found later to owe it when that was.
type StoredListing struct {
	Position    ingest.Position
	Party       ocpi.Party // whose list it is
	Creditor    bool       // as the CDR's CPO
	LastUpdated ocpi.Time
	Received    ocpi.Time
}

// StoredResult is the result that counts for a CDR. Of the row, what a result
// keeps is set, but for what is for people to read; the record is the one it
// was computed from.
type StoredResult struct {
	pricing.Row
	Month   ocpi.Month
	Version uint64 // the store's own, names this very row
}
