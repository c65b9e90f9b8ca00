package pricing

import (
	"slices"

	"github.com/roamclear/roamclear/pricing/tariff"
)

// reasons are all reasons why a CDR may not be priced.
var reasons = []string{
	ReasonUnknownTariff, ReasonNoTimeZone, ReasonDebtorUnknown, ReasonEndFirst, ReasonTimesUnknown, ReasonUnreadable,
	ReasonPanic, ReasonUnknownProfile, ReasonUnstorable,
	tariff.ReasonNoValidTariff, tariff.ReasonNoStartTime, tariff.ReasonNoPeriods, tariff.ReasonPeriodsOutOfOrder,
	tariff.ReasonMixedCurrency, tariff.ReasonMixedLimits, tariff.ReasonMixedTaxes, tariff.ReasonUnknownDimension,
	tariff.ReasonTooManyPeriods, tariff.ReasonTooManyTariffs, tariff.ReasonTooManyRates, tariff.ReasonTooMuchWork, tariff.ReasonOverflow,
	tariff.ReasonUnreadableMember, ReasonNoCurrency,
	"vat_out_of_range", "unpriceable_tariff", "too_many_elements", "unknown_restriction", "too_many_components", "missing_price",
}

// KnownReason reports whether a CDR may be rejected for it.
func KnownReason(reason string) bool { return slices.Contains(reasons, reason) }
