// Package objects holds what partners own now: the Locations, Tariffs, Tokens
// and Sessions that the log's records fold to. One [Follower] a process reads
// the topics they come by; each kind of object is a [Fold] that says how a
// record changes it. The follower starts from the store's states, holds those
// that changed since the store last stored them, and reads the others from the
// store when they are asked for.
//
// For every object: a record at or before the state's position changes
// nothing, so that a replay is harmless; a record that does not apply (a PATCH
// of what is unknown, an older last_updated, a result beyond the size limit)
// changes nothing either, in every process alike; nothing is called unknown
// before the log has been read to its end.
//
// [Recorder] keeps the records, with the states they fold to, in the store.
package objects
