package settlement

import (
	"context"
	"errors"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// Errors of the store that callers act on.
var (
	ErrNotFound    = errors.New("not found")
	ErrUnavailable = ingest.ErrUnavailable        // try again later; wraps the cause
	ErrCursor      = errors.New("invalid cursor") // After is not a cursor of such a page
)

// SettlementQuery selects settlement rows. Months are inclusive. Party, when
// not zero, restricts to rows in which it is CPO or eMSP.
type SettlementQuery struct {
	From, To ocpi.Month
	Party    ocpi.Party
	CPO      ocpi.Party
	EMSP     ocpi.Party
	NoEMSP   bool // only rows whose eMSP is not known
	Currency string
}

// CDRQuery selects CDRs for finance. Zero members do not restrict. Party
// restricts to CDRs in which it is CPO or eMSP. Results are ordered by month
// of end, then by the position of the record, or Backwards; After is the cursor of the
// previous page.
type CDRQuery struct {
	Party    ocpi.Party
	CPO      ocpi.Party
	EMSP     ocpi.Party
	NoEMSP   bool       // only CDRs whose eMSP is not known
	From, To ocpi.Month // both inclusive
	Currency string
	Status   pricing.Status
	Claim    *tariff.Claim
	Credit   *bool
	Credited *bool // in full, by credit CDRs
	Reason   string
	Cause    string // why the claim differs
	Finding  string // code of a finding that is stored with the CDR
	ID       string // folded
	EVSE     string // id of the EVSE, folded
	Location string // id of the Location, folded
	Days     Days
	// Backwards has the latest first. Beside, when set, has the list begin right behind
	// this place instead of After.
	Backwards bool
	Beside    Place
	After     string
	Limit     int
}

// Days are those on which a charge ended, or began where its end is not known, in UTC:
// from the instant From on and before the instant To. A zero one does not bound.
type Days struct{ From, To time.Time }

// Place is where a CDR stands in lists: the month that it is booked in, and its record.
type Place struct {
	Month ocpi.Month
	ingest.Position
}

// CDRSummary is one CDR in a list.
type CDRSummary struct {
	Key         ocpi.Key
	ID          string // as sent
	Position    ingest.Position
	Received    time.Time
	CPO, EMSP   ocpi.Party
	Start, End  time.Time
	Month       ocpi.Month // it is booked in
	Currency    string
	Credit      bool
	CreditOf    string
	SessionID   string
	LocationID  string
	EnergyKWh   *decimal.Decimal
	ClaimedExcl *decimal.Decimal
	ClaimedIncl *decimal.Decimal
	Status      pricing.Status
	Reason      string
	Detail      string
	// Computed amounts are nil unless priced.
	ComputedExcl *decimal.Decimal
	ComputedIncl *decimal.Decimal
	Claim        tariff.Claim
	TariffIDs    string
	TimeZone     string
	ZoneSource   string
	TariffHash   string
	TariffSource string
	ZoneDB       string
	Profile      string
	Engine       string
	Generation   uint16
	Cause        string // why the claim differs, "" when it does not
}

// ReasonCount is how many CDRs of one currency are rejected for one reason,
// and what they claim.
type ReasonCount struct {
	Reason   string
	Currency string
	Count    uint64
	Claimed  Sum
}

// ListSum is what the CDRs of a list in one currency come to.
type ListSum struct {
	Currency   string
	Count      uint64
	KWh        decimal.Decimal // of those whose energy is known
	Claimed    Sum
	Computed   Sum // of those that are priced
	Difference Sum // claimed less computed, of those that are priced
}

// CDRPage is one page of a list; Next is the cursor of the next, "" at the end.
type CDRPage struct {
	CDRs []CDRSummary
	Next string
}

// Copy is one accepted copy of a CDR.
type Copy struct {
	Position ingest.Position
	Received time.Time
	Sender   string
	Hash     ingest.Hash
	Conflict bool // another content than the copy that counts; else a repeat
}

// CDRDetail is everything the store knows of one CDR.
type CDRDetail struct {
	CDRSummary
	Version     ocpi.Version
	Sender      string
	Hash        ingest.Hash
	Raw         []byte
	Explanation []byte // JSON of pricing/tariff.Explanation, nil when not priced
	Findings    []byte // JSON list of ocpi.Finding
	// Reconciliation is JSON of pricing.Reconciliation, nil unless the claim
	// differs.
	Reconciliation []byte
	AsOf           pricing.AsOf // what its price rests on
	Taxes          []TaxSum
	Copies         []Copy // beside the one that counts
}

// CopyKind says what came again under an identity.
type CopyKind uint8

// Kinds of copies.
const (
	CopyConflict CopyKind = iota // at least one copy with another content
	CopyRepeat                   // copies, all with the same content
	CopyAny                      // either
)

var copyKindNames = [...]string{"conflict", "repeat", "all"}

// String returns the kind in lower case.
func (k CopyKind) String() string { return copyKindNames[k] }

// ConflictQuery selects identities of which further copies came, those with
// another content unless Kind says otherwise. Zero members do not restrict.
// Party restricts to CDRs in which it is CPO or eMSP.
type ConflictQuery struct {
	Party ocpi.Party
	CPO   ocpi.Party
	ID    string // folded
	Kind  CopyKind
	After string
	Limit int
}

// Conflict is one identity with the copies that came of it.
type Conflict struct {
	Key    ocpi.Key
	ID     string // as sent, in the copy that counts
	Counts Copy   // the first, unless a person chose another one
	Others []Copy // conflicts and repeats, in order
}

// ConflictPage is one page of conflicts.
type ConflictPage struct {
	Conflicts []Conflict
	Next      string
}

// CopyBody is a copy of a CDR with its body as it was sent.
type CopyBody struct {
	Copy
	Version ocpi.Version
	Body    []byte
}

// Contents are what came under one identity: the copy that counts, and of every other
// content the first copy that has it, as many as fit a page, one at least; More
// says how many there are beside.
type Contents struct {
	Counts CopyBody
	Others []CopyBody
	More   int
}

// Refusal is a body that could not be used, kept with its reason.
type Refusal struct {
	Position ingest.Position
	Received time.Time
	Sender   string
	Object   ingest.Object
	Reason   string
	Body     []byte
}

// PageBytes bounds a page of bodies or objects, in bytes: it holds no more, or
// just one. Where it is reached a page holds fewer than were asked for, and
// there is a next one.
const PageBytes = 1 << 20

// Reader is what the APIs ask of the store. Every method returns an error
// that wraps ErrUnavailable when the store cannot be reached, ErrNotFound when
// a single object does not exist, and ErrCursor when After is not a cursor.
type Reader interface {
	// Months are the months in which there is at least one CDR of which party
	// (any if zero) is CPO or eMSP, ascending.
	Months(ctx context.Context, party ocpi.Party) ([]ocpi.Month, error)
	Settlement(ctx context.Context, q SettlementQuery) ([]SettlementRow, error)
	// Causes counts by cause the CDRs of the rows of Settlement that were priced and
	// are not credited in full; see [CauseRows].
	Causes(ctx context.Context, q SettlementQuery) ([]CauseCount, error)
	CDR(ctx context.Context, key ocpi.Key) (*CDRDetail, error)
	CDRs(ctx context.Context, q CDRQuery) (CDRPage, error)
	// ListSums counts and sums the CDRs that q selects, by currency; After, Beside and
	// Limit of q do not matter. It reads a few numbers of each CDR of the months chosen.
	ListSums(ctx context.Context, q CDRQuery) ([]ListSum, error)
	// RejectReasons counts the rejected CDRs that q selects by reason and
	// currency, most first; Status, After and Limit of q do not matter.
	RejectReasons(ctx context.Context, q CDRQuery) ([]ReasonCount, error)
	Conflicts(ctx context.Context, q ConflictQuery) (ConflictPage, error)
	// Contents reads what came under an identity, ErrNotFound where nothing did.
	Contents(ctx context.Context, key ocpi.Key) (*Contents, error)
	// Relations lists how CDRs stand to each other, as far as it is found.
	Relations(ctx context.Context, q RelationQuery) (RelationPage, error)
	Refusals(ctx context.Context, sender, after string, limit int) (refusals []Refusal, next string, err error)
	ListStore
}
