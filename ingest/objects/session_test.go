package objects_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

// A Session says which record made it, which eMSP its token names, and which ones
// that was before: by that it is listed, and taken back.
func TestWhomASessionIsWith(t *testing.T) {
	exw, tnm := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("DE", "TNM")
	of := func(emsp string, updated int) string {
		return strings.Replace(put("S1", "1", updated), `"country_code":"NL","party_id":"EXW"`, emsp, 1)
	}
	log := ingesttest.NewLog(1)
	f := objectstest.Follow(t, log, objectstest.NewStore(), objects.Sessions{})
	for i, step := range []struct {
		method ingest.Method
		body   string
		with   ocpi.Party
		left   []ocpi.Party
	}{
		{ingest.MethodPut, put("S1", "1", 1), exw, nil},
		{ingest.MethodPatch, patch("2", 2), exw, nil},
		{ingest.MethodPut, of(`"country_code":"de","party_id":"tnm"`, 3), tnm, []ocpi.Party{exw}},
		{ingest.MethodPut, of(`"country_code":"DE"`, 4), ocpi.Party{}, []ocpi.Party{exw, tnm}},
		{ingest.MethodPut, put("S1", "1", 5), exw, []ocpi.Party{tnm}},
	} {
		push(t, log, step.method, session("S1"), step.body)
		if err := f.CatchUp(t.Context(), ingest.TopicSessions); err != nil {
			t.Fatal(err)
		}
		s, ok, err := f.Get(t.Context(), session("S1"))
		if err != nil || !ok || s.Created.Offset != 0 || s.Position.Offset != int64(i) || s.With != step.with {
			t.Errorf("step %d: made by %d, with %s, known %t, %v; want 0, %s", i, s.Created.Offset, s.With, ok, err, step.with)
		}
		if diff := cmp.Diff(step.left, s.Left); diff != "" {
			t.Errorf("step %d: left %s", i, diff)
		}
	}
}

// Find asks the store for what may be there and is not in memory, and for nothing
// else; what is deleted is not there.
func TestFind(t *testing.T) {
	log, store := ingesttest.NewLog(1), objectstest.NewStore()
	p := log.Place(ingest.TopicSessions, session("S1").Key)
	push(t, log, ingest.MethodPut, session("S0"), put("S0", "1", 1))
	stored := ingest.ObjectState{Object: ingest.ObjectSession, Key: session("S1").Key, Version: ocpi.V221, Body: []byte(put("S1", "1", 1)), Position: p.At(0)}
	deleted := stored
	deleted.Key, deleted.Deleted = session("S2").Key, true
	store.Put(p, 0, stored, deleted)
	f := objectstest.Follow(t, log, store, objects.Sessions{})
	push(t, log, ingest.MethodPut, session("S3"), put("S3", "1", 1)) // acknowledged, and perhaps not folded
	ids := []ingest.Identity{session("S0").Identity(), session("S1").Identity(), session("S2").Identity(), session("S3").Identity(), session("S4").Identity()}
	found, err := f.Find(t.Context(), ids)
	got := map[string]bool{}
	for _, s := range found {
		got[s.Key.ID] = true
	}
	if diff := cmp.Diff(map[string]bool{"S0": true, "S1": true, "S3": true}, got); diff != "" || err != nil || len(found) != 3 {
		t.Errorf("%v %s", err, diff)
	}
	if found, err := f.Find(t.Context(), nil); len(found) != 0 || err != nil {
		t.Errorf("nothing: %v, %v", found, err)
	}
}

// unnamed is what a store knows of Sessions of nobody, in pages of one.
// A Session whose token names nobody is with who pays for its contract, as the record
// says that changed it or one that came later; once known it stays, whatever is found
// after, until the Session says another contract or names somebody.
func TestWhoPaysForASession(t *testing.T) {
	exw, tnm := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("DE", "TNM")
	const token = `"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"}`
	of := func(contract string, updated int) string {
		return strings.Replace(put("S1", "1", updated), token, `"cdr_token":{"uid":"U","type":"RFID","contract_id":"`+contract+`"}`, 1)
	}
	log := ingesttest.NewLog(1)
	f := objectstest.Follow(t, log, objectstest.NewStore(), objects.Sessions{})
	for i, step := range []struct {
		method     ingest.Method
		path, body string
		with       ocpi.Party
		contract   string
		left       []ocpi.Party
		at         int64 // of the last record that says something new
		named      ocpi.Time
	}{
		{ingest.MethodPut, "", of("c1", 1), ocpi.Party{}, "C1", nil, 0, 0},
		{ingest.MethodPatch, ingest.PayerPath(tnm, "C2"), "", ocpi.Party{}, "C1", nil, 0, 0}, // of another contract
		{ingest.MethodPatch, ingest.PayerPath(exw, "C1"), "", exw, "C1", nil, 2, 2},
		{ingest.MethodPatch, ingest.PayerPath(tnm, "C1"), "", exw, "C1", nil, 2, 2},
		{ingest.MethodPatch, "", patch("2", 2), exw, "C1", nil, 4, 2},
		{ingest.MethodPut, "", of("C1", 3), exw, "C1", nil, 5, 2},
		{ingest.MethodPut, ingest.PayerPath(tnm, "C3"), of("c3", 4), tnm, "C3", []ocpi.Party{exw}, 6, 0},
		{ingest.MethodPut, "", of("c4", 5), ocpi.Party{}, "C4", []ocpi.Party{exw, tnm}, 7, 0},
		{ingest.MethodPatch, ingest.PayerPath(exw, "C4"), "", exw, "C4", []ocpi.Party{tnm}, 8, 8},
		{ingest.MethodPut, "", strings.Replace(put("S1", "1", 6), `"status":"ACTIVE"`, `"status":"COMPLETED"`, 1), exw, "", []ocpi.Party{tnm}, 9, 0},
		{ingest.MethodPatch, ingest.PayerPath(tnm, "C4"), "", exw, "", []ocpi.Party{tnm}, 9, 0},
	} {
		target := session("S1")
		e := &ingest.Envelope{Object: target.Object, Method: step.method, Version: ocpi.V221, Key: target.Key, Path: step.path, Received: ocpi.Time(i)}
		if _, err := log.Append(t.Context(), ingest.TopicSessions, e, []byte(step.body)); err != nil {
			t.Fatal(err)
		}
		if err := f.CatchUp(t.Context(), ingest.TopicSessions); err != nil {
			t.Fatal(err)
		}
		s, ok, err := f.Get(t.Context(), target)
		if err != nil || !ok || s.With != step.with || s.Contract != step.contract || s.Position.Offset != step.at {
			t.Errorf("step %d: with %s for %q by record %d, known %t, %v; want %s for %q by %d", i, s.With, s.Contract, s.Position.Offset, ok, err, step.with, step.contract, step.at)
		}
		if s.Named != step.named {
			t.Errorf("step %d: named at %d, want %d", i, s.Named, step.named)
		}
		if diff := cmp.Diff(step.left, s.Left); diff != "" {
			t.Errorf("step %d: left %s", i, diff)
		}
	}
}
