package batch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/roamclear/roamclear/pricing/batch"
)

const energyCDR = `{"country_code":"DE","party_id":"ALL","id":"C1","start_date_time":"2019-05-06T20:30:00Z","end_date_time":"2019-05-06T21:30:00Z",
"cdr_token":{"country_code":"DE","party_id":"TNM","uid":"1","type":"RFID","contract_id":"X"},"auth_method":"WHITELIST","cdr_location":{"id":"L","country":"NLD"},
"currency":"EUR","tariffs":[{"id":"T","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"vat":10,"step_size":1}]}],"last_updated":"2018-12-17T11:16:55Z"}],
"charging_periods":[{"start_date_time":"2019-05-06T20:30:00Z","dimensions":[{"type":"ENERGY","volume":20},{"type":"TIME","volume":1}],"tariff_id":"T"}],
"total_cost":%s,"total_energy":20,"total_time":1,"last_updated":"2019-05-06T22:01:12Z"}`

// A CDR looked at alone gets the verdict and the finding that it gets as a line
// of a file, however few decimals are printed.
func TestOneAndManyAgree(t *testing.T) {
	type answer struct {
		Claim    string
		Reason   *string
		Findings []finding
	}
	for _, total := range []string{`{"excl_vat":5,"incl_vat":5.5}`, `{"excl_vat":5.0001,"incl_vat":5.5001}`, `{"excl_vat":5.4,"incl_vat":5.94}`, `{"excl_vat":6}`} {
		for _, scale := range []uint8{0, 2, 4} {
			cdr := bytes.ReplaceAll(fmt.Appendf(nil, energyCDR, total), []byte("\n"), nil)
			p := batch.NewPricer(batch.Defaults{Scale: scale})
			line, lineVerdict := p.Line(nil, fmt.Appendf(nil, `{"id":1,"cdr":%s}`, cdr), 1)
			var text bytes.Buffer
			verdict, err := p.WriteJSON(&text, &batch.Request{ID: []byte("1"), CDR: cdr})
			if err != nil {
				t.Fatal(err)
			}
			var many, one answer
			if err := json.Unmarshal(line, &many); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text.Bytes(), &one); err != nil {
				t.Fatal(err)
			}
			differs := func(f finding) bool { return f.Code == "total_differs" }
			i, j := slices.IndexFunc(many.Findings, differs), slices.IndexFunc(one.Findings, differs)
			switch {
			case verdict != lineVerdict || many.Claim != one.Claim || many.Reason != nil || one.Reason != nil:
				t.Errorf("%s at scale %d:\n%s%s", total, scale, line, &text)
			case (many.Claim == "differs") != (i >= 0) || (i >= 0) != (j >= 0):
				t.Errorf("%s at scale %d: total_differs is missing or should be:\n%s%s", total, scale, line, &text)
			case i >= 0 && many.Findings[i] != one.Findings[j]:
				t.Errorf("%s at scale %d: %+v and %+v", total, scale, many.Findings[i], one.Findings[j])
			}
		}
	}
}

type finding struct{ Code, Severity, Path, Detail string }
