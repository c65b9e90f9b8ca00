package ingest_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	owned "github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

// quietLog keeps nothing.
type quietLog struct{}

func (quietLog) Append(context.Context, ingest.Topic, *ingest.Envelope, []byte) (ingest.Position, error) {
	return ingest.Position{Epoch: 1}, nil
}

// unwaited is what partners own, without what is in the log that keeps nothing.
type unwaited struct{ *owned.Follower }

func (unwaited) Wait(context.Context, ingest.Topic, ingest.Position) error { return nil }

// places are Locations, which are held in memory.
type places struct{ owned.Sessions }

func (places) Kind() ingest.Object { return ingest.ObjectLocation }
func (places) Warm() bool          { return true }
func (places) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	return owned.Merge(old, r)
}

const pushedSession = `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-05T10:00:00Z","kwh":20,"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U1","type":"RFID","contract_id":"NL-EXW-1"},
"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"GBP","status":"ACTIVE","last_updated":"2019-01-05T10:30:00Z"}`

// intake is a Service that asks a follower of many partitions, and bodies of CDRs: one
// whose Session and Location have come, one that came before them, one with habits.
func intake(t testing.TB) (*ingest.Service, map[string]string) {
	log := ingesttest.NewLog(8)
	place := ingest.ObjectState{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "L1"), Version: ocpi.V221, Body: []byte(location)}
	e := &ingest.Envelope{Object: ingest.ObjectSession, Method: ingest.MethodPut, Version: ocpi.V221, Key: ocpi.NewKey("GB", "DUN", "S1")}
	if _, err := log.Append(t.Context(), ingest.TopicSessions, e, []byte(pushedSession)); err != nil {
		t.Fatal(err)
	}
	f := objectstest.Follow(t, log, objectstest.NewStore(place), owned.Sessions{}, owned.Authorizations{}, places{})
	for !f.RulesOut(ingest.Identity{Object: ingest.ObjectLocation}) || !f.RulesOut(ingest.Identity{Object: ingest.ObjectSession}) || !f.RulesOut(ingest.Identity{Object: ingest.ObjectAuthorization}) {
		runtime.Gosched() // until it knows what the store holds
	}
	s := newService(quietLog{}, unwaited{f})
	s.Tally = new(ingest.Tally)
	cdr := strings.NewReplacer(`"currency"`, `"session_id":"S1","currency"`, `"auth_method":"WHITELIST"`, `"auth_method":"AUTH_REQUEST","authorization_reference":"R1"`).Replace(goodCDR)
	return s, map[string]string{
		"CDR":                                 cdr,
		"CDR before its Session and Location": strings.NewReplacer(`"S1"`, `"S2"`, `"L1"`, `"L2"`).Replace(cdr),
		"CDR with habits":                     strings.NewReplacer(`11:05:00Z`, `11:05:00.123Z`, `"x_unknown"`, `"remark":null,"x_unknown"`).Replace(cdr),
	}
}

// BenchmarkPush is what the intake of a push costs beside its append.
func BenchmarkPush(b *testing.B) {
	s, bodies := intake(b)
	for name, body := range bodies {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			body := []byte(body)
			for b.Loop() {
				if _, err := s.CDR(b.Context(), dundee, ocpi.V221, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("Session", func(b *testing.B) {
		b.ReportAllocs()
		body := []byte(pushedSession)
		session := ingest.Target{Object: ingest.ObjectSession, Key: ocpi.NewKey("GB", "DUN", "S1"), ID: "S1"}
		for b.Loop() {
			if _, err := s.Put(b.Context(), dundee, ocpi.V221, session, body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
