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

// Who sees what all but ten thousand former partners publish, or what ten thousand
// partners do, reads lists like anybody, whatever way a page is read.
func TestListsOfVeryManyParties(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicReference)
	var many []string
	for i := range 10_000 {
		many = append(many, fmt.Sprintf("%c%c%03d", 'A'+i/26000, 'A'+i/1000%26, i%1000))
	}
	for i, owner := range []string{"AA007", "ZZTNM", "AJ999", "ZZEXW"} {
		o.change(t, object(ingest.ObjectLocation, owner, fmt.Sprint("l", i), ""), i+1, nil)
		o.change(t, object(ingest.ObjectTariff, owner, fmt.Sprint("t", i), ""), i+1, nil)
		o.change(t, object(ingest.ObjectTariff, owner, fmt.Sprint("t", i), "NL*EXW"), i+1, nil)
	}
	var open []settlement.ListPart
	for _, owner := range many {
		open = append(open, part(settlement.ListOpen, owner))
	}
	except := without(part(settlement.ListAll, ""), many...)
	with := func(party string) settlement.ListPart {
		p := part(settlement.ListWith, party)
		p.Except = except.Except
		return p
	}
	from := part(settlement.ListWith, "NLEXW", many...)
	recipients := []settlement.ListPart{except, with("NLEXW")}
	for i := range 200 {
		recipients = append(recipients, with(fmt.Sprintf("DE%03d", i)))
	}
	for _, tc := range []struct {
		name  string
		kind  ingest.Object
		lists []settlement.ListPart
		want  string
	}{
		{"all but for very many", ingest.ObjectLocation, []settlement.ListPart{except}, "L1 L3"},
		{"and what is for it, but for very many", ingest.ObjectTariff, []settlement.ListPart{except, with("NLEXW")}, "T1 T1 T3 T3"},
		{"and for two hundred more", ingest.ObjectTariff, recipients, "T1 T1 T3 T3"},
		{"of very many", ingest.ObjectLocation, open, "L0 L2"},
		{"for it, of very many", ingest.ObjectTariff, append(slices.Clone(open), from), "T0 T0 T2 T2"},
	} {
		for _, w := range []settlement.OCPIWindow{{Limit: 1}, {From: day(1), Limit: 1, ByID: true}, {Offset: 0, Limit: 500, ByID: true}} {
			shown := follow(t, func(w settlement.OCPIWindow) (settlement.OCPIPage, error) {
				return s.OCPIObjects(t.Context(), settlement.ObjectQuery{Object: tc.kind, Lists: tc.lists, OCPIWindow: w})
			}, w, nil)
			var got []string
			for _, line := range shown {
				_, body, _ := strings.Cut(line, ` {"id":"`)
				id, _, _ := strings.Cut(body, `"`)
				got = append(got, id)
			}
			slices.Sort(got)
			if all := strings.Join(got, " "); all != tc.want {
				t.Errorf("%s, %+v: %q, want %q", tc.name, w, all, tc.want)
			}
		}
	}
}

// What else has the ids of a page is found, however long they are.
func TestVeryLongIDs(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicReference)
	records, states := []ingest.Record(nil), []ingest.ObjectState(nil)
	for i := range 1100 { // two of each id
		id := object(ingest.ObjectLocation, []string{"GBDUN", "FRBEL"}[i%2], strings.Repeat("x", ocpi.MaxIdentity-4)+fmt.Sprint(1000+i/2), "")
		r := ingest.Record{Position: o.partition.At(int64(i)), Envelope: ingest.Envelope{Object: id.Object, Method: ingest.MethodPut, Version: ocpi.V221, Key: id.Key}, Body: []byte("{}")}
		records = append(records, r)
		states = append(states, ingest.ObjectState{Object: id.Object, Key: id.Key, Version: ocpi.V221, Position: r.Position, Body: r.Body, Created: ingest.CreatedBy(&r)})
	}
	if err := s.WriteObjects(t.Context(), o.partition, records, states); err != nil {
		t.Fatal(err)
	}
	page, err := s.OCPIObjects(t.Context(), settlement.ObjectQuery{Object: ingest.ObjectLocation, Lists: []settlement.ListPart{part(settlement.ListAll, "")}, OCPIWindow: settlement.OCPIWindow{Limit: 1000, ByID: true}})
	if err != nil || len(page.Others) != 1000 {
		t.Fatalf("%d, %v", len(page.Others), err)
	}
	for i := range page.Others {
		if len(page.Others[i]) != 1 || page.Others[i][0].Key.ID != page.Identities[i].Key.ID {
			t.Fatalf("%s: others %v", page.Identities[i], page.Others[i])
		}
	}
}
