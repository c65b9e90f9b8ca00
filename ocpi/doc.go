// Package ocpi holds the words of the domain: the objects that roaming
// partners exchange (CDR, Session, Tariff, Location, Token), as one canonical
// model that OCPI 2.1.1, 2.2.1 and 2.3.0 are decoded into, and the exact
// numbers and instants they are made of.
//
// It is the one leaf package of the project: every other package may import
// it, it imports nothing of ours. It does no I/O and reads no clock.
//
// Decoding is lenient where the field is harmless and strict where it is
// needed to identify, price or settle: see [Decoder]. What departs from the
// schema without doing harm is kept and listed as a [Finding].
package ocpi
