package clearing

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// Facts are what rules read of one CDR: of the copy that counts, of its result, and of
// what stands beside it. What is not known is not set, and a rule that cannot measure
// says nothing.
type Facts struct {
	Key    ocpi.Key   // its party is the CPO
	Debtor ocpi.Party // the eMSP that pays; zero = not known
	Credit bool

	Start, End, LastUpdated ocpi.Time
	Received                ocpi.Time // of the copy that counts; read by rules that say so alone

	Energy            ocpi.Number    // kWh
	Duration, Parking ocpi.Number    // seconds: total_time, and how much of it was parking
	PeakPower         ocpi.Number    // kW: the greatest the CDR tells of
	ConnectorPower    ocpi.Number    // kW: what the connector can give
	Supply            pricing.Supply // of the connector
	EVSEID            string         // "" = not said

	Currency                 string // "" = not known
	ClaimedNet, ClaimedTax   ocpi.Number
	ClaimedGross             ocpi.Number // with tax
	ComputedNet, ComputedTax ocpi.Number
	Status                   pricing.Status // 0 = not known
	Reason                   string         // why it is not priced

	InFuture         Answer // it ends after it came, as its result says (finding charge_in_the_future)
	OtherTerms       Answer // it was priced under another profile than the agreement's
	CurrencyOfTariff Answer // the tariffs that it is priced with are in its currency
	DoubtfulTariffs  Answer // something serious was found in a tariff that it was priced with

	Relations []Related // to other CDRs, in any order
}

// Related is another CDR, and how this one stands to it.
type Related struct {
	Kind  settlement.RelationKind
	Other ocpi.Key // its ID is "" where a credit names none
	Some  bool     // there are so many that some were not looked at
}

// Answer is a yes or no that may not be known.
type Answer uint8

// Answers; the zero value is not known.
const (
	No Answer = iota + 1
	Yes
)

// AnswerOf is an answer that is known.
func AnswerOf(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// cost returns what the charge costs before tax: what is claimed, without a claim what
// was computed.
func (f *Facts) cost() ocpi.Number {
	if f.ClaimedNet.IsSet() {
		return f.ClaimedNet
	}
	return f.ComputedNet
}
