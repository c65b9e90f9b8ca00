// Package stations measures what finding stations costs: the processor time of a
// request beside that of the same query without an index, which looks at every station
// there is, and that of an empty handler; and the memory of a service that knows them
// all.
//
// The stations stand around those of the real charges. These are written into the store
// while the service is stopped in between, and found by it after its start.
package stations
