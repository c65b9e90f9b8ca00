package clickhouse

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// A CDR is late for whoever has read the window of its last_updated to its end, and
// for nobody else; once, however often it is stored.
func TestLateCDRs(t *testing.T) {
	s := newStore(t)
	exw, tnm := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("NL", "TNM")
	counts := prometheus.NewRegistry()
	counts.MustRegister(s.metrics.late)
	next := int64(0)
	come := func(lines string) {
		t.Helper()
		b := batchOf(t, 0, next, lines)
		write(t, s, b)
		b.Again = true
		write(t, s, b)
		next = b.Next
	}
	read := func(q settlement.OCPIQuery, from, to, pages int) {
		t.Helper()
		q.Limit = 1
		if from > 0 {
			q.From = day(from)
		}
		if to > 0 {
			q.To = day(to)
		}
		for range pages {
			page, err := s.OCPICDRs(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if q.After, q.Offset = page.Next, q.Offset+len(page.Bodies); q.After == "" {
				break
			}
		}
	}
	line := func(id, debtor, end string) string {
		return fmt.Sprintf("GB*DUN %s %s %s GBP 1.00/1.20 priced 1.00/1.20 -\n", debtor, id, end)
	}
	for _, step := range []struct {
		name string
		do   func()
		exw  int // CDRs that came late to it
	}{
		{"nobody has read anything", func() { come(line("a", "NL*EXW", "2019-01-02") + line("b", "NL*EXW", "2019-01-03")) }, 0},
		{"not to its end", func() {
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}}, 1, 10, 1)
			come(line("c", "NL*EXW", "2019-01-02"))
		}, 0},
		{"by receipt", func() {
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}, ByReceived: true}, 1, 0, 9)
			come(line("d", "NL*EXW", "2019-01-02"))
		}, 0},
		{"of one CPO alone", func() {
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}, Only: ocpi.NewParty("GB", "DUN")}, 1, 10, 9)
			come(line("e", "NL*EXW", "2019-01-02"))
		}, 0},
		{"another", func() {
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{tnm}}, 1, 10, 1)
			come(line("f", "NL*EXW", "2019-01-02"))
		}, 0},
		{"to its end", func() {
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}}, 1, 10, 6)
			come(line("g", "NL*EXW", "2019-01-02") + line("h", "NL*EXW", "2019-01-10") + line("i", "NL*EXW", "2018-12-31"))
		}, 1},
		{"the window behind it, from where it ends", func() {
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}, OCPIWindow: settlement.OCPIWindow{Offset: 1}}, 10, 12, 1)
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}, OCPIWindow: settlement.OCPIWindow{Offset: 7}}, 1, 12, 1)
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}, OCPIWindow: settlement.OCPIWindow{Offset: 3}}, 1, 12, 9)
			come(line("n", "NL*EXW", "2019-01-11"))
		}, 1},
		{"the window behind it", func() {
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}}, 10, 12, 9)
			come(line("j", "NL*EXW", "2019-01-11") + line("k", "NL*EXW", "2019-01-12"))
		}, 2},
		{"all there is", func() {
			read(settlement.OCPIQuery{Debtors: []ocpi.Party{exw}}, 0, 0, 20)
			come(line("l", "NL*EXW", "2019-01-12") + line("m", "NL*EXW", "2099-01-01"))
		}, 3},
	} {
		step.do()
		late, err := s.LateCDRs(t.Context(), []ocpi.Party{exw})
		if err != nil || late.Count != step.exw || late.Last.IsSet() != (step.exw > 0) {
			t.Errorf("%s: late are %+v, %v; want %d", step.name, late, err, step.exw)
		}
		counted := 0
		families, err := counts.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			counted += int(f.Metric[0].GetCounter().GetValue())
		}
		if counted != step.exw {
			t.Errorf("%s: %d are counted, want %d", step.name, counted, step.exw)
		}
	}
	if late, err := s.LateCDRs(t.Context(), []ocpi.Party{tnm}); err != nil || late != (settlement.LateCDRs{}) {
		t.Errorf("of another: %+v, %v", late, err)
	}
}

// Who polls is noted once in a while, and what it has read is known here all the same.
func TestReadsAreNotedOnceInAWhile(t *testing.T) {
	s := newStore(t)
	exw := ocpi.NewParty("NL", "EXW")
	if err := s.conn.Exec(t.Context(), "SYSTEM STOP MERGES "+quoteName(s.db)+".list_reads"); err != nil {
		t.Fatal(err)
	}
	poll := func(from, to time.Duration) {
		t.Helper()
		w := settlement.OCPIWindow{From: day(1).Add(from), To: day(1).Add(to)}
		if err := s.noteRead(t.Context(), []ocpi.Party{exw}, &w, day(2)); err != nil {
			t.Fatal(err)
		}
	}
	for m := range time.Duration(14) {
		poll(m*time.Minute, (m+1)*time.Minute)
	}
	if n := count(t, s, "SELECT count() FROM list_reads"); n != 3 { // after 1, 7 and 13 minutes
		t.Errorf("%d rows are noted of 14 windows", n)
	}
	noted, err := s.readBy(t.Context(), []ocpi.Party{exw})
	minutes := func(n int64) span { return span{day(1).UnixNano(), day(1).UnixNano() + n*int64(time.Minute)} }
	if err != nil || !slices.Equal(noted[exw], []span{minutes(13)}) || !s.reads.has(exw, minutes(14)) {
		t.Errorf("noted are %v, %v; here %v", noted, err, s.reads.of)
	}
	poll(-time.Hour, 0)
	if n := count(t, s, "SELECT count() FROM list_reads"); n != 4 {
		t.Errorf("what is before is not noted: %d rows", n)
	}
}

func TestSpansAreJoined(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spans []span
		more  span
		want  []span
	}{
		{"the first", nil, span{1, 2}, []span{{1, 2}}},
		{"apart", []span{{1, 2}}, span{3, 4}, []span{{1, 2}, {3, 4}}},
		{"before", []span{{3, 4}}, span{1, 2}, []span{{1, 2}, {3, 4}}},
		{"next to it", []span{{1, 2}}, span{2, 4}, []span{{1, 4}}},
		{"within", []span{{1, 9}}, span{2, 4}, []span{{1, 9}}},
		{"over several", []span{{1, 2}, {3, 4}, {7, 9}}, span{2, 8}, []span{{1, 9}}},
	} {
		before := slices.Clone(tt.spans)
		if diff := cmp.Diff(tt.want, joined(tt.spans, tt.more), cmp.AllowUnexported(span{})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if !slices.Equal(before, tt.spans) {
			t.Errorf("%s: the spans of before changed", tt.name)
		}
	}
	var spans []span
	for i := range int64(3 * maxSpans) {
		spans = joined(spans, span{2 * i, 2*i + 1})
	}
	if len(spans) != maxSpans || spans[maxSpans-1].since != 2*(3*maxSpans-1) {
		t.Errorf("%d spans are kept, to %v", len(spans), spans[len(spans)-1])
	}
}
