package settlement

import (
	"context"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// CDRDue is how long after the end of a charge its CDR is due, where nothing else is agreed.
const CDRDue = 72 * time.Hour

// MaxHealthDays bounds the days over which the health of a partner is asked for at once.
const MaxHealthDays = MaxReceiptDays

// HealthQuery selects charges of some CPOs that are booked from From on and before To, see
// pricing.Row.BookedAt. Due is how long after its end a CDR is late.
type HealthQuery struct {
	CPOs     []ocpi.Party
	From, To ocpi.Time
	Due      time.Duration
}

// CDRHealth is how CDRs that are no credits came: of those booked on each day how many, and
// how long after the end of their charge. Timed are those whose end is known; one that came
// before its end by its own clock came at once.
type CDRHealth struct {
	Days                         []CDRDay // that have any, in order
	CDRs, Timed, Late, Corrected uint64   // corrected: a credit names it
	P50, P95                     time.Duration
}

// CDRDay is how many CDRs are booked on a day in UTC.
type CDRDay struct {
	Day  time.Time
	CDRs uint64
}

// HealthDifference is what CDRs of one currency have in common that we price otherwise than
// they claim, for one cause, or, Rejected, that we could not price, for one reason. Those
// that are credited in full are none of it.
type HealthDifference struct {
	Rejected          bool
	Kind              string // a cause or a reason
	Currency          string
	CDRs              uint64
	Claimed, Computed Sum
	// UnknownClaims and UnknownPrices count CDRs without an amount excluding VAT.
	UnknownClaims, UnknownPrices uint64
}

// MaxHealthDifferences bounds how many are told: those of most CDRs.
const MaxHealthDifferences = 200

// ExchangeQuery selects messages with a partner that began from From on and before To.
type ExchangeQuery struct {
	Partner  string
	From, To ocpi.Time
}

// Exchanges is how a partner and we fared with one kind of object in one direction.
type Exchanges struct {
	Direction        string // in: the partner asked; out: we did
	Object           string
	Reads            bool // GET: whoever asked reads; otherwise it pushes
	Requests, Failed uint64
	Last, LastDone   ocpi.Time // LastDone: which did not fail; zero = none
	LastPath         string
}

// HealthStore reads what the health of a partner is told from.
type HealthStore interface {
	CDRHealth(ctx context.Context, q HealthQuery) (*CDRHealth, error)
	HealthDifferences(ctx context.Context, q HealthQuery) ([]HealthDifference, error)
	Exchanges(ctx context.Context, q ExchangeQuery) ([]Exchanges, error)
}
