// Package control folds the control topic: who this installation is, which
// topic epochs exist, which partners may push what, and which API keys may
// read. What comes in are commands and the control log's records; what goes
// out is a [State] that is the same in every process that has folded the same
// records, and never changes once handed out.
//
// It must never decide anything outside the fold: a command is appended, and
// only the order of the log says whether it took effect. It must never keep a
// secret: tokens and API keys are stored as SHA-256 of what was handed out.
package control
