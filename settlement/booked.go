package settlement

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// BookedCDR is a counted CDR with its result, as drafts of statements read it. What is not
// known is not set.
type BookedCDR struct {
	Key      ocpi.Key        // its party is the CPO, to whom it is owed
	EMSP     ocpi.Party      // who owes it, zero where that is not known
	Position ingest.Position // of the copy that counts
	First    ingest.Position // of the first copy, by which a CDR is below a cut or not: another one where a person adopted that
	Version  uint64          // of the result, the store's own: names that very row, of all there are
	Month    ocpi.Month      // it is booked in, in UTC
	Currency string

	Credit    bool
	CreditOf  string // folded id of the CDR that it credits
	SessionID string // folded

	Start, End, LastUpdated ocpi.Time
	Received                ocpi.Time // of the copy that counts
	EnergyKWh               ocpi.Number
	Measures                pricing.Measures

	Status            pricing.Status
	Reason            string       // why it is not priced
	Claimed, Computed tariff.Money // before and with tax
	Doubt             pricing.Doubt
	ConnectorPower    ocpi.Number // kW in whole watts; unset where it is not known
	// What the price was computed by.
	Profile, Engine, ZoneDB string
	AsOf                    pricing.AsOf
}

// Original is the key of the CDR that a credit names, its ID "" where it names none.
func (c *BookedCDR) Original() ocpi.Key { return ocpi.Key{Party: c.Key.Party, ID: c.CreditOf} }

// BookedStore reads counted CDRs for drafts. Below is up to where each partition of CDRs
// counts: of CDRs whose first copy is behind it, and of partitions that it does not name,
// nothing is read, so that a reading is of the same CDRs whatever has come since. All three hand on CDRs in
// the order of CPO, eMSP (those not known first), currency and id, so that a caller holds
// those of one pair at a time; what is handed on is the callee's until it returns, but for
// its texts, which may be kept. Errors: ErrUnavailable, and those of fn.
type BookedStore interface {
	// Booked reads the CDRs that are booked in the months of q and that it selects.
	Booked(ctx context.Context, q SettlementQuery, below Ends, fn func(*BookedCDR) error) error
	// BookedOf reads CDRs by their keys. Those that do not count are left out.
	BookedOf(ctx context.Context, keys []ocpi.Key, below Ends, fn func(*BookedCDR) error) error
	// BookedCredits reads the credits that name CDRs, by the keys of these.
	BookedCredits(ctx context.Context, of []ocpi.Key, below Ends, fn func(*BookedCDR) error) error
}
