package pricing

import (
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Status is how a CDR record ended.
type Status uint8

// Statuses. A credit CDR is not re-priced: it cancels what it credits.
const (
	Rejected Status = iota + 1
	Priced
	Credited
)

var statusNames = [...]string{"", "rejected", "priced", "credit"}

// String returns the status in lower case.
func (s Status) String() string { return statusNames[s] }

// Outcome is what the pricing worker found for one CDR record. All amounts
// are rounded once, at 4 decimals; an unset Number is unknown, never zero.
type Outcome struct {
	Status Status
	Reason string // Rejected: stable code, such as "unknown_tariff"
	Detail string // Rejected: one sentence

	Claimed  tariff.Money // the CDR's total_cost as sent
	Computed tariff.Money // what we computed (Priced only)
	// Sub-totals of Computed, unset where nothing of that kind was priced.
	Fixed, Energy, Time, Parking, Reservation tariff.Money
	Taxes                                     []tariff.Tax // of Computed, by rate
	TaxesStated                               bool         // by the CDR: its tariff gives no rate; not stored, it follows
	Claim                                     tariff.Claim
	// Why the claim differs (tariff.ClaimDiffers only): in one word, and a
	// Reconciliation as JSON.
	Cause          string
	Reconciliation []byte

	// What it was computed from.
	AsOf         AsOf
	TariffIDs    string // joined by ",", as sent
	TariffHash   string // hex SHA-256 of the tariffs' canonical JSON, joined by ","
	TariffSource string // "cdr" or "store"
	Doubt        Doubt  // about those tariffs
	// ConnectorPower is what the connector could give when the charge began, in kW of whole
	// watts; unset where that is not known.
	ConnectorPower ocpi.Number
	TimeZone       string // IANA name used, "" if none was needed
	ZoneSource     string // "cdr", "location", "country" or ""
	ZoneDB         string // version of the embedded time-zone database
	Profile        string
	EngineVersion  string

	Explanation []byte // codes and numbers as JSON; sentences are rendered when read
	Findings    []ocpi.Finding
}

// MaxGeneration is how often a CDR can be priced again with another result: stores name a
// result by its record and a number that has no room for more.
const MaxGeneration = 1<<8 - 1

// Row is one CDR record with everything the store keeps of it.
type Row struct {
	Record ingest.Record
	// From the decoded CDR. Debtor is zero where it is unknown.
	Creditor, Debtor     ocpi.Party
	ID                   string // as sent
	Start, End           ocpi.Time
	LastUpdated          ocpi.Time
	Currency             string
	Credit               bool
	CreditReferenceID    string // folded
	CreditReferenceSent  string // the same as sent
	SessionID            string // folded
	SessionSent          string // the same as sent
	TokenUID, ContractID string
	LocationID, EVSEUID  string
	EnergyKWh            ocpi.Number
	Measures             Measures
	Outcome              Outcome
	// Generation counts re-pricings of the same record: 0 is the first, MaxGeneration the last.
	Generation uint16
}

// BookedAt is the instant that the CDR is booked by: where it tells no time at all, that
// of its receipt.
func (r *Row) BookedAt() ocpi.Time {
	if at := ocpi.BookedAt(r.End, r.Start, r.LastUpdated); at.IsSet() {
		return at
	}
	return r.Record.Received
}

// Booked is the month that the CDR is booked in.
func (r *Row) Booked() ocpi.Month { return r.BookedAt().Month() }

// Batch is CDR records of one partition in the order of their offsets, not
// necessarily all that stand between the first and the last. It is stored as
// one part per table, its checkpoint last.
type Batch struct {
	Partition ingest.Partition
	Rows      []Row
	Next      int64 // the checkpoint: with the batch, every record before it is stored
	// Again: rows of it may be stored already. A result that stands stays: it
	// was priced by what was known then, and is not priced again by the way.
	Again bool
}
