// Package kafka owns both ends of every topic of the log: names of partitions,
// record format, writer, readers, consumer group and topic settings, and the
// embedded broker with its guards.
//
// In comes one envelope and body per [Log.Append]; it returns only when every
// in-sync replica has the record. Out come [ingest.Record]s in offset order,
// through [Log.Tail] (a follower without a group), [Log.Read] (one bounded
// read) or [Log.Consume] (a consumer group with one [Claim] per partition).
//
// It must never acknowledge what the broker has not, never skip an offset in
// silence, and never send an idempotent sequence again after an error.
package kafka
