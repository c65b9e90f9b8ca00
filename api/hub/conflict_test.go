package hub

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Who sends a CDR again with another content is told that the first copy counts,
// and in what this one differs. It is accepted all the same, and like a first
// copy where the two say the same.
func TestConflictsAreToldToTheirSender(t *testing.T) {
	const first = `{"id":"c1","total_cost":{"excl_vat":10.00,"incl_vat":12.10},"currency":"EUR","x":1}`
	differs := "Success, but a copy of this CDR with other content came before and counts; this one is kept as evidence. It differs in "
	for _, tt := range []struct {
		name            string
		earlier         ingest.Earlier
		first, again    string
		err             error
		message, header string
	}{
		{"new, and nothing is stored", ingest.EarlierUnknown, "", first, settlement.ErrNotFound, "Success", ""},
		{"new here, and stored with another content", ingest.EarlierUnknown, first, `{"id":"c1","total_cost":{"excl_vat":11,"incl_vat":12.10},"currency":"EUR","x":1}`, nil,
			differs + "total_cost.excl_vat (11, was 10)", "true"},
		{"new here, and the store is away", ingest.EarlierUnknown, "", first, settlement.ErrUnavailable, "Success", ""},
		{"the same bytes", ingest.EarlierSame, "", first, errors.New("nobody asks"), "Success", ""},
		{"the same content", ingest.EarlierOther, first, `{"x":1.0,"currency":"EUR","id":"c1","total_cost":{"incl_vat":12.1,"excl_vat":10}}`, nil, "Success", ""},
		{"another content", ingest.EarlierOther, first, `{"id":"c1","total_cost":{"excl_vat":11,"incl_vat":13.31},"y":null}`, nil,
			differs + `currency (nothing, was "EUR"), total_cost.excl_vat (11, was 10), total_cost.incl_vat (13.31, was 12.1) and 2 more`, "true"},
		{"other bytes, and the store is away", ingest.EarlierOther, "", first, settlement.ErrUnavailable, "Success, but " + otherBytes, "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &backend{receipt: ingest.Receipt{Key: ocpi.NewKey("GB", "DUN", "C1"), Created: true, Earlier: tt.earlier},
				cdr: func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) {
					return []byte(tt.first), ocpi.V221, tt.err
				}}
			resp, e := request(t, serve(t, b, nil), "POST", "/ocpi/2.2.1/receiver/cdrs", dundeeToken, tt.again)
			if resp.StatusCode != 201 || e.StatusCode != 1000 || e.StatusMessage != tt.message || resp.Header.Get("X-Roamclear-Conflict") != tt.header {
				t.Errorf("HTTP %d with %d %q and header %q, want %q and %q", resp.StatusCode, e.StatusCode, e.StatusMessage, resp.Header.Get("X-Roamclear-Conflict"), tt.message, tt.header)
			}
			if resp.Header.Get("Location") == "" || resp.Header.Get("X-Roamclear-Receipt") == "" {
				t.Error("it is not answered like a first copy")
			}
		})
	}
}

// Findings are told beside it.
func TestAConflictWithFindings(t *testing.T) {
	b := &backend{receipt: ingest.Receipt{Earlier: ingest.EarlierOther, Findings: []ocpi.Finding{{Code: "unknown_enum", Path: "status"}}},
		cdr: func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) {
			return []byte(`{"a":1}`), ocpi.V221, nil
		}}
	_, e := request(t, serve(t, b, nil), "POST", "/ocpi/2.2.1/receiver/cdrs", dundeeToken, `{"a":2}`)
	if !strings.Contains(e.StatusMessage, "It differs in a (2, was 1); 1 finding: status unknown_enum") {
		t.Errorf("%q", e.StatusMessage)
	}
}

// Looking for older copies is bounded: what many new CDRs cost does not depend on
// the store.
func TestLookUpsAreBounded(t *testing.T) {
	asked := 0
	b := &backend{cdr: func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) {
		asked++
		return nil, 0, settlement.ErrNotFound
	}}
	h := serve(t, b, nil)
	for range 500 {
		request(t, h, "POST", "/ocpi/2.2.1/receiver/cdrs", dundeeToken, "{}")
	}
	if asked != lookUpsAtOnce { // the clock of these tests stands still
		t.Errorf("the store was asked %d times for 500 CDRs, want %d", asked, lookUpsAtOnce)
	}
}
