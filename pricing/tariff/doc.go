// Package tariff is the pricing engine: a CDR and its tariffs go in, what the
// charge costs by the tariff comes out, exact to the last decimal and
// explained. It covers OCPI 2.1.1, 2.2.1 and 2.3.0 (mod_tariffs, mod_cdrs).
//
// It is pure: no clock, no I/O, no map order, no floating point, no panic on
// any input. The same input gives the same result for ever; what may change a
// result has a name: [EngineVersion], the [Profile], [ZoneDBVersion]. It
// imports nothing of ours but package ocpi.
//
// The road of a price, one rule per file:
//
//	prepare.go      a tariff is compiled once per version ([Prepared])
//	choose.go       which tariff each charging period is priced with
//	timeline.go     what each period measured, in exact units (hours.go)
//	lookup.go       which element and component applies (restriction.go, reservation.go, flat.go)
//	step.go         step_size
//	tax.go          amounts before and after taxes (amount.go)
//	limit.go        min_price and max_price
//	total.go        the CDR's totals by field, rounded once (round.go)
//	claim.go        whether the partner's own total agrees (credit.go)
//
// and beside it: explain.go says why (explanation*.go, words.go), audit.go what
// is wrong with the CDR (split.go), reconcile.go which other reading gives the
// partner's total: by other rules (profile.go, mistakes.go, resplit.go) where they
// could give another price (facts.go, applies.go), by arithmetic on our own price
// (reconcile_tax.go, reconcile_missing.go), and, where nothing else explains it, by
// another price (reconcile_unit.go) or what the CDR itself says (reconcile_own.go).
//
// Quantities are integers: energy in 10^-12 kWh, time in 10^-10 s ("ticks",
// the coarsest unit in which an hour with 12 decimals is exact). An amount is
// an integer over one denominator per price, so nothing is rounded before the
// end. All arithmetic is checked: what does not fit 128 bits is refused with
// the reason "overflow", never wrong.
package tariff

// EngineVersion names the engine's behaviour; it changes whenever the same
// input could give another result.
const EngineVersion = "3"
