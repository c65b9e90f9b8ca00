package tariff

import (
	"slices"
	"strings"
)

// readingCodes are the codes of readings that are no profile's, and of verdicts:
// what the cause of a difference may be. Those of kinds of cost that were left
// out are made of their names.
var readingCodes = []string{
	string(VerdictSeveral), string(VerdictNoneFound), string(VerdictCutShort), string(VerdictNotComparable),
	"another_tariff_of_the_cdr", "another_unit_price", "duration_from_charging", "duration_from_parking",
	"energy_import_read", "energy_in_wh", "energy_times_1000", "excl_incl_swapped", "last_match_wins",
	"max_price_forgotten", "min_price_forgotten", "nothing_charged", "parking_as_charging", "period_split_by_clock", "period_split_by_energy",
	"prices_taken_as_gross", "rounded_hours_billed_raw", "start_fee_missing", "start_fee_twice",
	"stated_discount", "stated_fee", "step_per_period", "tariff_of_another_version", "time_in_minutes",
	"time_in_seconds", "time_per_minute", "time_per_second", "total_not_sum_of_parts", "vat_amount_twice",
	"vat_forgotten", "vat_one_rate_for_all", "vat_twice", "zone_one_hour_east", "zone_one_hour_west",
	"zone_utc", "zone_without_dst",
}

// KnownCause reports whether a difference may have the cause: a reading's code
// or a verdict.
func KnownCause(code string) bool {
	if slices.Contains(readingCodes, code) || slices.ContainsFunc(profiles[:], func(p *Profile) bool { return p.Name == code }) {
		return true
	}
	kinds, ok := strings.CutSuffix(code, "_not_charged")
	for kind := range strings.SplitSeq(kinds, "_and_") {
		ok = ok && slices.Contains([]string{"fixed", "energy", "time", "parking", "reservation"}, kind)
	}
	return ok
}

// Causes lists what a difference may come from, but for the names of profiles and the
// kinds of cost that may be left out: what a person chooses from.
func Causes() []string { return slices.Clone(readingCodes) }
