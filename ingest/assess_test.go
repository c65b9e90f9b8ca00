package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

const tariff = `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`

const session = `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-05T10:00:00Z","kwh":3.5,
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U1","type":"RFID","contract_id":"NL-EXW-1"},"auth_method":"WHITELIST",
"location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"GBP","status":"ACTIVE","last_updated":"2019-01-05T10:30:00Z"}`

// Who asks beforehand is told what the push then comes to; of the asking nothing is kept
// and nothing counted.
func TestAssessIsThePush(t *testing.T) {
	strict := dundee
	strict.Refuses = []string{"cdr_before_location", "found_beside", "explicit_null"}
	odd := func(body, from, to string) string {
		changed := strings.Replace(body, from, to, 1)
		if changed == body {
			t.Fatalf("there is no %s to replace", from)
		}
		return changed
	}
	for _, c := range []struct {
		name string
		from ingest.Sender
		v    ocpi.Version
		kind ingest.Object
		body string
		want string // "" = accepted, else the beginning of why it is refused
	}{
		{"a CDR", dundee, ocpi.V221, ingest.ObjectCDR, goodCDR, ""},
		{"one with findings", dundee, ocpi.V221, ingest.ObjectCDR, odd(goodCDR, `"currency":"GBP"`, `"currency":"gbp"`), ""},
		{"one that says no total", dundee, ocpi.V221, ingest.ObjectCDR, odd(goodCDR, `"total_cost":{"excl_vat":5.00,"incl_vat":6.00},`, ""), ""},
		{"no id", dundee, ocpi.V221, ingest.ObjectCDR, odd(goodCDR, `"id":"c-1",`, ""), "id: missing"},
		{"no JSON", dundee, ocpi.V221, ingest.ObjectCDR, `{"id":`, "not valid JSON"},
		{"another party's", dundee, ocpi.V221, ingest.ObjectCDR, odd(goodCDR, `"party_id":"DUN"`, `"party_id":"PKC"`), "unknown object"},
		{"a CDR that a policy refuses", strict, ocpi.V221, ingest.ObjectCDR, goodCDR, "cdr_location.id: cdr_before_location, which is refused by agreement"},
		{"a CDR in the version before", dundee, ocpi.V211, ingest.ObjectCDR, goodCDR, ""},
		{"a Location", dundee, ocpi.V221, ingest.ObjectLocation, location, ""},
		{"a Location that stands", dundee, ocpi.V221, ingest.ObjectLocation, odd(location, `"id":"L1"`, `"id":"L9"`), ""},
		{"a Location with a null", strict, ocpi.V221, ingest.ObjectLocation, odd(location, `"address"`, `"name":null,"address"`), "name: explicit_null, which is refused by agreement"},
		{"a Tariff", dundee, ocpi.V221, ingest.ObjectTariff, tariff, ""},
		{"a Tariff by what others find", strict, ocpi.V221, ingest.ObjectTariff, tariff, "id: found_beside, which is refused by agreement"},
		{"a Tariff without elements", dundee, ocpi.V221, ingest.ObjectTariff, odd(tariff, `"id":"T1"`, `"id":7`), ""},
		{"a Tariff of another", dundee, ocpi.V221, ingest.ObjectTariff, odd(tariff, `"party_id":"DUN"`, `"party_id":"PKC"`), "unknown object"},
		{"a Session", dundee, ocpi.V221, ingest.ObjectSession, session, ""},
		{"a Session of 2.1.1", dundee, ocpi.V211, ingest.ObjectSession, session, ""},
		{"a Session without an id", dundee, ocpi.V221, ingest.ObjectSession, odd(session, `"id":"S1",`, ""), "id: missing"},
	} {
		log, tally := &memoryLog{}, &ingest.Tally{}
		s := newService(log, objects{ocpi.NewKey("GB", "DUN", "L9"): location})
		s.Tally = tally
		s.Check = func(_ context.Context, e *ingest.Envelope, _ []byte) ([]ocpi.Finding, error) {
			if e.Object == ingest.ObjectTariff {
				return []ocpi.Finding{{Code: "found_beside", Path: "id", Detail: "by others"}}, nil
			}
			return nil, nil
		}
		a, err := s.Assess(t.Context(), c.from, c.v, c.kind, []byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(log.records) > 0 || len(tally.With(dundee.ID, nil)) > 0 {
			t.Errorf("%s: of asking is kept %v, counted %v", c.name, log.records, tally.With(dundee.ID, nil))
		}
		if said := fmt.Sprint(a.Refusal); c.want == "" && a.Refusal != nil || c.want != "" && !strings.HasPrefix(said, c.want) {
			t.Errorf("%s: refused for %v, want %q", c.name, a.Refusal, c.want)
		}
		if byPolicy := strings.Contains(c.want, "by agreement"); a.ByPolicy != byPolicy {
			t.Errorf("%s: by policy %t", c.name, a.ByPolicy)
		}
		r, err := push(t, s, c.from, c.v, c.kind, &a, []byte(c.body))
		if fmt.Sprint(err) != fmt.Sprint(a.Refusal) {
			t.Errorf("%s: asking says %v, the push %v", c.name, a.Refusal, err)
		}
		if err != nil {
			continue
		}
		if diff := cmp.Diff(fmt.Sprint(r.Findings), fmt.Sprint(a.Told)); c.kind != ingest.ObjectTariff && diff != "" { // nobody folds here, and finds more
			t.Errorf("%s: findings -push +asking\n%s", c.name, diff)
		}
		if r.Key != a.Key || r.ID != a.ID || r.Created != a.Creates {
			t.Errorf("%s: %s %s created %t, the push %s %s %t", c.name, a.Key, a.ID, a.Creates, r.Key, r.ID, r.Created)
		}
	}
}

// push pushes what was assessed, to the URL that the body says it is of.
func push(t *testing.T, s *ingest.Service, from ingest.Sender, v ocpi.Version, kind ingest.Object, a *ingest.Assessment, body []byte) (ingest.Receipt, error) {
	t.Helper()
	if kind == ingest.ObjectCDR {
		return s.CDR(t.Context(), from, v, body)
	}
	return s.Put(t.Context(), from, v, ingest.Target{Object: kind, Key: a.Key, ID: a.ID}, body)
}

// What cannot be found out is no refusal.
func TestAssessSaysWhatItCannotFindOut(t *testing.T) {
	s := newService(&memoryLog{}, objects{})
	broken := errors.New("away")
	s.Check = func(context.Context, *ingest.Envelope, []byte) ([]ocpi.Finding, error) { return nil, broken }
	if a, err := s.Assess(t.Context(), dundee, ocpi.V221, ingest.ObjectTariff, []byte(tariff)); !errors.Is(err, broken) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestKindOf(t *testing.T) {
	for body, want := range map[string]string{
		goodCDR: "cdr", location: "location", tariff: "tariff", session: "session",
		`{"id":"1","total_cost":5}`: "cdr", `{"id":"1","auth_method":"WHITELIST"}`: "session", `{"id":"1","address":"x"}`: "location", `{"id":"1","currency":"EUR"}`: "tariff",
		`{"id":"1"}`: "", `{"id":`: "", `[]`: "",
	} {
		kind, ok := ingest.KindOf([]byte(body))
		if ok != (want != "") || ok && kind.String() != want {
			t.Errorf("%s: %v %t, want %q", body, kind, ok, want)
		}
	}
}
