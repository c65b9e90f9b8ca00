package app_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/app"
	"github.com/roamclear/roamclear/api/app/apptest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// old211 is a linked whose Session and CDRs are of OCPI 2.1.1.
type old211 struct {
	*linked
	session string
	cdrs    map[string]string // bodies by their ids
	debtor  ocpi.Party        // of the CDRs
}

// SessionCDR implements app.Charges: none names a Session.
func (o *old211) SessionCDR(context.Context, ocpi.Party, string) (key ocpi.Key, ok bool, err error) {
	return key, false, nil
}

// ChargeCDRs implements app.Charges.
func (o *old211) ChargeCDRs(_ context.Context, q settlement.ChargeQuery, limit int) (keys []ocpi.Key, err error) {
	for id := range o.cdrs {
		keys = append(keys, ocpi.Key{Party: q.CPO, ID: id})
	}
	slices.SortFunc(keys, func(a, b ocpi.Key) int { return strings.Compare(a.ID, b.ID) })
	return keys[:min(limit, len(keys))], nil
}

// CDR implements app.Charges.
func (o *old211) CDR(_ context.Context, key ocpi.Key) (*settlement.CDRDetail, error) {
	d := &settlement.CDRDetail{Version: ocpi.V211, Raw: []byte(o.cdrs[key.ID])}
	d.Key, d.ID, d.CPO, d.EMSP = key, key.ID, key.Party, o.debtor
	return d, nil
}

// sessions211 are the objects of an old211.
type sessions211 struct {
	app.Objects
	of *old211
}

func (s sessions211) Get(ctx context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	if t.Object != ingest.ObjectSession {
		return s.Objects.Get(ctx, t)
	}
	return ingest.ObjectState{Object: t.Object, Key: t.Key, Version: ocpi.V211, With: ocpi.NewParty("SE", "EMP"), Body: []byte(s.of.session)}, true, nil
}

const (
	place211 = `{"id":"L1","type":"ON_STREET","address":"A","city":"C","postal_code":"1","country":"SWE","coordinates":{"latitude":"52.0","longitude":"5.0"},` +
		`"evses":[{"uid":"E1","status":"CHARGING","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","voltage":230,"amperage":16,"last_updated":"2026-01-05T08:00:00Z"}],` +
		`"last_updated":"2026-01-05T08:00:00Z"}],"last_updated":"2026-01-05T08:00:00Z"}`
	bySession211 = `{"id":"S9","start_datetime":"2026-01-05T09:00:00Z","end_datetime":"2026-01-05T10:00:00Z","kwh":7,"auth_id":"SE-EMP-C00077-X","auth_method":"AUTH_REQUEST","location":` + place211 +
		`,"currency":"SEK","status":"COMPLETED","last_updated":"2026-01-05T10:00:00Z"}`
	byCDR211 = `{"id":"C","start_date_time":"2026-01-05T09:00:00Z","stop_date_time":"2026-01-05T10:00:00Z","auth_id":"SE-EMP-C00077-X","auth_method":"AUTH_REQUEST","location":` + place211 +
		`,"currency":"SEK","charging_periods":[{"start_date_time":"2026-01-05T09:00:00Z","dimensions":[{"type":"ENERGY","volume":7}]}],"total_cost":21,"total_energy":7,"total_time":1,"last_updated":"2026-01-05T10:00:00Z"}`
)

// A CDR of OCPI 2.1.1 names no Session: it bills the one with its contract, place and time.
// Where several are like it, that is shown and nothing is guessed.
func TestWhichCDRBillsASession211(t *testing.T) {
	const nowhere = `"evses":[],`
	at := func(from, to string) []string {
		return []string{"09:00:00Z\",\"stop", from + "Z\",\"stop", "10:00:00Z\",\"auth_id", to + "Z\",\"auth_id"}
	}
	evses := place211[strings.Index(place211, `"evses"`):strings.LastIndex(place211, `"last_updated"`)]
	for _, tt := range []struct {
		name    string
		session []string   // what of it is replaced by what
		cdrs    [][]string // likewise
		debtor  ocpi.Party // zero = SE*EMP
		want    string     // state, CDR, those that may be it
	}{
		{"none", nil, nil, ocpi.Party{}, "completed - "},
		{"the same", nil, [][]string{nil}, ocpi.Party{}, "billed A "},
		{"ids in other letters", nil, [][]string{{`"L1"`, `"l1"`, `"E1"`, `"e1"`, "SE-EMP-C00077-X", "se-emp-c00077-x"}}, ocpi.Party{}, "billed A "},
		{"two", nil, [][]string{nil, nil}, ocpi.Party{}, "completed - A B"},
		{"one of two", nil, [][]string{{`"L1"`, `"L2"`}, nil}, ocpi.Party{}, "billed B "},
		{"another contract", nil, [][]string{{"C00077", "C00078"}}, ocpi.Party{}, "completed - "},
		{"another EVSE", nil, [][]string{{`"E1"`, `"E2"`}}, ocpi.Party{}, "completed - "},
		{"another connector", nil, [][]string{{`"id":"1"`, `"id":"2"`}}, ocpi.Party{}, "completed - "},
		{"another's", nil, [][]string{nil}, ocpi.NewParty("DE", "TNM"), "completed - "},
		{"begun a minute later", nil, [][]string{at("09:01:00", "10:00:00")}, ocpi.Party{}, "billed A "},
		{"begun a minute later, of a Session that goes on", []string{`"end_datetime":"2026-01-05T10:00:00Z",`, "", "COMPLETED", "ACTIVE"}, [][]string{at("09:01:00", "10:00:00")}, ocpi.Party{}, "active - "},
		{"of a Session that goes on", []string{`"end_datetime":"2026-01-05T10:00:00Z",`, "", "COMPLETED", "ACTIVE"}, [][]string{nil}, ocpi.Party{}, "billed A "},
		{"begun three minutes later", nil, [][]string{at("09:03:00", "10:00:00")}, ocpi.Party{}, "completed - "},
		{"over before", nil, [][]string{at("08:58:30", "08:59:30")}, ocpi.Party{}, "completed - "},
		{"begun after", []string{"T10:00:00Z\",\"kwh", "T09:00:30Z\",\"kwh"}, [][]string{at("09:01:30", "10:00:00")}, ocpi.Party{}, "completed - "},
		{"without an EVSE", nil, [][]string{{evses, nowhere}}, ocpi.Party{}, "billed A "},
		{"without an EVSE, a minute later", nil, [][]string{append(at("09:01:00", "10:00:00"), evses, nowhere)}, ocpi.Party{}, "completed - "},
		{"more than are looked at", nil, make([][]string, 21), ocpi.Party{}, "completed - A B C D E F G H I J K L M N O P Q R S T"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &old211{linked: &linked{}, session: strings.NewReplacer(tt.session...).Replace(bySession211), cdrs: map[string]string{}, debtor: tt.debtor}
			if o.debtor.IsZero() {
				o.debtor = ocpi.NewParty("SE", "EMP")
			}
			for n, change := range tt.cdrs {
				o.cdrs[string(rune('A'+n))] = strings.NewReplacer(change...).Replace(byCDR211)
			}
			var v struct {
				State     string
				CDR       *struct{ ID string }
				Ambiguous []struct{ ID string } `json:"ambiguous_cdrs"`
			}
			a := ask(t, sessions211{apptest.New(t).Objects, o}, o, o)
			if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil || a.Code != 200 {
				t.Fatalf("HTTP %d %s", a.Code, a.Body)
			}
			got := v.State + " - "
			if v.CDR != nil {
				got = v.State + " " + v.CDR.ID + " "
			}
			var ids []string
			for _, c := range v.Ambiguous {
				ids = append(ids, c.ID)
			}
			if got += strings.Join(ids, " "); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
