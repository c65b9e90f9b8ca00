package objects

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

func token(i int) *ingest.ObjectState {
	id := fmt.Sprintf("%08X", i*2654435761)
	return &ingest.ObjectState{
		Object: ingest.ObjectToken, Key: ocpi.NewKey("NL", "EXW", id), Variant: "RFID", Version: ocpi.V221, Sender: "nl-exw-emsp",
		Position: ingest.Position{Epoch: 1, Offset: int64(i)}, Received: ocpi.Time(1_550_000_000_000_000_000 + int64(i)), LastUpdated: ocpi.Time(1_540_000_000_000_000_000),
		Body:    fmt.Appendf(nil, `{"country_code":"NL","party_id":"EXW","uid":%q,"type":"RFID","contract_id":"NL-EXW-C%s-1","issuer":"Example","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`, id, id),
		Changes: []ingest.Change{{Next: int64(i + 1), Received: 5, Updated: 4, Contract: "NL-EXW-C" + id + "-1", Place: 1 << 60, Powers: "22000=0123abcd"}},
	}
}

// What is packed comes out as it was, whatever it holds.
func TestPack(t *testing.T) {
	location := token(3)
	location.Object, location.Variant, location.Sender = ingest.ObjectLocation, "", ""
	location.Created = ingest.Creation{Epoch: 1, Offset: 2, Received: location.Received - 7}
	location.Changes = []ingest.Change{{Received: 1, Zone: "Europe/Oslo"}, {Next: 7, Received: 2, Zone: "Europe/Dublin"}}
	for name, s := range map[string]*ingest.ObjectState{
		"a token": token(1), "a location": location,
		"deleted, without a body": {Object: ingest.ObjectToken, Key: ocpi.NewKey("NL", "EXW", "x"), Deleted: true, Body: []byte{}, Position: ingest.Position{Epoch: 255, Partition: 7, Offset: 1 << 39}},
		"a Session with others before": {Object: ingest.ObjectSession, Key: ocpi.NewKey("NL", "EXW", "s"), Body: []byte("{}"), With: ocpi.NewParty("DE", "EMP"), Contract: "DE-EMP-C1",
			Left: []ocpi.Party{ocpi.NewParty("DE", "OLD"), ocpi.NewParty("", "")}, Named: 7},
		"before 1970": {Object: ingest.ObjectToken, Body: []byte("{}"), Received: -1, LastUpdated: -1 << 62},
	} {
		got, err := unpack(s.Identity(), pack(s))
		if diff := cmp.Diff(s, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-packed +unpacked):\n%s", name, err, diff)
		}
	}
	if _, err := unpack(location.Identity(), pack(location)[:20]); err == nil {
		t.Error("half of it is unpacked without an error")
	}
	if whole, n := len(token(1).Body), len(pack(token(1))); n > whole {
		t.Errorf("a token of %d bytes is packed into %d, with all that is beside it", whole, n)
	}
}

// The shelf holds what it has room for, and never what was replaced.
func TestShelfIsBounded(t *testing.T) {
	h := newShelf(10_000)
	for i := range 1000 {
		s := token(i)
		h.put(s.Identity(), pack(s))
	}
	if h.bytes > h.limit || h.bytes < h.limit/2 || len(h.states) < 30 {
		t.Errorf("%d states in %d bytes, at most %d", len(h.states), h.bytes, h.limit)
	}
	first := token(0)
	first.Body = make([]byte, 20_000)
	for i := range first.Body {
		first.Body[i] = byte(i * i >> 3)
	}
	h.put(first.Identity(), string(first.Body)) // no room
	if h.get(first.Identity()) != nil {
		t.Error("what was replaced is still there")
	}
	for i := range 1000 {
		h.drop(token(i).Identity())
	}
	if h.bytes != 0 || len(h.states) != 0 {
		t.Errorf("empty, and %d bytes", h.bytes)
	}
}

// What changed a while ago is held until as much has come after it, and never once it was
// replaced.
func TestWhatWanes(t *testing.T) {
	w := newWaning(20_000)
	for i := range 1000 {
		s := token(i)
		w.put(s.Identity(), pack(s))
		if w.get(s.Identity()) == nil {
			t.Fatalf("the %dth is not there", i)
		}
		if n := w.late.bytes + w.early.bytes; n > 20_000 {
			t.Fatalf("%d bytes after %d", n, i)
		}
		if before := token(i - 30); i >= 30 && w.get(before.Identity()) == nil {
			t.Fatalf("the %dth is gone before the %dth came", i-30, i)
		}
	}
	if w.get(token(0).Identity()) != nil {
		t.Error("the first is still there")
	}
	newer := token(980) // in one half
	newer.Version = ocpi.V230
	w.put(newer.Identity(), pack(newer))
	w.put(newer.Identity(), pack(newer))
	if got := w.get(newer.Identity()); got == nil || got.Version != ocpi.V230 {
		t.Errorf("replaced by %v", got)
	}
	w.drop(newer.Identity())
	if w.get(newer.Identity()) != nil {
		t.Error("what was dropped is there")
	}
}
