package clickhouse

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// bookedModel is what counts, kept as plainly as can be: of each identity the copy of the
// lowest position, and of that the result that was priced last.
type bookedModel map[ocpi.Key]pricing.Row

func (m bookedModel) add(r *pricing.Row) {
	at, stands := m[r.Record.Key]
	if !stands || r.Record.Offset < at.Record.Offset || r.Record.Offset == at.Record.Offset && r.Generation >= at.Generation {
		m[r.Record.Key] = *r
	}
}

// list is the CDRs that a reading selects, in its order.
func (m bookedModel) list(below settlement.Ends, selects func(*pricing.Row) bool) (list []string) {
	var rows []pricing.Row
	for r := range maps.Values(m) {
		if r.Record.Offset < below[cdrsOf(r.Record.Partition)] && selects(&r) {
			rows = append(rows, r)
		}
	}
	order := func(r *pricing.Row) []string {
		return []string{r.Creditor.Country, r.Creditor.ID, r.Debtor.Country, r.Debtor.ID, r.Currency, r.Record.Key.ID}
	}
	slices.SortFunc(rows, func(a, b pricing.Row) int { return slices.Compare(order(&a), order(&b)) })
	for i := range rows {
		r := resultRow{}
		if err := r.of(&rows[i]); err != nil {
			panic(err)
		}
		var c settlement.BookedCDR
		r.book(&c)
		list = append(list, fmt.Sprintf("%+v", c))
	}
	return list
}

// life is what may become of CDRs.
type life struct {
	t   *testing.T
	rnd *rand.Rand
	ids int // of each partition
}

var (
	cpos  = []string{"GB*DUN", "FR*BEL"}
	emsps = []string{"NL*EXW", "NL*TNM", "DE*EMP", "-"}
)

func (l *life) pick(of []string) string { return of[l.rnd.IntN(len(of))] }

// random is what came of a record of a CDR.
func (l *life) random(partition int32, offset int64, id int) pricing.Row {
	rnd := l.rnd
	outcome := l.pick([]string{"priced 10/12", "priced 9/-", "rejected unknown_tariff", fmt.Sprintf("credit c%d", rnd.IntN(l.ids)*2+int(partition))})
	day := l.pick([]string{"2019-01-15", "2019-01-31", "2019-02-01", "2019-03-07"})
	row := batchOf(l.t, partition, offset, fmt.Sprintf("%s %s c%d %s EUR %d.5/- %s -", cpos[id%2], l.pick(emsps), id*2+int(partition), day, rnd.IntN(20), outcome)).Rows[0]
	row.Measures.Duration, row.Measures.Country = ocpi.NewNumber(rnd.Int64N(9000), 0), l.pick([]string{"NLD", "", "GBR"})
	row.Measures.ChargeHash, row.SessionID = rnd.Uint64N(4), l.pick([]string{"", "S1", "S2", "S3", "S4", "S5"})
	row.Currency = l.pick([]string{"EUR", "EUR", "EUR", "GBP", "", "E", "E\x00", "E\x00\x01", "E\x01", "\x00\x00E"}) // a partner may send anything
	row.Measures.ConnectorHash = []uint64{0, 1, 2, 1<<63 + 7}[rnd.IntN(4)]
	row.End -= ocpi.Time(rnd.Int64N(600) * 60 * ocpi.Second)
	row.Start = row.End - ocpi.Time([]int64{-1, 0, 1, 5, 30, 20 * 24, 40 * 24}[rnd.IntN(7)]*3600*ocpi.Second)
	row.Outcome.AsOf = pricing.AsOf{Reference: rnd.Int64N(9), Control: rnd.Int64N(9)}
	return row
}

// again prices a CDR again, into another month or for another eMSP, or heals a reject.
func (l *life) again(s *Store, model bookedModel) {
	keys := slices.SortedFunc(maps.Keys(model), func(a, b ocpi.Key) int { return strings.Compare(a.String(), b.String()) })
	was := model[keys[l.rnd.IntN(len(keys))]]
	again := l.random(was.Record.Partition, was.Record.Offset, 0)
	again.Record, again.Creditor, again.ID, again.Generation = was.Record, was.Creditor, was.ID, was.Generation+1
	if was.Outcome.Status == pricing.Rejected && again.Outcome.Status != pricing.Rejected {
		again.Generation = was.Generation
	}
	if err := s.WriteResults(l.t.Context(), cdrsOf(was.Record.Partition), []pricing.Row{again}); err != nil {
		l.t.Fatal(err)
	}
	model.add(&again)
}

// Whatever came again, in another month or for another eMSP, out of order, was priced
// again, or came after the cut: a reading has the CDRs that count, each once, in its order.
func TestBookedIsWhatCounts(t *testing.T) {
	const offsets, ids = 120, 60
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s, model := newStore(t), bookedModel{}
		l := life{t: t, rnd: rnd, ids: ids}
		var batches []*pricing.Batch
		for partition := range int32(2) {
			all := &pricing.Batch{Partition: cdrsOf(partition)}
			for offset := range int64(offsets) {
				row := l.random(partition, offset, rnd.IntN(ids))
				if again := rnd.IntN(4); again == 0 && offset > 0 { // the same once more
					before := all.Rows[rnd.IntN(int(offset))]
					row, row.Record.Offset = before, offset
				}
				all.Rows = append(all.Rows, row)
				model.add(&row)
			}
			all.Next = offsets
			batches = append(batches, cut(all, 1+rnd.IntN(30))...)
		}
		rnd.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
		write(t, s, batches...)
		for range 40 {
			l.again(s, model)
		}
		for n := range 12 {
			below := settlement.Ends{cdrsOf(0): rnd.Int64N(offsets + 1)}
			if rnd.IntN(3) > 0 {
				below[cdrsOf(1)] = rnd.Int64N(offsets + 1)
			}
			if n == 0 {
				claimsAreThoseBooked(t, s, below)
			}
			q := settlement.SettlementQuery{From: 201901 + ocpi.Month(rnd.IntN(2)), To: 201902 + ocpi.Month(rnd.IntN(2))}
			if rnd.IntN(2) == 0 {
				q.CPO, _ = ocpi.ParseParty(l.pick(cpos))
			}
			switch rnd.IntN(3) {
			case 0:
				q.EMSP, _ = ocpi.ParseParty(l.pick(emsps[:3]))
			case 1:
				q.NoEMSP = rnd.IntN(2) == 0
			}
			var got []string
			collect := func(c *settlement.BookedCDR) error { got = append(got, fmt.Sprintf("%+v", *c)); return nil }
			holds := func(reading string, err error, want []string) {
				t.Helper()
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Fatalf("seed %d: %s: %v\n-want +got:\n%s", seed, reading, err, diff)
				}
				got = nil
			}
			err := s.Booked(t.Context(), q, below, collect)
			holds(fmt.Sprintf("months, %+v below %v", q, below), err, model.list(below, func(r *pricing.Row) bool {
				return r.Booked() >= q.From && r.Booked() <= q.To && (q.CPO.IsZero() || r.Creditor == q.CPO) && (q.EMSP.IsZero() || r.Debtor == q.EMSP) && (!q.NoEMSP || r.Debtor.IsZero())
			}))
			var keys []ocpi.Key
			for range 1 + rnd.IntN(8) {
				id := rnd.IntN(ids)
				cpo, _ := ocpi.ParseParty(cpos[id%2])
				keys = append(keys, ocpi.Key{Party: cpo, ID: fmt.Sprint("C", id*2+rnd.IntN(2))})
			}
			err = s.BookedOf(t.Context(), keys, below, collect)
			holds(fmt.Sprintf("%v below %v", keys, below), err, model.list(below, func(r *pricing.Row) bool { return slices.Contains(keys, r.Record.Key) }))
			err = s.BookedCredits(t.Context(), keys, below, collect)
			holds(fmt.Sprintf("credits of %v below %v", keys, below), err, model.list(below, func(r *pricing.Row) bool {
				return r.Credit && slices.Contains(keys, ocpi.Key{Party: r.Creditor, ID: r.CreditReferenceID})
			}))
		}
	}
}

// claimsAreThoseBooked makes sure that what CDRs claim together is what each claims.
func claimsAreThoseBooked(t *testing.T, s *Store, below settlement.Ends) {
	t.Helper()
	want, got := map[string]statement.Tally{}, map[string]string{}
	name := func(cpo, emsp ocpi.Party, currency string) string {
		return fmt.Sprintf("%s %s %q", cpo, emsp, currency)
	}
	err := s.Booked(t.Context(), settlement.SettlementQuery{}, below, func(c *settlement.BookedCDR) error {
		at := name(c.Key.Party, c.EMSP, c.Currency)
		want[at] = statement.Tally{Count: want[at].Count + 1, Net: want[at].Net.Add(statement.Claims(c))}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.BookedClaims(t.Context(), below, func(cpo, emsp ocpi.Party, currency string, t statement.Tally) error {
		got[name(cpo, emsp, currency)] = fmt.Sprint(t.Count, " ", t.Net)
		return nil
	})
	each := map[string]string{}
	for at, t := range want {
		each[at] = fmt.Sprint(t.Count, " ", t.Net)
	}
	if diff := cmp.Diff(each, got); err != nil || diff != "" {
		t.Fatalf("claims below %v: %v\n-want +got:\n%s", below, err, diff)
	}
}

// filledWithBooked makes a store of -rows CDRs (with -args -rows N) over eight months, 400
// pairs and two partitions, a tenth of them of one pair.
func filledWithBooked(b *testing.B) (*Store, settlement.Ends) {
	n := *largeRows
	s := filled(b, fmt.Sprintf(`INSERT INTO results (country, party, id, partition, epoch, offset, ver, cpo_country, cpo_party, emsp_country, emsp_party, month, currency,
			status, claim, claimed_excl, claimed_incl, computed_excl, computed_incl, tariff_ids, tariff_hash, explanation, zone_db, profile, engine,
			received, start, end, last_updated, session_id, location_id, energy_kwh, doubt, duration_s, peak_watts, supply, evse_id, connector_id, charge_country, charge_hash, connector_hash)
		SELECT 'GB', if(large, 'BIG', leftPad(toString(r %% 20), 3, '0')) AS cpo, hex(r) AS id, number %% 2, 1, intDiv(number, 2), bitShiftLeft(number, 16) + 1, 'GB', cpo, 'NL', if(large, 'BIG', leftPad(toString(intDiv(r, 32) %% 20), 3, '0')),
			201901 + intDiv(r, 1024) %% 8 AS month, if(r %% 3 = 0, 'GBP', 'EUR'), 'priced', 'agrees', r %% 90 / 4, r %% 90 / 4 * 1.2, r %% 90 / 4, r %% 90 / 4 * 1.2, 'T1', hex(r %% 64), repeat(hex(r), 8), '2026a', 'default', '4',
			toDateTime64(concat(toString(intDiv(month, 100)), '-0', toString(month %% 100), '-07 10:00:00'), 9, 'UTC') + r %% 1000000 AS received, received - 9000, received - r %% 9000, received - 100,
			hex(sipHash64(r)), concat('LOC', toString(r %% 5000)), r %% 70000 / 1000, 'no', r %% 9000, r %% 150000, 'DC', concat('GB*DUN*E', toString(r %% 5000)), '1', 'GBR', sipHash64(r, 1), sipHash64(r %% 5000)
		FROM (SELECT number, sipHash64(number, 'x') AS r, r %% 10 = 0 AS large FROM numbers(%d)) SETTINGS max_partitions_per_insert_block = 0`, n),
		`INSERT INTO cdrs (country, party, id, partition, epoch, offset, ver, months, emsp_country, emsp_party, last_updated)
		SELECT country, party, id, partition, epoch, offset, ver, [month], emsp_country, emsp_party, last_updated FROM results SETTINGS max_partitions_per_insert_block = 0`)
	return s, settlement.Ends{cdrsOf(0): int64(n), cdrsOf(1): int64(n)}
}

// reading is one of what is measured; it calls fn with each row.
type reading struct {
	name string
	read func(fn func() error) error
}

// measure measures readings: engine-ms is the CPU of the engine, client-ms ours, rows what
// is read.
func measure(b *testing.B, readings []reading) {
	for _, c := range readings {
		b.Run(c.name, func(b *testing.B) {
			read := 0
			theirs, ours := cpuOf(b, engine.Pid()), ownCPU(b)
			for b.Loop() {
				read = 0
				if err := c.read(func() error { read++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
			per := func(d time.Duration) float64 { return float64(d.Milliseconds()) / float64(b.N) }
			b.ReportMetric(float64(read), "rows")
			b.ReportMetric(per(cpuOf(b, engine.Pid())-theirs), "engine-ms")
			b.ReportMetric(per(ownCPU(b)-ours), "client-ms")
		})
	}
}

// inMonth is a month of the largest pair, or of another.
func inMonth(m ocpi.Month, pair string) settlement.SettlementQuery {
	return settlement.SettlementQuery{From: m, To: m, CPO: ocpi.NewParty("GB", pair), EMSP: ocpi.NewParty("NL", pair)}
}

// BenchmarkBooked measures what is read of counted CDRs: a month in all, the large pair's and
// a small pair's month, and a hundred CDRs by their keys.
func BenchmarkBooked(b *testing.B) {
	s, below := filledWithBooked(b)
	var keys []ocpi.Key
	err := s.Booked(b.Context(), inMonth(201903, "007"), below, func(c *settlement.BookedCDR) error {
		if len(keys) < 100 {
			keys = append(keys, c.Key)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	booked := func(fn func() error) func(*settlement.BookedCDR) error {
		return func(*settlement.BookedCDR) error { return fn() }
	}
	measure(b, []reading{
		{"month", func(fn func() error) error {
			return s.Booked(b.Context(), settlement.SettlementQuery{From: 201903, To: 201903}, below, booked(fn))
		}},
		{"large-pair", func(fn func() error) error {
			return s.Booked(b.Context(), inMonth(201903, "BIG"), below, booked(fn))
		}},
		{"small-pair", func(fn func() error) error {
			return s.Booked(b.Context(), inMonth(201903, "007"), below, booked(fn))
		}},
		{"by-key", func(fn func() error) error { return s.BookedOf(b.Context(), keys, below, booked(fn)) }},
		{"credits", func(fn func() error) error { return s.BookedCredits(b.Context(), keys, below, booked(fn)) }},
	})
}

// filledWithBooks makes the store of filledWithBooked with all months but the last one issued, a
// CDR in a thousand priced again since, one in a thousand decided before and one since.
func filledWithBooks(b *testing.B) (*Store, settlement.Ends, []clearing.Counted) {
	s, below := filledWithBooked(b)
	for _, sql := range []string{
		fmt.Sprintf(`INSERT INTO issued (attempt, period, country, party, id, emsp_country, emsp_party, currency, month, version, net, tax, kwh, claim)
			SELECT month, month, country, party, id, emsp_country, emsp_party, currency, month, %s, claimed_excl, claimed_incl - claimed_excl, energy_kwh, claimed_excl FROM results WHERE month < 201908 SETTINGS max_partitions_per_insert_block = 0`, versionSQL),
		`INSERT INTO statement_lines (attempt, period, country, party, id, emsp_country, emsp_party, currency, month, version, net, tax, kwh, claim, kind, belongs, charge_country, start, end, line_tax, category)
			SELECT i.attempt, i.period, i.country, i.party, i.id, i.emsp_country, i.emsp_party, i.currency, i.month, i.version, i.net, i.tax, i.kwh, i.claim, 'cdr', i.month, 'GBR', r.start, r.end, i.tax, 'stated'
			FROM (SELECT * FROM issued WHERE month = 201901) AS i INNER JOIN (SELECT id, start, end FROM results WHERE month = 201901) AS r ON i.id = r.id SETTINGS max_partitions_per_insert_block = 0`,
		fmt.Sprintf("INSERT INTO results (%[1]s) SELECT %[2]s FROM results WHERE offset %% 1000 = 7 SETTINGS max_partitions_per_insert_block = 0", resultColumns.list(),
			strings.NewReplacer("ver,", "ver + 2,", "generation,", "generation + 1,").Replace(resultColumns.list())),
		`INSERT INTO decisions (country, party, id, control, act, decider, reason) SELECT country, party, id, if(offset % 1000 = 5, 50, 500), 'accept', 'ann', 'as told' FROM results WHERE offset % 1000 IN (5, 6)`,
	} {
		if err := s.conn.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	bytes := func(table string) float64 {
		rows := count(b, s, "SELECT sum(rows) FROM system.parts WHERE active AND database = ? AND table = ?", s.db, table)
		return float64(count(b, s, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = ? AND table = ?", s.db, table)) / float64(max(rows, 1))
	}
	b.Logf("bytes a row: results %.1f, issued %.1f, statement_lines %.1f, decisions %.1f", bytes("results"), bytes("issued"), bytes("statement_lines"), bytes("decisions"))
	var counted []clearing.Counted
	for m := ocpi.Month(201901); m < 201908; m++ {
		counted = append(counted, clearing.Counted{ID: uint64(m), Period: m, Control: 100})
	}
	return s, below, counted
}

// BenchmarkBooks measures what drafts read of such a store: of all pairs, of the large one
// and of a small one.
func BenchmarkBooks(b *testing.B) {
	s, below, counted := filledWithBooks(b)
	booked := func(fn func() error) func(*settlement.BookedCDR) error {
		return func(*settlement.BookedCDR) error { return fn() }
	}
	issued := func(fn func() error) func(*statement.IssuedCDR) error {
		return func(*statement.IssuedCDR) error { return fn() }
	}
	var readings []reading
	for name, q := range map[string]settlement.SettlementQuery{"all": {To: 201909}, "large-pair": inMonth(201909, "BIG"), "small-pair": inMonth(201909, "007")} {
		q.From = 0
		var asked []statement.Beside
		err := s.BookedOpen(b.Context(), q, below, counted, func(c *settlement.BookedCDR) error {
			if len(asked) < 50_000 {
				asked = append(asked, statement.BesideOf(c))
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		readings = append(readings,
			reading{name + "/open", func(fn func() error) error {
				return s.BookedOpen(b.Context(), q, below, counted, booked(fn))
			}},
			reading{name + "/beside", func(fn func() error) error {
				return s.BookedBeside(b.Context(), asked, below, counted, booked(fn))
			}},
			reading{name + "/decided", func(fn func() error) error {
				return s.BookedDecided(b.Context(), q, below, 1000, counted, func(*settlement.BookedCDR, *statement.Decided) error { return fn() })
			}},
			reading{name + "/moved", func(fn func() error) error {
				return s.IssuedMoved(b.Context(), q, below, counted, issued(fn))
			}})
	}
	slices.SortFunc(readings, func(a, b reading) int { return strings.Compare(a.name, b.name) })
	var keys []ocpi.Key
	err := s.Booked(b.Context(), settlement.SettlementQuery{From: 201903, To: 201903, CPO: ocpi.NewParty("GB", "007")}, below, func(c *settlement.BookedCDR) error {
		if len(keys) < 1000 {
			keys = append(keys, c.Key)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	measure(b, append(readings, reading{"issued-of", func(fn func() error) error {
		return s.IssuedOf(b.Context(), keys, counted, issued(fn))
	}}))
}
