package main

import (
	"bytes"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/settlement"
)

// The proof as JSON says what the text says, and what does not add up.
func TestVerifyAsJSON(t *testing.T) {
	p := ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1, Number: 1}
	for name, tc := range map[string]struct {
		report settlement.Report
		wants  []string
	}{
		"proved":    {settlement.Report{Records: 7, CDRs: 3, Priced: 2, Rejected: 1}, []string{`"proved": true`, `"record_count": 7`, `"disagreements": []`}},
		"unproven":  {settlement.Report{Unproven: 2}, []string{`"proved": false`, `"unproven_count": 2`}},
		"disagrees": {settlement.Report{Disagreements: []settlement.Disagreement{{Partition: p, Offset: 0, What: "a"}, {Partition: p, Offset: -1, What: "b"}}}, []string{`"proved": false`, `"offset": 0`, `"offset": null`, `"what": "b"`, p.String()}},
	} {
		var out bytes.Buffer
		if err := writeJSON(&out, verifyView(&tc.report)); err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.wants {
			if !bytes.Contains(out.Bytes(), []byte(want)) {
				t.Errorf("%s: want %s in %s", name, want, out.String())
			}
		}
	}
}
