package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// memoryLog keeps what was appended, and folds nothing.
type memoryLog struct {
	mu      sync.Mutex
	records map[ingest.Topic][]ingest.Record
	err     error
}

func (l *memoryLog) Append(_ context.Context, topic ingest.Topic, e *ingest.Envelope, body []byte) (ingest.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return ingest.Position{}, l.err
	}
	if l.records == nil {
		l.records = map[ingest.Topic][]ingest.Record{}
	}
	p := ingest.Position{Epoch: 1, Offset: int64(len(l.records[topic]))}
	l.records[topic] = append(l.records[topic], ingest.Record{Position: p, Envelope: *e, Body: []byte(string(body))})
	return p, nil
}

// objects is a folded state that tests set by hand.
type objects map[ocpi.Key]string

func (o objects) Get(_ context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	raw, ok := o[t.Key]
	return ingest.ObjectState{Version: ocpi.V221, Body: []byte(raw)}, ok, nil
}

func (o objects) Peek(ctx context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	return o.Get(ctx, t)
}

func (o objects) Findings(ingest.Target, ingest.Position, ingest.Hash) ([]ocpi.Finding, bool) {
	return nil, false
}

func (o objects) RulesOut(id ingest.Identity) bool { return o[id.Key] == "" }

func (o objects) Wait(context.Context, ingest.Topic, ingest.Position) error { return nil }

const goodCDR = `{"country_code":"GB","party_id":"DUN","id":"c-1","start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T11:00:00Z",
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U1","type":"RFID","contract_id":"NL-EXW-1"},"auth_method":"WHITELIST",
"cdr_location":{"id":"L1","address":"High St","city":"Dundee","country":"GBR","coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"evse_uid":"E1","evse_id":"GB*DUN*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"currency":"GBP","charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}],"tariff_id":"T1"}],
"total_cost":{"excl_vat":5.00,"incl_vat":6.00},"total_energy":20,"total_time":1,"last_updated":"2019-01-05T11:05:00Z","x_unknown":{"kept":true}}`

const location = `{"country_code":"GB","party_id":"DUN","id":"L1","publish":true,"address":"High St","city":"Dundee","country":"GBR",
"coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"time_zone":"Europe/London","last_updated":"2019-01-01T00:00:00Z",
"evses":[{"uid":"E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":400,"max_amperage":32,"last_updated":"2019-01-01T00:00:00Z"}],"last_updated":"2019-01-01T00:00:00Z"}]}`

var dundee = ingest.Sender{ID: "gb-dun-cpo", Parties: []ocpi.Party{{Country: "GB", ID: "DUN"}}}

func newService(log ingest.Appender, current ingest.Current) *ingest.Service {
	clock := func() time.Time { return time.Date(2019, 1, 6, 0, 0, 0, 0, time.UTC) }
	return ingest.NewService(log, current, clock, ingest.DefaultLimits, ingest.NewMetrics(prometheus.NewRegistry()))
}

func TestAcceptedCDRIsInTheLogAsSent(t *testing.T) {
	log := &memoryLog{}
	r, err := newService(log, objects{}).CDR(t.Context(), dundee, ocpi.V221, []byte(goodCDR))
	if err != nil {
		t.Fatal(err)
	}
	if r.Key.String() != "GB*DUN*C-1" || r.ID != "c-1" {
		t.Errorf("receipt for %s id %s, want GB*DUN*C-1 with the id as sent", r.Key, r.ID)
	}
	got := log.records[ingest.TopicCDRs]
	if len(got) != 1 || string(got[0].Body) != goodCDR {
		t.Fatalf("log holds %d records, want the one body as sent", len(got))
	}
	want := ingest.Envelope{
		Object: ingest.ObjectCDR, Method: ingest.MethodPost, Version: ocpi.V221, Sender: "gb-dun-cpo",
		Key: ocpi.NewKey("GB", "DUN", "C-1"), Received: ocpi.TimeOf(time.Date(2019, 1, 6, 0, 0, 0, 0, time.UTC)),
	}
	if diff := cmp.Diff(want, got[0].Envelope); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
}

func TestBodiesThatCannotBeUsedAreKeptWithTheirReason(t *testing.T) {
	f := func(name, body, wantError string) {
		t.Helper()
		log := &memoryLog{}
		_, err := newService(log, objects{}).CDR(t.Context(), dundee, ocpi.V221, []byte(body))
		if err == nil || !strings.Contains(err.Error(), wantError) || !ingest.IsSenderFault(err) {
			t.Errorf("%s: error %v, want the sender's fault: %q", name, err, wantError)
		}
		kept := log.records[ingest.TopicRefused]
		if len(kept) != 1 || string(kept[0].Body) != body || kept[0].Reason != err.Error() {
			t.Errorf("%s: kept %v, want the body with its reason", name, kept)
		}
		if len(log.records[ingest.TopicCDRs]) != 0 {
			t.Errorf("%s: a body that was refused is among the CDRs", name)
		}
	}
	f("not JSON", `{"id":`, "not valid JSON")
	f("duplicate member", strings.Replace(goodCDR, `"currency":"GBP"`, `"currency":"GBP","currency":"EUR"`, 1), "currency")
	f("invalid UTF-8", strings.Replace(goodCDR, "High St", "High\xff", 1), "UTF-8")
	f("no id", strings.Replace(goodCDR, `"id":"c-1",`, "", 1), "id: missing")
	f("another party's", strings.Replace(goodCDR, `"party_id":"DUN"`, `"party_id":"PKC"`, 1), "unknown object")
}

// A CDR is never lost to one odd member: it is accepted as it was sent, and the
// findings name the member.
func TestOddMembersLoseNoCDR(t *testing.T) {
	for path, odd := range map[string][2]string{
		"total_cost":       {`"total_cost":{"excl_vat":5.00,"incl_vat":6.00},`, ``},
		"start_date_time":  {`"start_date_time":"2019-01-05T10:00:00Z"`, `"start_date_time":"soon"`},
		"currency":         {`"currency":"GBP"`, `"currency":7`},
		"charging_periods": {`"charging_periods":[`, `"charging_periods":null,"x":[`},
		"charging_periods[0].dimensions[0].volume": {`"volume":20`, `"volume":"twenty"`},
	} {
		body := strings.Replace(goodCDR, odd[0], odd[1], 1)
		if body == goodCDR {
			t.Fatalf("%s: nothing to replace", path)
		}
		log := &memoryLog{}
		r, err := newService(log, objects{}).CDR(t.Context(), dundee, ocpi.V221, []byte(body))
		if err != nil || len(r.Findings) == 0 || r.Findings[0].Path != path {
			t.Errorf("%s: %v, findings %v", path, err, r.Findings)
		}
		if got := log.records[ingest.TopicCDRs]; len(got) != 1 || string(got[0].Body) != body {
			t.Errorf("%s: the log holds %d records, want the body as sent", path, len(got))
		}
	}
}

// A COMPLETED Session stays as it is (mod_sessions, SessionStatus): what would
// change it is refused and kept; what came again, or late, changes nothing.
func TestCompletedSessionsStay(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "S1")
	const session = `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-01T10:00:00Z","end_date_time":"2019-01-01T11:00:00Z","kwh":1,
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1",
"currency":"GBP","charging_periods":[],"status":"COMPLETED","last_updated":"2019-01-01T11:00:00Z"}`
	target := ingest.Target{Object: ingest.ObjectSession, Key: key, ID: "S1"}
	for name, c := range map[string]struct {
		method  ingest.Method
		body    string
		refused bool
	}{
		"the same again":        {ingest.MethodPut, session, false},
		"a new last_updated":    {ingest.MethodPatch, `{"last_updated":"2019-01-02T00:00:00Z"}`, false},
		"an older PATCH, late":  {ingest.MethodPatch, `{"kwh":0.5,"status":"ACTIVE","last_updated":"2019-01-01T10:30:00Z"}`, false},
		"reopened by PATCH":     {ingest.MethodPatch, `{"kwh":99,"status":"ACTIVE","end_date_time":null,"last_updated":"2019-01-02T00:00:00Z"}`, true},
		"changed by PUT":        {ingest.MethodPut, strings.Replace(session, `"kwh":1`, `"kwh":2`, 1), true},
		"status in small, PUT":  {ingest.MethodPut, strings.Replace(session, `"COMPLETED"`, `"active"`, 1), true},
		"another amount, PATCH": {ingest.MethodPatch, `{"total_cost":{"excl_vat":1},"last_updated":"2019-01-02T00:00:00Z"}`, true},
	} {
		log := &memoryLog{}
		s := newService(log, objects{key: session})
		change := s.Put
		if c.method == ingest.MethodPatch {
			change = s.Patch
		}
		_, err := change(t.Context(), dundee, ocpi.V221, target, []byte(c.body))
		if c.refused {
			if err == nil || !strings.Contains(err.Error(), "session_completed") || !ingest.IsSenderFault(err) || len(log.records[ingest.TopicRefused]) != 1 {
				t.Errorf("%s: %v, want it refused and kept", name, err)
			}
			continue
		}
		if err != nil || len(log.records[ingest.TopicSessions]) != 1 {
			t.Errorf("%s: %v, want it accepted", name, err)
		}
	}
}

// A receipt is read after the decoder has gone on to the next body.
func TestAReceiptIsItsOwn(t *testing.T) {
	s := newService(&memoryLog{}, objects{})
	first, err := s.CDR(t.Context(), dundee, ocpi.V221, []byte(strings.Replace(goodCDR, `"id":"c-1"`, `"id":"a\/bb"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for range 8 { // the pool may hand out another decoder
		if _, err := s.CDR(t.Context(), dundee, ocpi.V221, []byte(strings.Replace(goodCDR, `"id":"c-1"`, `"id":"z\/zz"`, 1))); err != nil {
			t.Fatal(err)
		}
	}
	if first.ID != "a/bb" || first.Key.ID != "A/BB" {
		t.Errorf("the first receipt now says %s, %s; want a/bb, A/BB", first.ID, first.Key)
	}
}

func TestNoSuccessWithoutTheLog(t *testing.T) {
	for _, fault := range []error{ingest.ErrOverload, ingest.ErrOutcomeUnknown} {
		log := &memoryLog{err: fault}
		s := newService(log, objects{})
		if _, err := s.CDR(t.Context(), dundee, ocpi.V221, []byte(goodCDR)); !errors.Is(err, fault) {
			t.Errorf("CDR with a log that says %v: error %v", fault, err)
		}
		// A body that can neither be used nor kept is the log's fault, so
		// that the partner tries again.
		if _, err := s.CDR(t.Context(), dundee, ocpi.V221, []byte(`{`)); !errors.Is(err, fault) {
			t.Errorf("refused CDR with a log that says %v: error %v", fault, err)
		}
	}
}

func TestChanges(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	whole := ingest.Target{Object: ingest.ObjectLocation, Key: key, ID: "L1"}
	evse := func(uid string) ingest.Target {
		return ingest.Target{Object: ingest.ObjectLocation, Key: key, ID: "L1", Path: ingest.PartPath(uid, "")}
	}
	const newEVSE = `{"uid":"E/2","status":"CHARGING","connectors":[],"last_updated":"2019-02-01T00:00:00Z"}`
	f := func(name string, method ingest.Method, target ingest.Target, body, wantError string, wantCreated bool) {
		t.Helper()
		log := &memoryLog{}
		s := newService(log, objects{key: location})
		var r ingest.Receipt
		var err error
		if method == ingest.MethodPut {
			r, err = s.Put(t.Context(), dundee, ocpi.V221, target, []byte(body))
		} else {
			r, err = s.Patch(t.Context(), dundee, ocpi.V221, target, []byte(body))
		}
		switch {
		case wantError == "" && (err != nil || len(log.records[ingest.TopicReference]) != 1 || r.Created != wantCreated):
			t.Errorf("%s: error %v, created %t, %d records; want accepted, created %t", name, err, r.Created, len(log.records[ingest.TopicReference]), wantCreated)
		case wantError != "" && (err == nil || !strings.Contains(err.Error(), wantError)):
			t.Errorf("%s: error %v, want %q", name, err, wantError)
		case wantError != "" && len(log.records[ingest.TopicReference]) != 0:
			t.Errorf("%s: a refused change is in the log", name)
		}
	}
	f("PUT again", ingest.MethodPut, whole, location, "", false)
	f("PUT with another id", ingest.MethodPut, whole, strings.Replace(location, `"id":"L1"`, `"id":"L2"`, 1), "id: is not the id in the URL", false)
	f("PUT with another owner", ingest.MethodPut, whole, strings.Replace(location, `"party_id":"DUN"`, `"party_id":"PKC"`, 1), "party_id", false)
	f("PUT of a new EVSE whose uid holds a slash", ingest.MethodPut, evse("E/2"), newEVSE, "", true)
	f("PATCH of an EVSE", ingest.MethodPatch, evse("E1"), `{"status":"CHARGING","last_updated":"2019-02-01T00:00:00Z"}`, "", false)
	f("PATCH without last_updated", ingest.MethodPatch, evse("E1"), `{"status":"CHARGING"}`, "last_updated: required in a PATCH", false)
	f("PATCH of an unknown EVSE", ingest.MethodPatch, evse("E9"), `{"status":"CHARGING","last_updated":"2019-02-01T00:00:00Z"}`, "unknown object", false)
	other := ingest.Target{Object: ingest.ObjectSession, Key: ocpi.NewKey("GB", "DUN", "S9"), ID: "S9"}
	f("PATCH of a Session nobody PUT", ingest.MethodPatch, other, `{"kwh":1,"last_updated":"2019-02-01T00:00:00Z"}`, "unknown object", false)
	foreign := ingest.Target{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "PKC", "L1"), ID: "L1"}
	f("PUT in another party's name", ingest.MethodPut, foreign, location, "unknown object", false)
}

// An object that PATCHes would make too large is refused, by name, and the
// body is kept.
func TestMergedObjectsHaveALimit(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "S1")
	session := `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-01T10:00:00Z","kwh":1,"x":"` + strings.Repeat("x", 1<<20-2000) + `",
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1",
"currency":"GBP","charging_periods":[],"status":"ACTIVE","last_updated":"2019-01-01T10:00:00Z"}`
	target := ingest.Target{Object: ingest.ObjectSession, Key: key, ID: "S1"}
	for size, refused := range map[int]bool{100: false, 2000: true} {
		log := &memoryLog{}
		body := fmt.Sprintf(`{"y":%q,"last_updated":"2019-01-01T10:01:00Z"}`, strings.Repeat("y", size))
		_, err := newService(log, objects{key: session}).Patch(t.Context(), dundee, ocpi.V221, target, []byte(body))
		if !refused {
			if err != nil || len(log.records[ingest.TopicSessions]) != 1 {
				t.Errorf("%d bytes more: %v, want accepted", size, err)
			}
			continue
		}
		invalid, ok := errors.AsType[*ocpi.Invalid](err)
		if !ok || len(invalid.Fields) != 1 || invalid.Fields[0].Path != "charging_periods" || !strings.Contains(err.Error(), "at most 1048576 are kept (limits.session_bytes)") {
			t.Errorf("%d bytes more: %v, want the limit named", size, err)
		}
		if kept := log.records[ingest.TopicRefused]; len(kept) != 1 || string(kept[0].Body) != body || len(log.records[ingest.TopicSessions]) != 0 {
			t.Errorf("%d bytes more: kept %d bodies, want the refused one", size, len(kept))
		}
	}
}

// room is one of which nothing is left after some bytes.
type room struct{ left, given int64 }

func (r *room) Take(_ string, n int64) bool {
	if r.left < n {
		return false
	}
	r.left -= n
	return true
}

func (r *room) Give(_ string, n int64) { r.given += n }

// A short PATCH of a large object is as large as that: who has too many under
// way is told to come again, and nothing is kept.
func TestAMergeTakesRoom(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	target := ingest.Target{Object: ingest.ObjectLocation, Key: key, ID: "L1"}
	const patch = `{"city":"x","last_updated":"2019-02-01T00:00:00Z"}`
	need := int64(len(location) + len(patch))
	log, of := &memoryLog{}, &room{left: need}
	s := newService(log, objects{key: location})
	s.Merging = of
	if _, err := s.Patch(t.Context(), dundee, ocpi.V221, target, []byte(patch)); err != nil || of.left != 0 || of.given != need {
		t.Errorf("%v, %d bytes left, %d given back; want 0 and %d", err, of.left, of.given, need)
	}
	if _, err := s.Patch(t.Context(), dundee, ocpi.V221, target, []byte(patch)); !errors.Is(err, ingest.ErrOverload) {
		t.Errorf("without room: %v, want ErrOverload", err)
	}
	if _, err := s.Put(t.Context(), dundee, ocpi.V221, target, []byte(location)); err != nil {
		t.Errorf("a whole object merges with nothing: %v", err)
	}
	if n := len(log.records[ingest.TopicReference]) + len(log.records[ingest.TopicRefused]); n != 2 {
		t.Errorf("%d records, want the two that were accepted", n)
	}
}

// restless is a Location that has changed its time zone as often as is kept.
type restless struct{ objects }

func (o restless) Peek(ctx context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	s, ok, err := o.Get(ctx, t)
	for i := range ingest.MaxChanges {
		s.Changes = append(s.Changes, ingest.Change{Zone: []string{"Europe/Dublin", "Europe/London"}[i%2]})
	}
	return s, ok, err
}

// What prices rest on is kept for ever, so it may not change without end.
func TestChangesOfATimeZoneHaveALimit(t *testing.T) {
	key := ocpi.NewKey("GB", "DUN", "L1")
	target := ingest.Target{Object: ingest.ObjectLocation, Key: key, ID: "L1"}
	for zone, refused := range map[string]bool{"Europe/London": false, "Europe/Dublin": true} {
		body := strings.Replace(location, "Europe/London", zone, 1)
		_, err := newService(&memoryLog{}, restless{objects{key: location}}).Put(t.Context(), dundee, ocpi.V221, target, []byte(body))
		invalid, _ := errors.AsType[*ocpi.Invalid](err)
		if refused != (err != nil) || refused && (invalid == nil || invalid.Fields[0].Path != "time_zone") {
			t.Errorf("%s: %v, want refused %t, by name", zone, err, refused)
		}
	}
}

// A body that was refused before anybody looked at it is kept like any other.
func TestABodyRefusedOutsideIsKept(t *testing.T) {
	log := &memoryLog{}
	target := ingest.Target{Object: ingest.ObjectSession, Key: ocpi.NewKey("GB", "DUN", "S1"), ID: "S1"}
	reason := fmt.Errorf("%w: 5 bytes, at most 4 are accepted", ingest.ErrTooLarge)
	if err := newService(log, objects{}).Refuse(t.Context(), dundee, ocpi.V221, ingest.MethodPut, target, []byte("begin"), reason); !errors.Is(err, ingest.ErrTooLarge) {
		t.Errorf("%v, want the reason", err)
	}
	kept := log.records[ingest.TopicRefused]
	if len(kept) != 1 || string(kept[0].Body) != "begin" || kept[0].Reason != reason.Error() || kept[0].Key != target.Key || kept[0].Method != ingest.MethodPut || kept[0].Sender != dundee.ID {
		t.Errorf("kept %+v", kept)
	}
}

// A CDR that comes again is told by its bytes.
func TestACDRThatComesAgain(t *testing.T) {
	s := newService(&memoryLog{}, objects{})
	for i, tt := range []struct {
		body string
		want ingest.Earlier
	}{
		{goodCDR, ingest.EarlierUnknown},
		{goodCDR, ingest.EarlierSame},
		{strings.Replace(goodCDR, "5.00", "50.00", 1), ingest.EarlierOther},
		{strings.Replace(goodCDR, `"c-1"`, `"C-1"`, 1), ingest.EarlierOther},
		{strings.Replace(goodCDR, `"c-1"`, `"c-2"`, 1), ingest.EarlierUnknown},
	} {
		r, err := s.CDR(t.Context(), dundee, ocpi.V221, []byte(tt.body))
		if err != nil || r.Earlier != tt.want {
			t.Errorf("push %d: %d, %v; want %d", i, r.Earlier, err, tt.want)
		}
	}
}

// doubtful finds something in everything.
type doubtful struct{ objects }

func (doubtful) Findings(ingest.Target, ingest.Position, ingest.Hash) ([]ocpi.Finding, bool) {
	return []ocpi.Finding{{Code: "doubtful"}}, true
}

// What the fold finds stands in the receipt, in the place of the decoder's.
func TestTheFoldsFindingsAreInTheReceipt(t *testing.T) {
	target := ingest.Target{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "L1"), ID: "L1"}
	r, err := newService(&memoryLog{}, doubtful{objects{}}).Put(t.Context(), dundee, ocpi.V221, target, []byte(location))
	if err != nil || len(r.Findings) != 1 || r.Findings[0].Code != "doubtful" {
		t.Errorf("findings %v, %v; want the fold's", r.Findings, err)
	}
}

// A Token whose contract id names another party is taken, and what is wrong with it is
// told.
func TestAForeignContractIsFound(t *testing.T) {
	for contract, want := range map[string]string{
		"GB-DUN-C00000001": "", "GB-8AC-C00000001": "", "own number 7": "",
		"NL-TNM-C00000001": "it names a contract of NL*TNM, not of GB*DUN: a CDR that says no more than that is not billed to GB*DUN",
	} {
		s := newService(&memoryLog{}, objects{})
		s.Issuers = ocpi.Issuers{ocpi.NewParty("GB", "8AC"): ocpi.NewParty("GB", "DUN")}
		body := fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","uid":"U1","type":"RFID","contract_id":%q,"issuer":"i","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`, contract)
		r, err := s.Put(t.Context(), dundee, ocpi.V221, ingest.Target{Object: ingest.ObjectToken, Key: ocpi.NewKey("GB", "DUN", "U1"), ID: "U1", Variant: "RFID"}, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range r.Findings {
			got += f.Detail
		}
		if got != want {
			t.Errorf("%s: %q, want %q", contract, got, want)
		}
	}
}

// A Token's type is part of its identity: body and URL must agree on it.
func TestTheTypeOfAToken(t *testing.T) {
	const body = `{"country_code":"GB","party_id":"DUN","uid":"U1","type":"%s","contract_id":"C1","issuer":"i","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`
	key := ocpi.NewKey("GB", "DUN", "U1")
	cases := []struct {
		name, inURL, patch string
		inBody             string
		wrong              bool
	}{
		{"the same", "RFID", "", "RFID", false},
		{"another one than the default", "OTHER", "", "OTHER", false},
		{"in small letters", "OTHER", "", "other", false},
		{"the default, another in the body", "RFID", "", "OTHER", true},
		{"another one, RFID in the body", "OTHER", "", "RFID", true},
		{"PATCH of another member", "OTHER", `{"valid":false,"last_updated":"2019-02-01T00:00:00Z"}`, "OTHER", false},
		{"PATCH of the type", "OTHER", `{"type":"RFID","last_updated":"2019-02-01T00:00:00Z"}`, "OTHER", true},
	}
	for _, c := range cases {
		log := &memoryLog{}
		s := newService(log, objects{key: fmt.Sprintf(body, c.inBody)})
		target := ingest.Target{Object: ingest.ObjectToken, Key: key, ID: "U1", Variant: c.inURL}
		var err error
		if c.patch != "" {
			_, err = s.Patch(t.Context(), dundee, ocpi.V221, target, []byte(c.patch))
		} else {
			_, err = s.Put(t.Context(), dundee, ocpi.V221, target, []byte(fmt.Sprintf(body, c.inBody)))
		}
		if !c.wrong {
			if err != nil || len(log.records[ingest.TopicReference]) != 1 {
				t.Errorf("%s: %v, want accepted", c.name, err)
			}
			continue
		}
		invalid, ok := errors.AsType[*ocpi.Invalid](err)
		if !ok || len(invalid.Fields) != 1 || invalid.Fields[0].Path != "type" {
			t.Errorf("%s: %v, want type to be wrong", c.name, err)
		}
	}
}

// folded is one object as it stands.
type folded struct {
	objects
	state ingest.ObjectState
}

func (f folded) Peek(context.Context, ingest.Target) (ingest.ObjectState, bool, error) {
	return f.state, f.state.Contract != "", nil
}

// A record of a Session whose token names nobody says who pays for its contract, where
// that is known; one of whom it is known already does not say it again.
func TestWhoPaysForASessionStandsWithIt(t *testing.T) {
	exw := ocpi.NewParty("NL", "EXW")
	const session = `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-05T10:00:00Z","kwh":0,"cdr_token":{%s"uid":"U","type":"RFID","contract_id":%q},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"GBP","status":"ACTIVE","last_updated":"2019-01-05T10:00:00Z"}`
	start := ocpi.TimeOf(time.Date(2019, 1, 5, 10, 0, 0, 0, time.UTC))
	for _, tt := range []struct {
		name, body string
		known      ingest.ObjectState
		want       string
	}{
		{"known", fmt.Sprintf(session, "", "c1"), ingest.ObjectState{}, "NL*EXW C1"},
		{"half a party", fmt.Sprintf(session, `"country_code":"DE",`, "c1"), ingest.ObjectState{}, "NL*EXW C1"},
		{"nobody", fmt.Sprintf(session, "", "c2"), ingest.ObjectState{}, ""},
		{"no contract", fmt.Sprintf(session, "", ""), ingest.ObjectState{}, ""},
		{"named", fmt.Sprintf(session, `"country_code":"DE","party_id":"TNM",`, "c1"), ingest.ObjectState{}, ""},
		{"known before", fmt.Sprintf(session, "", "c1"), ingest.ObjectState{Contract: "C1", With: ocpi.NewParty("DE", "TNM")}, ""},
		{"known before, for another", fmt.Sprintf(session, "", "c1"), ingest.ObjectState{Contract: "C0", With: ocpi.NewParty("DE", "TNM")}, "NL*EXW C1"},
	} {
		log := &memoryLog{}
		target := ingest.Target{Object: ingest.ObjectSession, Key: ocpi.NewKey("GB", "DUN", "S1"), ID: "S1"}
		tt.known.Object, tt.known.Key, tt.known.Version, tt.known.Body = target.Object, target.Key, ocpi.V221, fmt.Appendf(nil, session, "", tt.known.Contract)
		s := newService(log, folded{state: tt.known})
		s.Payer = func(contract string, at ocpi.Time) (ocpi.Party, bool) { return exw, contract == "C1" && at == start }
		if _, err := s.Put(t.Context(), dundee, ocpi.V221, target, []byte(tt.body)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := log.records[ingest.TopicSessions][0].Path; got != tt.want {
			t.Errorf("%s: the record says %q, want %q", tt.name, got, tt.want)
		}
	}
}
