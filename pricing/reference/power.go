package reference

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// powersOf says what the connectors of a Location can give, in watts, each with the names of
// those that can: "22000=0a1b2c3d4e5f6071,50000=91a2b3c4". It is stored. Of connectors of one
// name that differ in it nothing is said.
func powersOf(l *ocpi.Location) string {
	watts := map[uint32]int64{} // by name, 0 where it is not known
	for i := range l.EVSEs {
		e := &l.EVSEs[i]
		for j := range e.Connectors {
			c := &e.Connectors[j]
			name := connectorName(e.UID, c.ID)
			w, _ := c.Watts()
			if was, again := watts[name]; again && was != w {
				w = 0
			}
			watts[name] = w
		}
	}
	names := map[int64][]uint32{}
	for name, w := range watts {
		if w > 0 {
			names[w] = append(names[w], name)
		}
	}
	if len(names) == 0 {
		return ingest.NoPowers
	}
	var b []byte
	for _, w := range slices.Sorted(maps.Keys(names)) {
		b = append(strconv.AppendInt(b, w, 10), '=')
		slices.Sort(names[w])
		for _, name := range names[w] {
			b = fmt.Appendf(b, "%08x", name)
		}
		b = append(b, ',')
	}
	return string(b[:len(b)-1])
}

// connectorName tells the connectors of one Location apart: FNV-1a (32 bits) over the folded
// uid of the EVSE and the folded id of the connector.
func connectorName(evse, connector string) uint32 {
	h := uint32(2166136261)
	for _, text := range [...]string{ocpi.Fold(evse), ocpi.Fold(connector)} {
		for i := range len(text) {
			h = (h ^ uint32(text[i])) * 16777619
		}
		h *= 16777619 // its end
	}
	return h
}

// ConnectorPower returns what the connector of a charge that began at start could give, in
// watts, by the Location as PlaceAt finds it; ok is false where that is not known.
func (x *Index) ConnectorPower(location ocpi.Key, evse, connector string, start ocpi.Time, below int64) (watts int64, ok bool) {
	x.mu.RLock()
	changes := x.zones[location]
	x.mu.RUnlock()
	at := placeAt(changes, start, below)
	if at < 0 || changes[at].Place == ingest.PlaceLost {
		return 0, false
	}
	powers := ingest.PowersOf(changes[:at+1])
	var name [8]byte
	hex.Encode(name[:], binary.BigEndian.AppendUint32(nil, connectorName(evse, connector)))
	for powers != "" && powers != ingest.NoPowers {
		one, rest, _ := strings.Cut(powers, ",")
		power, names, _ := strings.Cut(one, "=")
		for ; len(names) >= len(name); names = names[len(name):] {
			if names[:len(name)] == string(name[:]) {
				watts, err := strconv.ParseInt(power, 10, 64)
				return watts, err == nil
			}
		}
		powers = rest
	}
	return 0, false
}
