package clickhouse

import (
	"context"
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/settlement"
	"golang.org/x/sys/unix"
)

// own gives prices nothing beside the CDR's own tariff.
type own struct{}

func (own) Tariff(ocpi.Key, ocpi.Party, ocpi.Time, int64) (*reference.TariffVersion, bool) {
	return nil, false
}
func (own) TariffsBelow(ocpi.Key, ocpi.Party, int64, int) []*reference.TariffVersion { return nil }
func (own) Zone(ocpi.Key, string, ocpi.Time, int64) (zone, source string) {
	return "Europe/London", "location"
}
func (own) ConnectorPower(ocpi.Key, string, string, ocpi.Time, int64) (watts int64, ok bool) {
	return 0, false
}
func (own) Payer(string, ocpi.Time, int64) (ocpi.Party, bool)    { return ocpi.Party{}, false }
func (own) Billable(ocpi.Party, int64) bool                      { return true }
func (own) Profile(_, _ ocpi.Party, _ ocpi.Time, _ int64) string { return "" }

// priced is a realistic batch with the results that pricing gives it.
func priced(tb testing.TB, first int64, n int) *pricing.Batch {
	b := realisticBatch(tb, first, n)
	pricer := pricing.NewPricer(own{}, own{})
	for i := range b.Rows {
		record := b.Rows[i].Record
		record.Hash = ingest.Hash{} // the pricer's own
		pricer.Price(&record, &b.Rows[i], pricing.AsOf{})
		if b.Rows[i].Outcome.Status != pricing.Priced {
			tb.Fatalf("%s: %s", b.Rows[i].Outcome.Reason, b.Rows[i].Outcome.Detail)
		}
	}
	return b
}

// BenchmarkReprice prices 50,000 stored CDRs of 3 KB with their tariffs inside
// again, when all results stay and when all change. cpu is this process's:
// reading, decoding, pricing, comparing and, for changes, writing.
func BenchmarkReprice(b *testing.B) {
	s := newStore(b)
	const batch, batches = 5000, 10
	for i := range int64(batches) {
		write(b, s, priced(b, i*batch, batch))
	}
	p := &settlement.Repricer{Store: s, Inputs: own{}, Policies: own{}, Partitions: []ingest.Partition{cdrsOf(0)}}
	for _, c := range []struct{ name, profile string }{{"same", ""}, {"changed", "LINE_HALF_UP"}} {
		b.Run(c.name, func(b *testing.B) {
			began, engineBegan, runs := cpu(b), cpuOf(b, engine.Pid()), 0
			var changed int64
			for b.Loop() {
				runs++
				r := settlement.Repricing{
					Run:  fmt.Sprint(c.name, b.N, "-", runs),
					From: ocpi.MonthOf(2019, 1), To: ocpi.MonthOf(2019, 12), Profile: c.profile,
				}
				report, err := p.Run(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				if report.CDRs != batch*batches {
					b.Fatalf("%d CDRs priced", report.CDRs)
				}
				changed = report.Changed
			}
			perCDR := (cpu(b) - began) / float64(runs*batch*batches)
			b.ReportMetric(perCDR*1e6, "cpu-µs/CDR")
			b.ReportMetric(float64((cpuOf(b, engine.Pid())-engineBegan).Microseconds())/float64(runs*batch*batches), "engine-µs/CDR")
			b.ReportMetric(1/perCDR, "CDR/core-s")
			b.ReportMetric(float64(changed), "changed")
		})
	}
}

// trimmed is a log that holds nothing any more, of one partition of CDRs.
type trimmed struct{ next int64 }

func (l trimmed) Partitions(t ingest.Topic) []ingest.Partition {
	if t == ingest.TopicCDRs {
		return []ingest.Partition{cdrsOf(0)}
	}
	return nil
}
func (l trimmed) Place(ingest.Topic, ocpi.Key) ingest.Partition { return cdrsOf(0) }
func (l trimmed) Bounds(context.Context, ingest.Partition) (start, end int64, err error) {
	return l.next, l.next, nil
}
func (l trimmed) Read(context.Context, ingest.Partition, int64, int) ([]ingest.Record, error) {
	return nil, nil
}
func (l trimmed) Tail(context.Context, ingest.Partition, int64, func([]ingest.Record) error) error {
	return nil
}
func (l trimmed) Ledger(context.Context, ingest.Partition) (ingest.Ledger, error) {
	return ingest.Ledger{}, nil
}

// BenchmarkVerify walks 50,000 stored CDRs of 3 KB with their tariffs inside. cpu
// is this process's, on one goroutine: there is one partition.
func BenchmarkVerify(b *testing.B) {
	s := newStore(b)
	const batch, batches = 5000, 10
	for i := range int64(batches) {
		write(b, s, priced(b, i*batch, batch))
	}
	v := &settlement.Verifier{Log: trimmed{batch * batches}, Store: s, Inputs: own{}, Policies: own{}}
	began, engineBegan, records := cpu(b), cpuOf(b, engine.Pid()), int64(0)
	for b.Loop() {
		report, err := v.Verify(b.Context())
		if err != nil || len(report.Disagreements) > 0 || report.Records != batch*batches {
			b.Fatalf("%v: %d disagreements in %d records", err, len(report.Disagreements), report.Records)
		}
		records += report.Records
	}
	b.ReportMetric((cpu(b)-began)/float64(records)*1e6, "cpu-µs/record")
	b.ReportMetric(float64((cpuOf(b, engine.Pid())-engineBegan).Microseconds())/float64(records), "engine-µs/record")
}

// cpu returns the CPU time this process has used, in seconds.
func cpu(tb testing.TB) float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
