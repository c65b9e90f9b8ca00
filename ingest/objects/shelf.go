package objects

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"unsafe"

	"github.com/klauspost/compress/s2"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// shelf holds states of objects in little memory: a Token of 200 bytes takes 740
// as a state, and some 200 here, its place included. They are compressed one by one, against a dictionary
// of what all of them say, and found by 128 bits of a hash that nobody outside
// can foresee, so that no two objects are ever taken for each other.
//
// It is bounded: what it has no room for has to be read from the store.
type shelf struct {
	seeds  [2]maphash.Seed
	states map[[2]uint64]string // see pack
	bytes  int64
	limit  int64
}

func newShelf(limit int64) *shelf {
	return &shelf{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, states: map[[2]uint64]string{}, limit: limit}
}

// shelfEntry is what a place takes besides what stands in it.
const shelfEntry = 48

func (h *shelf) key(id ingest.Identity) [2]uint64 {
	return [2]uint64{maphash.Comparable(h.seeds[0], id), maphash.Comparable(h.seeds[1], id)}
}

// get returns the state of an object, nil where it is not here.
func (h *shelf) get(id ingest.Identity) *ingest.ObjectState {
	packed, ok := h.states[h.key(id)]
	if !ok {
		return nil
	}
	s, err := unpack(id, packed)
	if err != nil {
		return nil // not of our making: the store has it
	}
	return s
}

// put holds a packed state in the place of the one before; where there is no
// room, that one goes all the same.
func (h *shelf) put(id ingest.Identity, packed string) (held bool) {
	h.drop(id)
	n := int64(len(packed)) + shelfEntry
	if h.bytes+n > h.limit {
		return false
	}
	h.states[h.key(id)] = packed
	h.bytes += n
	return true
}

func (h *shelf) drop(id ingest.Identity) {
	key := h.key(id)
	if packed, ok := h.states[key]; ok {
		h.bytes -= int64(len(packed)) + shelfEntry
		delete(h.states, key)
	}
}

// waning holds what changed a while ago of the kinds that are not warm: a charge goes on
// for hours, and its Session changes every few minutes. What finds no room takes that of
// the half that was put here longest ago; those of it that changed since are not among it.
type waning struct{ late, early *shelf }

func newWaning(limit int64) *waning { return &waning{newShelf(limit / 2), newShelf(limit / 2)} }

func (w *waning) get(id ingest.Identity) *ingest.ObjectState {
	if s := w.late.get(id); s != nil {
		return s
	}
	return w.early.get(id)
}

func (w *waning) put(id ingest.Identity, packed string) {
	w.early.drop(id)
	if !w.late.put(id, packed) {
		w.early, w.late = w.late, newShelf(w.late.limit)
		w.late.put(id, packed)
	}
}

func (w *waning) drop(id ingest.Identity) {
	w.late.drop(id)
	w.early.drop(id)
}

// dictionary is what objects have in common.
var dictionary = s2.MakeDict([]byte(common), []byte(`{"country_code":"`))

const common = `{"country_code":"DE","party_id":"ABC","id":"LOC1","publish":true,"name":"","address":"","city":"","postal_code":"","country":"DEU",` +
	`"coordinates":{"latitude":"51.047599","longitude":"3.729944"},"parking_type":"ON_STREET","time_zone":"Europe/Berlin",` +
	`"operator":{"name":""},"opening_times":{"twentyfourseven":true},"facilities":[],"evses":[{"uid":"3256","evse_id":"DE*ABC*E041503001*1","status":"AVAILABLE",` +
	`"capabilities":["RESERVABLE","RFID_READER","REMOTE_START_STOP_CAPABLE"],"physical_reference":"1","floor_level":"-1","connectors":[{"id":"1","standard":"IEC_62196_T2",` +
	`"format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"max_electric_power":22000,"tariff_ids":["11"],"last_updated":"2026-03-16T10:10:02Z"},` +
	`{"id":"2","standard":"IEC_62196_T2_COMBO","format":"CABLE","power_type":"DC","max_voltage":500,"max_amperage":125,"tariff_ids":["12"],"last_updated":"2026-03-18T08:12:01Z"}],` +
	`"last_updated":"2026-06-28T08:12:01Z"}],"last_updated":"2026-06-29T20:39:09Z"}` +
	`{"country_code":"DE","party_id":"ABC","uid":"012345678","type":"RFID","contract_id":"DE8ACC12E46L89","visual_number":"DF000-2001-8999-1",` +
	`"issuer":"TheNewMotion","group_id":"DF000-2001-8999","valid":true,"whitelist":"ALWAYS","language":"en","default_profile_type":"GREEN","last_updated":"2026-06-29T22:39:09Z"}` +
	`{"country_code":"DE","party_id":"ABC","id":"101","start_date_time":"2026-06-29T22:39:09Z","kwh":0.00,"cdr_token":{"country_code":"DE","party_id":"ABC","uid":"012345678","type":"APP_USER","contract_id":"DE8ACC12E46L89"},` +
	`"auth_method":"COMMAND","authorization_reference":"01","location_id":"LOC1","evse_uid":"3256","connector_id":"1","currency":"EUR","charging_periods":[{"start_date_time":"2026-06-29T22:39:09Z",` +
	`"dimensions":[{"type":"ENERGY","volume":0.120},{"type":"TIME","volume":0.0833},{"type":"MAX_CURRENT","volume":30}],"tariff_id":"11"}],"total_cost":{"excl_vat":0.00,"incl_vat":0.00},"status":"ACTIVE","last_updated":"2026-06-29T22:39:09Z"}`

// pack puts a state into few bytes. Everything but its identity is in it.
func pack(s *ingest.ObjectState) string {
	deleted := uint64(0)
	if s.Deleted {
		deleted = 1
	}
	b := make([]byte, 0, 64+len(s.Sender)+32*len(s.Changes)+len(s.Body))
	for _, n := range []uint64{uint64(s.Version), deleted, uint64(s.Position.Epoch), uint64(uint32(s.Position.Partition)), uint64(s.Position.Offset),
		uint64(s.Received), uint64(s.LastUpdated)} {
		b = binary.AppendUvarint(b, n)
	}
	b = append(b, s.Created.Epoch)
	b = binary.AppendVarint(b, s.Created.Offset-s.Position.Offset) // nothing, for most
	b = binary.AppendVarint(b, int64(s.Created.Received-s.Received))
	b = appendText(b, s.Sender)
	b = binary.AppendUvarint(b, uint64(len(s.Changes)))
	for i := range s.Changes {
		c := &s.Changes[i]
		for _, n := range []int64{c.Next - s.Position.Offset, int64(c.Received - s.Received), int64(c.Updated - s.LastUpdated)} {
			b = binary.AppendVarint(b, n) // nothing, for most
		}
		b = appendText(appendText(appendText(b, c.Zone), c.Contract), c.Powers)
		b = binary.AppendUvarint(b, c.Place)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Left)))
	for _, p := range append(s.Left[:len(s.Left):len(s.Left)], s.With) {
		b = appendText(appendText(b, p.Country), p.ID)
	}
	b = binary.AppendVarint(appendText(b, s.Contract), int64(s.Named))
	return string(dictionary.Encode(nil, append(b, s.Body...)))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// unpack returns what pack was given for the object.
func unpack(id ingest.Identity, packed string) (*ingest.ObjectState, error) {
	b, err := dictionary.Decode(nil, unsafe.Slice(unsafe.StringData(packed), len(packed))) // which only reads it
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", id, err)
	}
	r := unpacker{rest: b}
	s := &ingest.ObjectState{Object: id.Object, Key: id.Key, Variant: id.Variant}
	s.Version, s.Deleted = ocpi.Version(r.number()), r.number() == 1
	s.Position.Epoch, s.Position.Partition, s.Position.Offset = uint8(r.number()), int32(r.number()), int64(r.number())
	s.Received, s.LastUpdated = ocpi.Time(r.number()), ocpi.Time(r.number())
	s.Created.Epoch = r.byte()
	s.Created.Offset, s.Created.Received = s.Position.Offset+r.difference(), s.Received+ocpi.Time(r.difference())
	s.Sender = string(r.text())
	for range r.number() {
		if r.failed {
			break
		}
		c := ingest.Change{Next: s.Position.Offset + r.difference(), Received: s.Received + ocpi.Time(r.difference()), Updated: s.LastUpdated + ocpi.Time(r.difference())}
		c.Zone, c.Contract, c.Powers, c.Place = string(r.text()), string(r.text()), string(r.text()), r.number()
		s.Changes = append(s.Changes, c)
	}
	for range r.number() {
		if r.failed {
			break
		}
		s.Left = append(s.Left, r.party())
	}
	s.With, s.Contract, s.Named = r.party(), string(r.text()), ocpi.Time(r.difference())
	if r.failed {
		return nil, fmt.Errorf("unpack %s: %w", id, errCutShort)
	}
	s.Body = r.rest
	return s, nil
}

var errCutShort = errors.New("it ends too early")

// unpacker takes what pack wrote off the front.
type unpacker struct {
	rest   []byte
	failed bool
}

func (r *unpacker) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *unpacker) byte() byte {
	if len(r.rest) == 0 {
		r.failed = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *unpacker) difference() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *unpacker) party() ocpi.Party {
	return ocpi.Party{Country: string(r.text()), ID: string(r.text())}
}

func (r *unpacker) text() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	text := r.rest[:n]
	r.rest = r.rest[n:]
	return text
}
