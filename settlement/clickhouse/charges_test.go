package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Who pays a CDR is what its result says, as of what that was computed from.
func TestTermsOf(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, january)
	for i := range b.Rows {
		b.Rows[i].Outcome.AsOf.Reference = int64(100 + i)
	}
	write(t, s, b)
	key := func(id string) ocpi.Key { return ocpi.NewKey("GB", "DUN", id) }
	got, err := s.TermsOf(t.Context(), []ocpi.Key{key("c1"), key("d1"), key("none")})
	want := map[ocpi.Key]settlement.Terms{key("c1"): {Debtor: ocpi.NewParty("NL", "EXW"), Reference: 100}, key("d1"): {Debtor: ocpi.NewParty("DE", "TNM"), Reference: 107}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// Tokens are found by the contracts that they have or had, of their party alone, and no
// more than are looked at; their uids are as they are written.
func TestTokensWith(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicReference)
	said := func(contracts ...string) func(*ingest.ObjectState) {
		return func(s *ingest.ObjectState) {
			s.Body = fmt.Appendf(nil, `{"uid":%q}`, "As "+s.Key.ID)
			for _, c := range contracts {
				s.Changes = append(s.Changes, ingest.Change{Next: 1, Contract: c})
			}
		}
	}
	token := func(uid, kind string) ingest.Identity { return object(ingest.ObjectToken, "NLEXW", uid, kind) }
	k1 := token("k1", "RFID")
	o.change(t, k1, 1, said("NL-EXW-C00000001"))
	o.change(t, token("k2", "RFID"), 1, said("OWN 2"))
	o.change(t, k1, 2, said("NL-EXW-C00000001", "OWN 3"))
	o.change(t, token("k3", "OTHER"), 1, said("OWN 3", "OWN 3"))
	o.change(t, object(ingest.ObjectToken, "DETNM", "k4", "RFID"), 1, said("OWN 3"))
	o.change(t, object(ingest.ObjectLocation, "GBDUN", "l1", ""), 1, nil)
	for i := range 2 * settlement.MaxTokens {
		o.change(t, token(fmt.Sprint("m", i), "RFID"), 1, said("MANY"))
	}
	of := func(contract string) settlement.Contract {
		return settlement.Contract{Party: ocpi.NewParty("NL", "EXW"), ID: contract}
	}
	for _, tc := range []struct {
		contracts []settlement.Contract
		want      string
	}{
		{[]settlement.Contract{of(ocpi.FoldContractID("NL*EXW*C00000001"))}, "NLEXWC00000001: token NL*EXW*K1 RFID"},
		{[]settlement.Contract{of("OWN 3")}, "OWN 3: token NL*EXW*K1 RFID, OWN 3: token NL*EXW*K3 OTHER"},
		{[]settlement.Contract{of("OWN 2"), of("OWN 2"), of("OWN 3"), of("it's")}, "OWN 2: token NL*EXW*K2 RFID, OWN 3: token NL*EXW*K1 RFID, OWN 3: token NL*EXW*K3 OTHER"},
		{[]settlement.Contract{of("OWN 2"), {Party: ocpi.NewParty("DE", "TNM"), ID: "OWN 3"}}, "OWN 2: token NL*EXW*K2 RFID, OWN 3: token DE*TNM*K4 RFID"},
		{[]settlement.Contract{of("OWN 4")}, ""},
	} {
		var got []string
		err := s.TokensWith(t.Context(), tc.contracts, func(c settlement.Contract, s ingest.ObjectState) error {
			if len(s.Body) > 0 || len(s.Changes) == 0 {
				t.Errorf("%s: body %s, changes %v", s.Identity(), s.Body, s.Changes)
			}
			got = append(got, fmt.Sprintf("%s: %s", c.ID, s.Identity()))
			return nil
		})
		slices.Sort(got)
		if all := strings.Join(slices.Compact(got), ", "); err != nil || all != tc.want {
			t.Errorf("%q: %q, %v, want %q", tc.contracts, all, err, tc.want)
		}
	}
	n := 0
	err := s.TokensWith(t.Context(), []settlement.Contract{of("MANY")}, func(settlement.Contract, ingest.ObjectState) error { n++; return nil })
	if err != nil || n != settlement.MaxTokens+1 {
		t.Errorf("%d of many Tokens, %v, want %d", n, err, settlement.MaxTokens+1)
	}
	uids, err := s.TokenUIDs(t.Context(), []ingest.Identity{k1, token("k3", "RFID")})
	if err != nil || len(uids) != 1 || uids[k1] != "As K1" {
		t.Errorf("uids %v, %v", uids, err)
	}
}

// The records of one object are read in order, those of its parts too.
func TestObjectRecords(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicReference)
	l1 := object(ingest.ObjectLocation, "GBDUN", "l1", "")
	o.change(t, l1, 1, nil)
	o.change(t, object(ingest.ObjectLocation, "GBDUN", "l2", ""), 1, nil)
	o.change(t, l1, 2, nil)
	part := ingest.Record{Position: o.partition.At(o.next), Envelope: ingest.Envelope{Object: l1.Object, Method: ingest.MethodPatch, Version: ocpi.V221, Key: l1.Key, Path: "E1"}, Body: []byte("{}")}
	if err := s.WriteObjects(t.Context(), o.partition, []ingest.Record{part}, nil); err != nil {
		t.Fatal(err)
	}
	for upTo, want := range map[int64]string{-1: "", 0: "0", 1: "0", 2: "0 2", 9: "0 2 3/E1"} {
		var got []string
		err := s.ObjectRecords(t.Context(), l1, upTo, func(r *ingest.Record) error {
			line := fmt.Sprint(r.Offset)
			if r.Path != "" {
				line += "/" + r.Path
			}
			got = append(got, line)
			return nil
		})
		if all := strings.Join(got, " "); err != nil || all != want {
			t.Errorf("up to %d: %q, %v, want %q", upTo, all, err, want)
		}
	}
}

// The records of a Location are found by its id, not among all of the topic's.
func TestRecordsOfALocationAreFoundByItsID(t *testing.T) {
	s := newStore(t)
	const n = 200_000
	fill := fmt.Sprintf(`INSERT INTO records (topic, partition, epoch, offset, object, method, version, country, party, id, received, body)
		SELECT 'reference', 0, 1, number, 'location', 2, 2, 'GB', 'DUN', concat('L', toString(number %% 50000)), now64(9), '{}' FROM numbers(%d)`, n)
	if err := s.conn.Exec(t.Context(), fill); err != nil {
		t.Fatal(err)
	}
	l := object(ingest.ObjectLocation, "GBDUN", "L777", "")
	found := 0
	if err := s.ObjectRecords(t.Context(), l, n, func(*ingest.Record) error { found++; return nil }); err != nil || found != n/50_000 {
		t.Errorf("%d records, %v; want %d", found, err, n/50_000)
	}
	explained := ""
	err := s.each(t.Context(), "explain", `EXPLAIN indexes = 1 SELECT offset FROM records PREWHERE topic = 'reference' AND object = 'location' AND if(object = 'location', id, '') = 'L777'`, nil,
		func(r driver.Rows) error {
			var line string
			err := r.Scan(&line)
			explained += line + "\n"
			return err
		})
	if err != nil || !strings.Contains(explained, "Name: location") {
		t.Errorf("%v\n%s", err, explained)
	}
}
