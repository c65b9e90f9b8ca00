// Package world is a deterministic roaming world built on real charges: rows
// of the collection described in README.md become OCPI 2.2.1 Locations,
// Tariffs, Tokens, Sessions and CDRs of five CPOs and five eMSPs, with a
// seeded share of what really goes wrong. The same seed and rows give the
// same bytes, on every machine.
//
// [Items] streams what the partners push, in an order that a real day could
// have had; [Push] pushes it over HTTP as they would; [Reference] adds up what
// a clearing house must make of it, by arithmetic of its own (shopspring, in
// price.go), so that nothing of the product checks itself.
package world
