package clearing

import "github.com/roamclear/roamclear/settlement"

// Where rules come from. Limits that no public document states are ours; they are
// what a partner's agreement is there to change.
var (
	hubjectErrors  = Document{"Hubject: errors of ChargeDetailRecord requests (018, 022)", "https://support.hubject.com/hc/en-us/articles/7537540638749-I-am-having-problems-sending-ChargeDetailRecord-requests-and-receive-an-error-what-should-I-do"}
	hubjectRules   = Document{"Hubject Financial Services: CDR validation rules (duration, energy)", "https://support.hubject.com/hc/en-us/articles/21549384927901-CDR-Validation-Rules"}
	oicp           = Document{"OICP 2.3 CPO, eRoamingChargeDetailRecord: one CDR per SessionID", "https://github.com/hubject/oicp/blob/master/OICP-2.3/OICP%202.3%20CPO/02_CPO_Services_and_Operations.asciidoc"}
	thresholds     = Document{"Longship: session thresholding by the standards of eViolin (power of the connector, future, age of 90 days, least time and kWh)", "https://longship.freshdesk.com/en/support/solutions/articles/80001092130-session-thresholding"}
	eviolin        = Document{"eViolin: minimale set van afspraken, which its members have", "https://www.eviolin.nl/lidmaatschap/"}
	plausibility   = Document{"be.ENERGISED: plausibility monitor (time, energy, energy by the connector's power)", "https://support.has-to-be.com/hc/en-us/articles/360003251300-The-plausibility-monitor-for-charging-processes"}
	feasibility    = Document{"GreenFlux: CDR validation (feasibility, final cost check)", "https://greenflux.helpkit.so/tariff-and-prices/3BkLno9apiFhnyBbbfDoKf/cdr-validation/3ruA8LLcCgXuQATRgrRYKj"}
	enapi          = Document{"ENAPI: CDR clearing (energy, cost, duration)", "https://docs.enapi.com/articles/1355304661-configure-cdr-clearing"}
	sessionChecks  = Document{"AMPECO: session data validation (power beyond the EVSE's, sessions that overlap on it)", "https://www.ampeco.com/blog/ampeco-session-data-validation-feature"}
	ocpiCDR        = Document{"OCPI 2.2.1, mod_cdrs: CDR object", "https://github.com/ocpi/ocpi/blob/release-2.2.1-bugfixes/mod_cdrs.asciidoc"}
	ocpiCredit     = Document{"OCPI 2.2.1, mod_cdrs: Credit CDRs", "https://github.com/ocpi/ocpi/blob/release-2.2.1-bugfixes/mod_cdrs.asciidoc"}
	ocpiTariff     = Document{"OCPI 2.2.1, mod_tariffs", "https://github.com/ocpi/ocpi/blob/release-2.2.1-bugfixes/mod_tariffs.asciidoc"}
	ocpiEVSEID     = Document{"OCPI 2.2.1, mod_locations: EVSE.evse_id, after ISO 15118; Hubject: error 018, INCONSISTENT_EVSEID", hubjectErrors.URL}
	ownDifference  = Document{"OCPI 2.2.1, mod_cdrs: a CDR tells enough for its cost to be computed again", "https://github.com/ocpi/ocpi/blob/release-2.2.1-bugfixes/mod_cdrs.asciidoc"}
	underAgreement = Document{Title: "roamclear, docs/design.md: rules of a clearing"}
)

// rules is the table. An amount of money that a pack gives is in EUR and says nothing of
// a charge in another currency; one that an agreement gives holds in every currency of
// the pair.
var rules = withParams([]Rule{
	{
		Code: "unknown_debtor", Structural: true, Credits: true, Evidence: Owner, Source: ocpiCDR, Edition: "1",
		Measure:  "whether an eMSP is known that pays the charge",
		Sentence: "Who pays it is not known.",
		strikes:  unknownDebtor,
	},
	{
		Code: "unknown_currency", Structural: true, Credits: true, Evidence: Pair, Source: ocpiCDR, Edition: "1",
		Measure:  "whether the CDR says in which currency it is",
		Sentence: "Its currency is not known.",
		strikes:  unknownCurrency,
	},
	{
		Code: "future", Structural: true, Evidence: Owner, Source: hubjectErrors, Edition: "1",
		Measure:  "whether the charge ends more than 15 minutes after its CDR came",
		Sentence: "It is said to end at {measured}, after its CDR came: a CDR is of a charge that is over.",
		strikes:  inFuture,
	},
	{
		Code: GroundUndated, Structural: true, Credits: true, Evidence: Pair, Source: ocpiCDR, Edition: "1",
		Measure:  "whether the CDR says any of when the charge ended, started, or was last updated",
		Sentence: "It says nothing of when it was: it belongs to no period.",
		strikes:  undated,
	},
	{
		Code: GroundCreditExcess, Structural: true, Chain: true, Credits: true, Evidence: Pair, Source: ocpiCredit, Edition: "1",
		Measure:  "whether the credits of a CDR take back more than is left of it; one of which something is left is issued down to that, with a note, and what exceeds stays held; one of which nothing is left is held",
		always:   alwaysExcess,
		Sentence: "It credits {measured} more than is left of what it credits.",
	},
	{
		Code: GroundCreditOrphan, Structural: true, Chain: true, Credits: true, Evidence: Pair, Source: ocpiCredit, Edition: "1",
		Measure:  "whether what a credit names is there, and can be credited: no credit itself, nor of before settlement began",
		Sentence: "It credits {measured}.",
	},
	{
		Code: GroundCreditMismatch, Structural: true, Chain: true, Credits: true, Evidence: Owner, Source: ocpiCredit, Edition: "1",
		Measure:  "whether a credit has the debtor and the currency of the CDR that it names",
		Sentence: "It has another debtor or currency than the CDR that it credits.",
	},
	{
		Code: GroundOriginalHeld, Structural: true, Chain: true, Credits: true, Evidence: Pair, Source: ocpiCredit, Edition: "1",
		Measure:  "whether the CDR that a credit names waits itself",
		Sentence: "It waits with {measured}, which it credits.",
	},
	{
		Code: GroundCreditSign, Structural: true, Chain: true, Credits: true, Evidence: Pair, Source: ocpiCredit, Edition: "1",
		Measure:  "whether a credit has the sign of what it credits; it is read with the other one, as what it takes off",
		Sentence: "It claims {measured} with the sign of what it credits: it is read as taking that off.",
		always:   alwaysNote,
	},
	{
		Code: "no_claim", Structural: true, Evidence: Pair, Source: ocpiCDR, Edition: "1",
		Measure:  "whether the CDR claims an amount before tax (total_cost) that can be read; without one what was computed is owed, whatever is agreed",
		Sentence: "It claims nothing before tax that can be read{measured}: what is computed counts.",
		always:   alwaysNote,
		strikes:  noClaim,
	},
	{
		Code: "other_terms", Structural: true, Evidence: Owner, Source: underAgreement, Edition: "1",
		Measure:  "whether the CDR was priced under the profile of its agreement",
		Sentence: "It was priced under other terms than those agreed: price it again first.",
		strikes:  otherTerms,
	},
	{
		Code: "energy", Evidence: Pair, Source: hubjectErrors, Edition: "1",
		Measure:  "energy (total_energy) in kWh; strikes above the limit",
		Sentence: "Its energy of {measured} is above {limit}: it may be in Wh.",
		Params:   []Param{{"max_kwh", "kWh", "500", "0", "100000"}},
		strikes:  energy,
	},
	{
		Code: "duration", Evidence: Pair, Source: hubjectRules, Edition: "1",
		Measure:  "length of the charge (total_time), parking included, in hours; strikes above the limit",
		Sentence: "It lasted {measured}, longer than {limit}.",
		Params:   []Param{{"max_hours", "hours", "168", "0", "10000"}},
		strikes:  duration,
	},
	{
		Code: "cost_per_kwh", Evidence: Pair, Source: feasibility, Edition: "1",
		Measure:  "cost before tax by kWh, of AC and of DC charges of from_kwh and more, where fixed fees no longer say most of it; what is claimed, without a claim what was computed; strikes above the limit",
		Sentence: "It costs {measured}, more than {limit}.",
		Params:   []Param{{"ac_max", "EUR/kWh", "1.50", "0", "100000"}, {"dc_max", "EUR/kWh", "2.00", "0", "100000"}, {"from_kwh", "kWh", "5", "0", "100000"}},
		strikes:  costPerKWh,
	},
	{
		Code: "cost", Evidence: Pair, Source: enapi, Edition: "1",
		Measure:  "cost before tax, of AC and of DC charges; what is claimed, without a claim what was computed; strikes above the limit",
		Sentence: "It costs {measured}, more than {limit}.",
		Params:   []Param{{"ac_max", "EUR", "250", "0", "1000000"}, {"dc_max", "EUR", "500", "0", "1000000"}},
		strikes:  costInAll,
	},
	{
		Code: "peak_power", Evidence: Owner, Source: thresholds, Edition: "2",
		Measure:  "the greatest power that the CDR tells of, in per cent of what its connector can give: max_electric_power, else voltage × amperage × phases, by the CDR (2.1.1) or by its Location as it was when the charge began; strikes above the limit, which leaves a tenth for meters and rated powers that are rounded",
		Sentence: "Its power of {measured} is above {limit}, what its connector can give.",
		Params:   []Param{{"percent", "% of the connector's power", "110", "100", "1000"}},
		strikes:  peakPower,
	},
	{
		Code: "energy_above_power", Evidence: Owner, Source: plausibility, Edition: "2",
		Measure:  "energy, in per cent of what the connector (as for peak_power) can give within total_time; strikes above the limit",
		Sentence: "Its energy of {measured} is above {limit}, what its connector can give in that time.",
		Params:   []Param{{"percent", "% of power × time", "120", "100", "1000"}},
		strikes:  energyAbovePower,
	},
	{
		Code: "end_before_start", Evidence: Pair, Source: hubjectErrors, Edition: "1",
		Measure:  "end and start of the charge; strikes where the end is before the start",
		Sentence: "It ends at {measured}, before it starts at {limit}.",
		strikes:  endBeforeStart,
	},
	{
		Code: "negative_energy", Evidence: Pair, Source: hubjectErrors, Edition: "1",
		Measure:  "energy (total_energy) in kWh; strikes below zero",
		Sentence: "Its energy of {measured} is negative.",
		strikes:  negativeEnergy,
	},
	{
		Code: "negative_amount", Evidence: Pair, Source: ocpiCredit, Edition: "1",
		Measure:  "cost before tax as claimed (total_cost); strikes below zero where the CDR is no credit",
		Sentence: "It claims {measured}, and is no credit.",
		strikes:  negativeAmount,
	},
	{
		Code: "foreign_evse", Evidence: Pair, Source: ocpiEVSEID, Edition: "1",
		Measure:  "the operator that the EVSE's id names; strikes where it is not the CPO",
		Sentence: "Its EVSE {measured} is another operator's than {limit}.",
		strikes:  foreignEVSE,
	},
	{
		Code: "below_minimum", Evidence: Pair, Source: eviolin, Edition: "1",
		Measure:  "length of the charge (total_time) in minutes and energy in kWh; strikes where either is below the limit: nobody charged",
		Sentence: "A charge of {measured} is below the minimum of {limit}.",
		Params:   []Param{{"min_minutes", "minutes", "2", "0", "1440"}, {"min_kwh", "kWh", "0.2", "0", "100"}},
		strikes:  belowMinimum,
	},
	{
		Code: "age", Evidence: Owner, Source: thresholds, Edition: "1",
		Measure:  "days from the end of the charge to when its CDR came; strikes above the limit",
		Sentence: "Its CDR came {measured} after its end, later than {limit}.",
		Params:   []Param{{"max_days", "days", "90", "0", "10000"}},
		strikes:  age,
	},
	{
		Code: "difference", Evidence: Pair, Source: ownDifference, Edition: "2",
		Measure:  "claimed less computed before tax; strikes beyond the greater of amount and so many per cent of what was computed. The amount covers half a minor unit for each of five lines; where nothing else is agreed it is in currencies without cents 2.5, in those of three decimals 0.0025, and so on",
		Sentence: "Claimed less computed is {measured}; up to {limit} is tolerated.",
		Params:   []Param{{"amount", "currency of the CDR", "0.025", "0", "1000000"}, {"percent", "% of computed", "0", "0", "100"}},
		strikes:  difference,
	},
	{
		Code: "unpriced", Evidence: Pair, Source: ownDifference, Edition: "1",
		Measure:  "whether its tariff gives a price before tax",
		Sentence: "It cannot be computed: {measured}.",
		strikes:  unpriced,
	},
	{
		Code: "other_currency", Evidence: Pair, Source: ocpiTariff, Edition: "2",
		Measure:  "whether the tariffs that it is to be priced with are in its currency; strikes where one is not",
		Sentence: "It is in {measured}, and its tariff in another currency.",
		strikes:  otherCurrency,
	},
	{
		Code: "doubtful_tariff", Evidence: Pair, Source: ocpiTariff, Edition: "1",
		Measure:  "whether something serious is found in a tariff that it was priced with",
		Sentence: "Something serious is found in its tariff.",
		strikes:  doubtfulTariff,
	},
	{
		Code: string(settlement.SessionBilledTwice), Evidence: Pair, Source: oicp, Edition: "1",
		Measure:  "other CDRs of the same Session that no credit takes back; strikes from one on, both of them",
		Sentence: "It is of the same Session as {measured}.",
		strikes:  related(settlement.SessionBilledTwice),
	},
	{
		Code: string(settlement.ChargeBilledTwice), Evidence: Pair, Source: feasibility, Edition: "1",
		Measure:  "other CDRs with the same token, EVSE, start and end; strikes from one on, both of them",
		Sentence: "It has the token, EVSE, start and end of {measured}.",
		strikes:  related(settlement.ChargeBilledTwice),
	},
	{
		Code: string(settlement.ConnectorOverlap), Evidence: Owner, Source: sessionChecks, Edition: "2",
		Measure:  "other charges, whoever pays them, that were at the same connector for more than a minute of its time and that no credit takes back; strikes from one on, both of them. Charges of up to 7 days are looked at, of one connector 5000 in a month",
		Sentence: "It is of the same connector and time as {measured}.",
		strikes:  related(settlement.ConnectorOverlap),
	},
})

// withParams has rules without parameters say so with an empty list, in JSON too.
func withParams(list []Rule) []Rule {
	for i := range list {
		if list[i].Params == nil {
			list[i].Params = []Param{}
		}
	}
	return list
}
