package reference_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

// powered is a Location with connectors as they are given, each "E1 1 …" with its members.
func powered(minute int, connectors ...string) string {
	var evses []string
	for _, c := range connectors {
		part := strings.SplitN(c, " ", 3)
		evses = append(evses, fmt.Sprintf(`{"uid":%q,"status":"AVAILABLE","connectors":[{"id":%q,"standard":"IEC_62196_T2","format":"SOCKET",%s,"last_updated":%q}],"last_updated":%q}`,
			part[0], part[1], part[2], updated(minute), updated(minute)))
	}
	return strings.NewReplacer("2019-01-01T00:00:00Z", updated(minute), `"time_zone"`, `"evses":[`+strings.Join(evses, ",")+`],"time_zone"`).Replace(locationBody("Europe/London"))
}

const (
	says22 = `"power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"max_electric_power":22000`
	says50 = `"power_type":"DC","max_voltage":500,"max_amperage":125,"max_electric_power":50000`
	volts  = `"power_type":"AC_1_PHASE","max_voltage":230,"max_amperage":16`
)

// What a connector could give is what its Location said when the charge began, as of an end of
// the topic: also where nothing but that changes.
func TestConnectorPower(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	log := ingesttest.NewLog(1)
	put := func(minute int, connectors ...string) {
		push(t, log, minute, ingest.ObjectLocation, ingest.MethodPut, "L1", powered(minute, connectors...))
	}
	put(10, "E1 1 "+says22, "E1 2 "+says50, "e2 1 "+volts)                                       // 0
	put(20, "E1 1 "+strings.Replace(says22, "22000", "11000", 1), "E1 2 "+says50, "e2 1 "+volts) // 1: the power alone
	put(30, "E1 2 "+says50, "E1 1 "+strings.Replace(says22, "22000", "11000", 1), "e2 1 "+volts) // 2: the same in another order
	put(40, "E1 1 "+says22, "E1 1 "+says50)                                                      // 3: one name, two powers
	put(50, `E1 1 "power_type":"DC","max_voltage":0,"max_amperage":0`)                           // 4: it says none
	put(60, "E1 1 "+says50)                                                                      // 5
	x := follow(t, log, objectstest.NewStore())
	for _, tc := range []struct {
		start     int
		below     int64
		connector string
		want      int64 // 0: not known
	}{
		{10, 100, "E1 1", 22000}, {10, 100, "E1 2", 50000}, {10, 100, "E2 1", 3680}, {10, 100, "e1 1", 22000}, {10, 100, "E1 3", 0}, {10, 100, "E3 1", 0},
		{5, 100, "E1 1", 22000}, // before it was there: the first after
		{19, 100, "E1 1", 22000}, {20, 100, "E1 1", 11000}, {20, 100, "E1 2", 50000}, {20, 1, "E1 1", 22000}, {20, 0, "E1 1", 0},
		{35, 100, "E1 1", 11000}, {35, 100, "E2 1", 3680},
		{40, 100, "E1 1", 0}, {45, 100, "E1 2", 0},
		{50, 100, "E1 1", 0}, {60, 100, "E1 1", 50000}, {99, 100, "E1 1", 50000}, {99, 3, "E1 1", 11000},
	} {
		evse, id, _ := strings.Cut(tc.connector, " ")
		if got, ok := x.ConnectorPower(key, evse, id, at(tc.start), tc.below); got != tc.want || ok != (tc.want > 0) {
			t.Errorf("%s from %d below %d: %d W (%t), want %d", tc.connector, tc.start, tc.below, got, ok, tc.want)
		}
	}
	if _, ok := x.ConnectorPower(ocpi.NewKey("GB", "DUN", "L9"), "E1", "1", at(9), 100); ok {
		t.Error("a Location that nobody knows has a power")
	}
	s, _, err := x.Get(t.Context(), ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil || len(s.Changes) != 5 {
		t.Errorf("%d changes are kept, want 5: of every record but the third; %v", len(s.Changes), err)
	}
}

// A Location that was kept by an older version says nothing of powers until its next record,
// which makes no other place of it.
func TestConnectorPowerOfAnOlderVersion(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	log := ingesttest.NewLog(1)
	push(t, log, 10, ingest.ObjectLocation, ingest.MethodPut, "L1", powered(10, "E1 1 "+says22))
	s, _, err := follow(t, log, objectstest.NewStore()).Get(t.Context(), ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	s.Changes[0].Powers = ""
	p, store := log.Place(ingest.TopicReference, key), objectstest.NewStore()
	store.Put(p, 1, s)
	again := log.Prefix(p, 1)
	push(t, again, 20, ingest.ObjectLocation, ingest.MethodPut, "L1", strings.Replace(powered(20, "E1 1 "+says22), "AVAILABLE", "CHARGING", 1))
	push(t, again, 30, ingest.ObjectLocation, ingest.MethodPut, "L1", powered(30, "E1 1 "+says22))
	x := follow(t, again, store)
	for start, want := range map[int]int64{15: 0, 20: 22000, 30: 22000} {
		if got, _ := x.ConnectorPower(key, "E1", "1", at(start), 100); got != want {
			t.Errorf("from %d: %d W, want %d", start, got, want)
		}
	}
	for _, start := range []int{15, 25, 99} {
		if p, ok := x.PlaceAt(key, at(start), 100); !ok || !p.Now {
			t.Errorf("from %d: %+v, %t; want it to be as it is", start, p, ok)
		}
	}
}

// Of a Location that says other powers again and again not all are kept, and none is said that
// is not the one of then.
func TestConnectorPowersAreBounded(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	log := ingesttest.NewLog(1)
	const records = 130
	for i := range records {
		var connectors []string
		for j := range 20 {
			connectors = append(connectors, fmt.Sprintf("E%d 1 %s", j, strings.Replace(says22, "22000", fmt.Sprint(20000+i), 1)))
		}
		push(t, log, i, ingest.ObjectLocation, ingest.MethodPut, "L1", powered(i, connectors...))
	}
	x := follow(t, log, objectstest.NewStore())
	s, _, err := x.Get(t.Context(), ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, c := range s.Changes {
		kept += len(c.Powers)
	}
	known := 0
	for i := range records {
		switch watts, ok := x.ConnectorPower(key, "E7", "1", at(i), 1000); {
		case !ok:
		case watts != int64(20000+i):
			t.Errorf("from %d: %d W, want %d or none", i, watts, 20000+i)
		default:
			known++
		}
	}
	if kept > 8<<10+1 || known < 40 {
		t.Errorf("%d bytes are kept, and %d powers of %d known", kept, known, records)
	}
}

// What is stored of a Location's powers never changes.
func TestConnectorPowersAreFrozen(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	log := ingesttest.NewLog(1)
	push(t, log, 10, ingest.ObjectLocation, ingest.MethodPut, "L1", powered(10, "E1 1 "+says22, "E1 2 "+says50, "e2 1 "+volts, "E3 1 "+says22))
	s, _, err := follow(t, log, objectstest.NewStore()).Get(t.Context(), ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Changes[0].Powers, "3680=f61837eb,22000=79a0e7ea9997b6e8,50000=0b9f2623"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
