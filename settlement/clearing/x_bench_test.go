package clearing_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// manyPairs are 150 CPOs with 100 eMSPs each.
func manyPairs() (list []control.Pair) {
	for i := range 15_000 {
		list = append(list, control.Pair{CPO: ocpi.NewParty("NL", fmt.Sprintf("%03d", i/100)), EMSP: ocpi.NewParty("DE", fmt.Sprintf("%03d", i%100))})
	}
	return list
}

// manyAgreements is a log in which the house and each party and pair have settings of
// their own.
func manyAgreements(b *testing.B) *ingesttest.Log {
	log := ingesttest.NewLog(1)
	n := 0
	add := func(s clearing.Scope, values map[string]string) {
		set := clearing.AgreementSet{From: 202601, Values: values, By: clearing.ByLocal}
		if !s.CPO.IsZero() {
			set.CPO = s.CPO.String()
		}
		if !s.EMSP.IsZero() {
			set.EMSP = s.EMSP.String()
		}
		n++
		body, err := control.Encode(control.Event{Command: fmt.Sprint("c", n), At: 1}, set)
		if err == nil {
			_, err = log.Append(b.Context(), ingest.TopicControl, &ingest.Envelope{}, body)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	add(clearing.Scope{}, values("owed=lower pack=strict days_to_pay=30"))
	for _, p := range manyPairs() {
		if p.EMSP.ID == "000" {
			add(clearing.Scope{CPO: p.CPO}, values("zone=Europe/Amsterdam"))
		}
		if p.CPO.ID == "000" {
			add(clearing.Scope{EMSP: p.EMSP}, values("undecided=carry"))
		}
		add(clearing.ScopeOf(p), values("owed=computed"))
	}
	return log
}

// BenchmarkTerms is what the terms of one pair cost among 15,000 that have settings of
// their own.
func BenchmarkTerms(b *testing.B) {
	d := newDesk(b, manyAgreements(b))
	pairs := manyPairs()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if terms := d.agreements.Terms(pairs[i%len(pairs)], 202603); terms.Owed != clearing.OwedComputed {
			b.Fatal(terms)
		}
		i++
	}
}

// BenchmarkFoldAgreements is what it costs to start with 15,000 pairs that have
// settings of their own, and what is kept of one.
func BenchmarkFoldAgreements(b *testing.B) {
	log := manyAgreements(b)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		d := newDesk(b, log)
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/15_251, "ns/event")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/15_251, "B/event")
		runtime.KeepAlive(d)
	}
}
