// Package convert hands an object of OCPI out in another version than the one it
// was sent in, and says what that version cannot hold.
//
// In goes the raw body and what it lacks, a [Context]; out comes a raw body and a
// [Loss] for each thing that is not in it any more, that stands in it with another
// meaning, or that had to be filled in because the target requires it and nobody
// knows it. The rules:
//
//   - The same version is the same bytes.
//   - Members keep their order and their exact text. What the version of the body
//     does not know passes, unless the target gives its name a meaning.
//   - Ids and money are never truncated and never made up; last_updated never changes.
//   - A loss that would change a price, and an object that the target has no words
//     for, is a [*Refused]; every other one is carried and told.
//
// Each class of OCPI is a table of its members by version (type class), which is
// held against the tables of the specification itself. 2.1.1 and 2.3.0 are
// converted directly: by way of 2.2.1 what only that lacks would be lost.
//
// The package is pure: no clock, no network, no files.
package convert
