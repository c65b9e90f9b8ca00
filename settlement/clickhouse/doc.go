// Package clickhouse is the store: what the log adds up to, in ClickHouse.
//
// Into it come batches of priced CDRs (WriteCDRs), re-priced ones
// (WriteResults) and the raw records with the folded states of every other
// topic (WriteObjects). Out of it come settlement figures and lists
// ([settlement.Reader]), the states a restarted follower begins with
// (LoadObjects, LookupObjects), the rejects to price again (Rejects), and the
// physical rows that `roamclear verify` holds against the log (RecordsRange,
// CopiesRange, WinnersRange, ListingsRange, ResultsRange).
//
// Every table is keyed by what the log fixes, a position or an identity, so
// writing the same records again, cut into other batches or not, changes
// nothing. A batch's checkpoint row is written last. Nothing here depends on
// the order in which parts are merged, nor on ClickHouse's own deduplication
// of inserts.
//
// The same package runs the embedded engine: a whole ClickHouse in a child
// process ([StartEngine], [MaybeRunChild]), fetched once per machine
// ([FetchEngine]) and spoken to with clickhouse-go like any server.
package clickhouse
