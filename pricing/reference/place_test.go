package reference_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
)

// records are those of a log.
type records struct{ log *ingesttest.Log }

func (r records) ObjectRecords(ctx context.Context, id ingest.Identity, upTo int64, fn func(*ingest.Record) error) error {
	all, err := r.log.Read(ctx, r.log.Place(id.Object.Topic(), id.Key), 0, 1000)
	for i := range all {
		if err == nil && all[i].Identity() == id && all[i].Offset <= upTo {
			err = fn(&all[i])
		}
	}
	return err
}

// Where a charge was is the Location as it was in force when it began, as of an end of
// the topic: what changes with each charge makes no other one, and a state of before is
// made again of its records.
func TestPlaceAt(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	body := func(address string, minute int) string {
		return strings.NewReplacer(`"address":"a"`, fmt.Sprintf(`"address":%q`, address), "2019-01-01T00:00:00Z", updated(minute),
			`"time_zone"`, `"evses":[{"uid":"E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"DC","max_voltage":400,"max_amperage":32,"last_updated":"`+updated(minute)+`"}],"last_updated":"`+updated(minute)+`"}],"time_zone"`).Replace(locationBody("Europe/London"))
	}
	log := ingesttest.NewLog(1)
	put := func(minute int, body string) {
		push(t, log, minute, ingest.ObjectLocation, ingest.MethodPut, "L1", body)
	}
	put(10, body("first", 10))                                                                                                // 0
	put(20, strings.Replace(body("first", 20), "AVAILABLE", "CHARGING", 1))                                                   // 1: no other place
	put(30, body("second", 30))                                                                                               // 2
	put(35, body("overtaken", 15))                                                                                            // 3: does not apply
	push(t, log, 40, ingest.ObjectLocation, ingest.MethodPatch, "L1", `{"address":"third","last_updated":"`+updated(40)+`"}`) // 4
	put(50, body("third", 50))                                                                                                // 5: says it again
	push(t, log, 55, ingest.ObjectLocation, ingest.MethodPut, "L2", strings.ReplaceAll(body("other", 55), `"L1"`, `"L2"`))
	x := follow(t, log, objectstest.NewStore())
	for _, tc := range []struct {
		start   int
		below   int64
		address string // "" where it is not known
		now     bool
	}{
		{5, 100, "first", false}, // before it was there
		{10, 100, "first", false}, {25, 100, "first", false}, {30, 100, "second", false}, {36, 100, "second", false},
		{40, 100, "third", true}, {99, 100, "third", true},
		{99, 5, "third", true}, {99, 4, "second", false}, {99, 1, "first", false}, {99, 0, "", false},
	} {
		p, ok := x.PlaceAt(key, at(tc.start), tc.below)
		if ok != (tc.address != "") || p.Now != tc.now {
			t.Errorf("from %d below %d: %+v, known %t", tc.start, tc.below, p, ok)
			continue
		}
		if !ok {
			continue
		}
		s, ok, err := x.LocationAfter(t.Context(), records{log}, key, p.Offset)
		if err != nil || !ok || ocpi.Text(s.Body, "address") != tc.address {
			t.Errorf("from %d below %d: record %d left %s, %t, %v; want %s", tc.start, tc.below, p.Offset, s.Body, ok, err, tc.address)
		}
	}
	if _, ok := x.PlaceAt(ocpi.NewKey("GB", "DUN", "L9"), at(9), 100); ok {
		t.Error("a Location that nobody knows has a place")
	}
	if _, ok, err := x.LocationAfter(t.Context(), records{log}, key, 3); ok || err != nil {
		t.Errorf("a record that did not apply left something: %t, %v", ok, err)
	}
	// After a restart the same is known.
	again := follow(t, log.Prefix(log.Place(ingest.TopicReference, key), 0), storeOf(t, x, log))
	if p, ok := again.PlaceAt(key, at(30), 100); !ok || p.Offset != 2 {
		t.Errorf("after a restart: %+v, %t", p, ok)
	}
}

// twoEVSEs is a Location with two EVSEs, in the one order or the other.
func twoEVSEs(address string, minute int, swapped bool) string {
	evse := func(uid, connectors string) string {
		return `{"uid":"` + uid + `","status":"AVAILABLE","connectors":[` + connectors + `],"last_updated":"` + updated(minute) + `"}`
	}
	connector := func(id string) string {
		return `{"id":"` + id + `","standard":"IEC_62196_T2","format":"SOCKET","power_type":"DC","max_voltage":400,"max_amperage":32,"last_updated":"` + updated(minute) + `"}`
	}
	first, second := evse("E1", connector("1")+","+connector("2")), evse("E2", connector("1"))
	if swapped {
		first, second = second, evse("E1", connector("2")+","+connector("1"))
	}
	return strings.NewReplacer(`"address":"a"`, fmt.Sprintf(`"address":%q`, address), "2019-01-01T00:00:00Z", updated(minute),
		`"time_zone"`, `"evses":[`+first+","+second+`],"time_zone"`).Replace(locationBody("Europe/London"))
}

// A Location that is sent again with its EVSEs and connectors in another order is no
// other place, also where it was kept by a hash that said so.
func TestTheOrderOfEVSEsMakesNoPlace(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	log := ingesttest.NewLog(1)
	for i, swapped := range []bool{false, true, true, false} {
		push(t, log, 10*(i+1), ingest.ObjectLocation, ingest.MethodPut, "L1", twoEVSEs("one", 10*(i+1), swapped))
	}
	x := follow(t, log, objectstest.NewStore())
	if p, ok := x.PlaceAt(key, at(99), 100); !ok || p.Offset != 0 || !p.Now {
		t.Errorf("%+v, %t; want the first record's, as it is", p, ok)
	}
	// As an older version kept it.
	s, _, err := x.Get(t.Context(), ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	inOrder := fnv.New64a()
	for _, text := range strings.Split("||one|c||GBR|56.46000|-2.97000|Europe/London|evse|E1||connector|1|IEC_62196_T2|SOCKET|DC|400|32|connector|2|IEC_62196_T2|SOCKET|DC|400|32|evse|E2||connector|1|IEC_62196_T2|SOCKET|DC|400|32", "|") {
		inOrder.Write(append([]byte(text), 0))
	}
	s.Changes[0].Place = inOrder.Sum64()
	for i, swapped := range []bool{true, false} { // it is told by the present hash then
		p := log.Place(ingest.TopicReference, key)
		store := objectstest.NewStore()
		store.Put(p, 4, s)
		again := log.Prefix(p, 4)
		push(t, again, 50, ingest.ObjectLocation, ingest.MethodPut, "L1", twoEVSEs("one", 50, swapped))
		x := follow(t, again, store)
		if s, _, err = x.Get(t.Context(), ingest.Target{Object: ingest.ObjectLocation, Key: key}); err != nil || len(s.Changes) != 1 {
			t.Errorf("step %d: %+v, %v; want the one change", i, s.Changes, err)
		}
		if p, ok := x.PlaceAt(key, at(99), 100); !ok || p.Offset != 0 || !p.Now {
			t.Errorf("step %d: %+v, %t; want the first record's, as it is", i, p, ok)
		}
		s.Position.Offset = 3
	}
}

// Of more places than are kept the last one is known, and those of before that were
// kept; of those between it is said that they are not.
func TestOfTooManyPlacesTheLastIsKnown(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	log := ingesttest.NewLog(1)
	for i := range 150 {
		push(t, log, i, ingest.ObjectLocation, ingest.MethodPut, "L1", twoEVSEs(fmt.Sprint("place ", i), i, false))
	}
	x := follow(t, log, objectstest.NewStore())
	for start, want := range map[int]reference.Place{
		0: {Offset: 0}, 99: {Offset: 99}, 100: {Offset: 100, Lost: true}, 120: {Offset: 100, Lost: true}, 148: {Offset: 100, Lost: true},
		149: {Offset: 149, Now: true}, 200: {Offset: 149, Now: true},
	} {
		if p, ok := x.PlaceAt(key, at(start), 1000); !ok || p != want {
			t.Errorf("from %d: %+v, %t; want %+v", start, p, ok, want)
		}
	}
	if p, ok := x.PlaceAt(key, at(200), 120); !ok || !p.Lost {
		t.Errorf("as of an earlier end: %+v, %t; want it not to be known", p, ok)
	}
	s, _, err := x.Get(t.Context(), ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil || len(s.Changes) > 102 {
		t.Errorf("%d changes are kept, %v", len(s.Changes), err)
	}
	// An older version kept the first hundred alone.
	s.Changes = s.Changes[:100]
	p := log.Place(ingest.TopicReference, key)
	store := objectstest.NewStore()
	store.Put(p, 150, s)
	again := log.Prefix(p, 150)
	push(t, again, 160, ingest.ObjectLocation, ingest.MethodPut, "L1", twoEVSEs("place 160", 160, false))
	x = follow(t, again, store)
	for start, want := range map[int]reference.Place{98: {Offset: 98}, 99: {Offset: 99, Lost: true}, 159: {Offset: 99, Lost: true}, 160: {Offset: 150, Now: true}} {
		if p, ok := x.PlaceAt(key, at(start), 1000); !ok || p != want {
			t.Errorf("of an older version, from %d: %+v, %t; want %+v", start, p, ok, want)
		}
	}
}

// endless are records of which there is no end before the reader stops.
type endless struct{ read int }

func (e *endless) ObjectRecords(ctx context.Context, id ingest.Identity, upTo int64, fn func(*ingest.Record) error) error {
	r := ingest.Record{Envelope: ingest.Envelope{Object: id.Object, Method: ingest.MethodPut, Version: ocpi.V221, Key: id.Key}, Body: []byte(locationBody("Europe/London"))}
	for e.read < 30_000 {
		e.read++
		r.Offset = int64(e.read)
		if err := fn(&r); err != nil {
			return fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
	return nil
}

// A Location of too many records is not known, and they are not read to their end.
func TestTooManyRecordsAreNotRead(t *testing.T) {
	x, e := follow(t, ingesttest.NewLog(1), objectstest.NewStore()), new(endless)
	if _, ok, err := x.LocationAfter(t.Context(), e, ocpi.NewKey("GB", "DUN", "L1"), 30_000); ok || err != nil || e.read != 20_001 {
		t.Errorf("known %t, %v, of %d records", ok, err, e.read)
	}
}

// storeOf is a store of the last states of what a log holds.
func storeOf(t *testing.T, x index, log *ingesttest.Log) *objectstest.Store {
	t.Helper()
	p := log.Partitions(ingest.TopicReference)[0]
	all, err := log.Read(t.Context(), p, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return objectstest.NewStore(x.States(p, all)...)
}

// Whether a Token had a contract when a charge began follows from what it has said; one
// that it has had before may be it again.
func TestHadContract(t *testing.T) {
	said := []ingest.Change{{Next: 1, Received: 10, Contract: "NL-EXW-C00000001"}, {Next: 3, Received: 99, Updated: 20, Contract: "own 2"}, {Next: 9, Received: 30, Contract: "own 3"}}
	for _, tc := range []struct {
		contract   string
		start      ocpi.Time
		below      int64
		had, later bool
	}{
		{"NLEXWC00000001", 5, 100, false, true}, {"OWN 2", 5, 100, false, false},
		{"NLEXWC00000001", 10, 100, true, false}, {"NLEXWC00000001", 35, 100, true, false}, {"OWN 2", 20, 100, true, false}, {"OWN 2", 19, 100, false, false},
		{"OWN 3", 35, 100, true, false}, {"OWN 3", 35, 8, false, false}, {"NLEXWC00000001", 35, 2, true, false}, {"NLEXWC00000001", 35, 0, false, false},
	} {
		if had, later := reference.HadContract(said, tc.contract, tc.start, tc.below); had != tc.had || later != tc.later {
			t.Errorf("%s from %d below %d: %t, later %t, want %t, %t", tc.contract, tc.start, tc.below, had, later, tc.had, tc.later)
		}
	}
}
