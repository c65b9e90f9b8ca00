package clickhouse

import (
	goflag "flag"
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// largeRows is how many rows the benchmarks of large tables make up: few where they are
// run to see that they run, ten million to be believed (-args -rows 10000000).
var largeRows = goflag.Int("rows", 500_000, "rows of the benchmarks of large tables")

// filled makes a store that holds rows which the engine makes up.
func filled(b *testing.B, statements ...string) *Store {
	b.Helper()
	s := newStore(b)
	for _, sql := range statements {
		if err := s.conn.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkLate measures what came late where as many CDRs did, half of them to one
// of a thousand eMSPs, and all of these have read sixteen windows: what the page of a
// partner asks, what the storing of a batch of 5,000 CDRs of all of them asks, and what
// verify reads.
func BenchmarkLate(b *testing.B) {
	n := *largeRows
	s := filled(b,
		fmt.Sprintf(`INSERT INTO late_cdrs SELECT 'NL', if(number %% 2 = 0, 'BIG', leftPad(toString(intDiv(number, 2) %% 999), 3, '0')), number %% 2, 1, number, now64(9) FROM numbers(%d)
			SETTINGS max_partitions_per_insert_block = 0`, n),
		"INSERT INTO list_reads SELECT 'NL', if(number = 999, 'BIG', leftPad(toString(number), 3, '0')), arrayMap(i -> toInt64(i * 10), range(16)), arrayMap(i -> toInt64(i * 10 + 5), range(16)), 1000 FROM numbers(1000)")
	late := func(party string, least int) func(b *testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				if late, err := s.LateCDRs(b.Context(), []ocpi.Party{ocpi.NewParty("NL", party)}); err != nil || late.Count < least {
					b.Fatalf("%+v, %v", late, err)
				}
			}
		}
	}
	b.Run("page-of-a-partner", late("007", n/2/999))
	b.Run("page-of-the-largest", late("BIG", n/2))
	rows := batchOf(b, 0, 0, january)
	row := placed(&rows.Rows[0])
	batch := make([]placedRow, 5000)
	for i := range batch {
		batch[i] = row
		batch[i].at.EMSP, batch[i].at.LastUpdated = ocpi.NewParty("NL", fmt.Sprintf("%03d", i%999)), ocpi.Time(i%160)
	}
	b.Run("batch-of-5000", func(b *testing.B) {
		for b.Loop() {
			if late, err := s.late(b.Context(), batch); err != nil || len(late) < 2000 {
				b.Fatalf("%d, %v", len(late), err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			read := 0
			for partition := range int32(2) {
				p := ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1, Number: partition}
				if err := s.LateRange(b.Context(), p, 0, int64(n), func(settlement.StoredLate) error { read++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
			if reads, err := s.ListReads(b.Context()); err != nil || len(reads) != 1000 || read != n {
				b.Fatalf("%d reads, %d late, %v", len(reads), read, err)
			}
		}
	})
}

// BenchmarkFoldContracts measures the migration of a tenth as many Tokens: where each of them
// is to be written anew, as those with a check digit were stored before 0018, and where
// none is.
func BenchmarkFoldContracts(b *testing.B) {
	n := *largeRows / 10
	s := filled(b, fmt.Sprintf(`INSERT INTO objects (topic, object, country, party, id, sub, partition, epoch, offset, ver, version, zones, body, contracts)
		SELECT 'reference', 'token', 'NL', 'EXW', hex(cityHash64(number)), 'RFID', 0, 1, number, number, 2, concat('[{"next":', toString(number), ',"received":1,"contract":"NL*EXW*', leftPad(toString(number), 6, '0'), '"}]'),
			repeat('b', 300), [concat('NLEXW', leftPad(toString(number), 6, '0'))] FROM numbers(%d)`, n))
	wrong := func() uint64 {
		var left uint64
		if err := s.conn.QueryRow(b.Context(), "SELECT count() FROM objects FINAL WHERE NOT startsWith(contracts[1], 'NLEXWC0')").Scan(&left); err != nil {
			b.Fatal(err)
		}
		return left
	}
	fold := func(before uint64) func(b *testing.B) {
		return func(b *testing.B) {
			if left := wrong(); left != before && left != 0 {
				b.Fatalf("%d Tokens are to be written anew, want %d", left, before)
			}
			for b.Loop() {
				if err := s.foldContracts(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			if left := wrong(); left != 0 {
				b.Fatalf("%d Tokens are left", left)
			}
		}
	}
	b.Run("all", fold(uint64(n))) // with -benchtime 1x
	b.Run("none", fold(0))
}

// BenchmarkObjectRecords measures how a Location's records are found among as many.
func BenchmarkObjectRecords(b *testing.B) {
	n := *largeRows
	s := filled(b, fmt.Sprintf(`INSERT INTO records (topic, partition, epoch, offset, object, method, version, country, party, id, received, body)
		SELECT 'reference', 0, 1, number, if(number %% 5 = 0, 'location', 'token'), 2, 2, 'GB', 'DUN', if(number %% 5 = 0, concat('L', toString(intDiv(number, 5) %% 50000)), hex(number)), now64(9), repeat('b', 200) FROM numbers(%d)`, n))
	for _, indexed := range []bool{true, false} {
		b.Run(map[bool]string{true: "by-id", false: "among-all"}[indexed], func(b *testing.B) {
			for b.Loop() {
				found := 0
				id := object(ingest.ObjectLocation, "GBDUN", "L777", "")
				if !indexed { // as any other kind is
					id = object(ingest.ObjectToken, "GBDUN", fmt.Sprintf("%X", 777), "")
				}
				if err := s.ObjectRecords(b.Context(), id, int64(n), func(*ingest.Record) error { found++; return nil }); err != nil || indexed && found != n/5/50_000 {
					b.Fatalf("%d records, %v", found, err)
				}
			}
		})
	}
}
