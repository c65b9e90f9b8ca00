package settlement

import (
	"context"
	"errors"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/shopspring/decimal"
)

// Errors of the store that callers act on.
var (
	ErrNotFound    = errors.New("not found")
	ErrUnavailable = errors.New("store unavailable") // try again later; wraps the cause
	ErrCursor      = errors.New("invalid cursor")    // After is not a cursor of such a page
)

// Month is a calendar month in UTC.
type Month struct {
	Year  int
	Month time.Month
}

// Sum is a column of a settlement row. Incl is nil when the amount including
// VAT of at least one CDR is missing: MissingIncl says of how many.
type Sum struct {
	Excl        decimal.Decimal
	Incl        *decimal.Decimal
	MissingIncl uint64
}

// TaxSum is the computed tax at one rate. Percentage is nil where the tariff
// states none.
type TaxSum struct {
	Name       string
	Percentage *decimal.Decimal
	Amount     decimal.Decimal
}

// SettlementRow is what one CPO claims from one eMSP for one month and
// currency, and what we compute. The month is that of the CDR's end, UTC.
type SettlementRow struct {
	CPO, EMSP       ocpi.Party
	Month           Month
	Currency        string
	CDRCount        uint64 // CDRs that are not credits, rejects included
	CreditCount     uint64
	Claimed         Sum // total_cost of CDRs that are not credits, rejects included
	Credits         Sum // total_cost of credit CDRs: negative
	Net             Sum // Claimed + Credits
	Computed        Sum // what we priced, credits left out
	UnpricedCount   uint64
	UnpricedClaimed Sum
	Tax             []TaxSum // of Computed, by rate
	DiffersCount    uint64   // CDRs whose claim differs from what we computed
	Corrections     Sum      // what re-pricing moved Computed by in months closed before; part of no other sum
}

// Difference is what the partner claims beyond what we computed, over the CDRs
// that were priced: claimed - unpriced claimed - computed. Its amount including
// VAT is nil when one of the three is.
func (r *SettlementRow) Difference() Sum {
	d := Sum{
		Excl:        r.Claimed.Excl.Sub(r.UnpricedClaimed.Excl).Sub(r.Computed.Excl),
		MissingIncl: r.Claimed.MissingIncl + r.Computed.MissingIncl, // unpriced ones are among the claimed
	}
	if r.Claimed.Incl != nil && r.UnpricedClaimed.Incl != nil && r.Computed.Incl != nil {
		incl := r.Claimed.Incl.Sub(*r.UnpricedClaimed.Incl).Sub(*r.Computed.Incl)
		d.Incl = &incl
	}
	return d
}

// SettlementQuery selects settlement rows. Months are inclusive. Party, when
// not zero, restricts to rows in which it is CPO or eMSP.
type SettlementQuery struct {
	From, To Month
	Party    ocpi.Party
	CPO      ocpi.Party
	EMSP     ocpi.Party
	Currency string
}

// CDRQuery selects CDRs for finance. Zero members do not restrict. Party
// restricts to CDRs in which it is CPO or eMSP. Results are ordered by month
// of end, then identity; After is the cursor of the previous page.
type CDRQuery struct {
	Party    ocpi.Party
	CPO      ocpi.Party
	EMSP     ocpi.Party
	From, To Month // both inclusive
	Currency string
	Status   pricing.Status
	Claim    *pricing.Claim
	Credit   *bool
	Reason   string
	Cause    string // why the claim differs
	ID       string // folded
	After    string
	Limit    int
}

// CDRSummary is one CDR in a list.
type CDRSummary struct {
	Key         ocpi.Key
	ID          string // as sent
	Position    ingest.Position
	Received    time.Time
	CPO, EMSP   ocpi.Party
	Start, End  time.Time
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
	Claim        pricing.Claim
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

// CDRPage is one page of a list; Next is the cursor of the next, "" at the end.
type CDRPage struct {
	CDRs []CDRSummary
	Next string
}

// Copy is one accepted copy of a CDR beside the first.
type Copy struct {
	Position ingest.Position
	Received time.Time
	Sender   string
	Hash     ingest.Hash
	Conflict bool // another content than the first copy; else a repeat
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
	Taxes          []TaxSum
	Copies         []Copy
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

// Conflict is one identity with the copies that came after its first.
type Conflict struct {
	Key    ocpi.Key
	First  Copy
	Others []Copy // conflicts and repeats, in order
}

// ConflictPage is one page of conflicts.
type ConflictPage struct {
	Conflicts []Conflict
	Next      string
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

// OCPIQuery selects CDRs for an OCPI Sender list: last_updated in [From, To),
// where a zero time does not bound. Exactly the CDRs whose debtor (eMSP) or
// creditor (CPO) is one of Parties. Order: oldest first by position.
type OCPIQuery struct {
	Debtors   []ocpi.Party
	Creditors []ocpi.Party
	From, To  time.Time
	Offset    int
	Limit     int
}

// OCPIPage is one page of raw bodies with the number of all that match.
type OCPIPage struct {
	Bodies   [][]byte
	Versions []ocpi.Version
	Total    int
}

// Reader is what the APIs ask of the store. Every method returns an error
// that wraps ErrUnavailable when the store cannot be reached, ErrNotFound when
// a single object does not exist, and ErrCursor when After is not a cursor.
type Reader interface {
	// Months are the months in which there is at least one CDR of which party
	// (any if zero) is CPO or eMSP, or in which a correction of one lands,
	// ascending.
	Months(ctx context.Context, party ocpi.Party) ([]Month, error)
	Settlement(ctx context.Context, q SettlementQuery) ([]SettlementRow, error)
	CDR(ctx context.Context, key ocpi.Key) (*CDRDetail, error)
	CDRs(ctx context.Context, q CDRQuery) (CDRPage, error)
	// RejectReasons counts the rejected CDRs that q selects by reason and
	// currency, most first; Status, After and Limit of q do not matter.
	RejectReasons(ctx context.Context, q CDRQuery) ([]ReasonCount, error)
	Conflicts(ctx context.Context, q ConflictQuery) (ConflictPage, error)
	Refusals(ctx context.Context, sender, after string, limit int) (refusals []Refusal, next string, err error)
	OCPICDRs(ctx context.Context, q OCPIQuery) (OCPIPage, error)
}
