package ingest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// ObjectState is one client-owned object as the log folded it up to Position:
// a Location, a Token, a Session, or one version of a Tariff.
type ObjectState struct {
	Object      Object
	Key         ocpi.Key
	Variant     string // see Identity
	Version     ocpi.Version
	Sender      string
	Position    Position // of the last record applied; for a Tariff of this version
	Received    ocpi.Time
	LastUpdated ocpi.Time
	Deleted     bool
	Body        []byte   // the whole object
	Changes     []Change // of what prices rest on, oldest first
	Created     Creation
	With        ocpi.Party   // of a Session the eMSP of its token, else who is known to pay for its contract, zero where nobody is; of an invoice whom it is for; of a command whom it is to
	Contract    string       // of a Session whose token names no eMSP, folded: who pays for it is asked of others; of a command what it is and whether something is waited for, see objects.Command.Mark
	Left        []ocpi.Party // what With was before, and is not now
	Named       ocpi.Time    // of a Session when it was found who pays, by a record of its own; 0 where the Session, or the record that brought it, said so
}

// Creation is the record that made an object first, in the partition of all its
// records. It never changes, and no deletion ends it: lists are in its order.
type Creation struct {
	Epoch    uint8
	Offset   int64
	Received ocpi.Time
}

// CreatedBy is the creation by a record.
func CreatedBy(r *Record) Creation { return Creation{r.Epoch, r.Offset, r.Received} }

// Recipient is the party that an object is for, beside its owner; zero where it
// is for all, or, of a Session, where nobody is named.
func (s *ObjectState) Recipient() ocpi.Party {
	switch {
	case s.Object.OfTwo():
		return s.With
	case s.Object == ObjectTariff:
		party, _ := ocpi.ParseParty(s.Variant)
		return party
	}
	return ocpi.Party{}
}

// Identity returns which object it is.
func (s *ObjectState) Identity() Identity { return Identity{s.Object, s.Key, s.Variant} }

// Identity says which object is meant. It is a value: compare it with ==, use
// it as a key. Variant tells objects of one key apart: the type of a Token,
// since of one uid there may be several (mod_tokens).
type Identity struct {
	Object  Object
	Key     ocpi.Key
	Variant string
}

// String names the object as messages do: "token NL*EXW*U1 RFID".
func (i Identity) String() string {
	s := i.Object.String() + " " + i.Key.String()
	if i.Variant != "" {
		s += " " + i.Variant
	}
	return s
}

// Change is what an object said from one record on, and that others rest on: a
// Location's time zone and what else CDRs of other versions say of it, or a Token's
// contract id.
type Change struct {
	// Next is the offset after the record: who prices as of an end of the
	// topic sees the change where Next is not beyond it. 0 is a change from
	// before offsets were kept: it is below every end.
	Next     int64     `json:"next,omitempty"`
	Received ocpi.Time `json:"received"`
	Updated  ocpi.Time `json:"updated,omitempty"` // the object's last_updated; 0 = none, or not kept
	Zone     string    `json:"zone,omitempty"`
	Place    uint64    `json:"place,omitempty"`    // hash of what a Location says of itself; 0 = not kept, see PlaceLost
	Powers   string    `json:"powers,omitempty"`   // of its connectors, see Powers; "" = as before, or not kept
	Contract string    `json:"contract,omitempty"` // folded
}

// MaxChanges bounds how often one object may change what prices rest on: all of
// it is kept for ever and with each state anew, since earlier prices are proved by it.
const MaxChanges = 1_000

// maxPlaces is among how many changes one is kept that changes the place alone, or what its connectors can give: what
// converted CDRs show of it is no reason to refuse a Location. Of more, the last one is
// kept, behind one that says PlaceLost.
const maxPlaces = 100

// PlaceLost is the Place of a change from which on, until the next one, it is not kept
// which places the Location was.
const PlaceLost = 1

// maxPowers bounds the texts of Powers that are kept of one Location, in bytes.
const maxPowers = 8 << 10

// NoPowers are Powers of which none is known.
const NoPowers = "-"

// PowersOf are the Powers that were said last, "" where none were kept.
func PowersOf(changes []Change) string {
	for i := len(changes) - 1; i >= 0; i-- {
		if changes[i].Powers != "" {
			return changes[i].Powers
		}
	}
	return ""
}

// withPowers are Powers as they stand behind changes: "" where they are those of before, and
// none from when on they would be too many.
func withPowers(changes []Change, powers string) string {
	kept := len(powers)
	for i := range changes {
		kept += len(changes[i].Powers)
	}
	if kept > maxPowers {
		powers = NoPowers
	}
	if powers == PowersOf(changes) {
		return ""
	}
	return powers
}

// Note returns changes with c behind them, where it says something new: another
// time zone, place or power of a connector than the last, or a contract id that has not been there. It refuses
// what would be too many with an *ocpi.Invalid, at the push and in the fold alike.
func Note(changes []Change, c Change) ([]Change, error) {
	n, path := len(changes), "time_zone"
	known := c.Zone == "" || n > 0 && changes[n-1].Zone == c.Zone
	if known && n > 0 && c.Zone == "" {
		c.Zone = changes[n-1].Zone // it keeps the one it had
	}
	if c.Powers != "" {
		c.Powers = withPowers(changes, c.Powers)
	}
	if known && c.Contract == "" {
		return notePlace(changes, c), nil
	}
	if c.Contract != "" {
		path = "contract_id"
		known = slices.ContainsFunc(changes, func(o Change) bool { return o.Contract == c.Contract })
	}
	if known {
		return changes, nil
	}
	if n >= MaxChanges {
		return nil, invalid(path, fmt.Sprintf("has changed %d times, at most so many are kept", n))
	}
	return append(changes[:n:n], c), nil
}

// notePlace notes a change that may be one of the place alone. Of those beyond maxPlaces
// the last is kept alone: what was before it, since the one that is kept in full, is
// lost, and said to be.
func notePlace(changes []Change, c Change) []Change {
	n := len(changes)
	if c.Place == 0 || n > 0 && changes[n-1].Place == c.Place && c.Powers == "" {
		return changes
	}
	if n <= maxPlaces {
		return append(changes[:n:n], c)
	}
	last := &changes[n-1]
	switch {
	case last.Zone != changes[n-2].Zone: // it is kept for the zone
		if n < MaxChanges {
			return append(changes[:n:n], c)
		}
		return LosePlace(changes)
	case changes[n-2].Place == PlaceLost: // and what the one behind it said goes
		if said := cmp.Or(c.Powers, PowersOf(changes)); said != "" {
			c.Powers = withPowers(changes[:n-1], said)
		}
		return append(changes[:n-1:n-1], c)
	case n >= MaxChanges:
		return LosePlace(changes)
	}
	return append(LosePlace(changes), c)
}

// LosePlace returns changes of which the last one says that the place is not known from
// then on.
func LosePlace(changes []Change) []Change {
	changes = slices.Clone(changes)
	changes[len(changes)-1].Place = PlaceLost
	return slices.Clip(changes)
}

// Since is the instant from which on the change is in force: its last_updated,
// or where there is none, its receipt.
func (c *Change) Since() ocpi.Time {
	if c.Updated.IsSet() {
		return c.Updated
	}
	return c.Received
}
