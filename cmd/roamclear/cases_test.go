package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// caseStep is one request of a public case (testdata/cases).
type caseStep struct{ Method, Path, File string }

// caseCDR is what becomes of a CDR of a case: status and claim, or the reason of
// a reject; the amounts computed; the codes of its findings, with their paths.
type caseCDR struct{ Result, Total, Findings string }

// Each case is a public report of what partners really send, as small as it can
// be: the answers to its requests, and what becomes of its CDRs.
var publicCases = map[string]struct {
	answers string // OCPI codes of the steps; 1000 where it is ""
	cdrs    map[string]caseCDR
}{
	"N1-binary-float-volume": {"", map[string]caseCDR{"N1-C": {"priced agrees", "5.00/6.00",
		"number_rounded charging_periods[0].dimensions[1].volume, number_rounded charging_periods[1].dimensions[1].volume"}}},
	"L1-tariff-ids-null": {"", map[string]caseCDR{"L1-C": {"priced agrees", "3.00/3.60", ""}}},
	"S1-restrictions-array-and-seconds": {"", map[string]caseCDR{
		"S1-a": {"priced agrees", "5.00/6.00", "wrong_type tariffs[0].elements[0].restrictions, time_spelling tariffs[0].elements[0].restrictions.start_time, time_spelling tariffs[0].elements[0].restrictions.end_time"},
		"S1-b": {"priced agrees", "5.00/6.00", "wrong_type tariffs[0].elements[0].restrictions"},
		"S1-c": {"priced agrees", "5.00/6.00", "time_spelling tariffs[0].elements[0].restrictions.start_time, time_spelling tariffs[0].elements[0].restrictions.end_time"}}},
	"S2-end-time-24-00": {"", map[string]caseCDR{"S2-a": {"priced agrees", "5.00/6.00", "time_spelling tariffs[0].elements[0].restrictions.end_time"}}},
	"T1-datetime-with-a-space": {"", map[string]caseCDR{"T1-a": {"priced agrees", "5.00/6.00",
		"datetime_spelling start_date_time, datetime_spelling end_date_time, datetime_spelling charging_periods[0].start_date_time, datetime_spelling last_updated"}}},
	"T3-datetime-open-ended-year": {"", map[string]caseCDR{
		"T3-a": {"priced agrees", "5.00/6.00", "datetime_out_of_range tariffs[0].end_date_time"},
		"T3-b": {"priced agrees", "5.00/6.00", "datetime_out_of_range tariffs[0].start_date_time"},
		"T3-c": {"priced agrees", "5.00/6.00", "datetime_out_of_range tariffs[0].last_updated"}}},
	"Z1-location-zone-not-iana": {"", map[string]caseCDR{
		"Z1-1": {"priced agrees", "3.00/3.60", "time_zone_offset time_zone"},
		"Z1-2": {"priced agrees", "3.00/3.60", ""},
		"Z1-3": {"priced agrees", "3.00/3.60", "time_zone_alias time_zone"}}},
	"Z2-country-alpha-2": {"", map[string]caseCDR{
		"Z2-a": {"priced agrees", "3.00/3.60", "country_alpha2 cdr_location.country"},
		"Z2-b": {"priced agrees", "3.00/3.60", ""}}},
	"C1-credited-twice": {"", map[string]caseCDR{
		"C1":    {"priced agrees", "5.00/6.00", ""},
		"C1-C2": {"credit absent", "", "credit_excess credit_reference_id"}}},
	"C2-session-billed-twice": {"", map[string]caseCDR{
		"C2-A": {"priced agrees", "5.00/6.00", "session_billed_twice session_id"},
		"C2-B": {"priced agrees", "5.00/6.00", "session_billed_twice session_id"}}},
	"C3-charge-in-the-future": {"", map[string]caseCDR{"C3": {"priced agrees", "5.00/6.00", "charge_in_the_future end_date_time"}}},
	"P4-session-reopened":     {"1000 2001 1000", nil},
}

func TestPublicCases(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "NL", "ZQA")
	s.partner("EMSP", "NL", "ZQM")
	s.financeKey()
	clean := caseFile(t, "S1-restrictions-array-and-seconds", "array-empty.json")
	clean = strings.Replace(strings.ReplaceAll(clean, "S1-b", "clean"), `"restrictions": []`, `"restrictions": {}`, 1)
	s.accepted("NL*ZQA", http.MethodPost, cdrs, clean)
	stored := 1
	for name, c := range publicCases {
		codes := strings.Fields(c.answers)
		var steps []caseStep
		if err := json.Unmarshal([]byte(caseFile(t, name, "steps.json")), &steps); err != nil {
			t.Fatal(err)
		}
		for i, step := range steps {
			body := ""
			if step.File != "" {
				body = caseFile(t, name, step.File)
			}
			a := s.request(step.Method, step.Path, "Token "+s.tokens["NL*ZQA"], body)
			if want := append(codes, make([]string, len(steps))...)[i]; want == "" && a.ocpi.Code != 1000 || want != "" && want != strings.TrimSpace(string(mustJSON(t, a.ocpi.Code))) {
				t.Errorf("%s %s: HTTP %d: %s", name, step.File, a.status, a.body)
			}
			if step.Method == http.MethodPost {
				stored++
			}
			if name == "P4-session-reopened" && step.Method == http.MethodGet && !strings.Contains(a.body, `"COMPLETED"`) {
				t.Errorf("the Session is reopened: %s", a.body)
			}
		}
	}
	s.eventually("all CDRs are found", func() bool {
		var got struct{ CDRs []json.RawMessage }
		s.finance("/cdrs?limit=200", &got)
		return len(got.CDRs) == stored
	})
	s.related()
	wanted := map[string]caseCDR{"clean": {"priced agrees", "5.00/6.00", ""}}
	for _, c := range publicCases {
		for id, want := range c.cdrs {
			wanted[id] = want
		}
	}
	for id, want := range wanted {
		if diff := cmp.Diff(want, s.caseCDR(id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	var refusals struct{ Refusals []struct{ Reason string } }
	s.finance("/refusals", &refusals)
	if len(refusals.Refusals) != 1 || !strings.Contains(refusals.Refusals[0].Reason, "session_completed") {
		t.Errorf("refusals %v, want the change of a finished Session", refusals)
	}
	var relations struct {
		Relations []struct{ Kind string }
	}
	s.finance("/relations?kind=session_billed_twice", &relations)
	if len(relations.Relations) != 2 {
		t.Errorf("relations %v, want both CDRs of the one Session", relations)
	}
	verified(t, s.data)
}

func (s *testService) caseCDR(id string) caseCDR {
	s.t.Helper()
	var got struct {
		CDR struct {
			Status, Reason, Claim string
			Computed              *struct {
				Excl string `json:"excl_vat"`
				Incl string `json:"incl_vat"`
			}
		}
		Findings []struct{ Code, Path string }
	}
	s.finance("/cdrs/NL/ZQA/"+id, &got)
	c := caseCDR{Result: got.CDR.Status + " " + got.CDR.Claim}
	if got.CDR.Reason != "" {
		c.Result = got.CDR.Reason
	}
	if got.CDR.Computed != nil {
		c.Total = got.CDR.Computed.Excl + "/" + got.CDR.Computed.Incl
	}
	var findings []string
	for _, f := range got.Findings {
		findings = append(findings, f.Code+" "+f.Path)
	}
	c.Findings = strings.Join(findings, ", ")
	return c
}

func caseFile(t *testing.T, name, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "cases", name, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
