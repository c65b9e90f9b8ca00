// Package statement says what one party owes another for a period, line by line, so
// that both sides compute the same bytes: how lines follow from what CDRs come to
// ([clearing.Outcome]), how they sum, and the canonical form of a statement, which is
// frozen (docs/statement.md).
//
// It must never read a clock, or anything that two installations do not both have: when
// and in which order records came, their positions, names, numbers of statements.
package statement
