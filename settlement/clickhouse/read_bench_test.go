package clickhouse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// BenchmarkSettlement measures the settlement report over 500,000 CDRs of four
// partitions, a tenth of them written twice with other batch boundaries, and
// the same query without FINAL, which would count those twice.
func BenchmarkSettlement(b *testing.B) {
	s := newStore(b)
	results := newResultRows()
	put := func(partition int32, first int64, n int) {
		batch := realisticBatch(b, first, n)
		for i := range batch.Rows {
			batch.Rows[i].Record.Partition = partition
		}
		err := s.insert(b.Context(), results.block, "bench", n, func(i int) error {
			row := placed(&batch.Rows[i])
			return results.append(&row)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range int64(25) {
		for partition := range int32(4) {
			put(partition, i*5000, 5000)
			if i%5 == 4 {
				put(partition, i*5000-1234, 2500)
			}
		}
	}
	credited, args := creditedIn(0, 0)
	for name, query := range map[string]string{"exact": settlementSQL, "without-FINAL": strings.Replace(settlementSQL, "FINAL", "", 1)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				err := s.each(b.Context(), name, fmt.Sprintf(query, credited, " WHERE NOT elsewhere"), args, func(rows driver.Rows) error {
					var part settlementPart
					return part.scan(rows)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
