package pricing

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
)

// AsOf is how much of the log a price rests on: the ends of the topic of
// reference data and of the control topic. Only records below them are seen, so
// that the same question has the same answer whenever, and by whomever, it is
// asked; it is stored with each result.
type AsOf struct {
	Reference int64 // an offset: records before it are seen
	Control   int64
	// Issuers names the list of issuers that was set, see ocpi.Issuers.Digest: who pays
	// for a contract whose id says whose it is. "" = not kept.
	Issuers string
}

// AsOfUnkept is that of results from before it was kept.
var AsOfUnkept = AsOf{Reference: -1, Control: -1}

// Kept reports whether the positions were kept.
func (a AsOf) Kept() bool {
	return a.Reference != AsOfUnkept.Reference || a.Control != AsOfUnkept.Control
}

// Inputs is where a price's inputs come from, as of an end of the reference
// topic: a *reference.Index.
type Inputs interface {
	// Tariff returns the version in force at start, for the debtor alone before
	// that for everybody; later says that it is the first after start, nil that
	// none is known.
	Tariff(key ocpi.Key, debtor ocpi.Party, start ocpi.Time, below int64) (v *reference.TariffVersion, later bool)
	// TariffsBelow lists what else the owner may have priced with: for
	// reconciliation alone, never for a price.
	TariffsBelow(key ocpi.Key, debtor ocpi.Party, below int64, limit int) []*reference.TariffVersion
	Zone(location ocpi.Key, country string, start ocpi.Time, below int64) (zone, source string)
	// ConnectorPower returns how many watts the connector of a charge could give, ok false
	// where that is not known.
	ConnectorPower(location ocpi.Key, evse, connector string, start ocpi.Time, below int64) (watts int64, ok bool)
	// Payer returns who pays for a contract where a CDR says no more than that.
	Payer(contractID string, start ocpi.Time, below int64) (ocpi.Party, bool)
}

// Policies says how a partner's CDRs are priced and who can be billed, as of an
// end of the control topic.
type Policies interface {
	// Billable reports whether the party has been a registered eMSP at some
	// record below: known once, it stays billable.
	Billable(p ocpi.Party, below int64) bool
	// Profile returns the name of the pricing profile of what a CPO bills an eMSP for
	// a charge, by what was agreed and registered below, "" for the default. booked is
	// the instant that says which period the charge belongs to, see ocpi.BookedAt.
	Profile(cpo, emsp ocpi.Party, booked ocpi.Time, below int64) string
}
