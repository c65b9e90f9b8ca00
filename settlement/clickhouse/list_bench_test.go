package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// BenchmarkList measures pages of a list of a million Tokens, of which a tenth
// has changed since: the first one, one deep in it that a Link leads to, the same
// one by its offset and for a reader of ids alone, what changed last, and the Tokens
// of 500 contracts. "deep/first" is the ratio that must not grow with the depth.
func BenchmarkList(b *testing.B) {
	const n, batch = 1_000_000, 50_000
	s := newStore(b)
	into := blocksPool.Get().(*blocks)
	p := partitionOf(ingest.TopicReference)
	token := func(i, at int) ingest.ObjectState {
		id := fmt.Sprintf("%08X", uint32(i)*2654435761)
		made := ocpi.TimeOf(received) + ocpi.Time(i)*1_000_000
		contract := []ingest.Change{{Next: int64(i) + 1, Received: made, Contract: "NL-EXW-C" + id + "-1"}}
		return ingest.ObjectState{Object: ingest.ObjectToken, Key: ocpi.NewKey("NL", "EXW", id), Variant: "RFID", Version: ocpi.V221, Sender: "nl-exw-emsp", Position: p.At(int64(at)),
			Received: made, LastUpdated: made, Created: ingest.Creation{Epoch: 1, Offset: int64(i), Received: made}, Changes: contract,
			Body: fmt.Appendf(nil, `{"country_code":"NL","party_id":"EXW","uid":%q,"type":"RFID","contract_id":"NL-EXW-C%s-1","issuer":"Example","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`, id, id)}
	}
	store := func(states []ingest.ObjectState) {
		err := s.insert(b.Context(), into.objects.block, "bench", len(states), func(i int) error { return into.objects.append(p.Topic, &states[i]) })
		if err == nil {
			err = s.insert(b.Context(), into.lists.block, "bench", len(states), func(i int) error { into.lists.append(&states[i]); return nil })
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	states := make([]ingest.ObjectState, 0, batch)
	for i := range n {
		if states = append(states, token(i, i)); len(states) == batch {
			store(states)
			states = states[:0]
		}
	}
	for i := range n / 10 {
		changed := token(i*10, n+i)
		changed.LastUpdated += ocpi.Time(time.Hour)
		if states = append(states, changed); len(states) == batch/10 {
			store(states)
			states = states[:0]
		}
	}
	q := settlement.ObjectQuery{Object: ingest.ObjectToken, Lists: []settlement.ListPart{{}}, OCPIWindow: settlement.OCPIWindow{Limit: 500}}
	read := func(q settlement.ObjectQuery) settlement.OCPIPage {
		page, err := s.OCPIObjects(b.Context(), q)
		if err != nil || len(page.Bodies) != q.Limit {
			b.Fatalf("%d bodies: %v", len(page.Bodies), err)
		}
		return page
	}
	deep := q
	deep.Offset = n - 1000
	before := deep
	before.Offset -= q.Limit
	byOffset := deep
	deep.After = read(before).Next
	alone := deep
	alone.ByID = true
	changed := q
	changed.From = received.Add(n * time.Millisecond)
	took := map[string]time.Duration{}
	for _, page := range []struct {
		name string
		q    settlement.ObjectQuery
	}{{"first", q}, {"deep", deep}, {"deep-by-offset", byOffset}, {"ids-alone", alone}, {"changed-last", changed}} {
		b.Run(page.name, func(b *testing.B) {
			for b.Loop() {
				read(page.q)
			}
			took[page.name] = b.Elapsed() / time.Duration(b.N)
			if page.name == "deep" {
				b.ReportMetric(float64(took["deep"])/float64(took["first"]), "deep/first")
			}
		})
	}
	var contracts []settlement.Contract
	for i := range 500 {
		contracts = append(contracts, settlement.Contract{Party: ocpi.NewParty("NL", "EXW"), ID: ocpi.FoldContractID(token(i*1999, 0).Changes[0].Contract)})
	}
	b.Run("tokens-of-contracts", func(b *testing.B) {
		for b.Loop() {
			n := 0
			err := s.TokensWith(b.Context(), contracts, func(settlement.Contract, ingest.ObjectState) error { n++; return nil })
			if err != nil || n < len(contracts) {
				b.Fatalf("%d Tokens: %v", n, err)
			}
		}
	})
}
