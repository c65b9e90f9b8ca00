// Package clearing holds what people decide about the settlement: agreements of
// pairs, parties and the house, what parties are called, with which month settlement
// begins, the closes of periods, and decisions about CDRs. Each is a domain of the
// control log, see package control; what it says is the same in every process that has
// folded the same records.
//
// It must never decide what a CDR comes to: that is computed from what it says.
package clearing
