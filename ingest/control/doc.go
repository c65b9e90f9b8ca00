// Package control is the control log as a machine. What comes in are commands
// of people and the control log's records; what goes out are decisions that
// are the same in every process that has folded the same records.
//
// A [Machine] appends commands, folds what the log holds in its order, and
// knows nothing of what is decided. That is the domains' part: each registers
// its kinds of events, owns the state they change and publishes what was
// folded as a whole. The ones here are who this installation is and its topic
// epochs ([Installation]), the partners and their tokens ([Partners]), and the
// API keys ([Keys]); others stand where their rules are. Every process
// registers all domains, whatever its roles: an event of a kind that nobody
// registered stops the fold before it, since going on would decide otherwise
// than its peers. The process lives, is not ready, decides nothing, and a
// newer version goes on where it stopped.
//
// It must never decide anything outside the fold: a command is appended, and
// only the order of the log says whether it took effect. It must never keep a
// secret: tokens and API keys are stored as SHA-256 of what was handed out.
package control
