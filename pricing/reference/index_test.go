package reference_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// index is an Index with the follower that fills it.
type index struct {
	*objects.Follower
	*reference.Index
}

func follow(t *testing.T, log *ingesttest.Log, store *objectstest.Store) index {
	t.Helper()
	x := reference.NewIndex(referencetest.Of(store))
	return index{objectstest.Follow(t, log, store, x.Folds()...), x}
}

// ask asks a view until it has all that it needs for the answer.
func ask(t *testing.T, v *reference.View, question func()) {
	t.Helper()
	for v.Begin(); ; {
		question()
		if !v.Missed() {
			return
		}
		if err := v.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (x index) Tariff(t *testing.T, key ocpi.Key, start ocpi.Time, below int64) (v *reference.TariffVersion, later bool) {
	view := x.View()
	ask(t, view, func() { v, later = view.Tariff(key, ocpi.Party{}, start, below) })
	return v, later
}

// at is the n-th minute of the tests' clock.
func at(n int) ocpi.Time { return ocpi.Time(int64(n+1) * 60 * ocpi.Second) }

func tariffBody(price, validity string) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP",%s"elements":[{"price_components":[{"type":"ENERGY","price":%s,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`, validity, price)
}

func locationBody(zone string) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":"L1","publish":true,"address":"a","city":"c","country":"GBR","coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"time_zone":%q,"last_updated":"2019-01-01T00:00:00Z"}`, zone)
}

func push(t *testing.T, log *ingesttest.Log, minute int, object ingest.Object, method ingest.Method, id, body string) {
	t.Helper()
	e := &ingest.Envelope{Object: object, Method: method, Version: ocpi.V221, Sender: "gb-dun-cpo", Key: ocpi.NewKey("GB", "DUN", id), Received: at(minute)}
	if _, err := log.Append(t.Context(), ingest.TopicReference, e, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

// updated is the n-th minute of the tests' clock as last_updated has it.
func updated(minute int) string { return at(minute).Go().Format(time.RFC3339) }

// version is a Tariff of a price, last updated in a minute.
func version(price string, minute int, validity string) string {
	return strings.ReplaceAll(tariffBody(price, validity), "2019-01-01T00:00:00Z", updated(minute))
}

// The version in force when the charge began counts, as of an end of the log:
// neither when the CDR came nor when a version was stamped decides.
func TestTheVersionInForce(t *testing.T) {
	log := ingesttest.NewLog(1)
	for i, p := range []struct {
		received int
		method   ingest.Method
		body     string
	}{
		{10, ingest.MethodPut, version("0.10", 8, "")},
		{20, ingest.MethodPut, version("0.20", 18, "")}, // pushed while charges go on that began at 15
		{20, ingest.MethodPut, version("0.20", 18, "")}, // says nothing new
		{9, ingest.MethodPut, version("0.21", 18, "")},  // as old, and stamped earlier but appended later
		{40, ingest.MethodPut, version("0.30", 35, `"start_date_time":"1970-01-01T02:00:00Z",`)},
		{50, ingest.MethodDelete, ""},
	} {
		push(t, log, p.received, ingest.ObjectTariff, p.method, "T1", p.body)
		push(t, log, p.received, ingest.ObjectTariff, p.method, "T"+fmt.Sprint(i+2), p.body)
	}
	f := follow(t, log, objectstest.NewStore())
	for _, c := range []struct {
		name         string
		start, below int
		want         int64 // offset, -1 for none
		later        bool
	}{
		{"in force when the charge began", 15, 99, 0, false},
		{"updated at the very start", 18, 99, 6, false},
		{"of two as old, the one that came later", 30, 99, 6, false},
		{"as of an end between them", 30, 6, 2, false},
		{"as of an end before the second", 30, 2, 0, false},
		{"not valid yet at the start: the one before", 60, 99, 6, false},
		{"valid at the start", 150, 99, 8, false},
		{"none in force: the first after, with a finding", 5, 99, 0, true},
		{"none known as of then", 5, 0, -1, false},
		{"deleted since: CDRs still need it", 45, 99, 6, false},
	} {
		v, later := f.Tariff(t, ocpi.NewKey("GB", "DUN", "t1"), at(c.start), int64(c.below))
		if v == nil && c.want >= 0 || v != nil && v.Position.Offset != c.want || later != c.later {
			t.Errorf("%s: a charge begun at %d as of %d gets %v (later %t), want the version at offset %d", c.name, c.start, c.below, v, later, c.want)
		}
	}
	if v, _ := f.Tariff(t, ocpi.NewKey("GB", "DUN", "T99"), at(5), 99); v != nil {
		t.Errorf("unknown tariff gives %v", v)
	}
	if v := f.CurrentTariff(ocpi.NewKey("GB", "DUN", "T1")); v != nil {
		t.Errorf("deleted tariff still stands: %v", v)
	}
}

// Of several that are all after the start the earliest counts, of those as old
// the one that came first.
func TestTheFirstVersionAfterTheStart(t *testing.T) {
	log := ingesttest.NewLog(1)
	for _, body := range []string{version("0.10", 20, `"end_date_time":"1970-01-01T00:01:00Z",`), version("0.20", 30, ""), version("0.21", 30, ""), version("0.30", 40, "")} {
		push(t, log, 1, ingest.ObjectTariff, ingest.MethodPut, "T1", body)
	}
	v, later := follow(t, log, objectstest.NewStore()).Tariff(t, ocpi.NewKey("GB", "DUN", "T1"), at(5), 99)
	if v == nil || v.Position.Offset != 1 || !later {
		t.Errorf("%v (later %t), want the version at offset 1, later", v, later)
	}
}

// Of one id an owner may have a Tariff for everybody and others for single eMSPs:
// the debtor's comes first where it was in force, and none is another's.
func TestTheDebtorsTariffComesFirst(t *testing.T) {
	exw, emp := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("DE", "EMP")
	key := ocpi.NewKey("GB", "DUN", "T1")
	log := ingesttest.NewLog(1)
	for _, p := range []struct {
		minute    int
		recipient string
	}{{10, ""}, {20, "NL*EXW"}, {30, ""}, {40, "DE*EMP"}} {
		e := &ingest.Envelope{Object: ingest.ObjectTariff, Method: ingest.MethodPut, Version: ocpi.V221, Key: key, Variant: p.recipient, Received: at(p.minute)}
		if _, err := log.Append(t.Context(), ingest.TopicReference, e, []byte(version("0.10", p.minute, ""))); err != nil {
			t.Fatal(err)
		}
	}
	// From memory, and from a store: the same.
	f := follow(t, log, objectstest.NewStore())
	p := log.Partitions(ingest.TopicReference)[0]
	records, err := log.Read(t.Context(), p, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	stored := objectstest.NewStore()
	stored.Put(p, 4, f.States(p, records)...)
	for name, x := range map[string]index{"log": f, "store": follow(t, ingesttest.NewLog(1), stored)} {
		for _, c := range []struct {
			name   string
			debtor ocpi.Party
			start  int
			below  int64
			want   int64
			later  bool
		}{
			{"a debtor's own", exw, 25, 99, 1, false},
			{"though that for everybody is newer", exw, 35, 99, 1, false},
			{"before it was in force: that for everybody", exw, 15, 99, 0, false},
			{"as of an end before it", exw, 25, 1, 0, false},
			{"another debtor: that for everybody", emp, 25, 99, 0, false},
			{"another debtor's own", emp, 45, 99, 3, false},
			{"nobody's", ocpi.Party{}, 35, 99, 2, false},
			{"none in force yet: the debtor's first", exw, 5, 99, 1, true},
			{"none of the debtor's at all", ocpi.NewParty("FR", "ABC"), 5, 99, 0, true},
		} {
			var v *reference.TariffVersion
			var later bool
			view := x.View()
			ask(t, view, func() { v, later = view.Tariff(key, c.debtor, at(c.start), c.below) })
			if v == nil || v.Position.Offset != c.want || later != c.later {
				t.Errorf("%s, %s: %v (later %t), want that at %d", name, c.name, v, later, c.want)
			}
		}
		view := x.View()
		var list []*reference.TariffVersion
		ask(t, view, func() { list = view.TariffsBelow(key, exw, 99, 10) })
		var offsets []int64
		for _, v := range list {
			offsets = append(offsets, v.Position.Offset)
		}
		if diff := cmp.Diff([]int64{1, 2, 0}, offsets); diff != "" {
			t.Errorf("%s: what the owner may have priced with: %s", name, diff)
		}
	}
}

func TestTariffsBelow(t *testing.T) {
	log := ingesttest.NewLog(1)
	push(t, log, 10, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.10", ""))
	push(t, log, 20, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.20", `"start_date_time":"2030-01-01T00:00:00Z",`))
	push(t, log, 25, ingest.ObjectTariff, ingest.MethodDelete, "T1", "")
	push(t, log, 30, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.30", ""))
	f := follow(t, log, objectstest.NewStore())
	for _, c := range []struct {
		id           string
		below, limit int
		want         []int64 // offsets
	}{
		{"t1", 4, 9, []int64{3, 1, 0}},
		{"t1", 4, 2, []int64{3, 1}},
		{"t1", 3, 9, []int64{1, 0}},
		{"t1", 0, 9, nil},
		{"t2", 4, 9, nil},
	} {
		var got []int64
		for _, v := range f.View().TariffsBelow(ocpi.NewKey("GB", "DUN", c.id), ocpi.Party{}, int64(c.below), c.limit) {
			got = append(got, v.Position.Offset)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s below %d, at most %d: versions at %v, want %v", c.id, c.below, c.limit, got, c.want)
		}
	}
}

func zoned(zone string, minute int) string {
	return strings.ReplaceAll(locationBody(zone), "2019-01-01T00:00:00Z", updated(minute))
}

func TestZoneOfACharge(t *testing.T) {
	log := ingesttest.NewLog(1)
	push(t, log, 10, ingest.ObjectLocation, ingest.MethodPut, "L1", zoned("Europe/Dublin", 8))
	push(t, log, 20, ingest.ObjectLocation, ingest.MethodPut, "L1", zoned("Europe/London", 18))
	push(t, log, 20, ingest.ObjectLocation, ingest.MethodPut, "L2", zoned("Europe/London", 18))
	old := ingest.ObjectState{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "L3"), Version: ocpi.V221, Position: ingest.Position{Epoch: 1},
		Body: []byte(locationBody("Europe/Oslo")), Changes: []ingest.Change{{Received: at(10), Zone: "Europe/Oslo"}}}
	f := follow(t, log, objectstest.NewStore(old))
	cases := []struct {
		name, id, country string
		start, below      int
		want, source      string
	}{
		{"the zone it had when the charge began", "L1", "GBR", 15, 9, "Europe/Dublin", "location"},
		{"the corrected one", "L1", "GBR", 18, 9, "Europe/London", "location"},
		{"as of before the correction", "L1", "GBR", 18, 1, "Europe/Dublin", "location"},
		{"before the Location: the country's only zone", "L1", "FRA", 5, 9, "Europe/Paris", "country"},
		{"a country with several: the Location's first", "L1", "USA", 5, 9, "Europe/Dublin", "location"},
		{"as of before the Location", "L1", "USA", 5, 0, "", ""},
		{"kept before offsets were: by its receipt", "L3", "USA", 15, 0, "Europe/Oslo", "location"},
		{"unknown Location and country", "L9", "USA", 25, 9, "", ""},
	}
	for _, c := range cases {
		zone, source := f.Zone(ocpi.NewKey("GB", "DUN", c.id), c.country, at(c.start), int64(c.below))
		if zone != c.want || source != c.source {
			t.Errorf("%s: %q from %q, want %q from %q", c.name, zone, source, c.want, c.source)
		}
	}
}

// A change of the place alone, such as a 2.1.1 PATCH of the name that says no
// last_updated, is none of the zone: what corrects the zone as of before it counts.
func TestACorrectedZoneOutdoesALaterName(t *testing.T) {
	l1 := ingest.ObjectState{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "L1"), Version: ocpi.V221, Position: ingest.Position{Epoch: 1, Offset: 4},
		Body: []byte(zoned("Europe/Dublin", 55)), Changes: []ingest.Change{
			{Next: 1, Received: at(10), Updated: at(8), Zone: "Europe/Dublin", Place: 1},
			{Next: 2, Received: at(30), Updated: at(30), Zone: "Europe/Dublin", Place: 2}, // the name
			{Next: 3, Received: at(40), Updated: at(20), Zone: "Europe/London", Place: 3}, // the correction
			{Next: 4, Received: at(50), Updated: at(50), Zone: "Europe/London", Place: 4}, // the name
			{Next: 5, Received: at(60), Updated: at(55), Zone: "Europe/Dublin", Place: 3}, // there and back
		}}
	f := follow(t, ingesttest.NewLog(1), objectstest.NewStore(l1))
	for _, c := range []struct {
		start, below int
		want         string
	}{{7, 9, "Europe/Dublin"}, {19, 9, "Europe/Dublin"}, {20, 9, "Europe/London"}, {35, 9, "Europe/London"}, {54, 9, "Europe/London"}, {55, 9, "Europe/Dublin"}, {35, 2, "Europe/Dublin"}} {
		if zone, _ := f.Zone(l1.Key, "USA", at(c.start), int64(c.below)); zone != c.want {
			t.Errorf("from %d below %d: %q, want %q", c.start, c.below, zone, c.want)
		}
	}
}

// Who pays for a contract is whose Token with it was in force when the charge began, as
// of an end of the log, also after a restart and when the Token has another contract id
// since; of an id that says whose contract it is, that party, whoever has Tokens with it.
func TestPayer(t *testing.T) {
	const token = `{"country_code":"NL","party_id":%q,"uid":"U1","type":"RFID","contract_id":%q,"issuer":"i","valid":true,"whitelist":"ALWAYS","last_updated":%q}`
	log := ingesttest.NewLog(1)
	for _, p := range []struct{ party, contract, updated string }{
		{"EXW", "C1", "2019-01-01T00:00:00Z"}, {"EXW", "C2", "2019-01-02T00:00:00Z"}, {"ABC", "C1", "2019-03-01T00:00:00Z"},
		{"EXW", "C1", "2019-04-01T00:00:00Z"}, {"ABC", "NL-EXW-C00000007", "2019-05-01T00:00:00Z"}, {"ABC", "be8acc00000001", "2019-06-01T00:00:00Z"},
	} {
		e := &ingest.Envelope{Object: ingest.ObjectToken, Method: ingest.MethodPut, Version: ocpi.V221, Key: ocpi.NewKey("NL", p.party, "U1"), Variant: "RFID"}
		if _, err := log.Append(t.Context(), ingest.TopicReference, e, fmt.Appendf(nil, token, p.party, p.contract, p.updated)); err != nil {
			t.Fatal(err)
		}
	}
	before := ingest.ObjectState{Object: ingest.ObjectToken, Key: ocpi.NewKey("NL", "OLD", "U1"), Variant: "RFID", Version: ocpi.V221,
		Body: fmt.Appendf(nil, token, "OLD", "C0", "2019-01-01T00:00:00Z")} // of a store that kept no offsets
	whole := follow(t, log, objectstest.NewStore(before))
	p := log.Partitions(ingest.TopicReference)[0]
	records, err := log.Read(t.Context(), p, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	store := objectstest.NewStore(before)
	store.Put(p, int64(len(records)), whole.States(p, records)...)
	for name, f := range map[string]index{"whole log": whole, "restarted": follow(t, log, store)} {
		f.Issuers = ocpi.Issuers{ocpi.NewParty("BE", "8AC"): ocpi.NewParty("BE", "EMP")}
		for _, c := range []struct {
			contract, start string
			below           int64
			want            string
		}{
			{"C1", "2019-02-01", 0, ""}, {"C1", "2019-02-01", 1, "NL*EXW"}, {"C1", "2019-02-01", 2, "NL*EXW"},
			{"C1", "2019-02-01", 3, "NL*EXW"},                                    // ABC's came later
			{"C1", "2019-03-02", 3, "NL*ABC"}, {"C1", "2019-03-02", 2, "NL*EXW"}, // as of before it came, it did not
			{"C1", "2018-01-01", 3, "NL*EXW"}, // none in force: the first after
			{"c1", "2019-02-01", 1, "NL*EXW"},
			{"C2", "2019-02-01", 1, ""}, {"C2", "2019-02-01", 4, "NL*EXW"}, {"C0", "2019-02-01", 0, "NL*OLD"},
			{"NL-EXW-C00000007", "2019-06-01", 6, "NL*EXW"}, // whoever has a Token with it
			{"NLEXWC00000007", "2019-06-01", 0, "NL*EXW"},
			{"BE-8AC-C00000001", "2019-07-01", 6, "BE*EMP"}, // by the setting
			{"ZZ-EXW-C00000007", "2019-06-01", 6, ""},
		} {
			party, ok := f.Payer(c.contract, instant(t, c.start+"T00:00:00Z"), c.below)
			if ok != (c.want != "") || ok && party.String() != c.want {
				t.Errorf("%s: %s at %s as of %d is %s's (%t), want %q", name, c.contract, c.start, c.below, party, ok, c.want)
			}
		}
	}
}

// A follower that starts from what the store was given answers like one that
// folded the whole log.
func TestRestartFromTheStore(t *testing.T) {
	log := ingesttest.NewLog(1)
	push(t, log, 10, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.10", ""))
	push(t, log, 11, ingest.ObjectLocation, ingest.MethodPut, "L1", locationBody("Europe/Dublin"))
	push(t, log, 12, ingest.ObjectLocation, ingest.MethodPut, "L1", locationBody("Europe/London"))
	push(t, log, 13, ingest.ObjectTariff, ingest.MethodDelete, "T1", "")
	push(t, log, 14, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.20", ""))
	push(t, log, 15, ingest.ObjectTariff, ingest.MethodPatch, "T9", `{}`) // nobody PUT it: changes nothing
	whole := follow(t, log, objectstest.NewStore())

	p := log.Partitions(ingest.TopicReference)[0]
	records, err := log.Read(t.Context(), p, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for split := range len(records) + 1 {
		store := objectstest.NewStore()
		store.Put(p, int64(split), whole.States(p, records[:split])...)
		restarted := follow(t, log, store)
		for below := range len(records) + 1 {
			a, b := describe(t, whole, below), describe(t, restarted, below)
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("store holds %d of %d records, as of %d (-whole log +restarted):\n%s", split, len(records), below, diff)
			}
		}
	}
}

func describe(t *testing.T, f index, below int) []string {
	version := "unknown"
	if v, later := f.Tariff(t, ocpi.NewKey("GB", "DUN", "T1"), at(9), int64(below)); v != nil {
		version = fmt.Sprintf("%s %s later %t", v.Position, v.Hash(), later)
	}
	current := "none"
	if v := f.CurrentTariff(ocpi.NewKey("GB", "DUN", "T1")); v != nil {
		current = v.Position.String()
	}
	zone, source := f.Zone(ocpi.NewKey("GB", "DUN", "L1"), "USA", at(9), int64(below))
	return []string{version, current, zone, source}
}

// stamped is a body with another last_updated, the n-th minute of 2019-01-01.
func stamped(body string, n int) string {
	return strings.ReplaceAll(body, "2019-01-01T00:00", fmt.Sprintf("2019-01-01T00:%02d", n))
}

// The findings of a tariff are found once, for the version a push made or
// repeated; what was overtaken is no version.
func TestFindingsOfAPush(t *testing.T) {
	log := ingesttest.NewLog(1)
	doubtful := strings.Replace(tariffBody("0.10", ""), `"step_size":1`, `"vat":0.21,"step_size":1`, 1)
	for _, body := range []string{stamped(doubtful, 5), stamped(doubtful, 5), stamped(doubtful, 4)} {
		push(t, log, 1, ingest.ObjectTariff, ingest.MethodPut, "T1", body)
	}
	f := follow(t, log, objectstest.NewStore())
	var d ocpi.Decoder
	for offset, want := range []struct {
		minute int
		code   string
	}{{5, "vat_fraction"}, {5, "vat_fraction"}, {4, ""}} {
		hash, err := d.CanonicalHash([]byte(stamped(doubtful, want.minute)))
		if err != nil {
			t.Fatal(err)
		}
		findings, ok := f.Findings(ingest.Target{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", "T1")}, ingest.Position{Epoch: 1, Offset: int64(offset)}, hash)
		code := ""
		if len(findings) > 0 {
			code = findings[0].Code
		}
		if code != want.code || ok != (want.code != "") {
			t.Errorf("push %d: %q (%t), want %q", offset, code, ok, want.code)
		}
	}
}

// cutShort is a store whose connection breaks after the Tariffs, once.
type cutShort struct {
	referencetest.Store
	broken bool
}

var errBroken = errors.New("connection broke")

func (s *cutShort) VersionsAt(ctx context.Context, wanted []reference.VersionAt, fn func(ingest.ObjectState) error) error {
	err := s.Store.VersionsAt(ctx, wanted, fn)
	if !s.broken {
		s.broken = true
		return errBroken
	}
	return err
}

// A load that broke off is done again, and no version is there twice.
func TestALoadThatBrokeOffIsDoneAgain(t *testing.T) {
	version := func(offset int64, price string) ingest.ObjectState {
		return ingest.ObjectState{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", "T1"), Version: ocpi.V221,
			Position: ingest.Position{Epoch: 1, Offset: offset}, Received: at(int(offset)), Body: []byte(tariffBody(price, ""))}
	}
	store := &cutShort{Store: referencetest.Of(objectstest.NewStore(version(0, "0.10"), version(1, "0.20")))}
	x := reference.NewIndex(store)
	f := objects.New(objects.Options{Log: ingesttest.NewLog(1), Store: store, Folds: x.Folds(), Registerer: prometheus.NewRegistry()})
	if err := f.Run(t.Context()); !errors.Is(err, errBroken) {
		t.Fatalf("first load: %v, want the store's error", err)
	}
	objectstest.Run(t, f)
	if err := f.CatchUp(t.Context(), ingest.TopicReference); err != nil {
		t.Fatal(err)
	}
	if n, err := x.Versions(t.Context(), ocpi.NewKey("GB", "DUN", "T1")); err != nil || n != 2 {
		t.Errorf("%d versions, %v, want the 2 there are", n, err)
	}
}

func instant(t *testing.T, s string) ocpi.Time {
	t.Helper()
	at, _, err := ocpi.ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
