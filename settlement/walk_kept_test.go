package settlement

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// byBodies folds records as their bodies say: "no" does not apply, "same" says nothing
// new, and who pays is taken over from the record or the state before.
func byBodies(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	switch string(r.Body) {
	case "no":
		return nil, errors.New("overtaken")
	case "same":
		return nil, nil
	}
	s := &ingest.ObjectState{Position: r.Position}
	if old != nil {
		s.With = old.With
	}
	if payer, _, ok := r.PayerOf(); ok {
		s.With = payer
	}
	return s, nil
}

// A state is the one that the last record left that applies; of Tariffs each is there.
func TestVerifyProvesTheLastState(t *testing.T) {
	location := ingest.Identity{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "L1")}
	tariff := ingest.Identity{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", "T1"), Variant: "NL*EXW"}
	for _, tc := range []struct {
		name   string
		id     ingest.Identity
		later  []string // records after all
		states []int64  // 0 = the ones that there are
		want   []string
	}{
		{"none", location, nil, nil, nil},
		{"what does not apply changes nothing", location, []string{"no", "same", "no"}, nil, nil},
		{"a later state is lost", location, []string{"no", "{}", "{}"}, nil, []string{"at offset 5: objects has location GB*DUN*L1 as record 3 left it, and this one changes it"}},
		{"a Tariff that says the same", tariff, []string{"same"}, nil, nil},
		{"a later version is lost", tariff, []string{"{}", "same"}, nil, []string{"at offset 4: objects has tariff GB*DUN*T1 NL*EXW as record 2 left it"}},
		{"a version between is lost", tariff, []string{"same", "{}", "{}"}, []int64{2, 6}, []string{"at offset 5: objects has tariff GB*DUN*T1 NL*EXW as record 2 left it"}},
		{"the first version is lost", tariff, []string{"{}"}, []int64{4}, []string{"at offset 2: objects lacks what this record made of tariff GB*DUN*T1 NL*EXW"}},
	} {
		w := newProvenObjects(t)
		w.fold = byBodies
		for i, body := range tc.later {
			before, listed := w.store.objects, w.store.listed
			w.store.objects, w.store.listed = nil, nil
			w.stored(t, tokens, &ingest.Envelope{Object: tc.id.Object, Method: ingest.MethodPut, Key: tc.id.Key, Variant: tc.id.Variant, Received: ocpi.Time(10 + i)}, body)
			w.store.objects, w.store.listed = before, listed
		}
		if tc.states != nil {
			for i := range w.store.objects {
				if o := &w.store.objects[i]; o.Identity == tc.id {
					last := tc.states[len(tc.states)-1]
					for _, at := range tc.states[:len(tc.states)-1] {
						w.store.kept = append(w.store.kept, KeptObject{Identity: tc.id, Position: tokens.At(at)})
					}
					o.Position.Offset = last
					for j := range w.store.listed {
						if l := &w.store.listed[j]; l.Identity == tc.id {
							l.Position.Offset = last
						}
					}
				}
			}
		}
		r, err := w.verify(t)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(tc.name, func(t *testing.T) { sees(t, r, tc.want) })
	}
	w := newProvenObjects(t)
	w.fold, w.fails = byBodies, "StatesAt"
	w.store.objects[0].Position.Offset = 0
	if _, err := w.verify(t); !errors.Is(err, errStore) {
		t.Errorf("states cannot be read: %v", err)
	}
	w.fails = "RecordsAt"
	if _, err := w.verify(t); !errors.Is(err, errStore) {
		t.Errorf("records cannot be read: %v", err)
	}
}

// Whom a Session is with follows from its token, else from the records that say who pays
// for its contract, so far as it was one.
func TestVerifyProvesWhomASessionIsWith(t *testing.T) {
	exw, tnm := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("DE", "TNM")
	body := func(token string) string {
		return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-01T00:00:00Z","kwh":1,"cdr_token":{%s"uid":"U","type":"RFID","contract_id":"c-7"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"EUR","status":"ACTIVE","last_updated":"2019-01-01T00:00:00Z"}`, token)
	}
	named, unsaid := body(`"country_code":"NL","party_id":"EXW",`), body("")
	says := func(party ocpi.Party, contract string) string { return ingest.PayerPath(party, contract) }
	for _, tc := range []struct {
		name     string
		body     string
		paths    []string // of its records
		with     ocpi.Party
		contract string
		want     string
	}{
		{"as its token says", named, []string{""}, exw, "", ""},
		{"another than its token says", named, []string{""}, tnm, "", "with DE*TNM; its token is of NL*EXW"},
		{"nobody, though its token says", named, []string{""}, ocpi.Party{}, "", "with *; its token is of NL*EXW"},
		{"nobody is known", unsaid, []string{"", ""}, ocpi.Party{}, "C-7", ""},
		{"somebody of whom no record says so", unsaid, []string{""}, exw, "C-7", "with NL*EXW; its records say *"},
		{"as a record says", unsaid, []string{"", says(exw, "C-7")}, exw, "C-7", ""},
		{"another than the record says", unsaid, []string{"", says(exw, "C-7")}, tnm, "C-7", "with DE*TNM; its records say NL*EXW"},
		{"nobody, though a record says", unsaid, []string{"", says(exw, "C-7")}, ocpi.Party{}, "C-7", "with *; its records say NL*EXW"},
		{"somebody, though its token names nothing", strings.Replace(unsaid, `"contract_id":"c-7"`, `"contract_id":""`, 1), []string{""}, exw, "", "with NL*EXW; its records say *"},
		{"for another contract", unsaid, []string{"", says(exw, "C-7")}, exw, "C-8", `for contract "C-8"; it says "C-7"`},
	} {
		w := newProven()
		w.fold = byBodies
		id := ingest.Identity{Object: ingest.ObjectSession, Key: ocpi.NewKey("GB", "DUN", "S1")}
		for _, path := range tc.paths {
			w.stored(t, started, &ingest.Envelope{Object: id.Object, Method: ingest.MethodPut, Version: ocpi.V221, Key: id.Key, Path: path}, tc.body)
		}
		w.store.kept = []KeptObject{{Identity: id, Position: started.At(int64(len(tc.paths) - 1)), Version: ocpi.V221, Body: []byte(tc.body), With: tc.with, Contract: tc.contract}}
		r, err := w.verify(t)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(disagreements(r), "; "); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// What came late is held against what eMSPs have read, so far as that is kept.
func TestVerifyProvesWhatCameLate(t *testing.T) {
	exw := ocpi.NewParty("NL", "EXW")
	reading := func(w *proven, noted ocpi.Time) {
		at := w.store.cdrs[0].LastUpdated
		w.store.reads = map[ocpi.Party]ListRead{exw: {Spans: []Span{{at, at + 1}}, Noted: max(noted, at+1)}}
	}
	late := func(w *proven, party ocpi.Party, i int) {
		c := &w.store.cdrs[i]
		w.store.lates = append(w.store.lates, StoredLate{Party: party, Position: c.Position, Received: w.store.records[cdrs][c.Position.Offset].Received})
	}
	for _, tc := range []struct {
		name   string
		damage func(w *proven)
		want   []string
	}{
		{"nothing was read", func(*proven) {}, nil},
		{"it may have come before", func(w *proven) { reading(w, w.store.listings[1].Received) }, nil},
		{"it came before, and is noted", func(w *proven) { reading(w, w.store.listings[1].Received); late(w, exw, 0) }, nil},
		{"it came later, and is not noted", func(w *proven) {
			reading(w, 0)
			w.store.cdrs[0].Moved = true
			w.store.listings[1].Received = w.store.reads[exw].Noted + 2*lateFrom
		}, []string{"late_cdrs lacks CDR GB*DUN*C-1, which came to NL*EXW"}},
		{"it came later, and is noted", func(w *proven) {
			reading(w, 0)
			w.store.cdrs[0].Moved = true
			w.store.listings[1].Received = w.store.reads[exw].Noted + 2*lateFrom
			late(w, exw, 0)
		}, nil},
		{"nobody has read it", func(w *proven) { late(w, exw, 0) }, []string{"late_cdrs has CDR GB*DUN*C-1", "which has read no such window"}},
		{"whose it never was", func(w *proven) {
			reading(w, 0)
			w.store.reads[ocpi.NewParty("NL", "XXX")] = w.store.reads[exw]
			late(w, ocpi.NewParty("NL", "XXX"), 0)
		}, []string{"late_cdrs has CDR GB*DUN*C-1 for NL*XXX, whose it never was"}},
		{"a copy", func(w *proven) {
			reading(w, 0)
			w.store.lates = []StoredLate{{Party: exw, Position: cdrs.At(3)}}
		}, []string{"late_cdrs holds a row of NL*EXW* that no first copy in records accounts for"}},
		{"a window that has no end", func(w *proven) {
			w.store.reads = map[ocpi.Party]ListRead{exw: {Spans: []Span{{5, 4}}, Noted: 9}}
		}, []string{"no list is read like this"}},
		{"windows that touch", func(w *proven) {
			w.store.reads = map[ocpi.Party]ListRead{exw: {Spans: []Span{{1, 4}, {4, 5}}, Noted: 9}}
		}, []string{"no list is read like this"}},
		{"a window of the future", func(w *proven) {
			w.store.reads = map[ocpi.Party]ListRead{exw: {Spans: []Span{{1, 2 * lateFrom}}, Noted: 9}}
		}, []string{"no list is read like this"}},
		{"none", func(w *proven) {
			w.store.reads = map[ocpi.Party]ListRead{exw: {Noted: 9}}
		}, []string{"nothing that it read"}},
	} {
		w := newProvenCDRs(t)
		tc.damage(w)
		r, err := w.verify(t)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(tc.name, func(t *testing.T) {
			got := strings.Join(disagreements(r), "\n")
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("want %q:\n%s", want, got)
				}
			}
			if (got == "") != (len(tc.want) == 0) {
				t.Errorf("disagreements:\n%s", got)
			}
		})
	}
}
