package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Tokens that were stored before 0018 are found by all ways to write their contract ids
// after the start, with a check digit and in the older form too; ids that are too long
// to count are gone, and nothing else of a row changes.
func TestMigrationFoldsContracts(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicReference)
	long := strings.Repeat("L", ocpi.MaxIdentity+1)
	for i, contracts := range [][]string{
		{"NL-EXW-C00000001-A"}, {"NL*EXW*000002*4"}, {"NL-EXW-C00000003"}, {"OWN 4", "NL-EXW-C00000001-A"}, {long, "OWN-5"}, {},
	} {
		o.change(t, object(ingest.ObjectToken, "NLEXW", fmt.Sprint("k", i+1), "RFID"), i+1, func(s *ingest.ObjectState) {
			s.Body = fmt.Appendf(nil, `{"uid":"k%d","contract_id":"NL-EXW-C00000006"}`, i+1)
			for n, c := range contracts {
				s.Changes = append(s.Changes, ingest.Change{Next: int64(n + 1), Contract: c})
			}
		})
	}
	const as0018 = `arrayFilter(x -> x != '', arrayDistinct(arrayConcat(
		arrayMap(x -> replaceRegexpAll(JSONExtractString(x, 'contract'), '[-*]', ''), JSONExtractArrayRaw(zones)),
		[replaceRegexpAll(upper(JSONExtractString(body, 'contract_id')), '[-*]', '')])))`
	others := func() (list []string) {
		err := s.LoadObjects(t.Context(), ingest.ObjectToken, func(o ingest.ObjectState) error {
			list = append(list, fmt.Sprintf("%+v", o))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	want := others()
	if err := s.conn.Exec(t.Context(), "ALTER TABLE objects UPDATE contracts = "+as0018+" WHERE object = 'token' SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second time there is nothing to do
		if err := s.foldContracts(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE objects FINAL"); err != nil { // as merges do
			t.Fatal(err)
		}
		for contract, want := range map[string]string{
			"NL-EXW-C00000001": "K1 K4", "NLEXWC00000001A": "K1 K4", "NL-EXW-000002": "K2", "NLEXWC00000003": "K3", "OWN 4": "K4", "OWN-5": "K5", long: "", "NLEXWC00000006": "K6",
		} {
			var got []string
			of := []settlement.Contract{{Party: ocpi.NewParty("NL", "EXW"), ID: ocpi.FoldContractID(contract)}}
			err := s.TokensWith(t.Context(), of, func(_ settlement.Contract, s ingest.ObjectState) error { got = append(got, s.Key.ID); return nil })
			slices.Sort(got)
			if all := strings.Join(slices.Compact(got), " "); err != nil || all != want {
				t.Errorf("%.20s: %q, %v, want %q", contract, all, err, want)
			}
		}
		if n := count(t, s, "SELECT count() FROM objects FINAL WHERE arrayExists(x -> length(x) > 255, contracts)"); n != 0 {
			t.Errorf("%d rows have ids that do not count", n)
		}
		if got := others(); !slices.Equal(got, want) {
			t.Errorf("Tokens are %q, were %q", got, want)
		}
	}
	if n := count(t, s, "SELECT count() FROM objects WHERE object = 'token'"); n != 6 {
		t.Errorf("%d rows stand when they are merged", n)
	}
}
