package clickhouse

import (
	"testing"
	"time"
)

// BenchmarkCodecs measures what bodies and explanations cost the engine under
// each codec: CPU of the insert (batches of 5,000, merges stopped), CPU of one
// merge of everything, and bytes on disk, per CDR.
//
// On 2 busy cores (load 20 to 30, so the times are upper bounds; ratios are
// from interleaved rounds), 50,000 bodies of 3,753 bytes: a record takes 3,833
// bytes with NONE, 637 with LZ4, 363 with ZSTD(1), 377 with ZSTD(3); a result
// 1,502, 376, 241, 253. Inserting records costs 9.0 µs with NONE (the bytes
// themselves), 7.0 with LZ4, 6.8 with ZSTD(1); one merge of them 12.6, 15.0,
// 16.8, and 20.4 with ZSTD(3). So ZSTD(1).
func BenchmarkCodecs(b *testing.B) {
	const rows, perBatch = 50_000, 5_000
	for _, codec := range []string{"NONE", "LZ4", "ZSTD(1)", "ZSTD(3)"} {
		b.Run(codec, func(b *testing.B) {
			for b.Loop() {
				s := newStore(b)
				run := func(query string) {
					b.Helper()
					if err := s.conn.Exec(b.Context(), query); err != nil {
						b.Fatal(err)
					}
				}
				run("ALTER TABLE records MODIFY COLUMN body String CODEC(" + codec + ")")
				run("ALTER TABLE results MODIFY COLUMN explanation String CODEC(" + codec + ")")
				for _, table := range []string{"records", "cdrs", "sender_lists", "results"} {
					run("SYSTEM STOP MERGES " + quoteName(s.db) + "." + table)
				}
				var insert time.Duration
				for first := 0; first < rows; first += perBatch {
					batch := realisticBatch(b, int64(first), perBatch)
					before := cpuOf(b, engine.Pid())
					write(b, s, batch)
					insert += cpuOf(b, engine.Pid()) - before
				}
				b.ReportMetric(float64(insert.Microseconds())/rows, "insert-µs/CDR")
				for _, table := range []string{"records", "cdrs", "sender_lists", "results"} {
					run("SYSTEM START MERGES " + quoteName(s.db) + "." + table)
					before := cpuOf(b, engine.Pid())
					run("OPTIMIZE TABLE " + table + " FINAL")
					b.ReportMetric(float64((cpuOf(b, engine.Pid())-before).Microseconds())/rows, "merge-"+table+"-µs/CDR")
					size := count(b, s, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = ? AND table = ?", s.db, table)
					b.ReportMetric(float64(size)/rows, table+"-B/CDR")
				}
				body := count(b, s, "SELECT sum(length(body)) FROM records") / rows
				b.ReportMetric(float64(body), "body-B/CDR")
			}
		})
	}
}
