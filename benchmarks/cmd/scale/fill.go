package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/benchmarks/load"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// scale is a store under measurement.
type scale struct {
	*options
	*log.Logger
	engine *clickhouse.Engine
	store  *clickhouse.Store
	sql    driver.Conn
	rnd    *rand.Rand
	rows   [2][]pricing.Row // what fill stored, by partition
	drawn  string           // what the last drafts were of
}

// batchRows is how many CDRs the worker stores together at full rate.
const batchRows = 5000

func openScale(ctx context.Context, o *options, engine *clickhouse.Engine, print *log.Logger) (*scale, error) {
	at := engine.Options()
	s := &scale{options: o, Logger: print, engine: engine, rnd: rand.New(rand.NewPCG(1, 1))}
	var err error
	if s.store, err = clickhouse.Open(ctx, at); err != nil {
		return nil, err
	}
	if err := s.store.Migrate(ctx); err != nil {
		return nil, err
	}
	s.sql, err = ch.Open(&ch.Options{Addr: at.Addr, Auth: ch.Auth{Database: at.Database, Username: at.User, Password: at.Password}, ReadTimeout: time.Hour})
	return s, err
}

func (s *scale) end() {
	_ = s.sql.Close()
	_ = s.store.Close()
}

// nothing is known beside the CDRs.
type nothing struct{}

func (nothing) Tariff(ocpi.Key, ocpi.Party, ocpi.Time, int64) (*reference.TariffVersion, bool) {
	return nil, false
}
func (nothing) TariffsBelow(ocpi.Key, ocpi.Party, int64, int) []*reference.TariffVersion { return nil }
func (nothing) Zone(ocpi.Key, string, ocpi.Time, int64) (zone, source string) {
	return "Europe/London", "location"
}
func (nothing) ConnectorPower(ocpi.Key, string, string, ocpi.Time, int64) (watts int64, ok bool) {
	return 0, false
}
func (nothing) Payer(string, ocpi.Time, int64) (ocpi.Party, bool)    { return ocpi.Party{}, false }
func (nothing) Billable(ocpi.Party, int64) bool                      { return true }
func (nothing) Profile(_, _ ocpi.Party, _ ocpi.Time, _ int64) string { return "" }

// price makes the seed: priced once from real charges, each in a month and for a
// pair of its own. One in a hundred comes again, one in three hundred with another
// content, half of them booked in another month. The same seed is made each time, so
// that a store that was kept is asked for what it holds.
func (s *scale) price(context.Context) error {
	source, err := world.Open("")
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	bodies, err := load.Bodies(source, 1, s.seed)
	if err != nil {
		return err
	}
	pricer := pricing.NewPricer(nothing{}, nothing{})
	for n := range s.seed {
		s.add(pricer, bodies[n%len(bodies)].Render("scale", int64(n)))
	}
	return nil
}

// fill stores the seed; one in a hundred is priced again into another month. Then it
// is multiplied. A store that was kept is as it was.
func (s *scale) fill(ctx context.Context) error {
	var stored uint64
	if err := s.sql.QueryRow(ctx, "SELECT count() FROM cdrs").Scan(&stored); err != nil {
		return fmt.Errorf("count CDRs: %w", err)
	}
	if stored > 0 {
		s.Printf("%d rows of CDRs were in %s", stored, s.dir)
		return nil
	}
	for p := range s.rows {
		if err := s.write(ctx, int32(p)); err != nil {
			return err
		}
	}
	return s.multiply(ctx)
}

// add prices a body and adds its row, now and then with a copy.
func (s *scale) add(pricer *pricing.Pricer, body []byte) {
	p := s.rnd.IntN(len(s.rows))
	record := ingest.Record{Body: body, Envelope: ingest.Envelope{Object: ingest.ObjectCDR, Method: ingest.MethodPost, Version: ocpi.V221, Sender: "scale"}}
	record.Key = ocpi.Key{Party: s.party("C", s.cpos), ID: ocpi.Fold(uuid(s.rnd))}
	var row pricing.Row
	pricer.Price(&record, &row, pricing.AsOf{})
	row.ID, row.SessionID, row.Debtor = strings.ToLower(record.Key.ID), uuid(s.rnd), s.party("E", s.emsps)
	// It has another start and end than the body that it was rendered from, which others
	// were too: without hashes of its own it would look like one of a hundred copies.
	row.Measures.ChargeHash, row.Measures.ConnectorHash = s.rnd.Uint64(), settlement.SessionHash(record.Key.Party, fmt.Sprint(s.rnd.IntN(max(50, s.seed/20))))
	s.append(p, row)
	switch at := s.rnd.IntN(1000); {
	case at < 10:
		s.append(p, row)
	case at < 13:
		row.Record.Hash[0]++
		s.append(p, row)
	}
}

// append adds a row in some month, at the partition's next offset.
func (s *scale) append(p int, row pricing.Row) {
	row.End = ocpi.TimeOf(time.Date(2023, time.Month(1+s.rnd.IntN(s.months)), 1+s.rnd.IntN(28), s.rnd.IntN(24), s.rnd.IntN(60), s.rnd.IntN(60), 0, time.UTC))
	row.Start, row.LastUpdated = row.End-ocpi.Time(s.rnd.Int64N(3*ocpi.Hour)), row.End+ocpi.Time(s.rnd.Int64N(ocpi.Hour)/ocpi.Second*ocpi.Second)
	row.Record.Position = ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1, Number: int32(p)}.At(int64(len(s.rows[p])))
	row.Record.Received = row.LastUpdated + ocpi.Time(s.rnd.Int64N(60*ocpi.Second))
	s.rows[p] = append(s.rows[p], row)
}

func (s *scale) party(kind string, n int) ocpi.Party {
	i := s.rnd.IntN(n)
	if s.zipf {
		i = int(rand.NewZipf(s.rnd, 1.1, 4, uint64(n-1)).Uint64())
	}
	return ocpi.Party{Country: string([]byte{'A' + byte(i/1000%26), kind[0]}), ID: fmt.Sprintf("%03d", i%1000)}
}

func uuid(rnd *rand.Rand) string {
	return fmt.Sprintf("%08X-%04X-4%03X-%04X-%012X", rnd.Uint32(), rnd.Uint32()>>16, rnd.Uint32()>>20, 0x8000|rnd.Uint32()>>18, rnd.Uint64()>>16)
}

// write stores the rows of a partition, and then those priced again.
func (s *scale) write(ctx context.Context, p int32) error {
	partition := ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1, Number: p}
	rows := s.rows[p]
	for from := 0; from < len(rows); from += batchRows {
		to := min(from+batchRows, len(rows))
		if err := s.store.WriteCDRs(ctx, &pricing.Batch{Partition: partition, Rows: rows[from:to], Next: int64(to)}); err != nil {
			return err
		}
	}
	var again []pricing.Row
	for i := 0; i < len(rows); i += 100 {
		row := rows[i]
		row.Generation, row.End = 1, row.End+ocpi.Time(31*24*ocpi.Hour)
		again = append(again, row)
	}
	return s.store.WriteResults(ctx, partition, again)
}

// Identities of a copy of the seed follow from those of the seed.
const (
	newID      = `upper(toString(reinterpretAsUUID(sipHash128(id, {k}))))`
	newSession = `upper(toString(reinterpretAsUUID(sipHash128(session_id, {k}))))`
	shifted    = `offset + {shift} AS offset`
	newVer     = `ver - bitShiftLeft(toUInt64({shift}), 16) AS ver`
)

// multiplied are the tables, each with what a copy of its rows replaces.
var multiplied = [][2]string{
	{"records", newID + " AS id, " + shifted},
	{"duplicates", newID + " AS id, " + shifted},
	{"cdrs", newID + " AS id, " + shifted + ", " + newVer + `, replaceRegexpAll(earlier, '"o":([0-9]+)', '"o":0') AS earlier`},
	{"sender_lists", shifted + ", " + newVer},
	{"results", newID + " AS id, " + newSession + " AS session_id, bitXor(charge_hash, sipHash64({k})) AS charge_hash, if(connector_hash = 0, 0, bitXor(connector_hash, sipHash64({k}))) AS connector_hash, " + shifted + ", " + newVer},
}
