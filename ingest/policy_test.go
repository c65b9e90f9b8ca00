package ingest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// A policy turns any kind of finding in what a partner sends into a refusal that
// names it, with the body kept; what has none of that kind is accepted, and
// without the policy all of it is.
func TestPoliciesRefuseWhatHasAFinding(t *testing.T) {
	here := ocpi.NewKey("GB", "DUN", "L1")
	put := ingest.Target{Object: ingest.ObjectLocation, Key: here, ID: "L1"}
	tests := []struct {
		name, code, body string
		good             string // what has no such finding
		push             func(s *ingest.Service, from ingest.Sender, body string) error
		names            string
	}{
		{"CDR", "quoted_number", strings.Replace(goodCDR, `"total_energy":20`, `"total_energy":"20"`, 1), goodCDR, pushCDR, "total_energy: quoted_number"},
		{"CDR without a member", "missing_field", strings.Replace(goodCDR, `"auth_method":"WHITELIST",`, "", 1), goodCDR, pushCDR, "auth_method: missing_field"},
		{"Location", "missing_field", strings.Replace(location, `"city":"Dundee",`, "", 1), location, func(s *ingest.Service, from ingest.Sender, body string) error {
			_, err := s.Put(context.Background(), from, ocpi.V221, put, []byte(body))
			return err
		}, "city: missing_field"},
		{"PATCH", "enum_case", `{"evses":[{"uid":"E1","status":"available"}],"last_updated":"2019-02-01T00:00:00Z"}`, `{"name":"High St","last_updated":"2019-02-01T00:00:00Z"}`,
			func(s *ingest.Service, from ingest.Sender, body string) error {
				_, err := s.Patch(context.Background(), from, ocpi.V221, put, []byte(body))
				return err
			}, "status: enum_case"},
		{"what others find in a CDR", "never_matches", strings.Replace(goodCDR, "High St", "lint finds this", 1), goodCDR, pushCDR, "address: never_matches"},
		{"what others find", "never_matches", strings.Replace(location, "High St", "lint finds this", 1), location, func(s *ingest.Service, from ingest.Sender, body string) error {
			_, err := s.Put(context.Background(), from, ocpi.V221, put, []byte(body))
			return err
		}, "address: never_matches"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := &memoryLog{}
			s := newService(log, objects{here: location})
			s.Check = func(_ context.Context, _ *ingest.Envelope, body []byte) (found []ocpi.Finding, err error) {
				if strings.Contains(string(body), "lint finds this") {
					found = append(found, ocpi.Finding{Code: "never_matches", Path: "address", Detail: "odd"})
				}
				return found, nil
			}
			strict := dundee
			strict.Refuses = []string{"another_kind", tt.code}
			err := tt.push(s, strict, tt.body)
			if _, ok := errors.AsType[*ocpi.Invalid](err); !ok || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("refused with %v, want %q", err, tt.names)
			}
			kept := log.records[ingest.TopicRefused]
			if len(kept) != 1 || string(kept[0].Body) != tt.body || kept[0].Reason != err.Error() || len(log.records) != 1 {
				t.Errorf("kept %+v", log.records)
			}
			if err := tt.push(s, strict, tt.good); err != nil {
				t.Errorf("what has no such finding: %v", err)
			}
			for _, from := range []ingest.Sender{dundee, {ID: dundee.ID, Parties: dundee.Parties, Refuses: []string{"another_kind"}}} {
				if err := tt.push(s, from, tt.body); err != nil {
					t.Errorf("by policies %v: %v", from.Refuses, err)
				}
			}
			if len(log.records[ingest.TopicRefused]) != 1 {
				t.Errorf("%d refused", len(log.records[ingest.TopicRefused]))
			}
		})
	}
}

func pushCDR(s *ingest.Service, from ingest.Sender, body string) error {
	_, err := s.CDR(context.Background(), from, ocpi.V221, []byte(body))
	return err
}

// What cannot be checked now is no fault of the sender's.
func TestACheckThatFailsRefusesNobody(t *testing.T) {
	log := &memoryLog{}
	s := newService(log, objects{})
	s.Check = func(context.Context, *ingest.Envelope, []byte) ([]ocpi.Finding, error) {
		return nil, context.DeadlineExceeded
	}
	strict := dundee
	strict.Refuses = []string{"missing_field"}
	_, err := s.Put(t.Context(), strict, ocpi.V221, ingest.Target{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "L1"), ID: "L1"}, []byte(location))
	if !errors.Is(err, context.DeadlineExceeded) || ingest.IsSenderFault(err) || len(log.records) > 0 {
		t.Errorf("%v, kept %+v", err, log.records)
	}
}
