package settlement

import (
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// ChangeKind is what becomes of a result. Its names are frozen: they are stored.
type ChangeKind string

// Kinds of change, each only when none before it holds.
const (
	NowPriced    ChangeKind = "now_priced"   // it was rejected or a credit
	NowRejected  ChangeKind = "now_rejected" // it was priced or a credit
	NowCredit    ChangeKind = "now_credit"   // it was rejected
	AmountMoves  ChangeKind = "amount"       // another computed total
	ReasonMoves  ChangeKind = "reason"       // rejected for another reason
	DebtorMoves  ChangeKind = "debtor"       // another eMSP owes it
	DetailsMoves ChangeKind = "details"      // same total: sub-totals, taxes or the verdict on the claim
)

// Causes of a change: what the two results were computed from and is not the
// same. A change may have several. Names are frozen: they are stored.
const (
	CauseProfile  = "profile"   // another pricing profile
	CauseTariff   = "tariff"    // another version of the tariff, or one that was not there
	CauseTimeZone = "time_zone" // another time zone, or one that was not there
	CauseZoneDB   = "zone_db"   // another edition of the time-zone database
	CausePartner  = "partner"   // who owes it is known now, or another one
	CauseEngine   = "engine"    // another version of the engine
	CauseRule     = "rule"      // nothing that is recorded differs: a rule of the engine itself
)

// ChangeSide is one of the two results of a Change. Amounts are the computed
// total, unset unless priced.
type ChangeSide struct {
	AsOf       pricing.AsOf // kept of the new side only
	EMSP       ocpi.Party
	Status     pricing.Status
	Claim      tariff.Claim
	Reason     string // why it is rejected
	Computed   tariff.Money
	Profile    string
	TariffHash string
	TimeZone   string
	ZoneDB     string
	Engine     string
}

// Change is a CDR with the result that counted and the one a run found.
type Change struct {
	Key      ocpi.Key
	Position ingest.Position
	CPO      ocpi.Party
	Month    ocpi.Month
	Currency string
	Kind     ChangeKind
	Causes   string // joined by "+"
	Old, New ChangeSide

	// Of a change as the store has it.
	Content uint64 // a digest of the new result: of all that a report or a partner sees of it
	Stands  Standing
}

// Standing is how a change of a run stands among the results that count.
type Standing uint8

// Standings.
const (
	Pending   Standing = iota + 1 // the result it was compared with counts
	Counts                        // what it found counts
	Overtaken                     // another result counts
)

// SideOf is a result as a change has it.
func SideOf(r *pricing.Row) ChangeSide {
	o := &r.Outcome
	return ChangeSide{
		AsOf: o.AsOf, EMSP: r.Debtor, Status: o.Status, Claim: o.Claim, Reason: o.Reason, Computed: o.Computed,
		Profile: o.Profile, TariffHash: o.TariffHash, TimeZone: o.TimeZone, ZoneDB: o.ZoneDB, Engine: o.EngineVersion,
	}
}

// compare holds a fresh result against the one that counts. What it was
// computed from may differ: only what a report or a partner sees is a change.
func compare(old *StoredResult, fresh *pricing.Row) (Change, bool) {
	kind := kindOf(&old.Row, fresh)
	if kind == "" {
		return Change{}, false
	}
	c := Change{
		Key: old.Record.Key, Position: old.Record.Position, CPO: old.Creditor, Month: old.Month, Currency: old.Currency,
		Kind: kind, Old: SideOf(&old.Row), New: SideOf(fresh),
	}
	c.Causes = causes(&c.Old, &c.New)
	return c, true
}

func kindOf(old, fresh *pricing.Row) ChangeKind {
	o, f := &old.Outcome, &fresh.Outcome
	switch {
	case o.Status != f.Status && f.Status == pricing.Priced:
		return NowPriced
	case o.Status != f.Status && f.Status == pricing.Rejected:
		return NowRejected
	case o.Status != f.Status:
		return NowCredit
	case !same(o.Computed, f.Computed):
		return AmountMoves
	case o.Reason != f.Reason:
		return ReasonMoves
	case old.Debtor != fresh.Debtor:
		return DebtorMoves
	case !sameDetails(o, f):
		return DetailsMoves
	}
	return ""
}

func sameDetails(o, f *pricing.Outcome) bool {
	return o.Claim == f.Claim &&
		same(o.Fixed, f.Fixed) && same(o.Energy, f.Energy) && same(o.Time, f.Time) &&
		same(o.Parking, f.Parking) && same(o.Reservation, f.Reservation) &&
		slices.EqualFunc(o.Taxes, f.Taxes, func(a, b tariff.Tax) bool {
			return a.Name == b.Name && sameNumber(a.Percentage, b.Percentage) && sameNumber(a.Amount, b.Amount)
		})
}

func same(a, b tariff.Money) bool { return sameNumber(a.Excl, b.Excl) && sameNumber(a.Incl, b.Incl) }

func sameNumber(a, b ocpi.Number) bool {
	return a.IsSet() == b.IsSet() && (!a.IsSet() || a.Cmp(b) == 0)
}

// causeOfReject is what must have changed when a reject of this reason is one
// no longer.
var causeOfReject = map[string]string{
	pricing.ReasonUnknownTariff: CauseTariff,
	pricing.ReasonNoTimeZone:    CauseTimeZone,
	pricing.ReasonDebtorUnknown: CausePartner,
}

// causes names every input of the two results that differs. An input that a
// reject did not get to is not compared.
func causes(old, fresh *ChangeSide) string {
	var found []string
	differ := func(cause, a, b string) {
		if a != b && a != "" && b != "" {
			found = append(found, cause)
		}
	}
	differ(CauseProfile, old.Profile, fresh.Profile)
	differ(CauseTariff, old.TariffHash, fresh.TariffHash)
	if old.TimeZone != fresh.TimeZone && old.Status == pricing.Priced && fresh.Status == pricing.Priced {
		found = append(found, CauseTimeZone)
	}
	if old.TimeZone != "" || fresh.TimeZone != "" {
		differ(CauseZoneDB, old.ZoneDB, fresh.ZoneDB)
	}
	if old.EMSP != fresh.EMSP {
		found = append(found, CausePartner)
	}
	differ(CauseEngine, old.Engine, fresh.Engine)
	for _, s := range []*ChangeSide{old, fresh} {
		if cause := causeOfReject[s.Reason]; cause != "" && !slices.Contains(found, cause) {
			found = append(found, cause)
		}
	}
	if len(found) == 0 {
		return CauseRule
	}
	return strings.Join(found, "+")
}
