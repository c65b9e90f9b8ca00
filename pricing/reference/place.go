package reference

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// placeOf returns a hash of what a Location says of itself and of its connectors: of
// what CDRs and Sessions of another version are told about the place of a charge, all
// but what changes with each charge. In which order its EVSEs and connectors come says
// nothing. It is stored; 0 is none, and ingest.PlaceLost no place.
func placeOf(l *ocpi.Location, body []byte) uint64 {
	evses := make([]uint64, len(l.EVSEs))
	for i := range l.EVSEs {
		e := &l.EVSEs[i]
		connectors := make([]uint64, len(e.Connectors))
		for j := range e.Connectors {
			c := &e.Connectors[j]
			connectors[j] = hashOf(nil, c.ID, c.Standard, c.Format, c.PowerType, c.MaxVoltage.String(), c.MaxAmperage.String())
		}
		evses[i] = hashOf(connectors, e.UID, e.EVSEID)
	}
	return max(hashOf(evses, ownTexts(l, body)...), ingest.PlaceLost+1)
}

// ownTexts are what a Location says of itself.
func ownTexts(l *ocpi.Location, body []byte) []string {
	kind := "parking_type"
	if l.Version == ocpi.V211 {
		kind = "type"
	}
	return []string{ocpi.Text(body, kind), l.Name, l.Address, l.City, l.PostalCode, l.Country, l.Latitude, l.Longitude, l.TimeZone}
}

// hashOf is a hash of some texts, and of others' hashes whatever their order. It puts
// those in order.
func hashOf(of []uint64, texts ...string) uint64 {
	h := fnv.New64a()
	say(h, texts...)
	slices.Sort(of)
	var b [8]byte
	for _, n := range of {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(b[:0], n))
	}
	return h.Sum64()
}

// say adds texts to a hash, each with its end.
func say(h io.Writer, texts ...string) {
	for _, t := range texts {
		_, _ = io.WriteString(h, t)
		_, _ = h.Write([]byte{0})
	}
}

// placeInOrderOf is the hash that was kept of a place until it was seen that it changes
// with the order of EVSEs.
func placeInOrderOf(l *ocpi.Location, body []byte) uint64 {
	h := fnv.New64a()
	say(h, ownTexts(l, body)...)
	for i := range l.EVSEs {
		e := &l.EVSEs[i]
		say(h, "evse", e.UID, e.EVSEID)
		for j := range e.Connectors {
			c := &e.Connectors[j]
			say(h, "connector", c.ID, c.Standard, c.Format, c.PowerType, c.MaxVoltage.String(), c.MaxAmperage.String())
		}
	}
	return max(h.Sum64(), 1)
}

// placeBefore returns the changes of a Location whose last place is told by a hash that
// is not that of its body: as they would stand had the present hash been kept. Of a
// place that was not kept, as one among more than maxPlaces was not once, they say so.
func placeBefore(old *ingest.ObjectState) []ingest.Change {
	n := len(old.Changes)
	if n == 0 || old.Changes[n-1].Place <= ingest.PlaceLost || old.Deleted || len(old.Body) == 0 {
		return old.Changes
	}
	changes := old.Changes
	err := objects.Decode(func(d *ocpi.Decoder) error {
		l, err := d.Location(old.Version, old.Body)
		if err != nil {
			return err
		}
		switch is := placeOf(l, old.Body); changes[n-1].Place {
		case is:
		case placeInOrderOf(l, old.Body):
			changes = slices.Clone(changes)
			changes[n-1].Place = is
		default:
			changes = ingest.LosePlace(changes)
		}
		return nil
	})
	if err != nil {
		return old.Changes // of a state that an older decoder could read
	}
	return changes
}

// Place is a Location as a charge found it: the state after the record at Offset, or
// one that says the same of the place.
type Place struct {
	Offset int64
	Now    bool // as it still is
	Lost   bool // it is not known which of many it was
}

// PlaceAt returns the place of a charge that began at start, as of an end of the
// reference topic: the Location as it was in force then, else the first after it, by the
// rule by which its time zone is found. ok is false where it is not known.
func (x *Index) PlaceAt(location ocpi.Key, start ocpi.Time, below int64) (p Place, ok bool) {
	x.mu.RLock()
	changes := x.zones[location]
	x.mu.RUnlock()
	at := placeAt(changes, start, below)
	if at < 0 {
		return p, false
	}
	place := changes[at].Place
	other := slices.ContainsFunc(changes[at:], func(c ingest.Change) bool { return c.Place != place })
	return Place{Offset: changes[at].Next - 1, Now: place != ingest.PlaceLost && !other, Lost: place == ingest.PlaceLost}, true
}

// placeAt returns which change of a Location says where a charge was that began at start, -1
// for none.
func placeAt(changes []ingest.Change, start ocpi.Time, below int64) int {
	before, after := -1, -1
	for i := range changes {
		c := &changes[i]
		switch since := c.Since(); {
		case c.Next > below || c.Place == 0:
		case since <= start && (before < 0 || since >= changes[before].Since()):
			before = i
		case since > start && (after < 0 || since < changes[after].Since()):
			after = i
		}
	}
	if before < 0 {
		return after
	}
	return before
}

// Records reads what changed an object, in the order of the log, up to an offset.
type Records interface {
	ObjectRecords(ctx context.Context, id ingest.Identity, upTo int64, fn func(*ingest.Record) error) error
}

// maxFolded bounds of how many records a state of before is made again.
const maxFolded = 20_000

// errTooMany ends the reading of records that are too many.
var errTooMany = errors.New("too many records")

// LocationAfter returns a Location as the record at an offset left it, made again of
// its records; ok is false where there are too many, or it cannot be made.
func (x *Index) LocationAfter(ctx context.Context, records Records, location ocpi.Key, offset int64) (s ingest.ObjectState, ok bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var state *ingest.ObjectState
	n := 0
	err = records.ObjectRecords(ctx, ingest.Identity{Object: ingest.ObjectLocation, Key: location}, offset, func(r *ingest.Record) error {
		if n++; n > maxFolded {
			stop() // or the rest would be read to its end
			return errTooMany
		}
		if next, err := (locations{x}).Apply(state, r); err == nil { // what did not apply then does not now
			state = next
		}
		return nil
	})
	if n > maxFolded {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("make %s again as record %d left it: %w", location, offset, err)
	}
	if state == nil || state.Position.Offset != offset {
		return s, false, nil
	}
	return *state, true, nil
}
