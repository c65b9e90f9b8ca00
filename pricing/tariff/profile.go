package tariff

// Profile names the choices where OCPI's text, its editions or the field
// differ. The zero value of every choice is the reading of [Default]: the
// current text (2.3.0 edition 2), and where it is silent the reading that the
// outside engines share. A Profile is read only.
type Profile struct {
	Name string
	// Means says in a billing clerk's words what the profile does that another
	// does not: a clause without its full stop, "" for a profile without a name.
	Means string
	Step  StepRule
	Flat  FlatRule
	// Round and Half say where and how amounts are rounded; Scale is the number
	// of decimals of every amount in a Result (0 in a literal means 0).
	Round RoundRule
	Half  HalfRule
	Scale uint8

	// Readings found at partners and in other engines. They are used to explain
	// a partner's total; a policy may pick them too.
	Choice   ChoiceRule
	Untagged UntaggedRule
	Hours    HoursRule
	Elapsed  ElapsedRule
	Evidence EvidenceRule
	Window   WindowRule
	Limit    LimitRule
	Surplus  SurplusRule

	// Mistakes that no policy may pick.
	Match MatchRule
	Split SplitRule
}

// StepRule says what step_size rounds (mod_tariffs, PriceComponent; mod_cdrs,
// "step_size"). Its rules went through several generations.
type StepRule uint8

// Step rules. Energy is rounded once over the session in all but StepPerPeriod
// and StepNone.
const (
	StepLast          StepRule = iota // PARKING_TIME if any is priced, else TIME (2.2.1-d2, 2.3.0)
	StepLastRelevant                  // whichever time dimension was priced last
	StepPerDimension                  // TIME and PARKING_TIME each (2.2)
	StepCombined                      // TIME and PARKING_TIME together, surplus on the last (2.2-d2)
	StepLastAllVolume                 // as StepLast, counting volume that has no price
	StepNone                          // exact quantities
	StepPerPeriod                     // every charging period: a known mistake
)

// FlatRule says which FLAT components are charged (P-07; issues 176, 390).
type FlatRule uint8

// Flat rules.
const (
	FlatEachOnce  FlatRule = iota // each distinct component once, when first active
	FlatFirstOnly                 // only the first of a session
	FlatTwice                     // a known mistake
	FlatNever                     // a known mistake
)

// RoundRule says what is rounded (P-12: OCPI leaves it to law and contract).
type RoundRule uint8

// Rounding rules.
const (
	RoundTotal      RoundRule = iota // every total of the result, at Scale
	RoundTotalMinor                  // every total, at the currency's minor unit
	RoundLineMinor                   // every cost line at the currency's minor unit, then summed
)

// HalfRule says where a half goes.
type HalfRule uint8

// Half rules.
const (
	HalfUp   HalfRule = iota // away from zero
	HalfEven                 // to the even neighbour
)

// ChoiceRule says how a period's tariff is found (P-01).
type ChoiceRule uint8

// Choice rules.
const (
	ChooseByID       ChoiceRule = iota // charging_periods[].tariff_id
	ChooseFirstValid                   // the first tariff valid at the start, ids ignored
)

// UntaggedRule says what a period without tariff_id costs when others have one.
type UntaggedRule uint8

// Untagged rules.
const (
	UntaggedFree   UntaggedRule = iota // nothing: "no Tariff is relevant" (mod_cdrs, ChargingPeriod)
	UntaggedPriced                     // as the nearest tagged period before it, else after it
)

// HoursRule says how hours become seconds (P-05).
type HoursRule uint8

// Hours rules.
const (
	HoursRecovered HoursRule = iota // the seconds that were rounded to hours
	HoursRaw                        // as printed
	HoursAsSeconds                  // they are seconds: a known mistake
	HoursAsMinutes                  // they are minutes: a known mistake
	HoursPerMinute                  // each minute at the price of an hour: a known mistake
	HoursPerSecond                  // each second at the price of an hour: a known mistake
)

// ElapsedRule says where min_duration and max_duration count from (P-03).
type ElapsedRule uint8

// Elapsed rules.
const (
	ElapsedSession  ElapsedRule = iota // the start of the session, parking included
	ElapsedCharging                    // the first period with TIME or ENERGY
	ElapsedParking                     // the first period with PARKING_TIME
)

// EvidenceRule says what a current or power restriction does in a period
// that has no such measurement (P-04).
type EvidenceRule uint8

// Evidence rules.
const (
	EvidenceAssumed  EvidenceRule = iota // it counts as satisfied, with a finding
	EvidenceRequired                     // it does not match
)

// WindowRule says what start_time equal to end_time means (P-04).
type WindowRule uint8

// Window rules.
const (
	WindowWholeDay WindowRule = iota
	WindowNever
)

// LimitRule says how min_price and max_price apply (P-10).
type LimitRule uint8

// Limit rules.
const (
	LimitIndependent  LimitRule = iota // before and after tax each on its own
	LimitProportional                  // incl follows excl in proportion
	LimitGivenOnly                     // a limit without an incl value leaves incl alone
	LimitNoMax                         // max_price forgotten: a known mistake
	LimitNoMin                         // min_price forgotten: a known mistake
)

// SurplusRule says which period takes the energy surplus of a step.
type SurplusRule uint8

// Surplus rules.
const (
	SurplusLastVolume  SurplusRule = iota // the last with a volume above zero
	SurplusLastPresent                    // the last that lists the dimension, be it zero
)

// MatchRule says which of the elements that apply prices a dimension (P-04).
type MatchRule uint8

// Match rules.
const (
	MatchFirst MatchRule = iota // "the first Tariff Element with matching restrictions"
	MatchLast                   // the last one: a known mistake
)

// SplitRule says what becomes of a period inside which a restriction begins or
// ceases to hold (P-02: the CPO shall have opened a new one there).
type SplitRule uint8

// Split rules. Time is split in proportion to the clock.
const (
	SplitNever  SplitRule = iota // it is priced as at its start
	SplitClock                   // by the clock, the energy in proportion
	SplitTimes                   // by the clock, the energy as at its start
	SplitEnergy                  // where the energy reaches min_kwh or max_kwh
	SplitAll                     // SplitClock and SplitEnergy
)

// Default is the reading of record: STEP_LAST and every choice as the current
// text has it, totals rounded half away from zero at 4 decimals.
var Default = &Profile{Name: "STEP_LAST", Scale: 4,
	Means: "step_size was applied once to the energy and once to the parking, or to the charging where no parking is priced, as the current text of OCPI has it"}

var profiles = []*Profile{
	Default,
	{Name: "STEP_LAST_RELEVANT", Step: StepLastRelevant, Scale: 4,
		Means: "step_size was applied to whichever of charging and parking came last"},
	{Name: "STEP_PER_DIM", Step: StepPerDimension, Scale: 4,
		Means: "step_size was applied to charging and to parking each, as OCPI 2.2 had it"},
	{Name: "STEP_COMBINED", Step: StepCombined, Scale: 4,
		Means: "step_size was applied to charging and parking together, as OCPI 2.2-d2 had it"},
	{Name: "STEP_LAST_ALLVOL", Step: StepLastAllVolume, Scale: 4,
		Means: "step_size was applied to all time of the last kind, the part without a price included"},
	{Name: "STEP_NONE", Step: StepNone, Scale: 4,
		Means: "step_size was ignored: the exact quantities were billed"},
	{Name: "FLAT_FIRST_ONLY", Flat: FlatFirstOnly, Scale: 4,
		Means: "only the first FLAT was charged"},
	{Name: "TOTAL_HALF_UP", Round: RoundTotalMinor, Scale: 4,
		Means: "the totals were rounded to the currency's minor unit, halves away from zero"},
	{Name: "TOTAL_HALF_EVEN", Round: RoundTotalMinor, Half: HalfEven, Scale: 4,
		Means: "the totals were rounded to the currency's minor unit, halves to the even neighbour"},
	{Name: "LINE_HALF_UP", Round: RoundLineMinor, Scale: 4,
		Means: "every cost line was rounded to the currency's minor unit before they were added up, halves away from zero"},
	{Name: "LINE_HALF_EVEN", Round: RoundLineMinor, Half: HalfEven, Scale: 4,
		Means: "every cost line was rounded to the currency's minor unit before they were added up, halves to the even neighbour"},
	{Name: "FIRST_VALID_TARIFF", Choice: ChooseFirstValid, Scale: 4,
		Means: "the tariff_id of the charging periods was ignored: the first tariff that was valid priced them all"},
	{Name: "UNTAGGED_PRICED", Untagged: UntaggedPriced, Scale: 4,
		Means: "charging periods without tariff_id were priced by the tariff of their neighbours"},
	{Name: "HOURS_RAW", Hours: HoursRaw, Scale: 4,
		Means: "the rounded hours were billed as printed instead of the seconds they stand for"},
	{Name: "EVIDENCE_REQUIRED", Evidence: EvidenceRequired, Scale: 4,
		Means: "prices restricted by current or power were not applied where the CDR does not tell the current or power"},
	{Name: "EQUAL_WINDOW_NEVER", Window: WindowNever, Scale: 4,
		Means: "a price whose start_time equals its end_time was never applied"},
	{Name: "LIMIT_PROPORTIONAL", Limit: LimitProportional, Scale: 4,
		Means: "min_price and max_price were applied before tax only, and the amount after tax followed in proportion"},
	{Name: "LIMIT_GIVEN_ONLY", Limit: LimitGivenOnly, Scale: 4,
		Means: "a min_price or max_price that gives no amount after tax left the amount after tax as it was"},
	{Name: "SURPLUS_LAST_PRESENT", Surplus: SurplusLastPresent, Scale: 4,
		Means: "the energy that step_size adds was billed at the price of the last period that lists energy, be it 0 kWh"},
}

// Profiles returns every named profile, the default first.
func Profiles() []*Profile { return append([]*Profile(nil), profiles...) }

// ProfileByName returns the named profile; "" and "DEFAULT" are [Default].
func ProfileByName(name string) (*Profile, bool) {
	if name == "" || name == "DEFAULT" {
		return Default, true
	}
	for _, p := range profiles {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}

// WithScale returns the profile with another number of decimals, at most 12.
func (p *Profile) WithScale(scale uint8) *Profile {
	q := *p
	q.Scale = min(scale, 12)
	return &q
}
