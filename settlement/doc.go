// Package settlement says what the money means: how priced CDRs add up per
// pair of parties, month and currency, and what a reader of the store can ask.
// It holds the types and rules; package settlement/clickhouse holds the store.
//
// Amounts are shopspring decimals. A sum over amounts of which some are
// unknown is itself unknown (nil) and comes with the number of unknown ones:
// it is never zero.
package settlement
