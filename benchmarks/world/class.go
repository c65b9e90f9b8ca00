package world

import "math/rand/v2"

// Class is what a CDR is meant to be, and so what must become of it.
type Class uint8

// Classes of CDRs. Those up to NegativeEnergy are rows of the source; the
// rest are mishaps drawn from the seed.
const (
	Good           Class = iota + 1 // totals are right by its tariff
	ZeroEnergy                      // 0 kWh: priced like any other
	EndBeforeStart                  // the source's clock: priced or not, the claim counts
	NegativeEnergy                  // the source's meter: priced or not, the claim counts
	WrongTotal                      // total_cost is not what the tariff says, by any reading
	Mistaken                        // total_cost is what a known mistake makes of the tariff: see Item.Mistake
	UnknownTariff                   // names a tariff nobody published: not priced, the claim counts
	Replacement                     // corrects a credited CDR, with an id of its own
	Credit                          // cancels a CDR
	Repeat                          // the same body again
	Reserialised                    // the same content in another notation
	Conflict                        // the same id with other content
	Incomplete                      // its owner or its id is missing: refused
)

var classNames = [...]string{
	"", "good", "zero energy", "end before start", "negative energy", "wrong total", "known mistake", "unknown tariff",
	"replacement", "credit", "repeat", "reserialised", "conflict", "incomplete",
}

// String returns the class in words.
func (c Class) String() string { return classNames[c] }

// Counts reports whether a CDR of the class is in the settlement, as a CDR or
// as a credit: repeats and conflicts follow their first copy, refused ones
// never were accepted.
func (c Class) Counts() bool { return c <= Credit }

// Refused reports whether the clearing house must answer 2001.
func (c Class) Refused() bool { return c == Incomplete }

// Priced reports whether the clearing house must find exactly the claimed
// total.
func (c Class) Priced() bool { return c == Good || c == ZeroEnergy || c == Replacement }

// mishap is what goes wrong with a row, besides the dirt it came with.
type mishap uint8

const (
	none mishap = iota
	repeated
	reserialised
	conflicting
	overcharged
	incomplete // half of them are sent again, complete
	credited   // overcharged, then credited and replaced
	unpublished
	mistaken // billed by one of mistakes, where one changes the total
)

// mishaps per thousand rows.
var mishaps = [...]struct {
	what  mishap
	share int
}{
	{repeated, 15}, {reserialised, 8}, {conflicting, 5}, {overcharged, 6}, {incomplete, 8}, {credited, 7}, {unpublished, 5}, {mistaken, 60},
}

func draw(r *rand.Rand) mishap {
	n := r.IntN(1000)
	for _, m := range mishaps {
		if n -= m.share; n < 0 {
			return m.what
		}
	}
	return none
}
