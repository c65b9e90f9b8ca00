// Package reference knows what prices rest on besides the CDR: the versions of
// Tariffs and which one counts, the time zones of Locations, whose Tokens carry
// a contract id. An [Index] gathers it from the folds of Tariffs, Locations and
// Tokens, which package ingest/objects follows; bodies of Locations and Tokens
// are not in it.
//
// Of Tariffs it holds the newest versions, as many as fit. A [View] answers from
// these and from all others, which it reads from the store in batches: the answer
// is the same wherever a version is.
package reference
