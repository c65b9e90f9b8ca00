// Package reference knows what prices rest on besides the CDR: the versions of
// Tariffs and which one counts, the time zones of Locations, whose Tokens carry
// a contract id. An [Index] gathers it from the folds of Tariffs, Locations and
// Tokens, which package ingest/objects follows.
package reference
