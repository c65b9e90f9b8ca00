// Package pricing is the worker: it reads CDR records in batches, finds the
// tariff version and the time zone each one is to be priced with, calls the
// pure engine in pricing/tariff, and hands on one [Outcome] a record: priced
// with its explanation, or rejected with its reason. Never a dropped record;
// a panic is caught per record and becomes a reject.
//
// The inputs of a price are deterministic: they follow from the log alone,
// never from when or where the worker runs.
package pricing
