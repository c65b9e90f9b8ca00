package tariff

import (
	"math/bits"
	"strconv"

	"github.com/roamclear/roamclear/ocpi"
)

// notice is something a price rests on that its reader should know. A notice is
// reported once per CDR, at the first period it concerns, so that findings are
// bounded.
type notice uint8

const (
	noticeRules211 notice = iota
	noticeTaxIncludedMissing
	noticeVATAbsent
	noticeAmbiguousTariff
	noticeAmbiguousVersion
	noticeTariffOwner
	noticeTariffNotValid
	noticePeriodWithoutTariff
	noticePeriodNotSplit
	noticeUnverifiable
	noticeStraddled
	noticeEqualWindow
	noticeWrapWeekday
	noticeReservationExpiryInferred
	noticeTwoReservationFlats
	noticeNegativeEnergy
	noticeNegativeTime
	noticeHoursImprecise
	noticeLimitWithoutTax
	noticeSessionDimension
	noticeUnknownDimension
	noticeFlatDimension
	noticeEndUnknown
	noticePeriodBeforeStart
	noticePeriodAfterEnd
	noticeCredit
	noticeTaxesStated
	noticeCount
)

var noticeTexts = [noticeCount]ocpi.Finding{
	noticeRules211:                  {Code: "rules_inferred_2_1_1", Severity: ocpi.Info, Detail: "OCPI 2.1.1 does not define the pricing rules; those of 2.2.1 were applied"},
	noticeTaxIncludedMissing:        {Code: "tax_included_missing", Severity: ocpi.Warning, Detail: "the tariff does not say whether its prices include taxes; NO was assumed"},
	noticeVATAbsent:                 {Code: "vat_absent", Severity: ocpi.Info, Detail: "a price component has no VAT; no VAT was added"},
	noticeAmbiguousTariff:           {Code: "ambiguous_tariff", Severity: ocpi.Serious, Detail: "several tariffs were valid and no period names one; the first was used"},
	noticeAmbiguousVersion:          {Code: "ambiguous_tariff_version", Severity: ocpi.Serious},
	noticeTariffOwner:               {Code: "tariff_owner_differs", Severity: ocpi.Warning},
	noticeTariffNotValid:            {Code: "tariff_not_valid", Severity: ocpi.Serious, Detail: "the tariff was not valid when the charge started"},
	noticePeriodWithoutTariff:       {Code: "period_without_tariff", Severity: ocpi.Serious, Detail: "the period names no tariff although others do; it costs nothing"},
	noticePeriodNotSplit:            {Code: "period_not_split", Severity: ocpi.Warning, Detail: "the price changes inside the period; the price at its start was applied to all of it"},
	noticeUnverifiable:              {Code: "restriction_unverifiable", Severity: ocpi.Warning, Detail: "a current or power restriction applies but the period carries no such measurement; it was taken as satisfied"},
	noticeStraddled:                 {Code: "restriction_straddled", Severity: ocpi.Warning, Detail: "the current or power of the period lies on both sides of a restriction"},
	noticeEqualWindow:               {Code: "equal_window", Severity: ocpi.Info, Detail: "start_time equals end_time; the whole day was assumed"},
	noticeWrapWeekday:               {Code: "wrapping_window_with_weekday", Severity: ocpi.Info, Detail: "a window passes midnight and names weekdays; the weekday of the instant decides"},
	noticeReservationExpiryInferred: {Code: "reservation_expiry_inferred", Severity: ocpi.Warning, Detail: "nothing but a reservation was measured; it was taken as expired, not cancelled"},
	noticeTwoReservationFlats:       {Code: "two_reservation_fees", Severity: ocpi.Warning, Detail: "RESERVATION and RESERVATION_EXPIRES both have a FLAT; the latter was charged"},
	noticeNegativeEnergy:            {Code: "negative_energy", Severity: ocpi.Warning, Detail: "the energy is negative; step_size rounds it towards zero"},
	noticeNegativeTime:              {Code: "negative_time", Severity: ocpi.Serious, Detail: "a time volume is negative"},
	noticeHoursImprecise:            {Code: "hours_imprecise", Severity: ocpi.Info, Detail: "the hours have too few decimals to tell the seconds and do not match the period's length; used as printed"},
	noticeLimitWithoutTax:           {Code: "limit_one_sided", Severity: ocpi.Info, Detail: "a price limit states only one of the amounts before and after tax; the other was scaled in proportion"},
	noticeSessionDimension:          {Code: "session_only_dimension", Severity: ocpi.Info, Detail: "the dimension is meant for Sessions; it was ignored"},
	noticeUnknownDimension:          {Code: "unknown_dimension", Severity: ocpi.Warning, Detail: "the dimension is not one of OCPI's; it was ignored"},
	noticeFlatDimension:             {Code: "flat_dimension", Severity: ocpi.Info, Detail: "the volume of a FLAT dimension was ignored; a FLAT price is charged once"},
	noticeEndUnknown:                {Code: "end_unknown", Severity: ocpi.Warning, Detail: "the charge has no end; the length of its last period is taken from its volumes"},
	noticePeriodBeforeStart:         {Code: "period_before_start", Severity: ocpi.Warning, Detail: "the period starts before the CDR does"},
	noticePeriodAfterEnd:            {Code: "period_after_end", Severity: ocpi.Warning, Detail: "the period starts after the CDR ends"},
	noticeTaxesStated:               {Code: "taxes_as_stated", Severity: ocpi.Info, Detail: "the tariff gives no tax rate: the taxes that the CDR states were taken as stated; they cannot confirm its total"},
	noticeCredit:                    {Code: "credit", Severity: ocpi.Info, Detail: "a credit CDR: the total is negated, everything else stays positive"},
}

// notices collects what was raised, at most once each.
type notices struct {
	raised uint64
	period [noticeCount]int32 // -1: the CDR as a whole
	named  []namedNotice      // of those whose sentence names something
}

type namedNotice struct {
	code   notice
	detail string
}

func (f *notices) raise(code notice, period int) {
	if f.raised&(1<<code) == 0 {
		f.raised |= 1 << code
		f.period[code] = int32(period)
	}
}

// raiseWith raises a notice about the CDR as a whole with a sentence of its own.
func (f *notices) raiseWith(code notice, detail string) {
	if f.raised&(1<<code) == 0 {
		f.named = append(f.named, namedNotice{code, detail})
	}
	f.raise(code, -1)
}

// raiseAll raises what a tariff was found to have when it was prepared.
func (f *notices) raiseAll(codes uint64) {
	for ; codes != 0; codes &= codes - 1 {
		f.raise(notice(bits.TrailingZeros64(codes)), -1)
	}
}

// appendTo appends the findings in the order of their codes.
func (f *notices) appendTo(findings []ocpi.Finding) []ocpi.Finding {
	if f.raised == 0 {
		return findings
	}
	for code := notice(0); code < noticeCount; code++ {
		if f.raised&(1<<code) == 0 {
			continue
		}
		finding := noticeTexts[code]
		finding.Path = periodPath(int(f.period[code]))
		for i := range f.named {
			if f.named[i].code == code {
				finding.Detail = f.named[i].detail
			}
		}
		findings = append(findings, finding)
	}
	return findings
}

// periodPaths saves an allocation for the usual lengths of a CDR.
var periodPaths = func() (paths [128]string) {
	for i := range paths {
		paths[i] = "charging_periods[" + strconv.Itoa(i) + "]"
	}
	return paths
}()

func periodPath(i int) string {
	switch {
	case i < 0:
		return ""
	case i < len(periodPaths):
		return periodPaths[i]
	}
	return "charging_periods[" + strconv.Itoa(i) + "]"
}
