// Package whatif prices charges that have not been made, and Sessions that are
// still under way, with the engine that prices CDRs. It computes no price
// itself: it writes the CDR that a CPO would send for the charge ([Charge],
// [OfSession]) and hands it to package tariff.
//
// The charging periods of that CDR are split as OCPI asks of a CPO (2.2.1
// mod_cdrs, ChargingPeriod): wherever the price can change by time of day,
// date, weekday, duration or energy. Energy flows evenly over the charging
// time. Instants are whole seconds, energies have four decimals, or as many as
// the charge or a bound of the tariff has: what a meter and a CDR can tell.
//
// The package is pure: no clock, no I/O.
package whatif
