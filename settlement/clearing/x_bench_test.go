package clearing_test

import (
	"crypto/sha256"
	"fmt"
	"math"
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

// closeOf is the close of a pair in the n-th month from 2016 on, of one statement.
func closeOf(b *testing.B, p control.Pair, n int) clearing.NewClosing {
	said := closing(b, uint64(n+1), "house", "2016-01", 0, "")
	said.Scope, said.Period, said.Statements = clearing.ScopeOf(p), ocpi.Month(201601).Add(n), []clearing.Creditor{{CPO: p.CPO, Count: 1}}
	return said
}

// closedMonths is a log in which each of 15,000 pairs was closed by itself, so many months
// long.
func closedMonths(b *testing.B, months int) *ingesttest.Log {
	log := ingesttest.NewLog(1)
	var chain ingest.Digest
	for n := range months {
		for i, p := range manyPairs() {
			said := closeOf(b, p, n)
			said.ID, said.Control = uint64(n)<<32|uint64(i), int64(n)*15_000
			event := said.Event()
			event.Before = chain
			body, err := control.Encode(control.Event{Command: fmt.Sprint("c", n, "-", i), At: at(b, "2026-06-01T00:00:00Z")}, event)
			if err == nil {
				_, err = log.Append(b.Context(), ingest.TopicControl, &ingest.Envelope{}, body)
			}
			if err != nil {
				b.Fatal(err)
			}
			chain = sha256.Sum256(append(chain[:], body...))
		}
	}
	return log
}

// BenchmarkClosePeriod is what is kept of the close of one pair, and what one more costs,
// its append to a log in memory and what it is read back by with it; it fails where that
// grows with the months that are closed.
func BenchmarkClosePeriod(b *testing.B) {
	bytes := map[int]uint64{} // of a command, by how many months are closed
	for _, months := range []int{1, 6} {
		log := closedMonths(b, months)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		d := newDesk(b, log)
		fold := time.Since(began)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if n := len(d.closes.CountedAt(math.MaxInt64)); n != months*15_000 {
			b.Fatalf("%d closes count", n)
		}
		kept := float64(after.HeapAlloc-before.HeapAlloc) / float64(months*15_000)
		b.Run(fmt.Sprint(months, " months"), func(b *testing.B) {
			pairs, round := manyPairs(), 0
			runtime.ReadMemStats(&before)
			for b.Loop() {
				said := closeOf(b, pairs[round%len(pairs)], months+round/len(pairs))
				said.ID, said.Control = uint64(d.Next()), d.Next()
				if _, err := d.closes.ClosePeriod(b.Context(), said); err != nil {
					b.Fatal(err)
				}
				round++
			}
			runtime.ReadMemStats(&after)
			bytes[months] = (after.TotalAlloc - before.TotalAlloc) / uint64(round)
			b.ReportMetric(float64(bytes[months]), "B/command")
			b.ReportMetric(kept, "B/close")
			b.ReportMetric(float64(fold.Nanoseconds())/float64(months*15_000), "ns/fold")
		})
	}
	if few, many := bytes[1], bytes[6]; many > 2*few {
		b.Errorf("a close takes %d bytes where 6 months are closed, %d where one is", many, few)
	}
}
