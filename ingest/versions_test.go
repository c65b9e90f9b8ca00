package ingest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// states are what is folded, each in the version it was sent in.
type states map[ocpi.Key]ingest.ObjectState

func (s states) Get(_ context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	o, ok := s[t.Key]
	return o, ok && o.Object == t.Object, nil
}

func (s states) Peek(ctx context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	return s.Get(ctx, t)
}

func (s states) Findings(ingest.Target, ingest.Position, ingest.Hash) ([]ocpi.Finding, bool) {
	return nil, false
}

func (s states) RulesOut(ingest.Identity) bool { return false }

func (s states) Wait(context.Context, ingest.Topic, ingest.Position) error { return nil }

func state(o ingest.Object, v ocpi.Version, party, id, body string) (ocpi.Key, ingest.ObjectState) {
	k := ocpi.NewKey("GB", party, id)
	return k, ingest.ObjectState{Object: o, Key: k, Version: v, Body: []byte(body)}
}

const cdr211 = `{"id":"c-1","start_date_time":"2019-01-05T10:00:00Z","stop_date_time":"2019-01-05T11:00:00Z","auth_id":"NL-EXW-1","auth_method":"WHITELIST",
"location":{"id":"L1","type":"ON_STREET","address":"High St","city":"Dundee","postal_code":"DD1","country":"GBR","coordinates":{"latitude":"56.460000","longitude":"-2.970000"},"evses":[],"last_updated":"2019-01-01T00:00:00Z"},
"currency":"GBP","charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}]}],"total_cost":5,"total_energy":20,"total_time":1,"last_updated":"2019-01-05T11:05:00Z"}`

// A CDR of OCPI 2.1.1 does not say whose it is: it is the connection's party's,
// of several that one's whose Location it names.
func TestWhoseA211CDRIs(t *testing.T) {
	one := dundee
	two := ingest.Sender{ID: "gb-dun-cpo", Parties: []ocpi.Party{{Country: "GB", ID: "DUN"}, {Country: "GB", ID: "PKC"}}}
	located := func(parties ...string) states {
		s := states{}
		for _, p := range parties {
			k, o := state(ingest.ObjectLocation, ocpi.V211, p, "L1", "{}")
			s[k] = o
		}
		return s
	}
	acting := two
	acting.Acting = two.Parties[0]
	stranger := two
	stranger.Acting = ocpi.Party{Country: "NL", ID: "TNM"}
	const same, other = cdr211, `{"id":"c-1","start_date_time":"2018-01-05T10:00:00Z"}`
	for name, c := range map[string]struct {
		from         ingest.Sender
		there        states
		before, copy string // of whom a CDR of this id came before, and it
		want         string // "" = refused
	}{
		"one party":                            {one, located(), "", "", "GB*DUN*C-1"},
		"several, one has the Location":        {two, located("PKC"), "", "", "GB*PKC*C-1"},
		"several, none has the Location":       {two, located(), "", "", ""},
		"several, more than one have such one": {two, located("DUN", "PKC"), "", "", ""},

		"it says whose it is":                  {acting, located(), "", "", "GB*DUN*C-1"},
		"it says so, whatever the Location":    {acting, located("PKC"), "", "", "GB*DUN*C-1"},
		"it says so, both have the Location":   {acting, located("DUN", "PKC"), "", "", "GB*DUN*C-1"},
		"it speaks for no party of its own":    {stranger, located("PKC"), "", "", "GB*PKC*C-1"},
		"pulled after it was pushed":           {two, located("PKC"), "GB*DUN*C-1", same, "GB*DUN*C-1"},
		"pulled so, without a Location":        {two, located(), "GB*DUN*C-1", same, "GB*DUN*C-1"},
		"pulled, another one of this id there": {two, located("PKC"), "GB*DUN*C-1", other, "GB*PKC*C-1"},
		"pushed after it was pulled":           {acting, located("PKC"), "GB*PKC*C-1", same, "GB*PKC*C-1"},
		"pushed, another one of this id there": {acting, located("PKC"), "GB*PKC*C-1", other, "GB*DUN*C-1"},
	} {
		log := &memoryLog{}
		s := newService(log, c.there)
		s.First = func(_ context.Context, key ocpi.Key) ([]byte, bool, error) {
			return []byte(c.copy), key.String() == c.before, nil
		}
		r, err := s.CDR(t.Context(), c.from, ocpi.V211, []byte(cdr211))
		_, invalid := errors.AsType[*ocpi.Invalid](err)
		if c.want != "" && (err != nil || r.Key.String() != c.want) || c.want == "" && (!invalid || len(log.records[ingest.TopicRefused]) != 1) {
			t.Errorf("%s: %s, %v; want %q", name, r.Key, err, c.want)
		}
	}
}

// What this process accepted a moment ago is not in the store yet.
func TestA211CDRPushedAndPulledAtOnceHasOneOwner(t *testing.T) {
	parties := []ocpi.Party{{Country: "GB", ID: "DUN"}, {Country: "GB", ID: "PKC"}}
	k, o := state(ingest.ObjectLocation, ocpi.V211, "PKC", "L1", "{}")
	s := newService(&memoryLog{}, states{k: o})
	for _, acting := range []ocpi.Party{parties[0], {}} {
		r, err := s.CDR(t.Context(), ingest.Sender{ID: "gb-dun-cpo", Parties: parties, Acting: acting}, ocpi.V211, []byte(cdr211))
		if err != nil || r.Key.Party != parties[0] {
			t.Errorf("speaking for %s: %s, %v", acting, r.Key, err)
		}
	}
}

const session211 = `{"id":"s1","start_datetime":"2019-01-01T10:00:00Z","kwh":1,"auth_id":"C","auth_method":"WHITELIST","currency":"GBP","status":"ACTIVE",
"charging_periods":[{"start_date_time":"2019-01-01T10:00:00Z","dimensions":[{"type":"ENERGY","volume":1}]}],
"location":{"id":"L1","evses":[]},"last_updated":"2019-01-01T10:00:00Z"}`

// In 2.1.1 ids that differ by case are two objects, in all later versions one: the
// second is refused, wherever it stands.
func TestIDsOf211ThatDifferByCase(t *testing.T) {
	const location211 = `{"id":"L1","type":"ON_STREET","address":"a","city":"c","postal_code":"p","country":"GBR","coordinates":{"latitude":"56.460000","longitude":"-2.970000"},
"evses":[{"uid":"e1","status":"AVAILABLE","connectors":[{"id":"a"}],"last_updated":"2019-01-01T00:00:00Z"}],"last_updated":"2019-01-01T00:00:00Z"}`
	there := states{}
	for _, o := range []struct {
		object   ingest.Object
		id, body string
	}{{ingest.ObjectSession, "S1", session211}, {ingest.ObjectLocation, "L1", location211}} {
		k, s := state(o.object, ocpi.V211, "DUN", o.id, o.body)
		there[k] = s
	}
	target := func(o ingest.Object, id, path string) ingest.Target {
		return ingest.Target{Object: o, Key: ocpi.NewKey("GB", "DUN", id), ID: id, Path: path}
	}
	for name, c := range map[string]struct {
		target  ingest.Target
		v       ocpi.Version
		body    string
		refused string
	}{
		"the same Session":           {target(ingest.ObjectSession, "S1", ""), ocpi.V211, session211, ""},
		"a Session":                  {target(ingest.ObjectSession, "S1", ""), ocpi.V211, strings.Replace(session211, `"s1"`, `"S1"`, 1), "id"},
		"a Location":                 {target(ingest.ObjectLocation, "L1", ""), ocpi.V211, strings.Replace(location211, `"L1"`, `"l1"`, 1), "id"},
		"the same EVSE":              {target(ingest.ObjectLocation, "L1", "E1"), ocpi.V211, `{"uid":"e1","status":"CHARGING","connectors":[]}`, ""},
		"an EVSE":                    {target(ingest.ObjectLocation, "L1", "E1"), ocpi.V211, `{"uid":"E1","status":"CHARGING","connectors":[]}`, "uid"},
		"a Connector":                {target(ingest.ObjectLocation, "L1", "E1/A"), ocpi.V211, `{"id":"A"}`, "id"},
		"a Location in 2.2.1":        {target(ingest.ObjectLocation, "L1", ""), ocpi.V221, strings.Replace(location, `"L1"`, `"l1"`, 1), ""},
		"a URL in other letters":     {target(ingest.ObjectSession, "s1", ""), ocpi.V211, session211, ""},
		"what has no such neighbour": {target(ingest.ObjectSession, "S2", ""), ocpi.V211, strings.Replace(session211, `"s1"`, `"s2"`, 1), ""},
	} {
		_, err := newService(&memoryLog{}, there).Put(t.Context(), dundee, c.v, c.target, []byte(c.body))
		invalid, _ := errors.AsType[*ocpi.Invalid](err)
		if c.refused == "" && err != nil || c.refused != "" && (invalid == nil || invalid.Fields[0].Path != c.refused || !strings.Contains(err.Error(), "only by case")) {
			t.Errorf("%s: %v, want refused %q", name, err, c.refused)
		}
	}
}

// An INVALID Session is not billed, and a PATCH makes it no other; a PUT says all
// of it anew.
func TestInvalidSessionsStay(t *testing.T) {
	k, stored := state(ingest.ObjectSession, ocpi.V211, "DUN", "S1", strings.Replace(session211, "ACTIVE", "INVALID", 1))
	for body, c := range map[string]struct {
		method  ingest.Method
		refused bool
	}{
		`{"status":"ACTIVE","last_updated":"2019-01-02T00:00:00Z"}`: {ingest.MethodPatch, true},
		`{"kwh":9}`: {ingest.MethodPatch, true},
		`{"last_updated":"2019-01-02T00:00:00Z"}`: {ingest.MethodPatch, false},
		session211: {ingest.MethodPut, false},
	} {
		log := &memoryLog{}
		s := newService(log, states{k: stored})
		push := s.Patch
		if c.method == ingest.MethodPut {
			push = s.Put
		}
		_, err := push(t.Context(), dundee, ocpi.V211, ingest.Target{Object: ingest.ObjectSession, Key: k, ID: "S1"}, []byte(body))
		if c.refused != (err != nil) || c.refused && (!strings.Contains(err.Error(), "session_invalid") || len(log.records[ingest.TopicRefused]) != 1) {
			t.Errorf("%s %s: %v, want refused %t", c.method, body, err, c.refused)
		}
	}
}

// Who has to send a body again is told all that is missing at once.
func TestAnEmptyBodyNamesEverythingThatIsMissing(t *testing.T) {
	want := map[ingest.Object]string{
		ingest.ObjectInvoice:  "country_code party_id id invoice_id cdrs last_updated",
		ingest.ObjectSession:  "id country_code party_id kwh currency status last_updated auth_method start_date_time cdr_token location_id",
		ingest.ObjectLocation: "id country_code party_id publish address city country coordinates time_zone last_updated",
		ingest.ObjectTariff:   "id country_code party_id currency elements last_updated",
		ingest.ObjectToken:    "uid type country_code party_id contract_id issuer valid whitelist last_updated",
	}
	k, there := state(ingest.ObjectLocation, ocpi.V221, "DUN", "X1", strings.Replace(location, `"L1"`, `"X1"`, 1))
	for path, names := range map[string]string{"E1": "uid status connectors last_updated", "E1/1": "id standard format power_type last_updated"} {
		target := ingest.Target{Object: ingest.ObjectLocation, Key: k, ID: "X1", Path: path}
		_, err := newService(&memoryLog{}, states{k: there}).Put(t.Context(), dundee, ocpi.V221, target, []byte("{}"))
		named(t, path, err, names)
	}
	for object, names := range want {
		target := ingest.Target{Object: object, Key: ocpi.NewKey("GB", "DUN", "X1"), ID: "X1"}
		_, err := newService(&memoryLog{}, states{}).Put(t.Context(), dundee, ocpi.V221, target, []byte("{}"))
		named(t, object.String(), err, names)
	}
}

// named wants an error that names fields, each once.
func named(t *testing.T, what string, err error, names string) {
	t.Helper()
	invalid, _ := errors.AsType[*ocpi.Invalid](err)
	if invalid == nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	told := map[string]int{}
	for _, f := range invalid.Fields {
		told[f.Path]++
	}
	for name := range strings.FieldsSeq(names) {
		if told[name] != 1 {
			t.Errorf("%s: %s is named %d times: %v", what, name, told[name], err)
		}
	}
}

// A change in part that comes in another version is one of the object as that
// version has it: names and shapes are the change's.
func TestAChangeInAnotherVersion(t *testing.T) {
	_, stored := state(ingest.ObjectLocation, ocpi.V221, "DUN", "L1", location)
	for name, c := range map[string]struct {
		v          ocpi.Version
		path, body string
		has, lacks string
	}{
		"2.1.1 PATCH": {ocpi.V211, "", `{"city":"Perth"}`, `"city":"Perth"`, `"party_id"`},
		"2.1.1 EVSE":  {ocpi.V211, "E1", `{"uid":"E1","status":"CHARGING","connectors":[],"last_updated":"2019-02-01T00:00:00Z"}`, `"CHARGING"`, `"publish"`},
		"2.3.0 PATCH": {ocpi.V230, "", `{"city":"Perth","last_updated":"2019-02-01T00:00:00Z"}`, `"publish":true`, `"city":"Dundee"`},
	} {
		m := ingest.MethodPatch
		if c.path != "" {
			m = ingest.MethodPut
		}
		got, err := ingest.Apply(c.v, m, ingest.Target{Object: stored.Object, Key: stored.Key, Path: c.path}, &stored, []byte(c.body))
		if err != nil || !strings.Contains(string(got), c.has) || strings.Contains(string(got), c.lacks) {
			t.Errorf("%s: %v: %s", name, err, got)
		}
	}
	hidden := stored
	hidden.Body = []byte(strings.Replace(location, `"publish":true`, `"publish":false`, 1))
	if _, err := ingest.Apply(ocpi.V211, ingest.MethodPatch, ingest.Target{Object: stored.Object, Key: stored.Key}, &hidden, []byte(`{"city":"Perth"}`)); err == nil || !ingest.IsSenderFault(err) {
		t.Errorf("a Location that 2.1.1 has no words for: %v, want it refused", err)
	}
}
