package statement

import (
	"context"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// IssuedCDR is what one close issued of one CDR: its line, in the pair and currency that
// it stood in then. Of a CDR that was issued before, the amounts are what was added.
type IssuedCDR struct {
	Attempt  uint64
	Period   ocpi.Month // of the statement
	Key      ocpi.Key   // its party is the CPO
	EMSP     ocpi.Party
	Currency string
	Month    ocpi.Month // it was booked in, UTC
	Version  uint64     // of its result, see settlement.BookedCDR
	Net      decimal.Decimal
	Tax, KWh *decimal.Decimal // nil: not known
	Claim    decimal.Decimal  // that it made before tax, see clearing.Outcome
	Zeroed   bool
}

// IssuedLine is a line of a statement with what stands behind it.
type IssuedLine struct {
	IssuedCDR
	Line Line
}

// Issue is a statement as a close wrote it, without its lines.
type Issue struct {
	Attempt   uint64
	CPO, EMSP ocpi.Party
	Period    ocpi.Month
	Zone      string
	Currency  string
	Terms     Terms
	Totals           // without ByTax and Sums
	Rank      int    // among the statements of the attempt's CPO, by eMSP and currency, from 0
	Digest    string // SHA-256 of the canonical form, hex
}

// Decided is the last decision about a CDR.
type Decided struct {
	Key      ocpi.Key
	Decision *clearing.Decision // nil: taken back
	Offset   int64              // of its control record
	By       string             // who decided
	Reason   string
}

// Books reads what draws are made of: counted CDRs, what closes issued of them, and what
// people decided about them. attempts are those that count, by the control log below one
// offset. What is handed on is the callee's until it returns, but for its texts. All
// readings are in the order of CPO, eMSP, currency and id, as settlement.BookedStore's;
// Decided in that of CPO and id. Errors: ErrUnavailable, and those of fn.
type Books interface {
	settlement.BookedStore
	// BookedOpen is Booked without the CDRs that are issued as they stand: of which
	// attempts have a line of the same pair and currency by the same version of the
	// result. So it has what came late, was held, was healed, got a debtor or was priced
	// again, whenever that was.
	BookedOpen(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error
	// BookedTwins reads CDRs that are issued as they stand and have the Session, or the
	// charge hash, start and end, of one that BookedOpen hands on.
	BookedTwins(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error
	// IssuedMoved reads all lines of attempts of those CDRs of q's pairs of which a line
	// is of another version of the result than counts, or of another pair or currency.
	// Months of q do not restrict.
	IssuedMoved(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*IssuedCDR) error) error
	// IssuedOf reads all lines of attempts of CDRs by their keys, of whatever pair.
	IssuedOf(ctx context.Context, keys []ocpi.Key, attempts []clearing.Counted, fn func(*IssuedCDR) error) error
	// Decided reads, of a CPO or of all (zero), the last decision below a control offset
	// of each CDR of which attempts issued nothing since.
	Decided(ctx context.Context, cpo ocpi.Party, below int64, attempts []clearing.Counted, fn func(*Decided) error) error
	// DecidedOf reads the last decision below a control offset about each of some CDRs.
	DecidedOf(ctx context.Context, keys []ocpi.Key, below int64, fn func(*Decided) error) error
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
	// WriteLines writes a block of lines, in the order of CPO, eMSP, currency, belongs
	// and CDR; block counts from 0, so that one that is sent twice stands once.
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
