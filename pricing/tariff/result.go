package tariff

import "github.com/roamclear/roamclear/ocpi"

// Input is everything a price depends on.
type Input struct {
	CDR *ocpi.CDR
	// Tariffs are candidates besides the ones embedded in the CDR: used when it
	// embeds none, or when a period names an id that it does not embed.
	Tariffs []*Prepared
	// Others are other versions of tariffs above or in the CDR. No price is ever
	// computed with them: only [Engine.Reconcile] asks whether the partner did.
	Others []*Prepared
	// Embedded are CDR.Tariffs already prepared, in the same order; nil lets the
	// engine prepare them.
	Embedded []*Prepared
	// Zone is the Location's time zone; nil is unknown. ZoneSource says where it
	// came from ("cdr", "location", "country") and goes into the explanation.
	Zone       *Zone
	ZoneSource string
	Profile    *Profile // nil is Default
	// ReservationExpired says whether a reservation expired instead of being used
	// or cancelled; nil lets the engine infer it (P-08).
	ReservationExpired *bool
}

// Money is an amount before and after taxes, rounded by the profile. An unset
// side is unknown; both unset: nothing of the kind was priced.
type Money struct {
	Excl, Incl ocpi.Number
}

// Tax is the amount of one tax rate, rounded by the profile. The exact amounts
// sum to Incl - Excl exactly, the rounded ones within a rounding.
type Tax struct {
	Name       string      // "VAT"
	Percentage ocpi.Number // unset where a limit left tax without a rate
	Amount     ocpi.Number
}

// Claim is the verdict on the CDR's own total_cost.
type Claim uint8

// Verdicts (P-12).
const (
	ClaimAbsent Claim = iota // no total, or none on a side that we know
	ClaimAgrees
	ClaimDiffers
)

// String returns "absent", "agrees" or "differs".
func (c Claim) String() string { return [...]string{"absent", "agrees", "differs"}[c] }

// UsedTariff says where a tariff that some period was priced with was found.
type UsedTariff struct {
	Embedded bool // CDR.Tariffs[Index], else Input.Tariffs[Index]
	Index    int
}

// Result is a price (mod_cdrs, CDR total_*). Its slices are reused by the next
// Price into the same Result.
type Result struct {
	OK             bool
	Reason, Detail string // not OK: a stable code and a sentence

	Total       Money // total_cost, after limits; negated for a credit
	Fixed       Money // total_fixed_cost: FLAT outside reservations
	Energy      Money // total_energy_cost
	Time        Money // total_time_cost
	Parking     Money // total_parking_cost
	Reservation Money // total_reservation_cost: its FLAT and TIME
	Taxes       []Tax
	// TaxesStated: the tariff gives no tax rate, and Taxes are those that the CDR
	// states. The side of Total that they make known is not compared with the claim:
	// a stated tax cannot confirm itself.
	TaxesStated bool
	StatedExcl  bool // that side is the one before tax, else the one after it
	Claim       Claim
	Findings    []ocpi.Finding

	NeededZone bool // some used tariff is restricted by local time
	Used       []UsedTariff
	Lines      int // price components that were charged
}

// Known is the total as far as the tariff gives it.
func (r *Result) Known() Money {
	m := r.Total
	switch {
	case !r.TaxesStated:
	case r.StatedExcl:
		m.Excl = ocpi.Number{}
	default:
		m.Incl = ocpi.Number{}
	}
	return m
}

// costs are the sub-totals by bucket.
func (r *Result) costs() [bucketCount]Money {
	return [...]Money{r.Fixed, r.Energy, r.Time, r.Parking, r.Reservation}
}

// Reasons of a Result that is not OK, besides the codes of [Unpriceable].
const (
	ReasonUnknownTariff      = "unknown_tariff"
	ReasonNoValidTariff      = "no_valid_tariff"
	ReasonNoTimeZone         = "no_time_zone"
	ReasonNoStartTime        = "no_start_time"
	ReasonNoPeriods          = "no_charging_periods"
	ReasonPeriodsOutOfOrder  = "periods_out_of_order"
	ReasonMixedCurrency      = "mixed_currency"
	ReasonMixedLimits        = "mixed_limits"
	ReasonMixedTaxes         = "mixed_taxes"
	ReasonUnknownDimension   = "unknown_dimension"
	ReasonTooManyPeriods     = "too_many_periods"
	ReasonTooManyTariffs     = "too_many_tariffs"
	ReasonTooManyRates       = "too_many_rates"
	ReasonTooMuchWork        = "too_much_work"
	ReasonOverflow           = "overflow"
	ReasonUnreadableMember   = "unreadable_member" // the price rests on something that cannot be read
	reasonNoCDRDetail        = "there is no CDR to price"
	reasonOverflowDetail     = "the amounts do not fit 128 bits; the CDR needs pricing by hand"
	reasonNoStartTimeDetail  = "the CDR or one of its periods has no start time (1970-1-1T00:00:00Z asks for pricing by hand)"
	reasonUnknownDimDetail   = "a period measures nothing but dimensions that OCPI does not define"
	reasonNoTimeZoneDetail   = "the tariff depends on local time and the location's time zone is not known"
	reasonNoValidDetail      = "none of the CDR's tariffs was valid when the charge started and no period names one"
	reasonUnknownTarifDetail = "the CDR carries no tariff and none was found for it"
)

// reset clears the result and keeps its slices.
func (r *Result) reset() {
	*r = Result{Taxes: r.Taxes[:0], Findings: r.Findings[:0], Used: r.Used[:0]}
}
