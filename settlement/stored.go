package settlement

import (
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
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

// StoredResult is the one result that counts for a CDR. Amounts are nil when
// not known.
type StoredResult struct {
	Key        ocpi.Key
	Position   ingest.Position // of the record it was computed from
	Generation uint16
	CPO, EMSP  ocpi.Party
	Month      ocpi.Month
	Currency   string
	Credit     bool
	Status     pricing.Status
	Claim      tariff.Claim
	Reason     string // of a reject
	AsOf       pricing.AsOf
	Profile    string
	TariffHash string // joined by ","
	TimeZone   string
	Engine     string // the tariff.EngineVersion it was computed by

	ClaimedExcl, ClaimedIncl   *decimal.Decimal
	ComputedExcl, ComputedIncl *decimal.Decimal
	Taxes                      []TaxSum // of the computed amounts
}
