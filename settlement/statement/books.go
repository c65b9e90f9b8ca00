package statement

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// IssuedCDR is what one close issued of one CDR: its line, in the pair and currency that
// it stood in then. Of a CDR that was issued there before, the amounts and the claim are
// what was added.
type IssuedCDR struct {
	Attempt  uint64
	Period   ocpi.Month // of the statement
	Key      ocpi.Key   // its party is the CPO
	EMSP     ocpi.Party
	Currency string
	Month    ocpi.Month       // it was booked in, UTC
	Version  uint64           // of the result it was made by, see settlement.BookedCDR
	Net      decimal.Decimal  // with Tax and KWh as the line says
	Tax, KWh *decimal.Decimal // nil: not known
	Claim    decimal.Decimal  // before tax, see clearing.Outcome
	Zeroed   bool
}

// Adds reports whether it adds anything to what was issued before. What adds nothing, and is
// not the first of its pair and currency, is a mark (see [IssuedLine]).
func (c *IssuedCDR) Adds() bool {
	return !c.Net.IsZero() || c.Tax == nil || !c.Tax.IsZero() || c.KWh == nil || !c.KWh.IsZero()
}

// IssuedLine is a line of a statement with what stands behind it. One without a Kind is a
// mark, no line of any statement: the CDR was looked at again by this version of its
// result, and nothing is to be added to what was issued of it.
type IssuedLine struct {
	IssuedCDR
	Line   Line
	Hashes Hashes // of the CDR; written, and not read with lines
}

// IssuedClaim is what lines of a pair and currency together claim, and come to.
type IssuedClaim struct {
	CPO, EMSP  ocpi.Party
	Currency   string
	Lines      uint64
	Claim, Net decimal.Decimal
	Zeroed     decimal.Decimal // the claim of those that were zeroed
}

// MonthLines is what lines of a statement say of CDRs that were booked in one month: the
// report of that month has them.
type MonthLines struct {
	Month ocpi.Month // UTC
	// Due is the period whose statement would have them, had nothing been closed before; that
	// of the statement itself where it would be a later one.
	Due ocpi.Month
	settlement.Lines
}

// Issue is a statement as a close wrote it, without its lines.
type Issue struct {
	Attempt   uint64
	CPO, EMSP ocpi.Party
	Period    ocpi.Month
	Zone      string
	Currency  string
	Terms     Terms
	Totals                 // without ByTax and Sums
	Rank      int          // among the statements of the attempt's CPO, by eMSP and currency, from 0
	Digest    string       // SHA-256 of the canonical form, hex
	Months    []MonthLines // by Month and Due
}

// Decided is a decision about a CDR.
type Decided struct {
	Key      ocpi.Key
	Decision *clearing.Decision // nil: rules say what it comes to
	Offset   int64              // of its control record
	By       string             // who decided
	Reason   string
	At       ocpi.Time
	Position ingest.Position // of the copy that counted
	// Adopted is the copy that counts from then on, nil where none was chosen.
	Adopted *ingest.Position
}

// Act is what was decided.
func (d *Decided) Act() clearing.Act {
	switch {
	case d.Adopted != nil:
		return clearing.Adopt
	case d.Decision == nil:
		return clearing.Undo
	}
	return d.Decision.Act
}

// Books reads what drafts are made of: counted CDRs, what closes issued of them, and what
// people decided about them. attempts are those that count, by the control log below one
// offset. A CDR is issued as it stands where attempts have a line of it in the pair and
// currency that it is in, by the version of its result that counts. What is handed on is
// the callee's until it returns, but for its texts. All readings are in the order of CPO,
// eMSP, currency and id, as settlement.BookedStore's. Several of them are read side by
// side, each from when it is asked for its first; they may stand still for as long as the
// callee takes. Errors: ErrUnavailable, and those of fn.
type Books interface {
	settlement.BookedStore
	// BookedOpen is Booked without the CDRs that are issued as they stand. So it has what
	// came late, was held, was healed, got a debtor or was priced again, whenever that
	// was. CDRs of no month are in all months.
	BookedOpen(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error
	// BookedBeside reads CDRs that are issued as they stand, beside some that are not. Others that are issued as they stand in one of these pairs may be among them.
	BookedBeside(ctx context.Context, of []Beside, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error
	// BookedTwins reads CDRs of the CPO of one that credit nothing and are of its Session, or
	// have its charge hash, start and end; others may be among them, and itself. Where there
	// are more than about a thousand, it reads some of them.
	BookedTwins(ctx context.Context, of *settlement.BookedCDR, below settlement.Ends, fn func(*settlement.BookedCDR) error) error
	// ConnectorCharges reads the charges at connectors at which several were at once, whoever
	// pays them: what counts, is no credit, and occupies its connector as q has it. Others may be
	// among them. In the order of connectors, and at one of when they began.
	ConnectorCharges(ctx context.Context, q ConnectorQuery, below settlement.Ends, fn func(*settlement.ConnectorCharge) error) error
	// BookedDecided reads CDRs with the last decision about them below a control offset,
	// but for those of which an attempt that knew of it has a line in the pair and
	// currency that they are in. Months of q do not restrict.
	BookedDecided(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, control int64, attempts []clearing.Counted, fn func(*settlement.BookedCDR, *Decided) error) error
	// IssuedMoved reads lines of attempts in q's pairs and currency: all that there are of
	// a CDR of which none is by the version of its result that counts, so also of one that
	// is of another pair or currency now, unless nothing remains there to be taken back,
	// neither amounts nor claim. Lines of other CDRs may be among them, but then all of such
	// a CDR that the pair and currency has. Months of q do not restrict; the pair and
	// currency is that of the line.
	IssuedMoved(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*IssuedCDR) error) error
	// IssuedIn reads all lines of attempts of some CDRs in one pair and currency each.
	IssuedIn(ctx context.Context, units []Unit, attempts []clearing.Counted, fn func(*IssuedCDR) error) error
	// IssuedOf reads all lines of attempts of CDRs by their keys, of whatever pair: that
	// costs a look at all that is issued of the CPO.
	IssuedOf(ctx context.Context, keys []ocpi.Key, attempts []clearing.Counted, fn func(*IssuedCDR) error) error
	// DecidedOf reads the last decision below a control offset about each of some CDRs.
	DecidedOf(ctx context.Context, keys []ocpi.Key, below int64, fn func(*Decided) error) error
}

// ConnectorQuery selects charges at connectors. Zero members do not restrict.
type ConnectorQuery struct {
	CPO        ocpi.Party
	Connectors []uint64          // pricing.Measures.ConnectorHash
	Within     []settlement.Span // in order, and they do not meet; without any nothing is selected
}

// IssueQuery selects statements and their lines. Zero members do not restrict.
type IssueQuery struct {
	CPO, EMSP ocpi.Party
	Party     ocpi.Party // as either
	Period    ocpi.Month
	Currency  string
}

// IssueStore keeps what closes write. Everything can be written again: it is the same rows.
type IssueStore interface {
	// Begin notes an attempt, before the first line of it.
	Begin(ctx context.Context, a clearing.Attempt) error
	// WriteLines writes a block of lines and marks, in whatever order; block counts from 0
	// and names it for people. Of one CDR, pair and currency an attempt has one line.
	WriteLines(ctx context.Context, attempt uint64, block int, lines []IssuedLine) error
	WriteIssues(ctx context.Context, attempt uint64, block int, issues []Issue) error
	// Lines reads lines of attempts in the order of CPO, eMSP, currency, belongs and CDR,
	// Issues statements in that of period, CPO, eMSP and currency.
	Lines(ctx context.Context, q IssueQuery, attempts []uint64, fn func(*IssuedLine) error) error
	Issues(ctx context.Context, q IssueQuery, attempts []uint64, fn func(*Issue) error) error
	// Attempts returns all that were begun and not swept; Sweep deletes what some wrote.
	Attempts(ctx context.Context) ([]clearing.Attempt, error)
	Sweep(ctx context.Context, attempts []clearing.Attempt) error
}

// DecisionStore keeps what people decided, as the control log has it.
type DecisionStore interface {
	// WriteDecisions writes decisions of control records, and then that all records below
	// next are looked at. What is written again is the same rows.
	WriteDecisions(ctx context.Context, decisions []Decided, next int64) error
	// DecisionsNext returns below where control records are looked at.
	DecisionsNext(ctx context.Context) (int64, error)
	// DecisionHistory returns all decisions about a CDR, the first one first.
	DecisionHistory(ctx context.Context, key ocpi.Key) ([]Decided, error)
	// KeysAt reads which CDRs the records at offsets of a partition of CDRs are of, in the
	// order of offsets. Offsets without a record are left out; MaxKeysAt at a time.
	KeysAt(ctx context.Context, p ingest.Partition, offsets []int64, fn func(offset int64, key ocpi.Key) error) error
}

// MaxKeysAt is how many offsets one reading takes.
const MaxKeysAt = 100_000
