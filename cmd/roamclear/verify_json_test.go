package main

import (
	"bytes"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// The proof as JSON says what the text says, and what does not add up.
func TestVerifyAsJSON(t *testing.T) {
	p := ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1, Number: 1}
	for name, tc := range map[string]struct {
		report settlement.Report
		proof  statement.Proof
		wants  []string
	}{
		"proved":    {settlement.Report{Records: 7, CDRs: 3, Priced: 2, Rejected: 1}, statement.Proof{Closes: 2, Statements: 5}, []string{`"proved": true`, `"record_count": 7`, `"statement_count": 5`, `"repricing_count": 2`, `"repriced_count": 9`, `"disagreements": []`}},
		"copies":    {settlement.Report{Chosen: 3, ChosenAhead: 1}, statement.Proof{}, []string{`"proved": true`, `"chosen_count": 3`, `"chosen_ahead_count": 1`}},
		"unproven":  {settlement.Report{Unproven: 2}, statement.Proof{}, []string{`"proved": false`, `"unproven_count": 2`}},
		"disagrees": {settlement.Report{Disagreements: []settlement.Disagreement{{Partition: p, Offset: 0, What: "a"}, {Partition: p, Offset: -1, What: "b"}}}, statement.Proof{}, []string{`"proved": false`, `"offset": 0`, `"offset": null`, `"what": "b"`, p.String()}},
		"other editions": {settlement.Report{}, statement.Proof{Otherwise: []statement.Otherwise{{Editions: clearing.Editions{Engine: "3", ZoneDB: "2025c"}, Closes: 2, Statements: 5, First: 7, Last: 9}}}, []string{
			`"proved": true`, `"engine": "3"`, `"zone_db": "2025c"`, `"close_count": 2`, `"statement_count": 5`, `"first_record": 7`, `"last_record": 9`, `"rules": "` + clearing.RunningEditions().Rules}},
		"claims": {settlement.Report{}, statement.Proof{Faults: []string{"a claim has no place"}, More: 3}, []string{`"proved": false`, `"what": "a claim has no place"`, `"omitted_count": 3`}},
	} {
		var out bytes.Buffer
		if err := writeJSON(&out, verifyView(&tc.report, &tc.proof, &settlement.AppliedProof{Runs: 2, CDRs: 9})); err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.wants {
			if !bytes.Contains(out.Bytes(), []byte(want)) {
				t.Errorf("%s: want %s in %s", name, want, out.String())
			}
		}
	}
}
