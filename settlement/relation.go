package settlement

import "github.com/roamclear/roamclear/ocpi"

// RelationKind says how one CDR stands to another. It is text, in the store as
// in the API: kinds are added, and old rows stay.
type RelationKind string

// Kinds of relations. Those of a credit CDR stand with the credit and name the
// CDR it credits as the other; at most one of them holds for a credit.
const (
	// CreditOrphan: there is no CDR of that id, or it is itself a credit.
	CreditOrphan RelationKind = "credit_orphan"
	// CreditMismatch: the credited CDR is another eMSP's, or in another currency.
	CreditMismatch RelationKind = "credit_mismatch"
	// CreditExcess: the credits of the CDR together credit more than it claims,
	// or this one adds to the claim.
	CreditExcess RelationKind = "credit_excess"
	// CreditUndecided: whose charge one of the two is, is not known yet.
	CreditUndecided RelationKind = "credit_undecided"
	// Credited: the CDR is credited in full; the other is a credit that does.
	Credited RelationKind = "credited"
	// SessionBilledTwice: the other CDR is of the same Session of the same CPO,
	// and neither is a credit, or cancelled by one.
	SessionBilledTwice RelationKind = "session_billed_twice"
	// ChargeBilledTwice: the other CDR has the same token, EVSE, start and end, under
	// another id.
	ChargeBilledTwice RelationKind = "charge_billed_twice"
	// ConnectorOverlap: the other CDR is of a charge at the same connector, at the
	// same time.
	ConnectorOverlap RelationKind = "connector_overlap"
)

// RelationKinds lists the kinds that are looked for and listed, those to look into
// first. The last two above are facts that rules know of, and nobody looks for yet.
var RelationKinds = []RelationKind{SessionBilledTwice, CreditExcess, CreditMismatch, CreditOrphan, CreditUndecided, Credited}

// Relation is what holds between two CDRs. EMSP and Month are those of Key, to
// list by; the CPO is the party of Key. A relation that does not hold (any
// more) is not Active: the store keeps it to replace one that did.
type Relation struct {
	Key    ocpi.Key
	Kind   RelationKind
	Other  ocpi.Key // its ID is "" where a credit names none
	EMSP   ocpi.Party
	Month  ocpi.Month
	Active bool
}

// ListedRelation is a relation with both CDRs; OtherCDR is nil where there is none.
type ListedRelation struct {
	Relation
	CDR, OtherCDR *CDRSummary
}

// RelationQuery selects relations that hold. Zero members do not restrict;
// without a Kind, those that something is wrong with. Party restricts to those
// whose first CDR is its, as CPO or eMSP; months are that CDR's, inclusive.
type RelationQuery struct {
	Party    ocpi.Party
	CPO      ocpi.Party
	EMSP     ocpi.Party
	From, To ocpi.Month
	Kind     RelationKind
	About    ocpi.Key // one of the two CDRs; then of any kind
	After    string
	Limit    int
}

// RelationPage is one page of relations, by kind, month and identity.
type RelationPage struct {
	Relations []ListedRelation
	Next      string
}
