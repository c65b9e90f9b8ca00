package admin

import (
	"slices"
	"strings"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
)

// refusable are the codes of the findings that are made before a push is answered:
// by the decoder, in the request, or by what is asked where a policy is. In order.
var refusable = []string{
	"ambiguous_tariff", "ambiguous_tariff_version", "analysis_bounded", "audit_cut_short", "base64_token",
	"bound_of_zero", "byte_order_mark", "cdr_before_location", "cdr_before_session", "changed_cdr", "charge_in_the_future", "charging_gap",
	"country_alpha2", "country_case", "country_unknown", "credit", "credit_negates_quantities", "credit_not_negative",
	"credit_positive", "credit_reference_without_credit", "credit_without_reference", "currency_case",
	"currency_differs", "currency_not_money", "currency_unknown", "date_format", "date_spelling", "datetime_fraction",
	"datetime_offset", "datetime_out_of_range", "datetime_spelling", "datetime_unknown", "datetime_without_zone",
	"double_slash", "duplicate_dimension", "duplicate_window", "duration_long", "duration_looks_like_minutes",
	"empty_element", "empty_id", "empty_list", "empty_range", "empty_restrictions", "empty_value", "end_before_start",
	"end_time_2359", "end_time_inclusive", "end_unknown", "energy_above_power", "energy_does_not_add_up",
	"energy_not_priced", "entire_week", "enum_case", "enum_spelling", "equal_window", "explicit_null",
	"findings_left_out", "flat_dimension", "foreign_contract", "free_of_charge", "hours_imprecise", "id_case",
	"id_space", "incl_below_excl", "invalid_field", "kwh_looks_like_wh", "limit_always_bites", "limit_never_bites",
	"limit_one_sided", "limit_tax_order", "limits_cross", "max_price_zero", "member_of_other_version",
	"missing_content_type", "missing_correlation_id", "missing_field", "missing_request_id", "missing_routing",
	"misspelled_member", "more_findings", "negative_bound", "negative_energy", "negative_limit", "negative_price",
	"negative_time", "never_matches", "never_valid", "not_ascii", "nothing_priced_by_use", "null_member",
	"number_rounded", "odd_coordinate", "odd_hub_party", "one_sided_window", "other_authorization", "other_content_type", "overlap",
	"parking_does_not_add_up", "partial_routing", "party_case", "period_after_end", "period_before_start",
	"period_not_split", "period_without_tariff", "periods_out_of_order", "post_to_object", "power_looks_like_ampere",
	"power_looks_like_watt", "price_absurd", "price_form", "price_gap", "price_precision", "quoted_number", "raw_token",
	"reference_without_credit", "repeated_cdr", "repeated_hour", "repeated_role", "reservation_dimension", "reservation_expiry_inferred",
	"reservation_only", "reservation_restriction", "restriction_straddled", "restriction_unverifiable",
	"rules_inferred_2_1_1", "session_only_dimension", "several_connectors", "several_flats", "stale_tariff",
	"start_not_covered", "step_size_large", "step_size_minutes", "step_size_missing", "step_size_of_flat",
	"step_size_unused", "step_size_zero", "subtotal_differs", "tariff_after_start", "tariff_changed_after_start",
	"tariff_not_valid", "tariff_owner_differs", "tax_included_missing", "tax_included_without_rate", "taxes_as_stated",
	"time_does_not_add_up", "time_format", "time_in_minutes", "time_in_seconds", "time_not_wall_clock", "time_spelling",
	"time_zone_alias", "time_zone_offset", "token_spelling", "too_long", "total_differs", "total_does_not_add_up",
	"trailing_slash", "two_reservation_fees", "unknown_dimension", "unknown_enum", "unknown_member",
	"unknown_restriction", "unknown_time_zone", "unpriceable", "unreachable_component", "unreachable_element",
	"unreadable_member", "url_case", "validity_empty", "vat_absent", "vat_absent_beside_present", "vat_fraction",
	"vat_out_of_range", "vat_without_tax", "weekday_empty", "weekday_order", "weekday_repeated", "whole_day",
	"wrapping_window_with_weekday", "wrong_type",
}

// notRefused are the codes that no policy can refuse, each with why.
var notRefused = map[string]string{
	"absent_from_list":     "it is about what a partner's list did not show: there is nothing to refuse",
	"credit_currency":      byOthers,
	"credit_excess":        byOthers,
	"credit_mismatch":      byOthers,
	"credit_not_negated":   byOthers,
	"credit_of_credit":     byOthers,
	"credit_of_unknown":    byOthers,
	"credit_orphan":        byOthers,
	"credit_undecided":     byOthers,
	"credited":             byOthers,
	"not_json":             "what is no JSON is refused without a policy",
	"refused_by_recipient": "it is what whom the CDR is for says of it, once it is accepted here",
	"session_billed_twice": byOthers,
	"shared_id":            "it is found in what the partner is shown, by what others own",
}

const byOthers = "it follows from the CDRs that there are, also from those that come later, and so is found after the answer"

// RefusableFindings returns the codes that a policy may refuse, in order.
func RefusableFindings() []string { return slices.Clone(refusable) }

// knownKind refuses a policy for a code that no finding has, or that is found when
// the push is answered already: it would do nothing, and nobody would know why. One
// that is there ends by any name, for there may be some of an earlier version.
func knownKind(code, policy string, p *control.Partner) error {
	_, known := slices.BinarySearch(refusable, code)
	why, late := notRefused[code]
	switch {
	case known, policy == control.PolicyAccept && (late || p != nil && slices.Contains(p.Refuses, code)):
		return nil
	case late:
		return rest.Invalid("kind", "%s cannot be refused: %s", code, why)
	}
	return rest.Invalid("kind", "%q is not the code of a finding: want one of %s", code, strings.Join(refusable, ", "))
}
